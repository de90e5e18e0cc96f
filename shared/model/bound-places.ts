import type { ListenerSettings } from './desired-state.ts';
import type { Binding, ObservedListener, ObservedLoadBalancer, ObservedTarget } from './observed.ts';
import { type Place, placeOf } from './place.ts';

/** Where the CLB keeps targets: a listener of layer 4, or one rule of a listener of layer 7. */
export interface Spot {
  readonly listenerId: string;
  readonly locationId?: string;
}

/** One shape for both, so that no rule about targets stands twice. */
export interface BoundPlace extends Spot {
  readonly place: Place;
  readonly settings: ListenerSettings;
  readonly targets: readonly ObservedTarget[];
}

export const placesOf = (listener: ObservedListener): readonly BoundPlace[] => {
  const { listenerId, protocol, port, settings, targets, rules } = listener;
  if (rules === undefined) return [{ listenerId, place: { protocol, port }, settings, targets }];
  return rules.map((rule) => ({
    listenerId,
    locationId: rule.locationId,
    place: placeOf({ protocol, port, rule }),
    settings: rule.settings,
    targets: rule.targets,
  }));
};

export const sameSpot = (a: Spot, b: Spot): boolean =>
  a.listenerId === b.listenerId && a.locationId === b.locationId;

export interface Address {
  readonly ip: string;
  readonly port: number;
}

const keyOf = ({ listenerId, locationId = '', ip, port }: Spot & Address): string =>
  `${listenerId} ${locationId} ${ip} ${port}`;

export const isAt = (a: Address, b: Address): boolean => a.ip === b.ip && a.port === b.port;

export const bindingAt = (bindings: readonly Binding[], spot: Spot, address: Address): Binding | undefined =>
  bindings.find((binding) => sameSpot(binding, spot) && isAt(binding, address));

/** A health read speaks of a target. In layer 4 the API tells a location that nothing else knows. */
export const isReadOf = (target: Spot & Address, read: Spot & Address): boolean =>
  read.listenerId === target.listenerId &&
  (target.locationId === undefined || read.locationId === target.locationId) &&
  isAt(read, target);

/** Whether a target is bound, asked for many: there may be thousands. */
export const boundIn = (observed: ObservedLoadBalancer): ((target: Spot & Address) => boolean) => {
  const bound = new Set(
    observed.listeners.flatMap((listener) =>
      placesOf(listener).flatMap((place) =>
        place.targets.map(({ ip, port }) => keyOf({ ...place, ip, port })),
      ),
    ),
  );
  return (target) => bound.has(keyOf(target));
};

/** Records by their target. */
export const bindingsByTarget = (
  bindings: readonly Binding[],
): ((target: Spot & Address) => Binding | undefined) => {
  const known = new Map(bindings.map((binding): [string, Binding] => [keyOf(binding), binding]));
  return (target) => known.get(keyOf(target));
};

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

export const isAt = (a: Address, b: Address): boolean => a.ip === b.ip && a.port === b.port;

export const bindingAt = (bindings: readonly Binding[], spot: Spot, address: Address): Binding | undefined =>
  bindings.find((binding) => sameSpot(binding, spot) && isAt(binding, address));

/** A health read speaks of a target. In layer 4 the API tells a location that nothing else knows. */
export const isReadOf = (target: Spot & Address, read: Spot & Address): boolean =>
  read.listenerId === target.listenerId &&
  (target.locationId === undefined || read.locationId === target.locationId) &&
  isAt(read, target);

export const isBoundAt = (observed: ObservedLoadBalancer, spot: Spot, address: Address): boolean =>
  observed.listeners.some(
    (listener) =>
      listener.listenerId === spot.listenerId &&
      placesOf(listener).some(
        (place) => sameSpot(place, spot) && place.targets.some((target) => isAt(target, address)),
      ),
  );

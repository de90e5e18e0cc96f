import {
  type Address,
  type BoundPlace,
  bindingsByTarget,
  boundIn,
  isAt,
  type Spot,
  sameSpot,
} from './bound-places.ts';
import type { Claims } from './claims.ts';
import type { Backends } from './desired-state.ts';
import type { Binding, ObservedLoadBalancer, ObservedTarget } from './observed.ts';

/** The Pod (or node) for which a pass registered a target. */
export interface Registered extends Address, Spot {
  readonly backendUid: string;
}

const boundFor = (
  place: BoundPlace,
  target: ObservedTarget,
  backends: Backends,
  registered: readonly Registered[],
): string | undefined => {
  const ours = registered.find((entry) => sameSpot(entry, place) && isAt(entry, target));
  if (ours !== undefined) return ours.backendUid;
  const endpoint = backends.endpoints.find((candidate) => isAt(candidate, target));
  if (endpoint === undefined) return undefined;
  // An address that another Pod left was bound for that one: it is not adopted but bound anew (law L7).
  const left = backends.leaving.some(
    (entry) =>
      isAt(entry, target) && entry.backendUid !== undefined && entry.backendUid !== endpoint.backendUid,
  );
  return left ? undefined : endpoint.backendUid;
};

/**
 * The bindings that a read-back proves. A record that stands keeps its time; a target without one is recorded for
 * the Pod that it was registered for in this pass, or adopted for the Pod at whose address it is.
 *
 * @param read the claims on what was read
 * @param now Unix ms, not before the read was answered
 */
export const provenBindings = (
  read: Claims,
  known: readonly Binding[],
  registered: readonly Registered[],
  now: number,
): readonly Binding[] => {
  const recorded = bindingsByTarget(known);
  return read.places.flatMap((held) => {
    const { listenerId, locationId, place, claim } = held;
    if (claim === undefined) return [];
    return held.targets.flatMap((target): Binding[] => {
      const before = recorded({ ...held, ip: target.ip, port: target.port });
      if (before !== undefined) {
        const same = before.weight === target.weight;
        return [{ ...before, weight: target.weight, weightAt: same ? before.weightAt : now }];
      }
      const backendUid = boundFor(held, target, claim.want.backends, registered);
      if (backendUid === undefined) return [];
      return [
        {
          listenerId,
          ...(locationId === undefined ? {} : { locationId }),
          place,
          ip: target.ip,
          port: target.port,
          backendUid,
          weight: target.weight,
          recordedAt: now,
          weightAt: now,
        },
      ];
    });
  });
};

/** Records of targets that are bound no more are forgotten at once, so that the address can be recorded anew. */
export const stillBound = (
  bindings: readonly Binding[],
  observed: ObservedLoadBalancer,
): readonly Binding[] => bindings.filter(boundIn(observed));

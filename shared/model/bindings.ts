import type { Backends, DesiredState } from './desired-state.ts';
import type { Binding, ObservedListener, ObservedLoadBalancer, ObservedTarget } from './observed.ts';

interface Address {
  readonly ip: string;
  readonly port: number;
}

const isAt = (a: Address, b: Address): boolean => a.ip === b.ip && a.port === b.port;

/** What the owner of a listener wants behind it; undefined when nobody we know wants the listener. */
export const backendsOf = (
  states: readonly DesiredState[],
  listener: Pick<ObservedListener, 'ownerUid' | 'protocol' | 'port'>,
): { readonly state: DesiredState; readonly backends: Backends } | undefined => {
  const state = states.find(
    (candidate) => candidate.intent === 'serve' && candidate.object.uid === listener.ownerUid,
  );
  const wanted = state?.listeners.find(
    (candidate) => candidate.protocol === listener.protocol && candidate.port === listener.port,
  );
  return state === undefined || wanted === undefined ? undefined : { state, backends: wanted.backends };
};

export const bindingAt = (
  bindings: readonly Binding[],
  listenerId: string,
  address: Address,
): Binding | undefined =>
  bindings.find((binding) => binding.listenerId === listenerId && isAt(binding, address));

/** The Pod for which a pass registered a target. */
export interface Registered extends Address {
  readonly listenerId: string;
  readonly backendUid: string;
}

const boundFor = (
  listener: ObservedListener,
  target: ObservedTarget,
  backends: Backends,
  registered: readonly Registered[],
): string | undefined => {
  const ours = registered.find((entry) => entry.listenerId === listener.listenerId && isAt(entry, target));
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
 * @param now Unix ms, not before the read was answered
 */
export const provenBindings = (
  observed: ObservedLoadBalancer,
  states: readonly DesiredState[],
  known: readonly Binding[],
  registered: readonly Registered[],
  now: number,
): readonly Binding[] =>
  observed.listeners.flatMap((listener) => {
    const wanted = backendsOf(states, listener);
    if (wanted === undefined) return [];
    return listener.targets.flatMap((target): Binding[] => {
      const before = bindingAt(known, listener.listenerId, target);
      if (before !== undefined) {
        const same = before.weight === target.weight;
        return [{ ...before, weight: target.weight, weightAt: same ? before.weightAt : now }];
      }
      const backendUid = boundFor(listener, target, wanted.backends, registered);
      if (backendUid === undefined) return [];
      return [
        {
          listenerId: listener.listenerId,
          place: { protocol: listener.protocol, port: listener.port },
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

/** Records of targets that are bound no more are forgotten at once, so that the address can be recorded anew. */
export const stillBound = (
  bindings: readonly Binding[],
  observed: ObservedLoadBalancer,
): readonly Binding[] =>
  bindings.filter((binding) =>
    observed.listeners.some(
      (listener) =>
        listener.listenerId === binding.listenerId &&
        listener.targets.some((target) => isAt(target, binding)),
    ),
  );

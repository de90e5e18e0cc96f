import type { ObservedListener, ObservedLoadBalancer, ObservedTarget, TargetKey } from '../model/observed.ts';

/** What a load balancer becomes by a write that succeeded: the model until the read-back, which is the truth. */
const changeListeners = (
  observed: ObservedLoadBalancer,
  change: (listener: ObservedListener) => ObservedListener,
): ObservedLoadBalancer => ({ ...observed, listeners: observed.listeners.map(change) });

const keyOf = (target: { readonly ip: string; readonly port: number }): string =>
  JSON.stringify([target.ip, target.port]);

const changeTargets = <T extends TargetKey>(
  observed: ObservedLoadBalancer,
  written: readonly T[],
  change: (targets: readonly ObservedTarget[], written: ReadonlyMap<string, T>) => readonly ObservedTarget[],
): ObservedLoadBalancer =>
  changeListeners(observed, (listener) => {
    const own = written.filter((target) => target.listenerId === listener.listenerId);
    if (own.length === 0) return listener;
    const byKey = new Map(own.map((target) => [keyOf(target), target]));
    return { ...listener, targets: change(listener.targets, byKey) };
  });

type Weighted = TargetKey & { readonly weight: number };

/** Whether registering anew changes the weight of a bound target is not documented: it is left as it was. */
export const registered = (
  observed: ObservedLoadBalancer,
  written: readonly Weighted[],
): ObservedLoadBalancer =>
  changeTargets(observed, written, (targets, byKey) => {
    const bound = new Set(targets.map(keyOf));
    const added = [...byKey.values()].filter((target) => !bound.has(keyOf(target)));
    return [...targets, ...added.map(({ ip, port, weight }) => ({ ip, port, weight }))];
  });

export const deregistered = (
  observed: ObservedLoadBalancer,
  written: readonly TargetKey[],
): ObservedLoadBalancer =>
  changeTargets(observed, written, (targets, byKey) => targets.filter((target) => !byKey.has(keyOf(target))));

export const weighted = (
  observed: ObservedLoadBalancer,
  written: readonly Weighted[],
): ObservedLoadBalancer =>
  changeTargets(observed, written, (targets, byKey) =>
    targets.map((target) => ({ ...target, weight: byKey.get(keyOf(target))?.weight ?? target.weight })),
  );

export const withListeners = (
  observed: ObservedLoadBalancer,
  added: readonly ObservedListener[],
): ObservedLoadBalancer => ({ ...observed, listeners: [...observed.listeners, ...added] });

export const withoutListeners = (
  observed: ObservedLoadBalancer,
  listenerIds: readonly string[],
): ObservedLoadBalancer => ({
  ...observed,
  listeners: observed.listeners.filter((listener) => !listenerIds.includes(listener.listenerId)),
});

export const modified = (
  observed: ObservedLoadBalancer,
  listenerId: string,
  changed: Pick<ObservedListener, 'name' | 'settings' | 'ours'> & { readonly ownerUid?: string },
): ObservedLoadBalancer =>
  changeListeners(observed, (listener) =>
    listener.listenerId === listenerId ? { ...listener, ...changed } : listener,
  );

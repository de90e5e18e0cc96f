import { type Spot, sameSpot } from '../model/bound-places.ts';
import type { ListenerSettings } from '../model/desired-state.ts';
import type {
  ObservedListener,
  ObservedLoadBalancer,
  ObservedRule,
  ObservedTarget,
  TargetKey,
} from '../model/observed.ts';

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
): ObservedLoadBalancer => {
  const changed = (spot: Spot, targets: readonly ObservedTarget[]): readonly ObservedTarget[] => {
    const own = written.filter((target) => sameSpot(target, spot));
    return own.length === 0 ? targets : change(targets, new Map(own.map((one) => [keyOf(one), one])));
  };
  return changeListeners(observed, (listener) => {
    const { listenerId, rules } = listener;
    if (!written.some((target) => target.listenerId === listenerId)) return listener;
    if (rules === undefined) return { ...listener, targets: changed({ listenerId }, listener.targets) };
    return {
      ...listener,
      rules: rules.map((rule) => ({
        ...rule,
        targets: changed({ listenerId, locationId: rule.locationId }, rule.targets),
      })),
    };
  });
};

type Weighted = TargetKey & { readonly weight: number; readonly instanceId?: string };

const boundTarget = ({ ip, port, weight, instanceId }: Weighted): ObservedTarget => ({
  ip,
  port,
  weight,
  ...(instanceId === undefined ? {} : { instanceId }),
});

/** Whether registering anew changes the weight of a bound target is not documented: it is left as it was. */
export const registered = (
  observed: ObservedLoadBalancer,
  written: readonly Weighted[],
): ObservedLoadBalancer =>
  changeTargets(observed, written, (targets, byKey) => {
    const bound = new Set(targets.map(keyOf));
    const added = [...byKey.values()].filter((target) => !bound.has(keyOf(target)));
    return [...targets, ...added.map(boundTarget)];
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

const changeRules = (
  observed: ObservedLoadBalancer,
  listenerId: string,
  change: (rules: readonly ObservedRule[]) => readonly ObservedRule[],
): ObservedLoadBalancer =>
  changeListeners(observed, (listener) =>
    listener.listenerId === listenerId ? { ...listener, rules: change(listener.rules ?? []) } : listener,
  );

export const withRules = (
  observed: ObservedLoadBalancer,
  listenerId: string,
  added: readonly ObservedRule[],
): ObservedLoadBalancer => changeRules(observed, listenerId, (rules) => [...rules, ...added]);

export const withoutRules = (
  observed: ObservedLoadBalancer,
  listenerId: string,
  locationIds: readonly string[],
): ObservedLoadBalancer =>
  changeRules(observed, listenerId, (rules) =>
    rules.filter(({ locationId }) => !locationIds.includes(locationId)),
  );

export const ruleModified = (
  observed: ObservedLoadBalancer,
  listenerId: string,
  locationId: string,
  settings: ListenerSettings,
): ObservedLoadBalancer =>
  changeRules(observed, listenerId, (rules) =>
    rules.map((rule) => (rule.locationId === locationId ? { ...rule, settings } : rule)),
  );

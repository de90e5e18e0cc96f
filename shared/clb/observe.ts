import type { Lane } from '../model/desired-state.ts';
import { listenerOwner } from '../model/names.ts';
import type { ObservedListener, ObservedLoadBalancer } from '../model/observed.ts';
import type { BoundTargets, DescribedListener } from './answers.ts';
import { chunk } from './chunk.ts';
import { ClbError } from './clb-port.ts';
import { shownIsolated } from './isolated.ts';
import { limits } from './limits.ts';
import type { ClbOptions } from './paced.ts';
import { paced } from './paced.ts';

type TargetsByListener = ReadonlyMap<string, BoundTargets>;

/** The targets of these listeners. A listener that does not exist is not in the answer. */
export const readTargetsOf = async (
  options: ClbOptions,
  lane: Lane,
  loadBalancerId: string,
  listenerIds: readonly string[],
): Promise<TargetsByListener> => {
  const targets = new Map<string, BoundTargets>();
  for (const ids of chunk(listenerIds, limits.describeTargetsListeners)) {
    const answer = await paced(options, lane, 'DescribeTargets', {
      LoadBalancerId: loadBalancerId,
      ListenerIds: [...ids],
    });
    for (const listener of answer.listeners) targets.set(listener.listenerId, listener);
  }
  return targets;
};

export const readListeners = async (
  options: ClbOptions,
  lane: Lane,
  loadBalancerId: string,
): Promise<readonly DescribedListener[]> =>
  (await paced(options, lane, 'DescribeListeners', { LoadBalancerId: loadBalancerId })).listeners;

/**
 * The targets of all listeners in one call: without ids the API answers for all of them, and so tells of listeners
 * that we do not know. Only where that answer is too large for the API, one call for every 20 listeners.
 */
const readTargets = async (
  options: ClbOptions,
  lane: Lane,
  loadBalancerId: string,
): Promise<TargetsByListener> => {
  try {
    const answer = await paced(options, lane, 'DescribeTargets', { LoadBalancerId: loadBalancerId });
    return new Map(answer.listeners.map((listener) => [listener.listenerId, listener]));
  } catch (error) {
    const failure = error instanceof ClbError ? error.failure : undefined;
    if (failure?.kind !== 'refused' || failure.code !== 'ResponseSizeLimitExceeded') throw error;
    const ids = (await readListeners(options, lane, loadBalancerId)).map((listener) => listener.listenerId);
    return readTargetsOf(options, lane, loadBalancerId, ids);
  }
};

const readAddresses = async (
  options: ClbOptions,
  lane: Lane,
  loadBalancerId: string,
): Promise<ObservedLoadBalancer['addresses']> => {
  const action = 'DescribeLoadBalancers';
  const answer = await paced(options, lane, action, { LoadBalancerIds: [loadBalancerId] });
  const found = answer.loadBalancers.find((one) => one.loadBalancerId === loadBalancerId);
  if (found === undefined) {
    throw new ClbError(action, { kind: 'not-found', what: 'load-balancer', message: loadBalancerId });
  }
  if (found.isolated) throw new ClbError(action, shownIsolated);
  if (!found.ready) throw new ClbError(action, { kind: 'busy', message: 'it is still being made' });
  return found.addresses;
};

type Addresses = ObservedLoadBalancer['addresses'];

/** A rule for the load balancer's own address has it as its domain; which address that is changes nothing (''). */
export const domainOf = (domain: string, addresses: Addresses): string =>
  addresses.some(({ value }) => value === domain) ? '' : domain;

export const observedListener = (
  clusterId: string,
  { rules, ...listener }: DescribedListener,
  bound: BoundTargets | undefined,
  addresses: Addresses,
): ObservedListener => {
  const ownerUid = listenerOwner(clusterId, listener.name);
  const described: ObservedListener = {
    ...listener,
    ours: ownerUid !== undefined,
    ...(ownerUid === undefined ? {} : { ownerUid }),
    targets: [],
    ...(rules === undefined
      ? {}
      : {
          rules: rules.map((rule) => ({ ...rule, domain: domainOf(rule.domain, addresses), targets: [] })),
        }),
  };
  return withTargets(described, bound);
};

const withTargets = (listener: ObservedListener, bound: BoundTargets | undefined): ObservedListener => ({
  ...listener,
  targets: listener.rules === undefined ? (bound?.targets ?? []) : [],
  ...(listener.rules === undefined
    ? {}
    : {
        rules: listener.rules.map((rule) => ({
          ...rule,
          targets: bound?.rules?.find(({ locationId }) => locationId === rule.locationId)?.targets ?? [],
        })),
      }),
});

/** The answer names exactly the rules that we know. */
const sameRules = ({ rules = [] }: ObservedListener, bound: BoundTargets | undefined): boolean => {
  const found = bound?.rules ?? [];
  return (
    rules.length === found.length &&
    rules.every((rule) => found.some(({ locationId }) => locationId === rule.locationId))
  );
};

/**
 * Addresses, listeners and targets in the fewest calls (law L10): three with nothing known; one, for the targets,
 * when the answer names exactly the listeners and rules that `known` has; two otherwise. Throws ClbError `not-found` when the
 * load balancer does not exist, `busy` while it is being made; `isolated` only where its addresses were not known.
 */
export const observe = async (
  options: ClbOptions,
  loadBalancerId: string,
  known?: ObservedLoadBalancer,
  lane: Lane = 'rest',
): Promise<ObservedLoadBalancer> => {
  const addresses =
    known !== undefined && known.addresses.length > 0
      ? known.addresses
      : await readAddresses(options, lane, loadBalancerId);
  // Targets before listeners: a listener made in between is then seen without targets, which costs nothing; the
  // other way round targets would be seen without their listener.
  const targets = await readTargets(options, lane, loadBalancerId);
  const settled =
    known !== undefined &&
    known.listeners.length === targets.size &&
    known.listeners.every(
      (listener) => targets.has(listener.listenerId) && sameRules(listener, targets.get(listener.listenerId)),
    );
  const listeners: readonly ObservedListener[] = settled
    ? known.listeners.map((listener) => withTargets(listener, targets.get(listener.listenerId)))
    : (await readListeners(options, lane, loadBalancerId)).map((listener) =>
        observedListener(options.clusterId, listener, targets.get(listener.listenerId), addresses),
      );
  return { loadBalancerId, addresses, listeners };
};

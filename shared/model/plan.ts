import { backendsOf, bindingAt, type Registered } from './bindings.ts';
import { isDeepStrictEqual } from './deep-equal.ts';
import type { DesiredState, KeptState, ListenerWant } from './desired-state.ts';
import type { EvidenceWanted } from './hold.ts';
import { listenerName } from './names.ts';
import type { Binding, ObservedListener, ObservedLoadBalancer, Refusal } from './observed.ts';
import { planTargets, type TargetHealthRead, type TargetPlan } from './plan-targets.ts';
import type { ListenerToCreate, Plan, Policy, Step } from './plan-types.ts';
import { type Problem, problem } from './problems.ts';

export interface PlanInput {
  readonly states: readonly KeptState[];
  /** Every object was put in this epoch: an owner that is not among the states is gone. */
  readonly complete: boolean;
  readonly observed: ObservedLoadBalancer;
  readonly bindings: readonly Binding[];
  /** Registered in this pass by the answers, not read back yet. */
  readonly registered: readonly Registered[];
  /** Listeners that the CLB refused in this pass: left out, so that the rest goes on (law L12). */
  readonly refused: readonly Refusal[];
  /** Health, where a drain of living Pods needs it; undefined: not read. */
  readonly health?: readonly TargetHealthRead[];
  readonly policy: Policy;
  /** Unix ms. */
  readonly now: number;
}

/** TCP, HTTP, HTTPS and TCP_SSL share one space of ports; UDP and QUIC another. */
const portClass = (protocol: string): 'tcp' | 'udp' =>
  protocol === 'UDP' || protocol === 'QUIC' ? 'udp' : 'tcp';

/** The present holder is asked first; among the others the oldest wins, then the UID. */
const bySeniority = (a: DesiredState, b: DesiredState): number =>
  a.createdAt - b.createdAt || (a.object.uid < b.object.uid ? -1 : 1);

interface ListenerPlan {
  readonly create: readonly ListenerToCreate[];
  readonly modify: readonly Extract<Step, { do: 'modify-listener' }>[];
  readonly remove: readonly string[];
  readonly problems: Plan['problems'];
}

const planListeners = (input: PlanInput, states: readonly DesiredState[]): ListenerPlan => {
  const { observed, policy } = input;
  const create: ListenerToCreate[] = [];
  const modify: Extract<Step, { do: 'modify-listener' }>[] = [];
  const problems: { object: DesiredState['object']; problem: Problem }[] = [];
  const isRefused = (state: DesiredState, want: ListenerWant): boolean =>
    input.refused.some(
      ({ objectUid, listener }) =>
        objectUid === state.object.uid && listener?.protocol === want.protocol && listener.port === want.port,
    );
  const claimed = new Set<string>();
  for (const state of [...states].sort(bySeniority)) {
    if (state.intent !== 'serve') continue;
    for (const want of state.listeners) {
      const slot = `${portClass(want.protocol)} ${want.port}`;
      const there = observed.listeners.find(
        (listener) =>
          portClass(listener.protocol) === portClass(want.protocol) && listener.port === want.port,
      );
      const mine = there?.ours === true && there.ownerUid === state.object.uid;
      if ((there !== undefined && !mine) || (there === undefined && claimed.has(slot))) {
        const holder =
          there?.ours === true
            ? `object ${there.ownerUid}`
            : there === undefined
              ? 'an older object'
              : 'others';
        problems.push({
          object: state.object,
          problem: problem(
            'D1005',
            `Port ${want.port}: load balancer ${observed.loadBalancerId} has a listener of ${holder} there.`,
            {
              about: { listener: { protocol: want.protocol, port: want.port } },
            },
          ),
        });
        continue;
      }
      claimed.add(slot);
      if (isRefused(state, want)) continue;
      const name = listenerName(policy.clusterId, state.object.uid);
      if (there === undefined) {
        create.push({ protocol: want.protocol, port: want.port, name, settings: want.settings });
      } else if (!isDeepStrictEqual(there.settings, want.settings)) {
        modify.push({
          do: 'modify-listener',
          lane: 'rest',
          listenerId: there.listenerId,
          name,
          settings: want.settings,
        });
      }
    }
  }
  const unwanted = (listener: ObservedListener): boolean => {
    if (!listener.ours) return false;
    const owner = states.find((state) => state.object.uid === listener.ownerUid);
    if (owner === undefined) return input.complete;
    if (owner.intent === 'release') return true;
    return owner.intent === 'serve' && backendsOf(states, listener) === undefined;
  };
  const remove = observed.listeners.filter(unwanted).map(({ listenerId }) => listenerId);
  return { create, modify, remove, problems };
};

const step = <S extends Step>(wanted: S, isEmpty: boolean): readonly S[] => (isEmpty ? [] : [wanted]);

/**
 * What to do so that the load balancer becomes what its desired states want: values, in the order that law L6 asks
 * for. Pure; the same input gives the same plan, and a plan that was applied gives an empty one.
 */
export const plan = (input: PlanInput): Plan => {
  const states = input.states.map(({ state }) => state);
  const listeners = planListeners(input, states);
  const unexplained: { objectUid: string; wanted: readonly EvidenceWanted[] }[] = [];
  const problems = [...listeners.problems];
  const claims = new Set<string>();
  const targetPlans = input.observed.listeners.flatMap((listener): TargetPlan[] => {
    const wanted = backendsOf(states, listener);
    if (wanted === undefined) return [];
    const planned = planTargets({
      state: wanted.state,
      backends: wanted.backends,
      listener,
      bindings: input.bindings.filter(({ listenerId }) => listenerId === listener.listenerId),
      registered: input.registered,
      claims,
      health: input.health,
      policy: input.policy,
      now: input.now,
    });
    problems.push(...planned.problems.map((entry) => ({ object: wanted.state.object, problem: entry })));
    if (planned.unexplained.length > 0) {
      unexplained.push({
        objectUid: wanted.state.object.uid,
        wanted: [{ protocol: listener.protocol, port: listener.port, targets: planned.unexplained }],
      });
    }
    return [planned];
  });
  const all = <K extends 'drain' | 'replace' | 'register' | 'reweigh' | 'deregister'>(kind: K) =>
    targetPlans.flatMap((planned) => planned[kind]);
  const [drain, replace, register, reweigh, deregister] = [
    all('drain'),
    all('replace'),
    all('register'),
    all('reweigh'),
    all('deregister'),
  ];
  const times = targetPlans.flatMap(({ nextAt }) => (nextAt === undefined ? [] : [nextAt]));
  return {
    steps: [
      ...step({ do: 'set-weights', lane: 'drain', targets: drain }, drain.length === 0),
      ...step(
        { do: 'create-listeners', lane: 'ready', listeners: listeners.create },
        listeners.create.length === 0,
      ),
      ...listeners.modify,
      // The CLB knows an address once: what is bound there for another Pod goes right before it is bound anew.
      ...step({ do: 'deregister', lane: 'ready', targets: replace }, replace.length === 0),
      ...step({ do: 'register', lane: 'ready', targets: register }, register.length === 0),
      ...step({ do: 'set-weights', lane: 'rest', targets: reweigh }, reweigh.length === 0),
      ...step({ do: 'deregister', lane: 'rest', targets: deregister }, deregister.length === 0),
      ...step(
        { do: 'delete-listeners', lane: 'rest', listenerIds: listeners.remove },
        listeners.remove.length === 0,
      ),
    ],
    problems,
    unexplained,
    needsHealth: targetPlans.some(({ needsHealth }) => needsHealth),
    ...(times.length === 0 ? {} : { nextAt: Math.min(...times) }),
  };
};

/** Whether an object's leaving Pods are all gone from the load balancer: only then is its state fully applied. */
export const hasLeft = (
  state: DesiredState,
  observed: ObservedLoadBalancer,
  bindings: readonly Binding[],
): boolean =>
  observed.listeners.every((listener) => {
    if (listener.ownerUid !== state.object.uid) return true;
    const wanted = backendsOf([state], listener)?.backends;
    return (wanted?.leaving ?? []).every((left) => {
      const bound = listener.targets.some(({ ip, port }) => ip === left.ip && port === left.port);
      const record = bindingAt(bindings, listener.listenerId, left);
      return !bound || (record !== undefined && record.backendUid !== left.backendUid);
    });
  });

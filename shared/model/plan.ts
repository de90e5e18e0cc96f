import type { Registered } from './bindings.ts';
import { bindingAt, isAt, type Spot, sameSpot } from './bound-places.ts';
import { type Claim, type Claims, decideClaims } from './claims.ts';
import { isDeepStrictEqual } from './deep-equal.ts';
import type { DesiredState, KeptState } from './desired-state.ts';
import type { EvidenceWanted } from './hold.ts';
import { listenerName } from './names.ts';
import type { Binding, ObservedLoadBalancer, Recorded, Refusal } from './observed.ts';
import { covers, type Place, placeOf, placeText } from './place.ts';
import { planTargets, type TargetHealthRead, type TargetPlan } from './plan-targets.ts';
import type { Plan, Policy, RuleToCreate, Step } from './plan-types.ts';
import { type Problem, type ProblemCode, problem } from './problems.ts';

export interface PlanInput {
  readonly states: readonly KeptState[];
  /** Every object was put in this epoch: an owner that is not among the states is gone. */
  readonly complete: boolean;
  readonly observed: ObservedLoadBalancer;
  readonly bindings: readonly Binding[];
  /** Whose rules are whose, as recorded or as the plan before said. */
  readonly ruleOwners: NonNullable<Recorded['ruleOwners']>;
  /** Registered in this pass by the answers, not read back yet. */
  readonly registered: readonly Registered[];
  /** Listeners and rules that the CLB refused in this pass: left out, so that the rest goes on (law L12). */
  readonly refused: readonly Refusal[];
  /** Health, where a drain of living Pods needs it; undefined: not read. */
  readonly health?: readonly TargetHealthRead[];
  readonly policy: Policy;
  /** Unix ms. */
  readonly now: number;
}

type ObjectProblem = Plan['problems'][number];

/** TKE's own code where the load balancer is shared; nobody shares one that we made. */
const takenCode = ({ object, loadBalancer }: DesiredState): ProblemCode => {
  if (loadBalancer.source === 'created') return 'D1005';
  return object.kind === 'Ingress' ? 'E4101' : 'E4014';
};

const conflicts = (
  { lost }: Claims,
  states: readonly DesiredState[],
  loadBalancerId: string,
): readonly ObjectProblem[] =>
  lost.map(({ state, want, what, holder }) => {
    const about = { listener: placeOf(want) };
    const named = (uid: string): string => {
      const object = states.find((candidate) => candidate.object.uid === uid)?.object;
      return object === undefined ? `object ${uid}` : `${object.kind} ${object.namespace}/${object.name}`;
    };
    const who = holder === 'foreign' ? 'others' : holder === 'older' ? 'an older object' : named(holder.uid);
    return {
      object: state.object,
      problem:
        what === 'rule'
          ? problem('D1020', `${placeText(want)}: load balancer ${loadBalancerId} has this rule of ${who}.`, {
              about,
            })
          : problem(
              takenCode(state),
              `Port ${want.port}: load balancer ${loadBalancerId} has a listener of ${who} there.`,
              { about },
            ),
    };
  });

interface ListenerSteps {
  readonly steps: {
    readonly create: readonly Step[];
    readonly modify: readonly Step[];
    readonly createRules: readonly Step[];
    readonly modifyRules: readonly Step[];
    readonly deleteRules: readonly Step[];
    readonly remove: readonly Step[];
  };
  readonly problems: readonly ObjectProblem[];
}

const step = <S extends Step>(wanted: S, isEmpty: boolean): readonly S[] => (isEmpty ? [] : [wanted]);

const planListeners = (input: PlanInput, claims: Claims): ListenerSteps => {
  const { observed, policy } = input;
  const nameOf = (state: DesiredState): string => listenerName(policy.clusterId, state.object.uid);
  const isRefused = ({ state }: Claim, place: Place): boolean =>
    input.refused.some(
      ({ objectUid, listener, podUid }) =>
        objectUid === state.object.uid &&
        podUid === undefined &&
        listener !== undefined &&
        covers(listener, place),
    );
  const open = claims.missing.filter((claim) => !isRefused(claim, claim.want));
  const create = open.flatMap(({ state, want: { protocol, port, settings }, listenerId }) =>
    listenerId === undefined ? [{ protocol, port, name: nameOf(state), settings }] : [],
  );
  const createRules = observed.listeners.flatMap(({ listenerId, protocol, port }) => {
    const rules = open.flatMap(({ state, want, listenerId: into }): RuleToCreate[] =>
      into === listenerId && want.rule !== undefined
        ? [{ ...want.rule, settings: want.settings, ownerUid: state.object.uid }]
        : [],
    );
    return step(
      { do: 'create-rules', lane: 'ready', listenerId, place: { protocol, port }, rules },
      rules.length === 0,
    );
  });
  const modify: Step[] = [];
  const modifyRules: Step[] = [];
  const problems: ObjectProblem[] = [];
  for (const { listener, state } of claims.adopted) {
    const { listenerId, protocol, port, settings } = listener;
    const wanted = state.listeners.find((want) => want.protocol === protocol && want.port === port);
    const bare = { protocol, port };
    if (
      input.refused.some(
        (one) =>
          one.objectUid === state.object.uid &&
          one.listener !== undefined &&
          one.podUid === undefined &&
          covers(one.listener, bare),
      )
    ) {
      continue;
    }
    modify.push({
      do: 'modify-listener',
      lane: 'rest',
      listenerId,
      name: nameOf(state),
      // Rules have their own.
      settings: listener.rules === undefined ? (wanted?.settings ?? settings) : settings,
    });
  }
  for (const { listenerId, locationId, place, settings, claim } of claims.places) {
    if (claim === undefined || isRefused(claim, place)) continue;
    if (isDeepStrictEqual(settings, claim.want.settings)) continue;
    if (locationId !== undefined) {
      modifyRules.push({
        do: 'modify-rule',
        lane: 'rest',
        listenerId,
        locationId,
        place,
        settings: claim.want.settings,
        ownerUid: claim.state.object.uid,
      });
    } else if (!claims.adopted.some(({ listener }) => listener.listenerId === listenerId)) {
      modify.push({
        do: 'modify-listener',
        lane: 'rest',
        listenerId,
        name: nameOf(claim.state),
        settings: claim.want.settings,
      });
    }
  }
  const gone = claims.unwanted.map(({ listenerId }) => listenerId);
  const deleteRules = observed.listeners.flatMap(({ listenerId }) => {
    const locationIds = claims.unwantedRules
      .filter((rule) => rule.listenerId === listenerId)
      .map(({ locationId }) => locationId);
    // A listener takes its rules with it.
    return step(
      { do: 'delete-rules', lane: 'rest', listenerId, locationIds },
      locationIds.length === 0 || gone.includes(listenerId),
    );
  });
  for (const { listenerId, protocol, port } of claims.unwanted) {
    const next = input.states.find(
      ({ state }) =>
        state.intent === 'serve' &&
        state.listeners.some((want) => want.port === port && want.protocol !== protocol),
    );
    if (next !== undefined) {
      problems.push({
        object: next.state.object,
        problem: problem(
          'D1024',
          `Port ${port}: listener ${listenerId} has protocol ${protocol}, which cannot be changed; it is made anew.`,
          { severity: 'warning' },
        ),
      });
    }
  }
  return {
    steps: {
      create: step({ do: 'create-listeners', lane: 'ready', listeners: create }, create.length === 0),
      modify,
      createRules,
      modifyRules,
      deleteRules,
      remove: step({ do: 'delete-listeners', lane: 'rest', listenerIds: gone }, gone.length === 0),
    },
    problems,
  };
};

/** Who has what of the load balancer, by what is known now. */
export const claimsOf = (
  input: Pick<PlanInput, 'states' | 'complete' | 'ruleOwners'>,
  observed: ObservedLoadBalancer,
): Claims =>
  decideClaims({
    states: input.states.map(({ state }) => state),
    complete: input.complete,
    observed,
    ruleOwners: input.ruleOwners,
  });

/**
 * What to do so that the load balancer becomes what its desired states want: values, in the order that law L6 asks
 * for. Pure; the same input gives the same plan, and a plan that was applied gives an empty one.
 */
export const plan = (input: PlanInput): Plan => {
  const states = input.states.map(({ state }) => state);
  const decided = claimsOf(input, input.observed);
  const listeners = planListeners(input, decided);
  const asked = new Map<string, EvidenceWanted[]>();
  const problems: { object: DesiredState['object']; problem: Problem }[] = [
    ...conflicts(decided, states, input.observed.loadBalancerId),
    ...listeners.problems,
  ];
  const claims = new Set<string>();
  const byListener = new Map<string, Binding[]>();
  for (const binding of input.bindings) {
    const known = byListener.get(binding.listenerId);
    if (known === undefined) byListener.set(binding.listenerId, [binding]);
    else known.push(binding);
  }
  const bindingsAt = (spot: Spot): readonly Binding[] =>
    (byListener.get(spot.listenerId) ?? []).filter((binding) => sameSpot(binding, spot));
  const targetPlans = decided.places.flatMap((place): TargetPlan[] => {
    const { claim } = place;
    if (claim === undefined) return [];
    const planned = planTargets({
      claim,
      place,
      bindings: bindingsAt(place),
      registered: input.registered,
      claims,
      health: input.health,
      policy: input.policy,
      now: input.now,
    });
    const { object } = claim.state;
    problems.push(...planned.problems.map((entry) => ({ object, problem: entry })));
    if (planned.unexplained.length > 0) {
      const wanted = asked.get(object.uid) ?? [];
      asked.set(object.uid, [...wanted, { ...place.place, targets: planned.unexplained }]);
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
  const { steps } = listeners;
  return {
    steps: [
      ...step({ do: 'set-weights', lane: 'drain', targets: drain }, drain.length === 0),
      ...steps.create,
      ...steps.modify,
      ...steps.createRules,
      ...steps.modifyRules,
      // The CLB knows an address once: what is bound there for another Pod goes right before it is bound anew.
      ...step({ do: 'deregister', lane: 'ready', targets: replace }, replace.length === 0),
      ...step({ do: 'register', lane: 'ready', targets: register }, register.length === 0),
      ...step({ do: 'set-weights', lane: 'rest', targets: reweigh }, reweigh.length === 0),
      ...step({ do: 'deregister', lane: 'rest', targets: deregister }, deregister.length === 0),
      ...steps.deleteRules,
      ...steps.remove,
    ],
    problems,
    unexplained: [...asked].map(([objectUid, wanted]) => ({ objectUid, wanted })),
    ruleOwners: decided.ruleOwners,
    needsHealth: targetPlans.some(({ needsHealth }) => needsHealth),
    ...(times.length === 0 ? {} : { nextAt: Math.min(...times) }),
  };
};

/** Whether an object's leaving Pods are all gone from the load balancer: only then is its state fully applied. */
export const hasLeft = (state: DesiredState, claims: Claims, bindings: readonly Binding[]): boolean =>
  claims.places.every((place) => {
    if (place.claim?.state.object.uid !== state.object.uid) return true;
    return place.claim.want.backends.leaving.every((left) => {
      const bound = place.targets.some((target) => isAt(target, left));
      const record = bindingAt(bindings, place, left);
      return !bound || (record !== undefined && record.backendUid !== left.backendUid);
    });
  });

/** Whether nothing of an object is left on a load balancer that it shared: neither a listener nor a rule. */
export const isGone = (objectUid: string, observed: ObservedLoadBalancer, { ruleOwners }: Claims): boolean =>
  !observed.listeners.some(({ ours, ownerUid }) => ours && ownerUid === objectUid) &&
  !ruleOwners.some(({ ownerUid }) => ownerUid === objectUid);

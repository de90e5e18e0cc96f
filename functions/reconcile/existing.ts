import type { ExistingLoadBalancer } from '../../shared/clb/clb-port.ts';
import type { KeptState } from '../../shared/model/desired-state.ts';
import type { OwnerKind } from '../../shared/model/facts.ts';
import type { Hold } from '../../shared/model/hold.ts';
import { clusterTag, objectTag, tkeClusterTag, tkeMadeTag } from '../../shared/model/names.ts';
import { nothingRecorded, type ObservedLoadBalancer, type Refusal } from '../../shared/model/observed.ts';
import { type ProblemCode, problem } from '../../shared/model/problems.ts';
import type { ReconcileDeps } from './deps.ts';
import { isMissing } from './failure.ts';
import { type ObjectProblem, ownProblems, reportProblems } from './report.ts';
import { appliedOf, type Result, settle } from './settle.ts';
import { bringToState, type Pass } from './targets.ts';

type Unfit = 'missing' | 'other-vpc' | 'of-tke' | 'of-another-cluster' | 'of-another-object';

/** TKE's code where TKE has one; it has others for Ingresses than for Services. */
const unfitCodes: Readonly<Record<OwnerKind, Readonly<Record<Unfit, ProblemCode>>>> = {
  Service: {
    missing: 'E4011',
    'other-vpc': 'E4011',
    'of-tke': 'E4012',
    'of-another-cluster': 'E4013',
    'of-another-object': 'D1023',
  },
  Ingress: {
    missing: 'E4018',
    'other-vpc': 'E4018',
    'of-tke': 'E4019',
    'of-another-cluster': 'E4020',
    'of-another-object': 'D1023',
  },
};

const unfitTexts: Readonly<Record<Unfit, string>> = {
  missing: 'does not exist',
  'other-vpc': 'is in another VPC',
  'of-tke': 'was made by TKE',
  'of-another-cluster': 'is used by another cluster',
  'of-another-object': 'was made for another object',
};

/** Why a load balancer that somebody named is not to be used (law L8). */
const unfitness = (found: ExistingLoadBalancer | undefined, clusterId: string): Unfit | undefined => {
  if (found === undefined) return 'missing';
  const { tags } = found;
  if (tags[tkeMadeTag] !== undefined) return 'of-tke';
  const clusters = [tags[tkeClusterTag], tags[clusterTag]];
  if (clusters.some((cluster) => cluster !== undefined && cluster !== clusterId)) return 'of-another-cluster';
  if (tags[objectTag] !== undefined) return 'of-another-object';
  return found.otherVpc ? 'other-vpc' : undefined;
};

const unfitAfterMs = 30_000;
const comingAfterMs = 1_000;
const unclaimedAfterMs = 500;

const kindOf = (kept: KeptState): OwnerKind => (kept.state.object.kind === 'Ingress' ? 'Ingress' : 'Service');

const toldOf = (
  loadBalancerId: string,
  unfit: Unfit,
  states: readonly KeptState[],
): readonly ObjectProblem[] =>
  states
    .filter(({ state }) => state.intent === 'serve')
    .map((kept) => ({
      object: kept.state.object,
      problem: problem(
        unfitCodes[kindOf(kept)][unfit],
        `Load balancer ${loadBalancerId} ${unfitTexts[unfit]}.`,
      ),
    }));

const refusalsOf = (told: readonly ObjectProblem[]): readonly Refusal[] =>
  told.map(({ object, problem: { code } }) => ({ objectUid: object.uid, code }));

/** A state that may not be served yet or any more: what is there stays as it is. */
const atRest = ({ sequence, state }: KeptState): KeptState => ({
  sequence,
  state: state.intent === 'serve' ? { ...state, intent: 'report' } : state,
});

/** The load balancer is not to be used: who wants it is told, and no gate waits for it. It is looked at again. */
const passOnUnfit = async (unfit: Unfit, hold: Hold, deps: ReconcileDeps): Promise<Result> => {
  const { loadBalancerKey, states } = hold;
  const told = toldOf(loadBalancerKey, unfit, states);
  const staying = states.filter(({ state: { intent } }) => intent === 'serve' || intent === 'report');
  const reported = await reportProblems(
    [...ownProblems(staying.map(({ state }) => state)), ...told],
    [],
    hold.recorded.reported,
    deps.writer,
  );
  const released: string[] = [];
  for (const { state } of states) {
    if (state.intent !== 'release' && state.intent !== 'skip') continue;
    const outcome = await deps.writer.release(state.object, state.intent === 'release');
    if (outcome !== 'conflict') released.push(state.object.uid);
  }
  const isLast = released.length === states.length;
  await hold.record(isLast ? nothingRecorded : { ...nothingRecorded, refusals: refusalsOf(told), reported });
  const settled = states.filter(({ state: { intent, object } }) =>
    intent === 'report' ? true : released.includes(object.uid),
  );
  await hold.done({
    applied: appliedOf(settled),
    released,
    ...(isLast ? {} : { dueAfterMs: unfitAfterMs }),
  });
  return { loadBalancerKey, outcome: 'done', ...(isLast ? {} : { detail: unfitTexts[unfit] }) };
};

/** Finalizer, source and id go onto an object before its first listener. Gives the UIDs of those that may be served. */
const claimAll = async (
  states: readonly KeptState[],
  loadBalancerId: string,
  deps: ReconcileDeps,
): Promise<ReadonlySet<string>> => {
  const claimed = new Set<string>();
  for (const { state } of states) {
    const { object, finalizer, shown } = state;
    if (state.intent !== 'serve') continue;
    if (!finalizer) {
      const { outcome } = await deps.writer.claim(object, 0, loadBalancerId);
      if (outcome !== 'written') continue;
    }
    if (shown.loadBalancerId !== loadBalancerId) {
      if ((await deps.writer.loadBalancerId(object, loadBalancerId)) !== 'written') continue;
    }
    claimed.add(object.uid);
  }
  return claimed;
};

/**
 * One pass over a load balancer that somebody else made, for all objects that share it. It is never deleted; only
 * listeners that carry our name are written to (law L8).
 */
export const passOnExisting = async (hold: Hold, deps: ReconcileDeps): Promise<Result> => {
  const { loadBalancerKey, recorded, states } = hold;
  let addresses: ObservedLoadBalancer['addresses'] | undefined;
  let told: readonly ObjectProblem[] = [];
  if (recorded.loadBalancer === undefined) {
    const found = await deps.clb.inspect(loadBalancerKey);
    const unfit = unfitness(found, deps.policy.clusterId);
    if (found === undefined || unfit !== undefined) {
      const releasing = states.some(({ state }) => state.intent === 'release');
      if (unfit === 'missing' || !releasing) return passOnUnfit(unfit ?? 'missing', hold, deps);
      // What we may have on it, found by name, goes all the same.
      if (unfit !== undefined) told = toldOf(loadBalancerKey, unfit, states);
    }
    if (found?.ready === false) {
      await hold.retry(comingAfterMs, 'the load balancer is being made');
      return { loadBalancerKey, outcome: 'retry', detail: 'the load balancer is being made' };
    }
    addresses = found?.addresses;
  }
  const claimed = told.length > 0 ? new Set<string>() : await claimAll(states, loadBalancerKey, deps);
  let unclaimed = 0;
  const admit = (kept: readonly KeptState[]): readonly KeptState[] => {
    const isServable = ({ state }: KeptState): boolean =>
      state.intent !== 'serve' || claimed.has(state.object.uid);
    unclaimed = kept.filter((one) => !isServable(one)).length;
    return kept.map((one) => (isServable(one) ? one : atRest(one)));
  };
  let pass: Pass;
  try {
    pass = await bringToState(loadBalancerKey, hold, deps, {
      admit,
      ...(addresses === undefined ? {} : { addresses }),
    });
  } catch (error) {
    if (isMissing(error)) return passOnUnfit('missing', hold, deps);
    throw error;
  }
  const again = (afterMs: number, reason: string) => ({
    retry: { afterMs, reason, strict: false, readFirst: false },
    ...(pass.retry === undefined ? {} : { retry: pass.retry }),
  });
  if (told.length > 0) {
    // Nothing is recorded of it, so that it is looked at again.
    const { loadBalancer: _, ...rest } = pass.recorded;
    pass = {
      ...pass,
      ...again(unfitAfterMs, 'the load balancer is not to be used'),
      problems: [...pass.problems, ...told],
      recorded: { ...rest, refusals: [...rest.refusals, ...refusalsOf(told)] },
    };
  } else if (unclaimed > 0) {
    // Objects that came during the pass, or that changed under our hands: their first listener waits for a claim.
    pass = { ...pass, ...again(unclaimedAfterMs, 'an object is not claimed yet') };
  }
  return settle(loadBalancerKey, pass, hold, deps);
};

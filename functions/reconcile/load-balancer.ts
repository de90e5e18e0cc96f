import { ClbError } from '../../shared/clb/clb-port.ts';
import type { KeptState, LoadBalancerKey } from '../../shared/model/desired-state.ts';
import type { Hold } from '../../shared/model/hold.ts';
import { nothingRecorded, type Recorded } from '../../shared/model/observed.ts';
import { type ProblemCode, problem } from '../../shared/model/problems.ts';
import { hasTime, type ReconcileDeps } from './deps.ts';
import { passOnExisting } from './existing.ts';
import { isMissing, problemCodeOf, type Retry, retryAfter } from './failure.ts';
import { bringToEnd, bringToLife } from './life.ts';
import { ownProblems, reportProblems } from './report.ts';
import { appliedOf, type Result, settle } from './settle.ts';
import { bringToState } from './targets.ts';

/** Objects that want nothing more from us: what is there goes (`release`) or stays (`skip`), the finalizer goes. */
const letGo = async (
  leaving: readonly KeptState[],
  hold: Hold,
  deps: ReconcileDeps,
): Promise<{
  readonly released: readonly string[];
  readonly pending: boolean;
  readonly recorded: Recorded;
}> => {
  const released: string[] = [];
  let pending = false;
  let { recorded } = hold;
  for (const { state } of leaving) {
    const clean = state.intent === 'release';
    if (clean) {
      const end = await bringToEnd(state, hold, deps);
      if (end.is === 'ending') {
        pending = true;
        recorded = end.recorded;
        continue;
      }
      if (end.protectedId !== undefined) {
        await deps.writer.event({
          object: state.object,
          type: 'Warning',
          reason: 'LoadBalancerProtected',
          message: `Load balancer ${end.protectedId} is protected from deletion and stays; it is no longer managed.`,
          dedupKey: `${state.object.uid} protected ${end.protectedId}`,
        });
      }
    }
    // The finalizer goes last: if we crash before it, the next pass finds nothing left and takes it off.
    if (state.finalizer || hold.recorded.loadBalancer !== undefined || hold.recorded.creating !== undefined) {
      const outcome = await deps.writer.release(state.object, clean);
      if (outcome === 'conflict') {
        pending = true;
        continue;
      }
    }
    released.push(state.object.uid);
  }
  return { released, pending, recorded };
};

/** A load balancer that the CLB will not make; everything else is thrown on. */
const refusedLife = (
  error: unknown,
): {
  readonly is: 'refused';
  readonly code: ProblemCode;
  readonly message: string;
  readonly retry: Retry;
} => {
  const failure = error instanceof ClbError ? error.failure : undefined;
  const retry = retryAfter(error);
  if ((failure?.kind !== 'refused' && failure?.kind !== 'quota') || retry === undefined) throw error;
  const message = `The load balancer is not made: ${failure.code}: ${failure.message}`;
  return { is: 'refused', code: problemCodeOf(failure.code, 'load-balancer'), message, retry };
};

const serve = async (hold: Hold, serving: KeptState, deps: ReconcileDeps): Promise<Result> => {
  const { loadBalancerKey } = hold;
  const life = await bringToLife(serving.state, hold, deps).catch((error: unknown) => refusedLife(error));
  if (life.is === 'refused') {
    // What is refused cannot be waited for: it is told, and holds no gate (law L7).
    const { object } = serving.state;
    const told = { object, problem: problem(life.code, life.message) };
    const reported = await reportProblems(
      [...ownProblems([serving.state]), told],
      [serving.state],
      hold.recorded.reported,
      deps.writer,
    );
    const refusals = [{ objectUid: object.uid, code: life.code }];
    await hold.record({ ...hold.recorded, refusals, reported });
    await hold.retry(life.retry.afterMs, life.retry.reason, { observeNext: life.retry.readFirst });
    return { loadBalancerKey, outcome: 'retry', detail: life.retry.reason };
  }
  if (life.is === 'overtaken') {
    await hold.retry(1_000, 'the object changed; its newer state is awaited');
    return { loadBalancerKey, outcome: 'retry', detail: 'overtaken' };
  }
  if (life.is === 'coming') {
    const reported = await reportProblems(
      ownProblems([serving.state]),
      [serving.state],
      life.recorded.reported,
      deps.writer,
    );
    // It is being made now: what was refused before is waited for again.
    await hold.record({ ...life.recorded, refusals: [], reported });
    await hold.retry(life.afterMs, 'the load balancer is being made');
    return { loadBalancerKey, outcome: 'retry', detail: 'the load balancer is being made' };
  }
  try {
    return await settle(life.loadBalancerId, await bringToState(life.loadBalancerId, hold, deps), hold, deps);
  } catch (error) {
    if (!isMissing(error)) throw error;
    // Somebody deleted it: nothing that was known of it is true, and the next pass makes another.
    await hold.record({ ...nothingRecorded, reported: hold.recorded.reported });
    await hold.retry(1_000, 'the load balancer is gone', { observeNext: true });
    return { loadBalancerKey, outcome: 'retry', detail: 'the load balancer is gone' };
  }
};

const pass = async (hold: Hold, deps: ReconcileDeps): Promise<Result> => {
  const { loadBalancerKey, states } = hold;
  if (states.some(({ state }) => state.loadBalancer.source === 'existing')) return passOnExisting(hold, deps);
  const leaving = states.filter(({ state }) => state.intent === 'release' || state.intent === 'skip');
  const { released, pending, recorded } = await letGo(leaving, hold, deps);
  const serving = states.find(({ state }) => state.intent === 'serve');
  if (serving !== undefined && leaving.length === 0) return serve(hold, serving, deps);
  const reporting = states.filter(({ state }) => state.intent === 'report');
  const reported = await reportProblems(
    ownProblems(reporting.map(({ state }) => state)),
    [],
    recorded.reported,
    deps.writer,
  );
  const kept: Recorded = released.length === states.length ? nothingRecorded : { ...recorded, reported };
  await hold.record(kept);
  if (pending) {
    await hold.retry(1_000, 'cleaning up');
    return { loadBalancerKey, outcome: 'retry', detail: 'cleaning up' };
  }
  await hold.done({ applied: appliedOf(states), released });
  return { loadBalancerKey, outcome: 'done' };
};

/** A pass that the CLB refused as a whole (a missing permission, say) is told on every object of it. */
const tellRefusal = async (error: unknown, hold: Hold, deps: ReconcileDeps): Promise<void> => {
  const failure = error instanceof ClbError ? error.failure : undefined;
  if (failure?.kind !== 'refused' && failure?.kind !== 'quota' && failure?.kind !== 'isolated') return;
  const told = problem(
    failure.kind === 'isolated' ? 'D1021' : 'D1009',
    `${failure.code}: ${failure.message}`,
  );
  await reportProblems(
    hold.states.map(({ state: { object } }) => ({ object, problem: told })),
    [],
    hold.recorded.reported,
    deps.writer,
  );
};

/** One pass over one load balancer: takes the hold and ends it, however the pass ends. Never throws. */
export const reconcileLoadBalancer = async (
  loadBalancerKey: LoadBalancerKey,
  invocationId: string,
  deps: ReconcileDeps,
): Promise<Result> => {
  const { store, log } = deps;
  // It stays due, and the next invocation has time.
  if (!hasTime(deps)) return { loadBalancerKey, outcome: 'held', detail: 'the invocation ends soon' };
  try {
    const hold = await store.take(loadBalancerKey, invocationId);
    if (hold === 'held' || hold === 'nothing') return { loadBalancerKey, outcome: hold };
    try {
      return await pass(hold, deps);
    } catch (error) {
      const retry = retryAfter(error);
      await tellRefusal(error, hold, deps);
      log.warn('pass ended early', { loadBalancerKey, error, retryAfterMs: retry?.afterMs });
      if (retry === undefined) {
        await store.markDue(loadBalancerKey, 'rest', true);
        return { loadBalancerKey, outcome: 'lost' };
      }
      await hold.retry(retry.afterMs, retry.reason, { strict: retry.strict, observeNext: retry.readFirst });
      return { loadBalancerKey, outcome: 'retry', detail: retry.reason };
    }
  } catch (error) {
    // The store itself fails: the hold runs out by itself, and what is due stays due.
    log.error('pass failed', { loadBalancerKey, error });
    return {
      loadBalancerKey,
      outcome: 'failed',
      detail: error instanceof Error ? error.message : String(error),
    };
  }
};

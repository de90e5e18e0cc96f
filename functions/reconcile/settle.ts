import type { DesiredState, KeptState, Sequence } from '../../shared/model/desired-state.ts';
import type { Done, Hold } from '../../shared/model/hold.ts';
import { nothingRecorded } from '../../shared/model/observed.ts';
import { covers } from '../../shared/model/place.ts';
import { hasLeft, isGone } from '../../shared/model/plan.ts';
import type { ReconcileAnswer } from '../platform/functions.ts';
import type { ReconcileDeps } from './deps.ts';
import { ownProblems, reportProblems, reportSuccess } from './report.ts';
import type { Pass } from './targets.ts';

export type Result = ReconcileAnswer['results'][number];

/**
 * A late call of a function that was given up may live this long after its hold was lost: half a hold for the call
 * itself, and what the CLB needs. Who inherits an expired hold reads back once more after it (law L4).
 */
const lateCallMs = 11_000;

/** No put tells that every object was put: who waits for it looks again. */
const undecidedAfterMs = 5_000;

export const appliedOf = (states: readonly KeptState[]): Record<string, Sequence> =>
  Object.fromEntries(states.map(({ state, sequence }) => [state.object.uid, sequence]));

/** Something of what it wants stands: not all is a conflict or refused. */
const isServed = (state: DesiredState, { recorded }: Pass): boolean =>
  state.listeners.length === 0 ||
  state.listeners.some(
    (want) =>
      !recorded.refusals.some(
        ({ objectUid, listener, podUid }) =>
          objectUid === state.object.uid &&
          podUid === undefined &&
          (listener === undefined || covers(listener, want)),
      ),
  );

/** Lets go of the objects of a shared load balancer that want nothing more, once nothing of theirs is there. */
const letGoOfShared = async (
  pass: Pass,
  deps: ReconcileDeps,
): Promise<{ readonly released: readonly string[]; readonly pending: boolean }> => {
  const released: string[] = [];
  let pending = false;
  const others = pass.states.some(({ state }) => state.intent === 'serve' || state.intent === 'report');
  for (const { state } of pass.states) {
    if (state.loadBalancer.source !== 'existing') continue;
    const { uid } = state.object;
    const clean = state.intent === 'release';
    if (!clean && state.intent !== 'skip') continue;
    if (clean && !isGone(uid, pass.observed, pass.claims)) {
      pending = true;
      continue;
    }
    // The finalizer goes last: if we crash before it, the next pass finds nothing left and takes it off.
    if (clean || state.finalizer) {
      if ((await deps.writer.release(state.object, clean)) === 'conflict') {
        pending = true;
        continue;
      }
    }
    // While others are served, a skipped object's state says that what it has is not to be touched.
    if (clean || !others) released.push(uid);
  }
  return { released, pending };
};

/** What a pass over listeners and targets came to is told, recorded and handed back. */
export const settle = async (
  loadBalancerId: string,
  pass: Pass,
  hold: Hold,
  deps: ReconcileDeps,
): Promise<Result> => {
  const { loadBalancerKey } = hold;
  const states = pass.states.map(({ state }) => state);
  const own = states.filter((state) => state.intent === 'serve' || state.intent === 'report');
  const standing = await reportProblems(
    [...ownProblems(own), ...pass.problems],
    states,
    pass.recorded.reported,
    deps.writer,
  );
  const succeeded: string[] = [];
  for (const state of own) {
    if (state.intent !== 'serve' || pass.retry !== undefined || !isServed(state, pass)) continue;
    const { addresses } = pass.observed;
    const same =
      addresses.length === state.shown.addresses.length &&
      addresses.every(({ value }) => state.shown.addresses.includes(value));
    if (!same && addresses.length > 0) await deps.writer.status(state.object, addresses);
    succeeded.push(await reportSuccess(state.object, loadBalancerId, pass.recorded.reported, deps.writer));
  }
  const { released, pending } = await letGoOfShared(pass, deps);
  const reported = [...standing, ...(pass.retry === undefined ? succeeded : pass.recorded.reported)];
  const isLast = released.length === states.length;
  await hold.record(isLast ? nothingRecorded : { ...pass.recorded, reported: [...new Set(reported)] });
  for (const { objectUid, wanted } of pass.unexplained) await hold.needsEvidence(objectUid, wanted);
  if (pass.retry !== undefined) {
    const { afterMs, reason, strict, readFirst } = pass.retry;
    await hold.retry(afterMs, reason, { strict, observeNext: readFirst });
    return { loadBalancerKey, outcome: 'retry', detail: reason };
  }
  if (pending) {
    await hold.retry(1_000, 'cleaning up');
    return { loadBalancerKey, outcome: 'retry', detail: 'cleaning up' };
  }
  // The check for late calls comes at its own time: a deadline that is nearer waits for it.
  const inherited = hold.inherited !== 'released' && !isLast;
  const times = [
    ...(pass.nextAt === undefined ? [] : [Math.max(0, pass.nextAt - deps.clock.now())]),
    ...(pass.claims.undecided ? [undecidedAfterMs] : []),
  ];
  const deadlineMs = times.length === 0 ? undefined : Math.min(...times);
  const dueAfterMs = inherited ? lateCallMs : deadlineMs;
  const done: Done = {
    applied: appliedOf(
      pass.states.filter(({ state }) => hasLeft(state, pass.claims, pass.recorded.bindings)),
    ),
    released,
    ...(dueAfterMs === undefined ? {} : { dueAfterMs }),
    ...(inherited ? { observeNext: true } : {}),
  };
  await hold.done(done);
  return { loadBalancerKey, outcome: 'done' };
};

import { randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/model/clock.ts';
import type { Lane, LoadBalancerKey } from '../../shared/model/desired-state.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Doorbell } from '../../shared/queue/doorbell/doorbell.ts';
import { holdMs, type Store } from '../../shared/queue/store/store.ts';
import { type Functions, InvocationRefused, type ReconcileAnswer } from '../platform/functions.ts';
import { createAlarm } from './alarm.ts';
import { Backlog } from './backlog.ts';
import { FailingKeys } from './failing-keys.ts';

export interface DispatchSettings {
  /** At most so many invocations of the reconcile function side by side. */
  readonly maxInvocations: number;
  /** At most so many load balancers in one invocation. */
  readonly batchSize: number;
  /** How often the store is asked what is due: what a lost ring costs, and how exact a drain's deadline is. */
  readonly askEveryMs: number;
}

export interface DispatchDependencies extends DispatchSettings {
  readonly store: Pick<Store, 'due' | 'expire'>;
  readonly doorbell: Pick<Doorbell, 'listen'>;
  readonly functions: Pick<Functions, 'reconcile'>;
  readonly clock: Clock;
  readonly log: Log;
  /** After each invocation that wrote or may have written. */
  readonly onReconciled: () => void;
}

export interface Dispatch {
  /** Invokes from now on whatever is due. */
  start(): void;
  /** Invokes nothing more; resolves when what runs has ended. */
  stop(): Promise<void>;
  /** Invocations under way, and load balancers that wait for one. */
  load(): { readonly running: number; readonly waiting: number };
  /** Of those that wait, the ones in this lane. */
  waitingIn(lane: Lane): number;
}

/** Asked again by the clock no sooner than this. */
const askSoonestMs = 20;
/** An invocation is given up after the longest that a platform lets one run. */
const invocationLimitMs = 900_000;
/** A drain that an invocation under way has not begun by then goes to another one. */
const urgentPatienceMs = 1_000;
const askLimit = 1_000;
/** Where the platform takes no more invocations: nothing is asked of it for so long, longer each time. */
const refusedFirstMs = 100;
const refusedMostMs = 2_000;

/** Of the places for invocations, how many this lane may find taken and still start: a drain never finds none. */
const mayStartBeside = (lane: Lane, most: number): number => {
  if (lane === 'drain' || lane === 'ready') return most;
  return lane === 'rest' ? Math.max(1, most - 1) : Math.max(1, Math.floor(most / 2));
};

interface Invocation {
  readonly keys: ReadonlySet<LoadBalancerKey>;
  readonly begunAt: number;
}

/**
 * Takes rings and what is due in the store, and invokes the reconcile function: in batches, several side by side as
 * the backlog grows, none while it is empty. Rests on the store alone: every ring may be lost.
 */
export const createDispatch = (dependencies: DispatchDependencies): Dispatch => {
  const { store, doorbell, functions, clock, log, onReconciled, maxInvocations, batchSize, askEveryMs } =
    dependencies;
  const backlog = new Backlog();
  const running = new Map<string, Invocation>();
  const ends = new Set<Promise<void>>();
  const failing = new FailingKeys();
  /** An invocation has them, and did not begin in time. */
  const overdue = new Set<LoadBalancerKey>();
  let on = false;
  let stopListening: (() => Promise<void>) | undefined;
  let asking = false;
  let askAgain = false;
  /** Something comes due by itself, as far as the store told last. */
  let comesDueAt = Number.POSITIVE_INFINITY;
  let askFailed = false;
  /** In a row. */
  let refusals = 0;
  let refusedUntil = 0;

  const isRunning = (key: LoadBalancerKey): boolean => {
    for (const { keys } of running.values()) if (keys.has(key)) return true;
    return false;
  };
  const mayGo = (key: LoadBalancerKey): boolean =>
    (overdue.has(key) || !isRunning(key)) && failing.mayGo(key, clock.now());

  const pump = (): void => {
    while (on && clock.now() >= refusedUntil) {
      const lane = backlog.first(mayGo);
      if (lane === undefined || running.size >= mayStartBeside(lane, maxInvocations)) break;
      const keys = backlog.take(batchSize, mayGo, (key) => failing.goesAlone(key));
      for (const key of keys) overdue.delete(key);
      const end = invoke(keys).finally(() => ends.delete(end));
      ends.add(end);
    }
  };

  const invoke = async (loadBalancerKeys: readonly LoadBalancerKey[]): Promise<void> => {
    const invocationId = randomUUID();
    running.set(invocationId, { keys: new Set(loadBalancerKeys), begunAt: clock.now() });
    const answer = await answerOf(invocationId, loadBalancerKeys);
    if (answer === 'refused') {
      // It had no part in it: what is due stays due, and no load balancer is to blame.
      running.delete(invocationId);
      refused();
      if (on) void ask();
      return;
    }
    refusals = 0;
    await expire(invocationId);
    running.delete(invocationId);
    learn(loadBalancerKeys, answer);
    if (!on) return;
    onReconciled();
    // What was rung for or came due meanwhile was left alone.
    void ask();
    pump();
  };

  /** Those of one moment count once. */
  const refused = (): void => {
    const now = clock.now();
    if (now < refusedUntil) return;
    refusedUntil = now + Math.min(refusedMostMs, refusedFirstMs * 2 ** refusals);
    refusals += 1;
  };

  const learn = (keys: readonly LoadBalancerKey[], answer: ReconcileAnswer | undefined): void => {
    const now = clock.now();
    const outcomes = new Map(
      answer?.results.map(({ loadBalancerKey, outcome }) => [loadBalancerKey, outcome]),
    );
    for (const key of keys) {
      const outcome = outcomes.get(key) ?? 'failed';
      if (outcome === 'failed') failing.failed(key, now);
      else if (outcome === 'held') failing.heldUp(key, now);
      else failing.ended(key);
    }
  };

  const answerOf = async (
    invocationId: string,
    loadBalancerKeys: readonly LoadBalancerKey[],
  ): Promise<ReconcileAnswer | 'refused' | undefined> => {
    const ended = new AbortController();
    const limit = clock.sleep(invocationLimitMs, ended.signal).then(() => undefined);
    try {
      const answer = await Promise.race([functions.reconcile({ invocationId, loadBalancerKeys }), limit]);
      if (answer === undefined) log.error('An invocation did not end and is given up.', { invocationId });
      for (const result of answer?.results ?? []) {
        if (result.outcome === 'failed') log.warn('A load balancer was not reconciled.', { ...result });
      }
      return answer;
    } catch (error) {
      if (error instanceof InvocationRefused) {
        log.warn('The platform refused an invocation; it is tried again.', { invocationId, error });
        return 'refused';
      }
      log.error('An invocation failed; what it held is released.', { invocationId, error });
      return undefined;
    } finally {
      ended.abort();
    }
  };

  /** What an ended invocation still holds is free again at once. Fails: it is free when the hold ends by time. */
  const expire = async (invocationId: string): Promise<void> => {
    try {
      await store.expire(invocationId);
    } catch (error) {
      log.warn('What an invocation held could not be released; it ends by time.', { invocationId, error });
    }
  };

  const ask = async (): Promise<void> => {
    askAgain = true;
    if (asking) return;
    asking = true;
    try {
      while (askAgain && on) {
        askAgain = false;
        const { due, nextInMs } = await store.due(askLimit);
        askFailed = false;
        comesDueAt = nextInMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + nextInMs;
        for (const { loadBalancerKey, lane } of due) take(loadBalancerKey, lane);
        pump();
      }
    } catch (error) {
      if (!askFailed) log.warn('The store cannot be asked what is due; it is asked again.', { error });
      askFailed = true;
    } finally {
      asking = false;
      setAlarm();
    }
  };

  /** Due and not held: unless it is only about to be taken by an invocation that runs. */
  const take = (key: LoadBalancerKey, lane: Lane): void => {
    const now = clock.now();
    const patienceMs = lane === 'drain' || lane === 'ready' ? urgentPatienceMs : holdMs;
    const begun = [...running.values()].filter(({ keys }) => keys.has(key)).map(({ begunAt }) => begunAt);
    if (begun.some((at) => now - at < patienceMs)) return;
    if (begun.length > 0) overdue.add(key);
    backlog.add({ loadBalancerKey: key, lane });
  };

  const setAlarm = (): void => {
    if (!on) return;
    const now = clock.now();
    const goesOnAt = refusedUntil > now ? refusedUntil : Number.POSITIVE_INFINITY;
    const next = Math.min(now + askEveryMs, comesDueAt, failing.nextAt(now), goesOnAt);
    // Never in the same turn: what is due already and was not taken has to wait.
    alarm.set(Math.max(next, now + askSoonestMs));
  };
  const alarm = createAlarm(clock, () => void ask());
  const alarmOfRings = createAlarm(clock, pump);

  const listen = (): void => {
    stopListening = doorbell.listen(
      async (rings) => {
        if (!on) return;
        // What runs is asked for when it has ended: the function may have taken what rang.
        for (const ring of rings) {
          failing.rung(ring.loadBalancerKey);
          if (!isRunning(ring.loadBalancerKey)) backlog.add(ring);
        }
        // Rings of one moment fill one batch.
        alarmOfRings.set(clock.now());
      },
      { batchSize },
    );
  };

  return {
    start: () => {
      if (on) return;
      on = true;
      listen();
      void ask();
    },
    stop: async () => {
      on = false;
      alarm.stop();
      alarmOfRings.stop();
      backlog.clear();
      overdue.clear();
      failing.clear();
      await Promise.all([stopListening?.(), ...ends]);
    },
    load: () => ({ running: running.size, waiting: backlog.size }),
    waitingIn: (lane) => backlog.sizeOf(lane),
  };
};

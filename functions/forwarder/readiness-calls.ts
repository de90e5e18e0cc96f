import { randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/model/clock.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Functions } from '../platform/functions.ts';
import { createAlarm } from './alarm.ts';

const usualMs = 1_000;
const afterFailureMs = 1_000;
/** Whatever the function answers, it is asked again by then: Pods wait. */
const mostMs = 30_000;
const limitMs = 60_000;
/** Many reconciles that end one after the other are one reason to ask. */
const spacingMs = 250;

export interface ReadinessCallsDependencies {
  readonly functions: Pick<Functions, 'readiness'>;
  /** Whether some Pod waits, as far as the facts tell. */
  readonly isWaiting: () => boolean;
  /** Gated Pods that nobody holds, proven by a consistent read. */
  readonly unheld: () => readonly ObjectRef[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Invokes the readiness function while Pods wait, one invocation at a time, and not at all while none does. */
export interface ReadinessCalls {
  start(): void;
  stop(): Promise<void>;
  /** Something may have become ready: asked at once (a quarter of a second after the last), or again after the invocation under way. */
  now(): void;
  /** A Pod waits that did not before: asked within a second. */
  soon(): void;
}

export const createReadinessCalls = (dependencies: ReadinessCallsDependencies): ReadinessCalls => {
  const { functions, isWaiting, unheld, clock, log } = dependencies;
  let on = false;
  let running: Promise<void> | undefined;
  let again = false;
  let begunAt = Number.NEGATIVE_INFINITY;

  const call = async (): Promise<void> => {
    const invocationId = randomUUID();
    const ended = new AbortController();
    let againAfterMs = afterFailureMs;
    try {
      const answer = await Promise.race([
        functions.readiness({ invocationId, unheld: unheld() }),
        clock.sleep(limitMs, ended.signal).then(() => undefined),
      ]);
      if (answer === undefined) log.error('The readiness function did not end.', { invocationId });
      else againAfterMs = Math.min(mostMs, Math.max(usualMs, answer.againAfterMs));
    } catch (error) {
      log.error('The readiness function failed.', { invocationId, error });
    } finally {
      ended.abort();
    }
    running = undefined;
    if (!on) return;
    if (again) now();
    else if (isWaiting() || unheld().length > 0) alarm.set(clock.now() + againAfterMs);
  };

  const now = (): void => {
    again = running !== undefined;
    if (!on || running !== undefined) return;
    if (!isWaiting() && unheld().length === 0) return;
    if (clock.now() < begunAt + spacingMs) {
      alarm.set(begunAt + spacingMs);
      return;
    }
    alarm.stop();
    begunAt = clock.now();
    running = call();
  };
  const alarm = createAlarm(clock, now);

  return {
    start: () => {
      on = true;
      now();
    },
    stop: async () => {
      on = false;
      again = false;
      alarm.stop();
      await running;
    },
    now,
    soon: () => {
      if (on && running === undefined) alarm.set(clock.now() + usualMs);
    },
  };
};

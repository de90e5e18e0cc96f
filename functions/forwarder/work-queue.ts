import type { Clock } from '../../shared/model/clock.ts';
import { createAlarm } from './alarm.ts';

const retryFirstMs = 200;
const retryMostMs = 5_000;

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** At most so many at a time, of different keys. */
  readonly sideBySide: number;
  /** What throws is tried again, with growing pauses up to 5 s. */
  readonly work: (key: string) => Promise<void>;
  readonly onFailure: (key: string, error: unknown, pauseMs: number) => void;
}

/** Keys to work on, each at its time, one at a time for each key; urgent ones before all others. */
export interface WorkQueue {
  /** Unix ms; the earlier of two times counts. Urgent once is urgent until worked on. */
  add(key: string, atMs: number, urgent: boolean): void;
  /** Forgets all that waits; what runs runs on, and is not tried again. */
  clear(): void;
}

interface Waiting {
  at: number;
  urgent: boolean;
}

/**
 * Work may take half of the time that passes, not more: after a key was worked on for so long, it rests for as
 * long. So a thousand Pods of one Service that end at once become a few large states, not a thousand.
 */
export const createWorkQueue = ({ clock, sideBySide, work, onFailure }: WorkQueueOptions): WorkQueue => {
  const waiting = new Map<string, Waiting>();
  /** Order of arrival; urgent ones apart, so that a drain never waits behind a first list. */
  const order = { urgent: new Set<string>(), usual: new Set<string>() };
  const busy = new Set<string>();
  const restUntil = new Map<string, number>();
  const failures = new Map<string, number>();
  let round = 0;

  const startAt = (key: string, at: number): number => Math.max(at, restUntil.get(key) ?? 0);

  const add: WorkQueue['add'] = (key, atMs, urgent) => {
    const known = waiting.get(key);
    const entry = known ?? { at: atMs, urgent };
    entry.at = Math.min(entry.at, atMs);
    entry.urgent ||= urgent;
    if (known === undefined) waiting.set(key, entry);
    if (entry.urgent) order.usual.delete(key);
    order[entry.urgent ? 'urgent' : 'usual'].add(key);
    if (!busy.has(key)) alarm.set(startAt(key, entry.at));
  };

  const forgetRests = (now: number): void => {
    for (const [key, until] of restUntil) if (until <= now) restUntil.delete(key);
  };

  /** Starts what is due, urgent first; sets the alarm for the rest. */
  const pump = (): void => {
    const now = clock.now();
    forgetRests(now);
    let next = Number.POSITIVE_INFINITY;
    for (const keys of [order.urgent, order.usual]) {
      for (const key of keys) {
        if (busy.size >= sideBySide) return;
        const entry = waiting.get(key);
        if (entry === undefined || busy.has(key)) continue;
        const at = startAt(key, entry.at);
        if (at > now) {
          next = Math.min(next, at);
          continue;
        }
        keys.delete(key);
        waiting.delete(key);
        void run(key, entry.urgent);
      }
    }
    if (next < Number.POSITIVE_INFINITY) alarm.set(next);
  };
  const alarm = createAlarm(clock, pump);

  const run = async (key: string, urgent: boolean): Promise<void> => {
    const inRound = round;
    busy.add(key);
    const began = clock.now();
    try {
      await work(key);
      failures.delete(key);
    } catch (error) {
      if (inRound === round) {
        const failed = (failures.get(key) ?? 0) + 1;
        failures.set(key, failed);
        const pauseMs = Math.min(retryMostMs, retryFirstMs * 2 ** (failed - 1));
        onFailure(key, error, pauseMs);
        add(key, clock.now() + pauseMs, urgent);
      }
    } finally {
      busy.delete(key);
      const ended = clock.now();
      if (ended > began) restUntil.set(key, ended + (ended - began));
      pump();
    }
  };

  return {
    add,
    clear: () => {
      round += 1;
      alarm.stop();
      waiting.clear();
      order.urgent.clear();
      order.usual.clear();
      failures.clear();
    },
  };
};

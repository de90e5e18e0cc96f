import { randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/model/clock.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import type { Functions } from './functions.ts';
import { readUnheld } from './unheld-note.ts';

const everyMs = 1_000;
/** Many reconciles that end one after the other are one reason to look. */
const spacingMs = 250;
/** Until when nobody looks, Unix ms: the Pods that wait stay unhealthy, and their state changes more slowly. */
const restNote = 'readiness-rests-until';
/** Of a worker whose clock is wrong. */
const mostRestMs = 30_000;

export interface GateWatchDependencies {
  readonly store: Pick<Store, 'takeTurn' | 'readNote' | 'writeNote'>;
  readonly functions: Pick<Functions, 'readiness'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sees to readiness gates among several workers: each second one of them does, whoever it is. */
export interface GateWatch {
  watch(signal: AbortSignal): Promise<void>;
  /** Something may have become ready: looked at now, by us or by who just did, or within a second. */
  soon(): Promise<void>;
  /** The store answered when it was last asked. */
  storeAnswers(): boolean;
}

export const createGateWatch = (dependencies: GateWatchDependencies): GateWatch => {
  const { store, functions, clock, log } = dependencies;
  let answers = false;

  const asked = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      const value = await answer;
      answers = true;
      return value;
    } catch (error) {
      answers = false;
      throw error;
    }
  };
  const rests = async (): Promise<boolean> => {
    const leftMs = Number((await asked(store.readNote(restNote))) ?? 0) - clock.now();
    return leftMs > 0 && leftMs <= mostRestMs;
  };
  const restFor = async (ms: number): Promise<void> => {
    if (ms > 0) await store.writeNote(restNote, String(clock.now() + Math.min(ms, mostRestMs)));
    else if (await rests()) await store.writeNote(restNote, '0');
  };
  const look = async (turn: string, forMs: number): Promise<boolean> => {
    if (!(await asked(store.takeTurn(turn, forMs)))) return false;
    const unheld = await readUnheld(store);
    const { againAfterMs } = await functions.readiness({ invocationId: randomUUID(), unheld });
    await restFor(againAfterMs > everyMs ? againAfterMs : 0);
    return true;
  };
  const safely = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.warn('Gates could not be seen to; they are within a second.', { error });
    }
  };

  return {
    watch: async (signal) => {
      while (!signal.aborted) {
        // Shorter than the pause, so that a turn is free again for whoever comes next.
        await safely(async () => (await rests()) || (await look('readiness', everyMs - 50)));
        await clock.sleep(everyMs, signal);
      }
    },
    soon: () =>
      safely(async () => {
        // Another one looked just before: what is new since is seen by the next turn, which rests no longer.
        if (!(await look('readiness-soon', spacingMs))) await restFor(0);
      }),
    storeAnswers: () => answers,
  };
};

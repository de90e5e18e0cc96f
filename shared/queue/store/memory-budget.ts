import type { Clock } from '../../model/clock.ts';
import type { Lane } from '../../model/desired-state.ts';
import type { Budget } from './store.ts';

/** The CLB allows 20 calls a second for most actions; a little is left for whoever else uses the account. */
export const defaultBudgetPerSecond = 18;

const windowMs = 1_000;

/** Up to which share of a window's calls a lane is still granted one: what is above is kept for more urgent ones. */
const share: Readonly<Record<Lane, number>> = { drain: 1, ready: 1, rest: 0.8, sweep: 0.5 };

/** Calls so far in the window that began at `start` (Unix ms, whole seconds). */
interface Window {
  readonly start: number;
  readonly used: number;
}

/** Fixed windows of one second for each action. */
export const createMemoryBudget = (clock: Clock, perSecond: number): Budget => {
  const windows = new Map<string, Window>();
  return {
    ask: async (action, lane) => {
      const now = clock.now();
      const start = now - (now % windowMs);
      const last = windows.get(action);
      const used = last?.start === start ? last.used : 0;
      // Every lane gets at least one call, however small the budget.
      if (used >= Math.max(1, Math.floor(perSecond * share[lane]))) {
        return { granted: false, afterMs: start + windowMs - now };
      }
      windows.set(action, { start, used: used + 1 });
      return { granted: true };
    },
  };
};

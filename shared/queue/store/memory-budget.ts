import type { Clock } from '../../model/clock.ts';
import { budgetWindowMs, mostCalls } from './budget.ts';
import type { Budget } from './store.ts';

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
      const start = now - (now % budgetWindowMs);
      const last = windows.get(action);
      const used = last?.start === start ? last.used : 0;
      if (used >= mostCalls(perSecond, lane))
        return { granted: false, afterMs: start + budgetWindowMs - now };
      windows.set(action, { start, used: used + 1 });
      return { granted: true };
    },
  };
};

import type { Lane } from '../../model/desired-state.ts';

/** The CLB allows 20 calls a second for most actions; a little is left for whoever else uses the account. */
export const defaultBudgetPerSecond = 18;

export const budgetWindowMs = 1_000;

/** Up to which share of a window's calls a lane is still granted one: what is above is kept for more urgent ones. */
const share: Readonly<Record<Lane, number>> = { drain: 1, ready: 1, rest: 0.8, sweep: 0.5 };

/** How many calls of a window a lane may find used and still get one: at least one, however small the budget. */
export const mostCalls = (perSecond: number, lane: Lane): number =>
  Math.max(1, Math.floor(perSecond * share[lane]));

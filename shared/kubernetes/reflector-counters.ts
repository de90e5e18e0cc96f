import type { RestartReason } from './stream-end.ts';

/** What a reflector did, as plain numbers, for the metrics. */
export interface ReflectorCounters {
  /** Lists begun; all but the first are relists. */
  lists: number;
  /** Events of the watch, bookmarks among them. */
  events: number;
  /** Objects that gave no fact. */
  unreadable: number;
  /** Changes that whoever was told threw at. */
  handlerFailures: number;
  /** Ends of a list or a watch. */
  restarts: Record<RestartReason, number>;
  /** Unix ms of the last sign of life of the server. */
  lastHeardAt: number;
}

export const noCounts = (now: number): ReflectorCounters => ({
  lists: 0,
  events: 0,
  unreadable: 0,
  handlerFailures: 0,
  restarts: {
    ended: 0,
    unreachable: 0,
    idle: 0,
    expired: 0,
    throttled: 0,
    unauthorized: 0,
    'not-served': 0,
    unreadable: 0,
    refused: 0,
    asked: 0,
  },
  lastHeardAt: now,
});

import type { Pace } from '../../shared/clb/paced.ts';
import type { Clock } from '../../shared/model/clock.ts';

/** A write is begun only if its time-out, the check after it and the hand-back of its hold still fit. */
const writeMs = 13_000;
/** A read that is cut short does no harm; what it was for must still be handed back. */
const readMs = 4_000;

/**
 * Keeps a call from being begun that the platform would end: a step may be many calls. What is not begun is handed
 * back and due again at once.
 *
 * @param deadlineAt Unix ms
 */
export const paceUntil =
  (pace: Pace, deadlineAt: number, clock: Pick<Clock, 'now'>): Pace =>
  async (action, lane) => {
    const needsMs = action.startsWith('Describe') ? readMs : writeMs;
    return deadlineAt - clock.now() < needsMs
      ? { granted: false, afterMs: 0, reason: 'the invocation ends soon' }
      : pace(action, lane);
  };

/** An invocation with less than this takes nothing: what is set is too short for any work. */
const leastMs = 20_000;

/** The function was given too little time; more of it must be set, or nothing is ever done. */
export class TooShort extends Error {
  constructor(leftMs: number) {
    super(
      `The platform gives this function ${Math.round(leftMs / 1000)} s; set its time-out to at least ${leastMs / 1000} s (60 s is usual).`,
    );
    this.name = 'TooShort';
  }
}

/** @throws TooShort */
export const checkTime = (deadlineAt: number, clock: Pick<Clock, 'now'>): void => {
  const leftMs = deadlineAt - clock.now();
  if (leftMs < leastMs) throw new TooShort(leftMs);
};

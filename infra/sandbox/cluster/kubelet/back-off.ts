/**
 * The kubelet's waits between restarts: none after the first crash, then `firstMs` doubling up to `lastMs`; ten quiet
 * minutes forget it.
 */
export interface BackOff {
  /** How long to wait after a crash at that moment. */
  next(nowMs: number): number;
}

const forgottenAfterMs = 600_000;

export const createBackOff = (firstMs = 10_000, lastMs = 300_000): BackOff => {
  let waitMs = 0;
  let lastAtMs = 0;
  return {
    next: (nowMs) => {
      if (nowMs - lastAtMs > forgottenAfterMs) waitMs = 0;
      lastAtMs = nowMs;
      const now = waitMs;
      waitMs = waitMs === 0 ? firstMs : Math.min(waitMs * 2, lastMs);
      return now;
    },
  };
};

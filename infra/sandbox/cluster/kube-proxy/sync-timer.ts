/** Runs something soon after it is asked for, but not more often than it may: kube-proxy's BoundedFrequencyRunner. */
export interface SyncTimer {
  /** Asks for a run; what is asked while one waits is the same one. */
  ask(): void;
  close(): void;
}

export interface SyncTimerOptions {
  readonly run: () => Promise<void>;
  /** The least time from the start of one run to the next; the first two of a quiet time follow each other at once. */
  readonly minPeriodMs: number;
}

const burst = 2;

export const createSyncTimer = ({ run, minPeriodMs }: SyncTimerOptions): SyncTimer => {
  let tokens = burst;
  let refilledMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let askedMeanwhile = false;
  let closed = false;

  const take = (): number => {
    const now = performance.now();
    if (minPeriodMs > 0) tokens = Math.min(burst, tokens + (now - refilledMs) / minPeriodMs);
    else tokens = burst;
    refilledMs = now;
    return tokens >= 1 ? 0 : (1 - tokens) * minPeriodMs;
  };

  const start = (): void => {
    timer = undefined;
    if (closed) return;
    take();
    tokens = Math.max(0, tokens - 1);
    running = true;
    void run().finally(() => {
      running = false;
      if (!askedMeanwhile) return;
      askedMeanwhile = false;
      ask();
    });
  };

  const ask = (): void => {
    if (closed || timer !== undefined) return;
    if (running) askedMeanwhile = true;
    else timer = setTimeout(start, take());
  };

  return {
    ask,
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
};

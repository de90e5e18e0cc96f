/**
 * Keys that are due, each worked on by one call at a time; a key added while it is worked on comes again afterwards.
 * A failed key comes again after a growing wait.
 */
export interface WorkQueue {
  /** Due now, or after `delayMs`; the earlier of two delays holds. */
  add(key: string, delayMs?: number): void;
  close(): void;
}

export interface WorkQueueOptions {
  readonly work: (key: string) => Promise<void>;
  readonly onError?: (key: string, error: unknown) => void;
  /** Keys worked on side by side; default 8. */
  readonly concurrency?: number;
  /** How long a failed key waits, first and at most; it doubles each time. Default 10 ms and 5 s. */
  readonly retryMs?: readonly [number, number];
}

export const createWorkQueue = (options: WorkQueueOptions): WorkQueue => {
  const { work, onError, concurrency = 8, retryMs = [10, 5000] } = options;
  const [firstRetryMs, lastRetryMs] = retryMs;
  const due = new Set<string>();
  const busy = new Set<string>();
  const timers = new Map<string, { atMs: number; timer: NodeJS.Timeout }>();
  const failures = new Map<string, number>();
  let closed = false;

  const run = async (key: string): Promise<void> => {
    busy.add(key);
    try {
      await work(key);
      failures.delete(key);
    } catch (error) {
      if (closed) return;
      const failed = (failures.get(key) ?? 0) + 1;
      failures.set(key, failed);
      onError?.(key, error);
      add(key, Math.min(firstRetryMs * 2 ** (failed - 1), lastRetryMs));
    } finally {
      busy.delete(key);
      pump();
    }
  };

  const pump = (): void => {
    if (closed) return;
    for (const key of due) {
      if (busy.size >= concurrency) return;
      if (busy.has(key)) continue;
      due.delete(key);
      void run(key);
    }
  };

  const add = (key: string, delayMs = 0): void => {
    if (closed) return;
    if (delayMs <= 0) {
      due.add(key);
      pump();
      return;
    }
    const atMs = Date.now() + delayMs;
    const waiting = timers.get(key);
    if (waiting !== undefined && waiting.atMs <= atMs) return;
    clearTimeout(waiting?.timer);
    const timer = setTimeout(() => {
      timers.delete(key);
      add(key);
    }, delayMs);
    timer.unref();
    timers.set(key, { atMs, timer });
  };

  return {
    add,
    close: () => {
      closed = true;
      for (const { timer } of timers.values()) clearTimeout(timer);
      timers.clear();
      due.clear();
    },
  };
};

/** Simulated time: every duration given to it is divided by `speed` before it is waited for. */
export interface SimulatedClock {
  readonly speed: number;
  /** Simulated milliseconds since it began. */
  nowMs(): number;
  /** Real milliseconds that a simulated duration takes. */
  real(simulatedMs: number): number;
  /** Runs `run` after a simulated time; the answer cancels it. Nothing runs after {@link close}. */
  after(simulatedMs: number, run: () => void): () => void;
  /** Waits a simulated time; never settles once the clock is closed. */
  sleep(simulatedMs: number): Promise<void>;
  close(): void;
}

/** The longest that a timer of Node waits; it would fire a longer one at once. */
const longestTimerMs = 2 ** 31 - 1;

export const createClock = (speed: number): SimulatedClock => {
  const timers = new Set<NodeJS.Timeout>();
  let closed = false;
  const beganMs = performance.now();
  const real = (simulatedMs: number): number => simulatedMs / speed;
  const after = (simulatedMs: number, run: () => void): (() => void) => {
    if (closed) return () => undefined;
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        run();
      },
      Math.min(real(simulatedMs), longestTimerMs),
    );
    timers.add(timer);
    return () => {
      clearTimeout(timer);
      timers.delete(timer);
    };
  };
  return {
    speed,
    nowMs: () => (performance.now() - beganMs) * speed,
    real,
    after,
    sleep: (simulatedMs) =>
      real(simulatedMs) < 0.5 && !closed
        ? Promise.resolve()
        : new Promise((resolve) => void after(simulatedMs, resolve)),
    close: () => {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
};

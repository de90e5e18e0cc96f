import type { Pool } from './pool.ts';

/** When an event that nobody waits for is tried again. */
export interface Again {
  /** After each failure of the function; after the last one it is given up. */
  readonly failedMs: readonly number[];
  /** While there is no instance: after so long at first, then twice that, and never longer than the second. */
  readonly refusedMs: readonly [first: number, longest: number];
  /** So old it may get. */
  readonly maxAgeMs: number;
}

const hoursMs = 3_600_000;
const minuteMs = 60_000;

export const again: Readonly<Record<'lambda' | 'scf', Again>> = {
  /** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
  lambda: {
    failedMs: [minuteMs, 2 * minuteMs],
    refusedMs: [1_000, 5 * minuteMs],
    maxAgeMs: 6 * hoursMs,
  },
  /** https://www.tencentcloud.com/document/product/583/41138 */
  scf: { failedMs: [minuteMs, minuteMs], refusedMs: [minuteMs, minuteMs], maxAgeMs: 6 * hoursMs },
};

interface Queued {
  readonly pool: Pool;
  readonly event: Buffer;
  /** The same for every try. */
  readonly requestId: string;
  readonly since: number;
  readonly failures: number;
  readonly refusals: number;
}

/** Takes events that nobody waits for, and tries each as often as its platform does. */
export class EventQueue {
  readonly #again: Again;
  readonly #speed: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #running = 0;
  #closed = false;

  /** @param speed how many times faster than on the platform they are tried again */
  constructor(rules: Again, speed = 1) {
    this.#again = rules;
    this.#speed = speed;
  }

  /** Events that are tried now or later. */
  get size(): number {
    return this.#running + this.#timers.size;
  }

  add(pool: Pool, event: Buffer, requestId: string): void {
    void this.#try({ pool, event, requestId, since: Date.now(), failures: 0, refusals: 0 });
  }

  async #try(queued: Queued): Promise<void> {
    const { pool, event, requestId, failures, refusals } = queued;
    this.#running += 1;
    const invoked = await pool.invoke(event, { requestId }).finally(() => {
      this.#running -= 1;
    });
    if (invoked.is === 'refused') {
      const [first, longest] = this.#again.refusedMs;
      this.#later(Math.min(longest, first * 2 ** refusals), { ...queued, refusals: refusals + 1 });
    } else if (invoked.end.is !== 'answer') {
      this.#later(this.#again.failedMs[failures], { ...queued, failures: failures + 1 });
    }
  }

  #later(afterMs: number | undefined, queued: Queued): void {
    const ageMs = (Date.now() - queued.since) * this.#speed;
    if (this.#closed || afterMs === undefined || ageMs + afterMs > this.#again.maxAgeMs) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#try(queued);
    }, afterMs / this.#speed);
    this.#timers.add(timer.unref());
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

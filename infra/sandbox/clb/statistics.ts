/** What is counted of a call. */
export interface CountedCall {
  /** When it arrived, ms since the epoch. */
  readonly timeMs: number;
  readonly action: string;
  readonly loadBalancerId: string | undefined;
  readonly code: string;
  /** What refused it: the lock of the load balancer, or the limit of calls. Absent: neither. */
  readonly refusedBy?: 'lock' | 'limit';
}

/** Calls that were counted together. */
export interface CallCounts {
  readonly calls: number;
  /** Those that were not answered with success, whatever it was; refusals are among them. */
  readonly errors: number;
  /** Writes that found the lock of their load balancer taken. */
  readonly lockConflicts: number;
  /** Calls above the limit of their second. */
  readonly limitHits: number;
}

export interface ActionCounts extends CallCounts {
  /** The most calls in one second, those above the limit included. */
  readonly mostInASecond: number;
}

export interface SecondCounts extends CallCounts {
  /** Since the epoch. */
  readonly second: number;
  readonly byAction: Readonly<Record<string, number>>;
}

/** All calls since the simulator began. */
export interface CallStatistics extends CallCounts {
  readonly byAction: Readonly<Record<string, ActionCounts>>;
  /** By id; calls that name several count for the first. */
  readonly byLoadBalancer: Readonly<
    Record<string, CallCounts & { readonly byAction: Record<string, number> }>
  >;
  /** The last 600 in which there was a call, oldest first. */
  readonly seconds: readonly SecondCounts[];
}

const keptSeconds = 600;

class Counter {
  calls = 0;
  errors = 0;
  lockConflicts = 0;
  limitHits = 0;
  readonly byAction = new Map<string, number>();

  add({ action, code, refusedBy }: CountedCall): void {
    this.calls += 1;
    if (code !== 'OK') this.errors += 1;
    if (refusedBy === 'lock') this.lockConflicts += 1;
    if (refusedBy === 'limit') this.limitHits += 1;
    this.byAction.set(action, (this.byAction.get(action) ?? 0) + 1);
  }

  counts(): CallCounts {
    const { calls, errors, lockConflicts, limitHits } = this;
    return { calls, errors, lockConflicts, limitHits };
  }

  countsByAction(): CallCounts & { readonly byAction: Record<string, number> } {
    return { ...this.counts(), byAction: Object.fromEntries(this.byAction) };
  }
}

/** Counts calls as they are answered, so that asking costs nothing of the log. */
export class Statistics {
  readonly #all = new Counter();
  readonly #actions = new Map<string, Counter>();
  readonly #mostInASecond = new Map<string, number>();
  readonly #loadBalancers = new Map<string, Counter>();
  readonly #seconds = new Map<number, Counter>();

  add(call: CountedCall): void {
    const second = Math.floor(call.timeMs / 1000);
    const inSecond = counterOf(this.#seconds, second);
    this.#all.add(call);
    counterOf(this.#actions, call.action).add(call);
    inSecond.add(call);
    if (call.loadBalancerId !== undefined) counterOf(this.#loadBalancers, call.loadBalancerId).add(call);
    const now = inSecond.byAction.get(call.action) ?? 0;
    this.#mostInASecond.set(call.action, Math.max(now, this.#mostInASecond.get(call.action) ?? 0));
    if (this.#seconds.size > keptSeconds) {
      const [oldest] = this.#seconds.keys();
      if (oldest !== undefined) this.#seconds.delete(oldest);
    }
  }

  take(): CallStatistics {
    const named = <T>(counters: ReadonlyMap<string, Counter>, of: (counter: Counter, name: string) => T) =>
      Object.fromEntries([...counters].map(([name, counter]) => [name, of(counter, name)]));
    return {
      ...this.#all.counts(),
      byAction: named(this.#actions, (counter, name) => ({
        ...counter.counts(),
        mostInASecond: this.#mostInASecond.get(name) ?? 0,
      })),
      byLoadBalancer: named(this.#loadBalancers, (counter) => counter.countsByAction()),
      seconds: [...this.#seconds]
        .sort(([one], [other]) => one - other)
        .map(([second, counter]) => ({ second, ...counter.countsByAction() })),
    };
  }
}

const counterOf = <K>(counters: Map<K, Counter>, key: K): Counter => {
  const counter = counters.get(key) ?? new Counter();
  counters.set(key, counter);
  return counter;
};

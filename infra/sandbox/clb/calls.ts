import { type CallStatistics, type CountedCall, Statistics } from './statistics.ts';

/** One call to the API as the gateway saw it. */
export interface CallRecord extends CountedCall {
  readonly region: string;
  readonly secretId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** `OK`, the API's error code, or what a fault made of it: `HTTP 502`, `dropped`, `truncated`. */
  readonly code: string;
  readonly requestId: string;
  /** Ids of what it made: load balancers, listeners or rules, in the order in which they were asked for. */
  readonly createdIds: readonly string[];
  /** Real milliseconds from arrival to answer. */
  readonly ms: number;
}

const kept = 200_000;

/** The record of all calls, oldest first; the oldest go when there are too many. */
export class CallLog {
  readonly #calls: CallRecord[] = [];
  readonly #statistics = new Statistics();

  get all(): readonly CallRecord[] {
    return this.#calls;
  }

  /** All of it in numbers, the calls that are no longer kept included. */
  statistics(): CallStatistics {
    return this.#statistics.take();
  }

  add(call: CallRecord): void {
    this.#calls.push(call);
    this.#statistics.add(call);
    if (this.#calls.length > kept) this.#calls.splice(0, kept / 10);
  }

  /** Calls by action, those that were answered with an error included. */
  countByAction(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { action } of this.#calls) counts[action] = (counts[action] ?? 0) + 1;
    return counts;
  }
}

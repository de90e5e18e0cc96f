import type { ClientReport, Failure, FailureKind } from './report.ts';

const growth = 1.05;

/** A histogram whose buckets grow by 5 %: quantiles of any number of latencies in constant memory. */
export class Latencies {
  readonly #buckets: number[] = [];
  #count = 0;
  #maxMs = 0;

  add(ms: number): void {
    const at = Math.max(0, Math.ceil(Math.log(Math.max(ms, 0.01) / 0.01) / Math.log(growth)));
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** At most 5 % above the true value; 0 while there is none. */
  quantileMs(quantile: number): number {
    let left = Math.ceil(this.#count * quantile);
    for (const [at, count = 0] of this.#buckets.entries()) {
      left -= count;
      if (left <= 0 && count > 0) return Math.min(0.01 * growth ** at, this.#maxMs);
    }
    return this.#maxMs;
  }
}

const round = (ms: number): number => Math.round(ms * 100) / 100;

/** What a Pod of the sandbox says in its answer. */
export interface Answer {
  readonly pod: string;
  readonly version: string;
  readonly client: string;
}

/** Counts what a client sees. */
export class Statistics {
  readonly #latencies = new Latencies();
  readonly #failures: Failure[] = [];
  readonly #failuresKept: number;
  readonly #pods: Record<string, number> = {};
  readonly #versions: Record<string, number> = {};
  readonly #seenAs: Record<string, number> = {};
  #ok = 0;
  #failed = 0;
  #reset = 0;
  #lastPod: string | undefined;
  #podChanges = 0;
  inFlight = 0;
  skipped = 0;
  connectionsOpened = 0;
  connectionsClosedByServer = 0;

  constructor(failuresKept: number) {
    this.#failuresKept = failuresKept;
  }

  succeeded(answer: Answer, ms: number): void {
    this.#ok += 1;
    this.#latencies.add(ms);
    const { pod, version, client } = answer;
    this.#pods[pod] = (this.#pods[pod] ?? 0) + 1;
    this.#versions[version] = (this.#versions[version] ?? 0) + 1;
    this.#seenAs[client] = (this.#seenAs[client] ?? 0) + 1;
    if (this.#lastPod !== undefined && this.#lastPod !== pod) this.#podChanges += 1;
    this.#lastPod = pod;
  }

  /** @param wasReset whether an RST ended the connection, also when the failure is of another kind */
  failed(failure: Failure, wasReset: boolean = failure.kind === 'reset'): void {
    this.#failed += 1;
    if (wasReset) this.#reset += 1;
    if (this.#failures.length < this.#failuresKept) this.#failures.push(failure);
  }

  report(of: Pick<ClientReport, 'name' | 'kind' | 'atMs' | 'final'>): ClientReport {
    return {
      ...of,
      total: this.#ok + this.#failed,
      ok: this.#ok,
      failed: this.#failed,
      reset: this.#reset,
      inFlight: this.inFlight,
      skipped: this.skipped,
      connectionsOpened: this.connectionsOpened,
      connectionsClosedByServer: this.connectionsClosedByServer,
      p50Ms: round(this.#latencies.quantileMs(0.5)),
      p99Ms: round(this.#latencies.quantileMs(0.99)),
      maxMs: round(this.#latencies.maxMs),
      pods: this.#pods,
      versions: this.#versions,
      seenAs: this.#seenAs,
      podChanges: this.#podChanges,
      failures: this.#failures,
    };
  }
}

/** Which kind of failure a socket's error code is. */
export const kindOfError = (code: string | undefined): FailureKind => {
  if (code === 'ECONNREFUSED') return 'refused';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'reset';
  return 'other';
};

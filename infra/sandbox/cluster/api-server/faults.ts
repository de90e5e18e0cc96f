import type { Json } from './json.ts';

/** What a fault can be chosen by. */
export interface FaultRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly isWatch: boolean;
  /** Who sends it. */
  readonly user: string;
}

export type FaultMatch = (request: FaultRequest) => boolean;

/** What happens instead of, or beside, the right answer. */
export type Fault =
  /** An answer with this code; the request changes nothing. */
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
    }
  /** The connection is cut before the request is looked at. */
  | { readonly kind: 'cut' }
  /** The request is carried out, and the connection cut instead of an answer. */
  | { readonly kind: 'cut-answer' }
  /** The request is carried out so much later. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** A watch opens and never sends anything. */
  | { readonly kind: 'silence' };

interface Rule {
  readonly matches: FaultMatch;
  readonly fault: Fault;
  left: number;
}

/** An open watch, as faults see it. */
export interface OpenWatch {
  readonly request: FaultRequest;
  /** Stops sending; the connection stays open. */
  silence(): void;
  /** Cuts the connection. */
  cut(): void;
  /** Sends one line as it is. */
  inject(line: string): void;
}

/** Faults on demand, for tests. */
export class Faults {
  #rules: Rule[] = [];
  readonly #watches = new Set<OpenWatch>();
  readonly #cutAll: () => void;
  #refusing = false;

  constructor(cutAll: () => void) {
    this.#cutAll = cutAll;
  }

  /**
   * Answers matching requests with a fault.
   *
   * @param times how many requests it meets; default: all until it is taken back
   * @returns takes the fault back
   */
  add(matches: FaultMatch, fault: Fault, times: number = Number.POSITIVE_INFINITY): () => void {
    const rule: Rule = { matches, fault, left: times };
    this.#rules.push(rule);
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule);
    };
  }

  /** Resets every connection, open and new, until it is taken back. */
  refuseConnections(refusing: boolean): void {
    this.#refusing = refusing;
    if (refusing) this.#cutAll();
  }

  get refusing(): boolean {
    return this.#refusing;
  }

  /** Resets every open connection once. */
  cutConnections(): void {
    this.#cutAll();
  }

  /** The open watches that match stop sending anything, and stay open. */
  silenceWatches(matches: FaultMatch = () => true): number {
    return this.#each(matches, (watch) => watch.silence());
  }

  /** The open watches that match are cut. */
  cutWatches(matches: FaultMatch = () => true): number {
    return this.#each(matches, (watch) => watch.cut());
  }

  /** The open watches that match get an event that is not in the history, e.g. an ERROR. */
  injectEvent(event: { type: string; object: Json }, matches: FaultMatch = () => true): number {
    return this.#each(matches, (watch) => watch.inject(`${JSON.stringify(event)}\n`));
  }

  /** How many watches are open. */
  openWatches(matches: FaultMatch = () => true): number {
    return this.#each(matches, () => {});
  }

  /** Takes back every fault. */
  clear(): void {
    this.#rules = [];
    this.#refusing = false;
  }

  /** The fault that meets a request, which uses it up once. */
  take(request: FaultRequest): Fault | undefined {
    const rule = this.#rules.find((one) => one.left > 0 && one.matches(request));
    if (rule === undefined) return undefined;
    rule.left -= 1;
    return rule.fault;
  }

  /** Makes an open watch known until the answer is called. */
  track(watch: OpenWatch): () => void {
    this.#watches.add(watch);
    return () => this.#watches.delete(watch);
  }

  #each(matches: FaultMatch, act: (watch: OpenWatch) => void): number {
    const met = [...this.#watches].filter((watch) => matches(watch.request));
    for (const watch of met) act(watch);
    return met.length;
  }
}

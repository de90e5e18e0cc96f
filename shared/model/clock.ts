/** Time is a value: everything that asks for it is given one. */
export interface Clock {
  /** Unix ms. */
  now(): number;
  /** Resolves after `ms`, or earlier when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A number in [0, 1). */
export type Random = () => number;

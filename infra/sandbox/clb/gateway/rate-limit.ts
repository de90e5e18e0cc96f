/** Counts calls in fixed windows of one second, by server time. */
export class RateLimit {
  #second = 0;
  readonly #counts = new Map<string, number>();

  /** Counts one call. @returns how many this key has made in the running second, this one included */
  count(key: string, nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts.clear();
    }
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return count;
  }
}

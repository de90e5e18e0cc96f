/** The end of a grace period: it can only come nearer. */
export class Deadline {
  #atMs: number;
  readonly #waiting = new Set<() => void>();

  constructor(atMs: number) {
    this.#atMs = atMs;
  }

  get atMs(): number {
    return this.#atMs;
  }

  shorten(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    for (const look of this.#waiting) look();
  }

  /** Calls back once when the deadline, but at least the moment `notBeforeMs`, has come; returns how to stop waiting. */
  onReached(call: () => void, notBeforeMs = 0): () => void {
    let timer: NodeJS.Timeout | undefined;
    const look = (): void => {
      clearTimeout(timer);
      timer = setTimeout(
        () => {
          cancel();
          call();
        },
        Math.max(0, Math.max(this.#atMs, notBeforeMs) - Date.now()),
      );
    };
    const cancel = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(look);
    };
    this.#waiting.add(look);
    look();
    return cancel;
  }
}

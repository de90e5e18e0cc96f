import { StatusError } from '../status-error.ts';

/** Runs small jobs one after the other, each key at most once at a time in the queue. */
export class JobQueue {
  readonly #waiting = new Map<string, () => Promise<void>>();
  #running = false;
  #stopped = false;

  /** Queues a job; one of the same key that still waits is replaced. */
  add(key: string, job: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#waiting.set(key, job);
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => void this.#run());
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    for (const [key, job] of this.#waiting) {
      this.#waiting.delete(key);
      try {
        await job();
      } catch (error) {
        // Gone or changed meanwhile: the change that made it so queues whatever is still to do.
        if (!(error instanceof StatusError)) throw error;
      }
    }
    this.#running = false;
  }
}

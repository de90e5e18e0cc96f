import { hasReached } from './resource-version.ts';

interface Waiter {
  readonly resourceVersion: string;
  /** A list that begins after these many is newer than anything the waiter asked for. */
  readonly listsBegun: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Who waits until a reflector has seen everything up to a resourceVersion. */
export class Passage {
  readonly #waiting = new Set<Waiter>();
  #listsBegun = 0;
  #last: string | undefined;

  get last(): string | undefined {
    return this.#last;
  }

  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  wait(resourceVersion: string): Promise<void> {
    if (hasReached(this.#last, resourceVersion)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.add({ resourceVersion, listsBegun: this.#listsBegun, resolve, reject });
    });
  }

  reached(resourceVersion: string): void {
    this.#last = resourceVersion;
    this.#release((waiter) => hasReached(resourceVersion, waiter.resourceVersion));
  }

  listBegins(): void {
    this.#listsBegun += 1;
  }

  /** Lists are read consistently: one that began after somebody asked holds all they asked for. */
  listEnds(): void {
    this.#release((waiter) => waiter.listsBegun < this.#listsBegun);
  }

  fail(error: Error): void {
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }

  #release(isDone: (waiter: Waiter) => boolean): void {
    for (const waiter of this.#waiting) {
      if (!isDone(waiter)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }
}

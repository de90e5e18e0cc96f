import { Collection } from './collection.ts';

/**
 * All objects, with one counter of resourceVersions for all of them. Writes are synchronous, so a reader never sees
 * half of one, and the order of the changes is the order of the versions.
 */
export class ObjectStore {
  #version = 1;
  #compacted = 0;
  readonly #historyLimit: number;
  readonly #collections = new Map<string, Collection>();

  /** @param historyLimit how many changes of each resource a watch can go back */
  constructor(historyLimit: number) {
    this.#historyLimit = historyLimit;
  }

  /** The resourceVersion of the newest change. */
  get version(): number {
    return this.#version;
  }

  /** The objects of a resource, e.g. `pods` or `deployments.apps`. */
  collection(resource: string): Collection {
    const known = this.#collections.get(resource);
    if (known !== undefined) return known;
    const made = new Collection(
      {
        next: () => {
          this.#version += 1;
          return this.#version;
        },
        compacted: () => this.#compacted,
      },
      this.#historyLimit,
    );
    this.#collections.set(resource, made);
    return made;
  }

  /** Every collection that was ever used. */
  collections(): IterableIterator<[string, Collection]> {
    return this.#collections.entries();
  }

  /** Forgets all history: a watch or a page from before now is answered with 410. */
  compact(): void {
    this.#compacted = this.#version;
    for (const collection of this.#collections.values()) collection.compact();
  }
}

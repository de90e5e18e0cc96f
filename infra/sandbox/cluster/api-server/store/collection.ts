import type { KubeObject } from '../kube-object.ts';
import { tooOldVersion } from '../status-error.ts';

/** One version of an object, with its JSON text made once however often it is sent. */
export class Stored {
  readonly object: KubeObject;
  readonly version: number;
  #fields: string | undefined;

  constructor(object: KubeObject, version: number) {
    this.object = object;
    this.version = version;
  }

  /** The object's JSON without its type fields and the opening brace: `"metadata":{…},…}`. */
  get fields(): string {
    if (this.#fields === undefined) {
      const { apiVersion: _apiVersion, kind: _kind, ...rest } = this.object;
      this.#fields = JSON.stringify(rest).slice(1);
    }
    return this.#fields;
  }

  /** The same state under a later version: what a watch sends for an object that leaves its selector. */
  at(version: number): Stored {
    const { object } = this;
    const resourceVersion = String(version);
    return new Stored({ ...object, metadata: { ...object.metadata, resourceVersion } }, version);
  }
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  /** What is now; for DELETED the last state, at the version of the deletion. */
  readonly current: Stored;
  readonly previous: Stored | undefined;
}

interface Versions {
  next(): number;
  compacted(): number;
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`;

/** The objects of one resource and the history of their changes. */
export class Collection {
  readonly #versions: Versions;
  readonly #historyLimit: number;
  readonly #objects = new Map<string, Stored>();
  readonly #listeners = new Set<(change: Change) => void>();
  #sortedKeys: string[] | undefined;
  #history: Change[] = [];
  #firstSequence = 0;
  /** The version of the newest change that history lacks. */
  #forgotten = 0;

  constructor(versions: Versions, historyLimit: number) {
    this.#versions = versions;
    this.#historyLimit = historyLimit;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(namespace: string, name: string): Stored | undefined {
    return this.#objects.get(keyOf(namespace, name));
  }

  /** All objects in no order. */
  values(): IterableIterator<Stored> {
    return this.#objects.values();
  }

  /** All objects, ordered by namespace and name, as they were at `version` (default: now). */
  list(version?: number): Stored[] {
    if (version !== undefined && this.#after(version) < this.#nextSequence) return this.#listAt(version);
    this.#sortedKeys ??= [...this.#objects.keys()].sort();
    const all: Stored[] = [];
    for (const key of this.#sortedKeys) {
      const stored = this.#objects.get(key);
      if (stored !== undefined) all.push(stored);
    }
    return all;
  }

  /** Stores a new state. The object must not be changed afterwards. */
  put(object: KubeObject): Stored {
    const key = keyOf(object.metadata.namespace ?? '', object.metadata.name);
    const previous = this.#objects.get(key);
    const version = this.#versions.next();
    object.metadata.resourceVersion = String(version);
    const current = new Stored(object, version);
    this.#objects.set(key, current);
    if (previous === undefined) this.#sortedKeys = undefined;
    this.#record({ type: previous === undefined ? 'ADDED' : 'MODIFIED', version, current, previous });
    return current;
  }

  /** Takes an object away; `last` is its last state, `previous` the one that watches know. */
  remove(last: Stored, previous: Stored | undefined = last): Stored {
    const { metadata } = last.object;
    const version = this.#versions.next();
    const current = last.at(version);
    this.#objects.delete(keyOf(metadata.namespace ?? '', metadata.name));
    this.#sortedKeys = undefined;
    this.#record({ type: 'DELETED', version, current, previous });
    return current;
  }

  /** Takes an object away in a last state that nobody saw before: the update that let it go. */
  removeAs(last: KubeObject): Stored {
    const { metadata } = last;
    const present = this.get(metadata.namespace ?? '', metadata.name);
    return this.remove(new Stored(last, present?.version ?? 0), present);
  }

  /**
   * The place in history after `version`.
   *
   * @throws StatusError 410 where history does not reach back so far
   */
  sequenceAfter(version: number): number {
    const oldest = Math.max(this.#forgotten, this.#versions.compacted());
    if (version < oldest) throw tooOldVersion(version, oldest);
    return this.#after(version);
  }

  /** The place in history of the next change. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** The change at a place; `forgotten` where history no longer has it, undefined where it is still to come. */
  changeAt(sequence: number): Change | 'forgotten' | undefined {
    if (sequence < this.#firstSequence) return 'forgotten';
    return this.#history[sequence - this.#firstSequence];
  }

  /** The newest version that a watch can no longer start before. */
  get oldestVersion(): number {
    return Math.max(this.#forgotten, this.#versions.compacted());
  }

  /** Calls `listener` after each change, in order. It must not throw. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  compact(): void {
    this.#drop(this.#history.length);
  }

  get #nextSequence(): number {
    return this.#firstSequence + this.#history.length;
  }

  #record(change: Change): void {
    this.#history.push(change);
    // Dropping a quarter at a time keeps the cost of a write constant.
    if (this.#history.length > this.#historyLimit) this.#drop(Math.ceil(this.#historyLimit / 4));
    for (const listener of this.#listeners) listener(change);
  }

  #drop(count: number): void {
    const last = this.#history[count - 1];
    if (last === undefined) return;
    this.#forgotten = last.version;
    this.#history = this.#history.slice(count);
    this.#firstSequence += count;
  }

  /** The first place whose change is newer than `version`. */
  #after(version: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const change = this.#history[middle];
      if (change !== undefined && change.version <= version) low = middle + 1;
      else high = middle;
    }
    return this.#firstSequence + low;
  }

  #listAt(version: number): Stored[] {
    const first = this.sequenceAfter(version);
    const objects = new Map(this.#objects);
    for (let sequence = this.#nextSequence - 1; sequence >= first; sequence -= 1) {
      const change = this.#history[sequence - this.#firstSequence];
      if (change === undefined) continue;
      const { metadata } = change.current.object;
      const key = keyOf(metadata.namespace ?? '', metadata.name);
      if (change.previous === undefined) objects.delete(key);
      else objects.set(key, change.previous);
    }
    return [...objects.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stored]) => stored);
  }
}

import type { Change } from './change.ts';
import { type Parsed, record, text } from './facts/read.ts';
import { hasReached } from './resource-version.ts';

interface Known<T> {
  readonly resourceVersion: string;
  readonly fact: T;
}

/** An object that gave no fact. What was known of it before stays: that it cannot be read is no evidence. */
export interface Unreadable {
  readonly namespace?: string;
  readonly name?: string;
  readonly reason: string;
}

/**
 * What a reflector has told so far, so that a list tells only what differs and a repeated event nothing. Pure.
 */
export class KnownObjects<T> {
  readonly #known = new Map<string, Known<T>>();
  readonly #parse: (object: unknown) => Parsed<T>;
  readonly #unreadable: (object: Unreadable) => void;
  #listed: Set<string> | undefined;

  constructor(parse: (object: unknown) => Parsed<T>, unreadable: (object: Unreadable) => void) {
    this.#parse = parse;
    this.#unreadable = unreadable;
  }

  get size(): number {
    return this.#known.size;
  }

  /** From here on, what is set counts as listed. A list that was broken off before is forgotten. */
  beginList(): void {
    this.#listed = new Set();
  }

  /** The list is complete, and it was read consistently: what it lacks is gone. */
  endList(): readonly Change<T>[] {
    const listed = this.#listed ?? new Set();
    this.#listed = undefined;
    const changes: Change<T>[] = [];
    for (const [uid, { fact }] of this.#known) {
      if (listed.has(uid)) continue;
      this.#known.delete(uid);
      changes.push({ type: 'gone', uid, fact, consistent: true });
    }
    return changes;
  }

  set(object: unknown): Change<T> | undefined {
    const metadata = record(record(object)['metadata']);
    const uid = text(metadata['uid']);
    const resourceVersion = text(metadata['resourceVersion']);
    if (uid === undefined || resourceVersion === undefined) {
      this.#report(object, 'an object without uid or resourceVersion');
      return undefined;
    }
    this.#listed?.add(uid);
    const before = this.#known.get(uid)?.resourceVersion;
    if (before === resourceVersion) return undefined;
    // A list is the truth even where its numbers are lower (a restored etcd); an event that is older is an echo.
    if (this.#listed === undefined && hasReached(before, resourceVersion)) return undefined;
    const fact = this.#factOf(object);
    if (fact === undefined) return undefined;
    this.#known.set(uid, { resourceVersion, fact });
    return { type: 'set', fact };
  }

  /** A DELETED event; its object is the last state. */
  remove(object: unknown): Change<T> | undefined {
    const uid = text(record(record(object)['metadata'])['uid']);
    const known = uid === undefined ? undefined : this.#known.get(uid);
    if (uid === undefined || known === undefined) return undefined;
    this.#known.delete(uid);
    this.#listed?.delete(uid);
    return { type: 'gone', uid, fact: this.#factOf(object) ?? known.fact, consistent: true };
  }

  #factOf(object: unknown): T | undefined {
    try {
      const parsed = this.#parse(object);
      if ('fact' in parsed) return parsed.fact;
      this.#report(object, parsed.dropped);
    } catch (error) {
      this.#report(object, error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
    return undefined;
  }

  #report(object: unknown, reason: string): void {
    const metadata = record(record(object)['metadata']);
    const namespace = text(metadata['namespace']);
    const name = text(metadata['name']);
    this.#unreadable({
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      reason,
    });
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type KubernetesObject, pathOf, type Resource } from './objects.ts';
import { isStatus, type Transport } from './transport.ts';

export interface Change<T> {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: T;
  /** What the cache held before; undefined for what was added. */
  readonly previous: T | undefined;
}

export interface InformerOptions<T> {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Names of indexes and the values an object has in them. */
  readonly indexes?: Readonly<Record<string, (object: T) => readonly string[]>>;
  readonly signal?: AbortSignal;
}

/**
 * One resource as a cache that follows the API server: lists, watches, resumes where it was, lists anew after 410 and
 * then reports what vanished as deleted. `learn` and `forget` put one's own writes into it at once, so that whoever
 * decides from the cache never decides twice about the same write.
 */
export interface Informer<T> {
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
  get(namespace: string, name: string): T | undefined;
  list(namespace?: string): T[];
  by(index: string, value: string): T[];
  onChange(listener: (change: Change<T>) => void): void;
  learn(object: T): void;
  forget(object: T): void;
  close(): void;
}

interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T & { readonly code?: number; readonly message?: string };
}

const watchSeconds = 240;
const idleMs = (watchSeconds + 30) * 1000;
const rememberedDeletions = 5000;

const keyOf = (object: KubernetesObject): string =>
  `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

/** False only when both versions are numbers and the first is not above the second. */
const isNewer = (version: string, than: string): boolean => !(Number(version) <= Number(than));

class Cache<T extends KubernetesObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: { by: (object: T) => readonly string[]; keys: Map<string, Set<string>>; name: string }[];
  readonly #listeners: ((change: Change<T>) => void)[] = [];
  /** UIDs that are gone: an older event must not bring them back. */
  readonly #gone = new Set<string>();

  constructor(indexes: InformerOptions<T>['indexes']) {
    this.#indexes = Object.entries(indexes ?? {}).map(([name, by]) => ({ name, by, keys: new Map() }));
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): T[] {
    return [...this.#objects.values()];
  }

  by(name: string, value: string): T[] {
    const keys = this.#indexes.find((index) => index.name === name)?.keys.get(value) ?? [];
    const found: T[] = [];
    for (const key of keys) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  onChange(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener);
  }

  put(object: T): void {
    const { uid, resourceVersion } = object.metadata;
    if (this.#gone.has(uid)) return;
    const key = keyOf(object);
    let previous = this.#objects.get(key);
    if (previous !== undefined && !isNewer(resourceVersion, previous.metadata.resourceVersion)) return;
    if (previous !== undefined && previous.metadata.uid !== uid) {
      this.remove(previous);
      previous = undefined;
    }
    this.#set(key, object, previous);
    this.#tell({ type: previous === undefined ? 'added' : 'modified', object, previous });
  }

  remove(object: T): void {
    this.#gone.add(object.metadata.uid);
    if (this.#gone.size > rememberedDeletions) {
      for (const uid of this.#gone) {
        this.#gone.delete(uid);
        break;
      }
    }
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (previous?.metadata.uid !== object.metadata.uid) return;
    this.#set(key, undefined, previous);
    this.#tell({ type: 'deleted', object, previous });
  }

  /** Takes a complete list; what was learned after it was made stays. */
  replace(objects: readonly T[], version: string): void {
    const uids = new Set(objects.map((object) => object.metadata.uid));
    for (const known of this.values()) {
      const { uid, resourceVersion } = known.metadata;
      if (!uids.has(uid) && !(Number(resourceVersion) > Number(version))) this.remove(known);
    }
    for (const object of objects) this.put(object);
  }

  #set(key: string, object: T | undefined, previous: T | undefined): void {
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    for (const index of this.#indexes) {
      for (const value of previous === undefined ? [] : index.by(previous)) {
        const keys = index.keys.get(value);
        keys?.delete(key);
        if (keys?.size === 0) index.keys.delete(value);
      }
      for (const value of object === undefined ? [] : index.by(object)) {
        const keys = index.keys.get(value);
        if (keys === undefined) index.keys.set(value, new Set([key]));
        else keys.add(key);
      }
    }
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Starts to follow a resource; ends with `close` or the signal. Errors are retried, never thrown. */
export const createInformer = <T extends KubernetesObject>(
  transport: Transport,
  of: Resource<T>,
  options: InformerOptions<T> = {},
): Informer<T> => {
  const cache = new Cache<T>(options.indexes);
  const ended = new AbortController();
  const { signal } = ended;
  const close = (): void => ended.abort();
  options.signal?.addEventListener('abort', close, { once: true });
  if (options.signal?.aborted === true) close();
  let resolveSynced = (): void => undefined;
  const synced = new Promise<void>((resolve) => {
    resolveSynced = resolve;
  });
  let failures = 0;

  const query = (extra: Record<string, string>): string => {
    const asked = new URLSearchParams(extra);
    if (options.labelSelector !== undefined) asked.set('labelSelector', options.labelSelector);
    if (options.fieldSelector !== undefined) asked.set('fieldSelector', options.fieldSelector);
    return `${pathOf(of, options.namespace)}${asked.size === 0 ? '' : `?${asked}`}`;
  };

  /** Follows until the stream ends; returns the version to resume from, or undefined to list anew. */
  const follow = async (from: string): Promise<string | undefined> => {
    let version = from;
    const round = new AbortController();
    const stop = (): void => round.abort();
    signal.addEventListener('abort', stop, { once: true });
    const idle = setTimeout(stop, idleMs);
    try {
      const path = query({
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion: from,
        timeoutSeconds: String(watchSeconds),
      });
      const response = await transport.stream(path, round.signal);
      response.setEncoding('utf8');
      let rest = '';
      for await (const chunk of response) {
        idle.refresh();
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line.trim() === '') continue;
          const event: WatchEvent<T> = JSON.parse(line);
          if (event.type === 'ERROR') return event.object.code === 410 ? undefined : version;
          failures = 0;
          version = event.object.metadata.resourceVersion;
          if (event.type === 'DELETED') cache.remove(event.object);
          else if (event.type !== 'BOOKMARK') cache.put(event.object);
        }
      }
      return version;
    } catch (error) {
      if (isStatus(error, 410)) return undefined;
      failures += 1;
      return version;
    } finally {
      clearTimeout(idle);
      signal.removeEventListener('abort', stop);
      round.abort();
    }
  };

  const run = async (): Promise<void> => {
    let version: string | undefined;
    while (!signal.aborted) {
      if (version === undefined) {
        try {
          const list = await transport.request<{ items?: T[]; metadata: { resourceVersion: string } }>(
            'GET',
            query({}),
          );
          if (signal.aborted) return;
          cache.replace(list.items ?? [], list.metadata.resourceVersion);
          version = list.metadata.resourceVersion;
          failures = 0;
          resolveSynced();
        } catch {
          failures += 1;
        }
      } else {
        version = await follow(version);
      }
      if (failures > 0 && !signal.aborted) {
        await sleep(Math.min(50 * 2 ** failures, 3000), undefined, { signal }).catch(() => undefined);
      }
    }
  };
  void run();

  return {
    synced,
    get: (namespace, name) => cache.get(`${of.namespaced ? namespace : ''}/${name}`),
    list: (namespace) => {
      const all = cache.values();
      return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
    },
    by: (index, value) => cache.by(index, value),
    onChange: (listener) => cache.onChange(listener),
    learn: (object) => cache.put(object),
    forget: (object) => cache.remove(object),
    close,
  };
};

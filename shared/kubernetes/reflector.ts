import type { Clock, Random } from '../model/clock.ts';
import type { Log } from '../process/log.ts';
import { delayMs, reasonOf } from './backoff.ts';
import type { Change } from './change.ts';
import type { Connection } from './connection.ts';
import { type Parsed, record } from './facts/read.ts';
import { KnownObjects } from './known-objects.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { listPages } from './list-pages.ts';
import { Passage } from './passage.ts';
import { noCounts, type ReflectorCounters } from './reflector-counters.ts';
import { readResourceVersion, resourceVersionOf } from './resource-version.ts';
import { StreamEnd } from './stream-end.ts';
import { openWatch, type WatchEvent } from './watch-stream.ts';

export interface ReflectorTiming {
  /** A silent stream is cut after this; API servers send a bookmark about each minute. */
  readonly idleMs: number;
  /** Until a list page, or the head of a stream, is there. */
  readonly answerMs: number;
  /** How long `passed` waits for the watch before it lists anew. */
  readonly quietMs: number;
  /** Objects a page. */
  readonly pageSize: number;
}

const defaultTiming: ReflectorTiming = { idleMs: 90_000, answerMs: 30_000, quietMs: 250, pageSize: 500 };

export interface ReflectorSettings<T> {
  /** All objects of one resource, such as `/api/v1/pods`. */
  readonly path: string;
  readonly labelSelector?: string;
  readonly parse: (object: unknown) => Parsed<T>;
  /** Called in order, one at a time. What it throws is counted and logged, and concerns only that change. */
  readonly onChange: (change: Change<T>) => void;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly timing?: Partial<ReflectorTiming>;
}

export interface Reflector {
  /** Resolves when the first list is complete, or the resource is not served; rejects when stopped before. */
  readonly synced: Promise<void>;
  readonly lastSyncedResourceVersion: string | undefined;
  readonly counters: Readonly<ReflectorCounters>;
  /**
   * Resolves when everything up to a resourceVersion that was read consistently has been told. A watch that stays
   * quiet is not waited for: the resource is listed anew. Rejects when stopped.
   */
  passed(resourceVersion: string): Promise<void>;
  /** Reads the present resourceVersion consistently and waits until it has passed; tries until it is stopped. */
  catchUp(): Promise<void>;
  /** Ends it; no change is told any more from now on. Resolves when all is ended. */
  stop(): Promise<void>;
}

/** A stream that lived so long forgives the failures before it. */
const steadyMs = 5_000;
const resumesBeforeRelist = 3;
const initialEventsEnd = 'k8s.io/initial-events-end';

const endsInitialEvents = (bookmark: unknown): boolean =>
  record(record(record(bookmark)['metadata'])['annotations'])[initialEventsEnd] === 'true';

class RunningReflector<T> implements Reflector {
  readonly synced: Promise<void>;
  readonly counters: ReflectorCounters;
  readonly #connection: Connection;
  readonly #settings: ReflectorSettings<T>;
  readonly #timing: ReflectorTiming;
  readonly #selector: Readonly<Record<string, string>>;
  readonly #known: KnownObjects<T>;
  readonly #passage = new Passage();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #resolveSynced: () => void = () => {};
  #rejectSynced: (error: Error) => void = () => {};
  /** Where the watch goes on; undefined: a list comes first. */
  #place: string | undefined;
  #listing = false;
  #listAsked = false;
  #streamingLists: 'try' | 'not-now' | 'unsupported' = 'try';
  #failures = 0;
  #refusedResumes = 0;
  #cut: (end: StreamEnd) => void = () => {};
  #endPause: () => void = () => {};

  constructor(connection: Connection, settings: ReflectorSettings<T>) {
    this.#connection = connection;
    this.#settings = settings;
    this.#timing = { ...defaultTiming, ...settings.timing };
    this.#selector = settings.labelSelector === undefined ? {} : { labelSelector: settings.labelSelector };
    this.counters = noCounts(settings.clock.now());
    this.#known = new KnownObjects<T>(settings.parse, (unreadable) => {
      this.counters.unreadable += 1;
      settings.log.warn('An object cannot be read; it stays as it was known', {
        path: settings.path,
        ...unreadable,
      });
    });
    this.synced = new Promise((resolve, reject) => {
      this.#resolveSynced = resolve;
      this.#rejectSynced = reject;
    });
    // Whoever does not wait for it is not to be killed by it.
    this.synced.catch(() => {});
    this.#running = this.#run();
  }

  get lastSyncedResourceVersion(): string | undefined {
    return this.#passage.last;
  }

  async passed(resourceVersion: string): Promise<void> {
    this.#stopping.signal.throwIfAborted();
    let waiting = true;
    const passing = this.#passage.wait(resourceVersion).finally(() => {
      waiting = false;
    });
    await Promise.race([passing, this.#settings.clock.sleep(this.#timing.quietMs, this.#stopping.signal)]);
    if (waiting) this.#askForList();
    await passing;
  }

  async catchUp(): Promise<void> {
    const { path, clock, random } = this.#settings;
    for (let failures = 1; ; failures += 1) {
      this.#stopping.signal.throwIfAborted();
      try {
        const now = await readResourceVersion(this.#connection, path, this.#selector, this.#stopping.signal);
        return await this.passed(now);
      } catch (error) {
        if (this.#stopping.signal.aborted) throw error;
        if (reasonOf(error) === 'not-served' && this.#known.size === 0) return;
        await clock.sleep(delayMs(error, failures, random), this.#stopping.signal);
      }
    }
  }

  async stop(): Promise<void> {
    const stopped = new Error(`The reflector of ${this.#settings.path} was stopped.`);
    this.#stopping.abort(stopped);
    this.#cut(new StreamEnd('ended', stopped.message));
    this.#rejectSynced(stopped);
    this.#passage.fail(stopped);
    await this.#running;
  }

  #askForList(): void {
    this.#listAsked = true;
    // A list that is under way ends first: it tells of what went before.
    if (!this.#listing) this.#cut(new StreamEnd('asked', 'a new list is asked for'));
    this.#endPause();
  }

  #tell(change: Change<T> | undefined): void {
    if (change === undefined || this.#stopping.signal.aborted) return;
    try {
      this.#settings.onChange(change);
    } catch (error) {
      this.counters.handlerFailures += 1;
      this.#settings.log.error('A change could not be handled', { path: this.#settings.path, error });
    }
  }

  #beginList(): void {
    this.counters.lists += 1;
    this.#listing = true;
    this.#listAsked = false;
    this.#refusedResumes = 0;
    this.#place = undefined;
    this.#passage.listBegins();
    this.#known.beginList();
  }

  #endList(resourceVersion: string): void {
    for (const change of this.#known.endList()) this.#tell(change);
    this.#listing = false;
    this.#place = resourceVersion;
    if (this.#streamingLists === 'not-now') this.#streamingLists = 'try';
    this.#passage.reached(resourceVersion);
    this.#passage.listEnds();
    if (!this.#passage.waiting) this.#listAsked = false;
    this.#resolveSynced();
  }

  async #listPages(): Promise<void> {
    this.#beginList();
    const { path, clock } = this.#settings;
    const pages = listPages(this.#connection, path, this.#selector, this.#timing, this.#stopping.signal);
    for await (const { items, resourceVersion } of pages) {
      this.counters.lastHeardAt = clock.now();
      for (const item of items) this.#tell(this.#known.set(item));
      if (resourceVersion !== undefined) this.#endList(resourceVersion);
    }
  }

  #handle({ type, object }: WatchEvent): void {
    this.counters.events += 1;
    const resourceVersion = resourceVersionOf(object);
    if (type === 'BOOKMARK') {
      if (this.#listing && endsInitialEvents(object) && resourceVersion !== undefined) {
        this.#endList(resourceVersion);
        if (this.#listAsked) this.#askForList();
        return;
      }
    } else this.#tell(type === 'DELETED' ? this.#known.remove(object) : this.#known.set(object));
    // A place inside a list is no place to resume from.
    if (this.#listing || resourceVersion === undefined) return;
    this.#failures = 0;
    this.#refusedResumes = 0;
    this.#place = resourceVersion;
    this.#passage.reached(resourceVersion);
  }

  async #watch(query: Readonly<Record<string, string>>): Promise<void> {
    const { path, clock, random } = this.#settings;
    const timeoutSeconds = String(300 + Math.floor(random() * 300));
    const stream = await openWatch(
      this.#connection,
      path,
      { ...this.#selector, timeoutSeconds, ...query },
      this.#timing,
      this.#stopping.signal,
    );
    const openedAt = clock.now();
    this.#cut = stream.cut;
    // Both may have come while it was being opened.
    if (this.#stopping.signal.aborted) stream.cut(new StreamEnd('ended', 'stopped'));
    if (this.#listAsked && !this.#listing) this.#askForList();
    try {
      for await (const events of stream.events) {
        this.counters.lastHeardAt = clock.now();
        for (const event of events) this.#handle(event);
      }
    } finally {
      this.#cut = () => {};
      if (clock.now() - openedAt >= steadyMs) this.#failures = 0;
    }
  }

  /** Lists or watches until that ends: by throwing, or with a list of pages. */
  async #proceed(): Promise<void> {
    if (this.#place !== undefined && !this.#listAsked) return this.#watch({ resourceVersion: this.#place });
    if (this.#streamingLists !== 'try') return this.#listPages();
    this.#beginList();
    return this.#watch({ sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' });
  }

  /** What an end means for the next attempt; how long to wait before it, in ms. */
  #learn(error: unknown): number {
    const reason = reasonOf(error);
    const status = error instanceof KubernetesError ? error.status : 0;
    const wasListing = this.#listing;
    this.#listing = false;
    this.counters.restarts[reason] += 1;
    if (reason === 'asked') return 0;
    if (wasListing && this.#streamingLists === 'try') {
      if (status === 400 || status === 422) {
        // Not a failure: this server has no streaming lists.
        this.#streamingLists = 'unsupported';
        return 0;
      }
      // A server that knows nothing of initial events never ends them.
      if (['idle', 'ended', 'unreadable'].includes(reason)) this.#streamingLists = 'not-now';
    }
    this.#failures += 1;
    if (reason === 'not-served' && wasListing && this.#known.size === 0) {
      this.#passage.listEnds();
      this.#resolveSynced();
    }
    // The place is lost, or refused again and again (an etcd restored from a backup knows no such number).
    if (reason === 'refused') this.#refusedResumes += 1;
    const refused = this.#refusedResumes >= resumesBeforeRelist;
    if (reason === 'expired' || reason === 'unreadable' || refused) this.#place = undefined;
    return delayMs(error, this.#failures, this.#settings.random);
  }

  async #pause(waitMs: number, mayBeCutShort: boolean): Promise<void> {
    const paused = new AbortController();
    if (mayBeCutShort) this.#endPause = () => paused.abort();
    const signal = AbortSignal.any([paused.signal, this.#stopping.signal]);
    await this.#settings.clock.sleep(waitMs, signal);
    this.#endPause = () => {};
  }

  async #run(): Promise<void> {
    const { path, log } = this.#settings;
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#proceed();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const waitMs = this.#learn(error);
        const reason = reasonOf(error);
        if (reason !== 'ended' && reason !== 'asked') {
          log.warn('A list or watch is begun again', { path, reason, error, waitMs: Math.round(waitMs) });
        }
        // A server that asked to be spared is spared; one that was away may be back.
        if (waitMs > 0) await this.#pause(waitMs, reason === 'unreachable' || reason === 'not-served');
      }
    }
  }
}

/**
 * Keeps up with one resource: a streaming list, else pages of a consistent list; then a watch with bookmarks, resumed
 * where it ended, and a new list when the server has forgotten that place (410).
 */
export const startReflector = <T>(connection: Connection, settings: ReflectorSettings<T>): Reflector =>
  new RunningReflector(connection, settings);

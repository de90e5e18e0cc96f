import type { ApiContext } from '../context.ts';
import { forbiddenField } from '../field-errors.ts';
import { collectionKey, type ResourceDefinition } from '../resources/definition.ts';
import { invalidObject, StatusError, tooOldVersion } from '../status-error.ts';
import type { Change, Collection, Stored } from '../store/collection.ts';
import type { StreamResponse, StreamSink } from './exchange.ts';
import { type Filter, parseFilter, parseVersion } from './read.ts';
import { type Rendering, renderBookmark, renderObject } from './views.ts';

interface WatchPlan {
  readonly collection: Collection;
  /** Objects that are sent as ADDED first. */
  readonly initial: readonly Stored[];
  /** A bookmark tells that the initial objects are complete. */
  readonly announceInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
  readonly matches: Filter | undefined;
  /** Where in the collection's history to go on; or the error that is the only event. */
  readonly from: number | StatusError;
  readonly startVersion: number;
}

const defaultTimeoutMs = 45 * 60_000;

/** A bookmark goes out so long before the stream ends by its own time-out. */
const lastBookmarkMs = 2_000;

/** Many small events go out as one write. */
const flushLength = 64 * 1024;

const line = (type: string, object: string): string => `{"type":"${type}","object":${object}}\n`;

/** One client's stream. It reads the shared history at its own pace, so a slow client holds up nobody. */
class WatchStream {
  readonly #plan: WatchPlan;
  readonly #rendering: Rendering;
  readonly #context: ApiContext;
  readonly #sink: StreamSink;
  readonly #timers: NodeJS.Timeout[] = [];
  #unsubscribe: (() => void) | undefined;
  #initialSent = 0;
  #initialAnnounced = false;
  #sequence = 0;
  #buffer = '';
  #blocked = false;
  #scheduled = false;
  #closed = false;

  constructor(context: ApiContext, plan: WatchPlan, rendering: Rendering, sink: StreamSink) {
    this.#context = context;
    this.#plan = plan;
    this.#rendering = rendering;
    this.#sink = sink;
  }

  start(): void {
    const { collection, from, bookmarks, timeoutMs } = this.#plan;
    if (from instanceof StatusError) {
      this.#fail(from);
      return;
    }
    this.#sequence = from;
    this.#sink.onDrain(() => {
      this.#blocked = false;
      this.#pump();
    });
    this.#unsubscribe = collection.subscribe(() => this.#schedule());
    if (bookmarks) {
      this.#timers.push(setInterval(() => this.#bookmark(), this.#context.watch.bookmarkIntervalMs));
      if (timeoutMs > lastBookmarkMs) {
        this.#timers.push(setTimeout(() => this.#bookmark(), timeoutMs - lastBookmarkMs));
      }
    }
    this.#timers.push(setTimeout(() => this.#end(), timeoutMs));
    this.#pump();
  }

  stop(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#unsubscribe?.();
  }

  #end(): void {
    if (this.#closed) return;
    this.stop();
    this.#sink.end();
  }

  #fail(error: StatusError): void {
    this.#write(line('ERROR', JSON.stringify(error.toJson())));
    this.#flush();
    this.#end();
  }

  #write(text: string): void {
    this.#buffer += text;
    if (this.#buffer.length >= flushLength) this.#flush();
  }

  #flush(): void {
    if (this.#buffer === '') return;
    const text = this.#buffer;
    this.#buffer = '';
    if (!this.#sink.write(text)) this.#blocked = true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    try {
      this.#fill();
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      // A form that single objects do not have: a real server ends such a stream at its first event, without a word.
      this.#end();
      return;
    }
    this.#flush();
  }

  #fill(): void {
    const { initial, collection, announceInitialEnd } = this.#plan;
    while (!this.#closed && !this.#blocked) {
      const object = initial[this.#initialSent];
      if (object === undefined) break;
      this.#initialSent += 1;
      this.#write(line('ADDED', renderObject(object, this.#rendering)));
    }
    if (this.#closed || this.#blocked) return;
    if (announceInitialEnd && !this.#initialAnnounced) {
      this.#initialAnnounced = true;
      this.#write(line('BOOKMARK', renderBookmark(this.#plan.startVersion, true, this.#rendering)));
    }
    while (!this.#closed && !this.#blocked) {
      const change = collection.changeAt(this.#sequence);
      if (change === undefined) return;
      if (change === 'forgotten') {
        this.#fail(tooOldVersion(this.#plan.startVersion, collection.oldestVersion));
        return;
      }
      this.#sequence += 1;
      this.#send(change);
    }
  }

  /** A change as this watch's selectors see it: entering is ADDED, leaving is DELETED. */
  #send({ type, current, previous, version }: Change): void {
    const { matches } = this.#plan;
    const before = previous !== undefined && (matches === undefined || matches(previous.object));
    const now = type !== 'DELETED' && (matches === undefined || matches(current.object));
    if (now) {
      this.#write(line(before ? 'MODIFIED' : 'ADDED', renderObject(current, this.#rendering)));
      return;
    }
    if (!before || previous === undefined) return;
    const last = type === 'DELETED' ? current : previous.at(version);
    this.#write(line('DELETED', renderObject(last, this.#rendering)));
  }

  #bookmark(): void {
    const caughtUp = this.#sequence === this.#plan.collection.nextSequence;
    if (this.#closed || this.#blocked || !caughtUp) return;
    this.#write(line('BOOKMARK', renderBookmark(this.#context.store.version, false, this.#rendering)));
    this.#flush();
  }
}

const isTrue = (value: string | null): boolean => value === 'true' || value === '1';

const checkInitialEvents = (query: URLSearchParams): void => {
  const match = query.get('resourceVersionMatch') ?? '';
  const of = { group: 'meta.k8s.io', kind: 'ListOptions' };
  if (!query.has('sendInitialEvents')) {
    if (match === '') return;
    throw invalidObject(of, '', [
      forbiddenField(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    ]);
  }
  if (match !== 'NotOlderThan') {
    throw invalidObject(of, '', [
      forbiddenField(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    ]);
  }
};

/**
 * Plans a watch from its query.
 *
 * A version that history no longer covers is not thrown but becomes the stream's only event, as on a real server.
 *
 * @throws StatusError 400, 422 for options that do not fit together
 */
export const watchObjects = (
  context: ApiContext,
  definition: ResourceDefinition,
  namespace: string,
  query: URLSearchParams,
  rendering: Rendering,
): StreamResponse => {
  checkInitialEvents(query);
  const collection = context.store.collection(collectionKey(definition));
  const { matches } = parseFilter(definition, namespace, query);
  const version = parseVersion(query);
  const streaming = query.get('sendInitialEvents');
  const wantsInitial = streaming === null ? version === undefined || version === 0 : isTrue(streaming);
  const seconds = Number(query.get('timeoutSeconds') ?? 0);
  const timeoutMs = seconds > 0 ? seconds * 1000 : defaultTimeoutMs;
  return {
    kind: 'stream',
    contentType: 'application/json',
    open: (sink) => {
      let from: number | StatusError = collection.nextSequence;
      if (!wantsInitial && version !== undefined && version > 0) {
        try {
          from = collection.sequenceAfter(version);
        } catch (error) {
          if (!(error instanceof StatusError)) throw error;
          from = error;
        }
      }
      const initial = wantsInitial
        ? collection.list().filter(({ object }) => matches === undefined || matches(object))
        : [];
      const stream = new WatchStream(
        context,
        {
          collection,
          initial,
          announceInitialEnd: streaming !== null && wantsInitial && isTrue(query.get('allowWatchBookmarks')),
          bookmarks: isTrue(query.get('allowWatchBookmarks')),
          timeoutMs,
          matches,
          from,
          startVersion: wantsInitial ? context.store.version : (version ?? context.store.version),
        },
        rendering,
        sink,
      );
      stream.start();
      return () => stream.stop();
    },
  };
};

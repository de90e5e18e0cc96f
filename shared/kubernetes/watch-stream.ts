import type { Connection } from './connection.ts';
import { record } from './facts/read.ts';
import { errorOfStatus } from './kubernetes-error.ts';
import { linesOf } from './lines.ts';
import { openStream } from './request.ts';
import { StreamEnd } from './stream-end.ts';

const eventTypes = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK'] as const;

export interface WatchEvent {
  readonly type: (typeof eventTypes)[number];
  readonly object: unknown;
}

export interface WatchStream {
  /** Ends by throwing: `StreamEnd`, or what broke the connection, or the `KubernetesError` of an ERROR event. */
  readonly events: AsyncIterable<readonly WatchEvent[]>;
  /** Ends it; `events` throws this. */
  cut(end: StreamEnd): void;
}

/**
 * @throws StreamEnd for a line that is no event: it may have been any change, so the place in the watch is lost
 * @throws KubernetesError for an ERROR event
 */
const eventOf = (line: string): WatchEvent => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new StreamEnd('unreadable', 'a line of the watch is not JSON');
  }
  const { type, object } = record(parsed);
  if (type === 'ERROR') throw errorOfStatus(500, object);
  const known = eventTypes.find((name) => name === type);
  if (known === undefined) throw new StreamEnd('unreadable', 'the watch sent an event of an unknown type');
  return { type: known, object };
};

/** The good events of a chunk, and what comes after them. */
const eventsOf = (lines: readonly string[]): { events: readonly WatchEvent[]; failure?: unknown } => {
  const events: WatchEvent[] = [];
  for (const line of lines) {
    if (line === '') continue;
    try {
      events.push(eventOf(line));
    } catch (failure) {
      return { events, failure };
    }
  }
  return { events };
};

/**
 * Opens a watch. It is cut when it stays silent for `idleMs`: a connection that died without a word looks just so.
 *
 * @throws KubernetesError when it cannot be opened
 */
export const openWatch = async (
  connection: Connection,
  path: string,
  query: Readonly<Record<string, string>>,
  timing: { readonly idleMs: number; readonly answerMs: number },
  signal: AbortSignal,
): Promise<WatchStream> => {
  const stream = await openStream(connection, {
    method: 'GET',
    path,
    query: { watch: '1', allowWatchBookmarks: 'true', ...query },
    signal,
    timeoutMs: timing.answerMs,
  });
  let end: StreamEnd | undefined;
  const cut = (why: StreamEnd): void => {
    end ??= why;
    stream.close();
  };
  const events = async function* (): AsyncGenerator<readonly WatchEvent[]> {
    const idle = setTimeout(() => cut(new StreamEnd('idle', 'the watch fell silent')), timing.idleMs);
    try {
      for await (const lines of linesOf(stream.chunks)) {
        idle.refresh();
        const { events, failure } = eventsOf(lines);
        yield events;
        if (failure !== undefined) throw failure;
        if (end !== undefined) throw end;
      }
    } catch (error) {
      throw end ?? error;
    } finally {
      clearTimeout(idle);
      stream.close();
    }
    throw end ?? new StreamEnd('ended', 'the server ended the watch');
  };
  return { events: events(), cut };
};

import type { Connection } from './connection.ts';
import { list, record, text } from './facts/read.ts';
import { requestJson } from './request.ts';
import { resourceVersionOf } from './resource-version.ts';
import { StreamEnd } from './stream-end.ts';

export interface Page {
  readonly items: readonly unknown[];
  /** On the last page: where a watch goes on. */
  readonly resourceVersion?: string | undefined;
}

/**
 * A consistent list, page by page, all of one moment. `resourceVersion` stays unset: only so is it read consistently,
 * and `limit` is ignored at 0 (docs/facts.md).
 *
 * @throws KubernetesError, 410 when it took so long that the moment is forgotten; StreamEnd for what is no list
 */
export async function* listPages(
  connection: Connection,
  path: string,
  query: Readonly<Record<string, string>>,
  timing: { readonly answerMs: number; readonly pageSize: number },
  signal: AbortSignal,
): AsyncGenerator<Page> {
  let next: string | undefined;
  do {
    const page = record(
      await requestJson(connection, {
        method: 'GET',
        path,
        query: {
          ...query,
          limit: String(timing.pageSize),
          ...(next === undefined ? {} : { continue: next }),
        },
        signal,
        timeoutMs: timing.answerMs,
      }),
    );
    const resourceVersion = resourceVersionOf(page);
    // An empty list has `items: []` or null; without either, or without a place, it is something else: no evidence.
    const isList = Array.isArray(page['items']) || page['items'] === null;
    if (!isList || resourceVersion === undefined) {
      throw new StreamEnd('unreadable', 'the answer is not a list');
    }
    next = text(record(page['metadata'])['continue']);
    yield { items: list(page['items']), ...(next === undefined ? { resourceVersion } : {}) };
  } while (next !== undefined);
}

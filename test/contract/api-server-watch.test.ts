import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  aConfigMap,
  at,
  mergePatch,
  openServerUnderTest,
  type ServerUnderTest,
  textAt,
  type WatchEvent,
} from './api-server-under-test.ts';

let server: ServerUnderTest;
let maps: string;

beforeAll(async () => {
  server = await openServerUnderTest();
});

beforeEach(async () => {
  maps = `/api/v1/namespaces/${await server.namespace()}/configmaps`;
});

afterAll(() => server.close());

/** What a controller-manager adds to each namespace is not looked at. */
const own = 'labelSelector=own';

const put = async (name: string, labels: object = {}): Promise<unknown> =>
  (await server.call('POST', maps, { body: aConfigMap(name, { labels: { own: 'yes', ...labels } }) })).body;

const relabel = (name: string, labels: object): Promise<unknown> =>
  server.call('PATCH', `${maps}/${name}`, { body: { metadata: { labels } }, contentType: mergePatch });

const seen = (events: readonly WatchEvent[]): string[] =>
  events.map(({ type, object }) => `${type} ${String(at(object, 'metadata.name') ?? '')}`.trim());

const isNamed = (name: string, type?: string) => (event: WatchEvent) =>
  at(event.object, 'metadata.name') === name && (type === undefined || event.type === type);

const isInitialEnd = ({ type, object }: WatchEvent): boolean =>
  type === 'BOOKMARK' && at(object, 'metadata.annotations.k8s\\.io/initial-events-end') === 'true';

describe('watch', () => {
  it('goes on from a resourceVersion without missing or repeating a change', async () => {
    await put('before');
    const list = await server.call('GET', `${maps}?${own}`);
    await put('one');
    await relabel('one', { changed: 'yes' });
    await server.call('DELETE', `${maps}/one`);
    const version = textAt(list.body, 'metadata.resourceVersion');
    const watch = await server.watch(`${maps}?${own}&resourceVersion=${version}`);
    await put('two');
    await watch.until(isNamed('two'));
    expect(seen(watch.events)).toEqual(['ADDED one', 'MODIFIED one', 'DELETED one', 'ADDED two']);
    watch.close();
  });

  it('starts with what is there when no resourceVersion, or 0, is given', async () => {
    await put('there');
    for (const query of ['', '&resourceVersion=0']) {
      const watch = await server.watch(`${maps}?${own}${query}`);
      await watch.until(isNamed('there', 'ADDED'));
      watch.close();
    }
  });

  it('counts one resourceVersion over all resources, and a deletion has its own', async () => {
    const first = await put('one');
    const watch = await server.watch(
      `${maps}?${own}&resourceVersion=${textAt(first, 'metadata.resourceVersion')}`,
    );
    await server.call('POST', maps.replace('configmaps', 'secrets'), { body: { metadata: { name: 's' } } });
    await server.call('DELETE', `${maps}/one`);
    const { object } = await watch.until(isNamed('one', 'DELETED'));
    const versions = [first, object].map((one) => Number(textAt(one, 'metadata.resourceVersion')));
    expect(versions[1]).toBeGreaterThan((versions[0] ?? 0) + 1);
    watch.close();
  });

  it('shows an object entering and leaving a selector as ADDED and DELETED', async () => {
    const watch = await server.watch(`${maps}?labelSelector=own,app%3Dweb`);
    await put('moving', { app: 'db' });
    await relabel('moving', { app: 'web' });
    await relabel('moving', { other: 'x' });
    await relabel('moving', { app: 'db' });
    const left = await watch.until(isNamed('moving', 'DELETED'));
    expect(seen(watch.events)).toEqual(['ADDED moving', 'MODIFIED moving', 'DELETED moving']);
    expect(at(left.object, 'metadata.labels.app')).toBe('web');
    watch.close();
  });

  it('sends metadata only where asked', async () => {
    await put('one');
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    const watch = await server.watch(`${maps}?${own}`, { accept });
    const { object } = await watch.until(isNamed('one'));
    expect(object).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' });
    watch.close();
  });

  it('in the metadata form of lists ends at its first event, without a word', async () => {
    await put('one');
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const watch = await server.watch(`${maps}?${own}`, { accept });
    await watch.ended;
    expect([watch.status, watch.events]).toEqual([200, []]);
  });

  it('ends by itself after timeoutSeconds', async () => {
    const watch = await server.watch(`${maps}?timeoutSeconds=1`);
    await watch.ended;
    expect(watch.status).toBe(200);
  });

  it('sends bookmarks to those who allow them, and a watch goes on from one', async () => {
    const before = await put('one');
    const query = `${own}&allowWatchBookmarks=true&timeoutSeconds=15`;
    const watch = await server.watch(
      `${maps}?${query}&resourceVersion=${textAt(before, 'metadata.resourceVersion')}`,
    );
    await server.call('POST', maps.replace('configmaps', 'secrets'), { body: { metadata: { name: 's' } } });
    const { object } = await watch.until(({ type }) => type === 'BOOKMARK');
    expect(object).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
    watch.close();
    const version = textAt(object, 'metadata.resourceVersion');
    expect(Number(version)).toBeGreaterThanOrEqual(Number(textAt(before, 'metadata.resourceVersion')));
    const next = await server.watch(`${maps}?${own}&resourceVersion=${version}`);
    await put('two');
    await next.until(isNamed('two'));
    expect(seen(next.events)).toEqual(['ADDED two']);
    next.close();
  });
});

describe('streaming list', () => {
  const streaming = `${own}&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`;

  it('sends each object, then a bookmark that says so, then changes', async () => {
    await put('one');
    await put('two');
    const watch = await server.watch(`${maps}?${streaming}`);
    const end = await watch.until(isInitialEnd);
    expect(seen(watch.events).slice(0, 2).sort()).toEqual(['ADDED one', 'ADDED two']);
    expect(at(end.object, 'metadata.name')).toBeUndefined();
    await put('three');
    await watch.until(isNamed('three'));
    expect(seen(watch.events).filter((line) => line.startsWith('ADDED'))).toHaveLength(3);
    watch.close();
  });

  it('says when nothing is there', async () => {
    const watch = await server.watch(`${maps}?${streaming}&resourceVersion=`);
    await watch.until(isInitialEnd);
    watch.close();
  });

  it('asks for resourceVersionMatch=NotOlderThan', async () => {
    const { status, body } = await server.call(
      'GET',
      `${maps}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true`,
    );
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toContain('resourceVersionMatch');
  });
});

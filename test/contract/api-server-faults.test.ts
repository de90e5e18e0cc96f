import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import {
  aConfigMap,
  at,
  clientOfApiServer,
  expectExpired,
  listAt,
  mergePatch,
  type ServerUnderTest,
  textAt,
  type WatchEvent,
} from './api-server-under-test.ts';

let server: ApiServer;
let client: ServerUnderTest;

const maps = '/api/v1/namespaces/default/configmaps';

beforeEach(async () => {
  server = await startApiServer({ historyLimit: 20, bookmarkIntervalMs: 50 });
  client = clientOfApiServer(server);
});

afterEach(() => client.close());

const create = async (name: string): Promise<string> =>
  textAt((await client.call('POST', maps, { body: aConfigMap(name) })).body, 'metadata.resourceVersion');

const isNamed = (name: string) => (event: WatchEvent) => at(event.object, 'metadata.name') === name;

describe('history', () => {
  const expectGone = async (version: string): Promise<void> =>
    expectExpired(await client.watch(`${maps}?resourceVersion=${version}`));

  it('is bounded: what fell out is 410, what is left goes on', async () => {
    const version = await create('first');
    let last = version;
    for (let count = 0; count < 30; count += 1) last = await create(`map-${count}`);
    await expectGone(version);
    const watch = await client.watch(`${maps}?resourceVersion=${last}`);
    await create('next');
    await watch.until(isNamed('next'));
    watch.close();
  });
});

describe('bookmarks', () => {
  it('come again and again, and never tell of what was not sent', async () => {
    const watch = await client.watch(
      `${maps}?allowWatchBookmarks=true&resourceVersion=${await create('one')}`,
    );
    for (let count = 0; count < 10; count += 1) await create(`map-${count}`);
    const version = await create('last');
    await watch.until(
      ({ type, object }) =>
        type === 'BOOKMARK' && Number(at(object, 'metadata.resourceVersion')) >= Number(version),
    );
    const until = watch.events.findIndex(
      ({ type, object }) => type === 'BOOKMARK' && at(object, 'metadata.resourceVersion') === version,
    );
    const before = watch.events
      .slice(0, until === -1 ? undefined : until)
      .filter(({ type }) => type === 'ADDED');
    expect(before).toHaveLength(11);
    watch.close();
  });
});

describe('a fault', () => {
  it('answers with a status, so many times, and changes nothing meanwhile', async () => {
    const isCreate = ({ method }: { method: string }) => method === 'POST';
    server.faults.add(isCreate, { kind: 'status', code: 429, retryAfterSeconds: 3 }, 1);
    const refused = await client.call('POST', maps, { body: aConfigMap('late') });
    expect(refused.status).toBe(429);
    expect(refused.headers['retry-after']).toBe('3');
    expect(refused.text).toContain('Too many requests');
    expect((await client.call('POST', maps, { body: aConfigMap('late') })).status).toBe(201);
  });

  it('may be a 500, or a 410 as the status of a watch, until it is taken back', async () => {
    const back = server.faults.add(({ isWatch }) => isWatch, { kind: 'status', code: 410 });
    expect((await client.call('GET', `${maps}?watch=1`)).status).toBe(410);
    expect((await client.call('GET', `${maps}?watch=1`)).status).toBe(410);
    back();
    const watch = await client.watch(maps);
    expect(watch.status).toBe(200);
    watch.close();
    server.faults.add(() => true, { kind: 'status', code: 500 }, 1);
    expect((await client.call('GET', maps)).status).toBe(500);
  });

  it('may cut the connection before the request is done, or after it was', async () => {
    server.faults.add(({ method }) => method === 'POST', { kind: 'cut' }, 1);
    await expect(create('cut')).rejects.toThrow();
    expect((await client.call('GET', `${maps}/cut`)).status).toBe(404);
    server.faults.add(({ method }) => method === 'POST', { kind: 'cut-answer' }, 1);
    await expect(create('done')).rejects.toThrow();
    expect((await client.call('GET', `${maps}/done`)).status).toBe(200);
  });

  it('may delay', async () => {
    server.faults.add(() => true, { kind: 'delay', delayMs: 100 }, 1);
    const startMs = Date.now();
    await client.call('GET', maps);
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(95);
  });

  it('may silence a watch, which stays open and tells nothing', async () => {
    const silent = await client.watch(`${maps}?resourceVersion=${await create('one')}`);
    expect(server.faults.silenceWatches()).toBe(1);
    const loud = await client.watch(`${maps}?resourceVersion=0`);
    await create('two');
    await loud.until(isNamed('two'));
    expect(silent.events).toEqual([]);
    expect(server.faults.openWatches()).toBe(2);
    silent.close();
    loud.close();
  });

  it('may cut watches, and send an event that never was', async () => {
    const watch = await client.watch(maps);
    const object = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 };
    expect(server.faults.injectEvent({ type: 'ERROR', object })).toBe(1);
    await watch.until(({ type }) => type === 'ERROR');
    expect(server.faults.cutWatches()).toBe(1);
    await watch.ended;
  });

  it('may refuse all connections for a while', async () => {
    const watch = await client.watch(maps);
    server.faults.refuseConnections(true);
    await watch.ended;
    await expect(client.call('GET', maps)).rejects.toThrow();
    server.faults.refuseConnections(false);
    expect((await client.call('GET', maps)).status).toBe(200);
  });
});

describe('many', () => {
  it('10 000 objects are listed, paged and streamed without a noticeable wait, and a client that does not read holds up nobody', async () => {
    const big = await startApiServer();
    const bigClient = clientOfApiServer(big);
    const collection = big.store.collection('configmaps');
    const filler = 'x'.repeat(1000);
    for (let count = 0; count < 10_000; count += 1) {
      collection.put({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `map-${count}`, namespace: 'default', uid: `uid-${count}` },
        data: { filler },
      });
    }
    const list = await bigClient.call('GET', maps);
    expect(listAt(list.body, 'items')).toHaveLength(10_000);
    let token = '';
    let paged = 0;
    do {
      const { body } = await bigClient.call('GET', `${maps}?limit=500&continue=${encodeURIComponent(token)}`);
      paged += listAt(body, 'items').length;
      token = String(at(body, 'metadata.continue') ?? '');
    } while (token !== '');
    expect(paged).toBe(10_000);
    // Never read from: its stream fills up and stops.
    const stuck = await bigClient.watch(`${maps}?resourceVersion=0`);
    const query = 'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';
    const streamed = await bigClient.watch(`${maps}?${query}`);
    await streamed.until(({ type }) => type === 'BOOKMARK');
    expect(streamed.events).toHaveLength(10_001);
    const body = { data: { changed: 'yes' } };
    await bigClient.call('PATCH', `${maps}/map-9999`, { body, contentType: mergePatch });
    await streamed.until(({ type }) => type === 'MODIFIED');
    stuck.close();
    streamed.close();
    await bigClient.close();
  });
});

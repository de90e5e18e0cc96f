import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  aConfigMap,
  at,
  expectExpired,
  listAt,
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
afterAll(() => server?.close());
beforeEach(async () => {
  maps = `/api/v1/namespaces/${await server.namespace()}/configmaps`;
});

/** Of ours: a namespace may have ConfigMaps of the cluster's own. */
const own = 'labelSelector=of=test';

const create = async (name: string): Promise<string> => {
  const { body } = await server.call('POST', maps, { body: aConfigMap(name, { labels: { of: 'test' } }) });
  return textAt(body, 'metadata.resourceVersion');
};

const isNamed = (name: string) => (event: WatchEvent) => at(event.object, 'metadata.name') === name;
const seen = ({ type, object }: WatchEvent): string => `${type} ${textAt(object, 'metadata.name')}`;
const names = (body: unknown): unknown[] => listAt(body, 'items').map((item) => at(item, 'metadata.name'));

describe('a watch', () => {
  it('that was cut goes on where it was: deletions meanwhile are told', async () => {
    const since = await create('one');
    await create('two');
    const first = await server.watch(`${maps}?${own}&resourceVersion=${since}`);
    const { object } = await first.until(isNamed('two'));
    first.close();
    await server.call('DELETE', `${maps}/one`);
    await create('three');
    const version = textAt(object, 'metadata.resourceVersion');
    const second = await server.watch(`${maps}?${own}&resourceVersion=${version}`);
    await second.until(isNamed('three'));
    expect(second.events.map(seen)).toEqual(['DELETED one', 'ADDED three']);
    second.close();
  });
});

describe('history that was compacted', () => {
  it('answers a watch from before it with an ERROR event of code 410, and ends it', async () => {
    const version = await create('one');
    await create('two');
    await server.forget();
    await expectExpired(await server.watch(`${maps}?resourceVersion=${version}`));
  });

  it('answers the next page with 410', async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
    const first = await server.call('GET', `${maps}?${own}&limit=1`);
    await create('d');
    await server.forget();
    const token = encodeURIComponent(textAt(first.body, 'metadata.continue'));
    const { status, body } = await server.call('GET', `${maps}?${own}&limit=1&continue=${token}`);
    expect(status).toBe(410);
    expect(body).toMatchObject({ reason: 'Expired', code: 410 });
  });

  it('answers a list of an exact version with 410', async () => {
    const version = await create('one');
    await create('two');
    const query = `${own}&resourceVersion=${version}&resourceVersionMatch=Exact`;
    const exact = await server.call('GET', `${maps}?${query}`);
    expect(names(exact.body)).toEqual(['one']);
    await server.forget();
    expect((await server.call('GET', `${maps}?${query}`)).status).toBe(410);
    const newer = await server.call(
      'GET',
      `${maps}?${own}&resourceVersion=${version}&resourceVersionMatch=NotOlderThan`,
    );
    expect(listAt(newer.body, 'items')).toHaveLength(2);
  });

  it('ends no watch that was up to date', async () => {
    const watch = await server.watch(`${maps}?${own}&resourceVersion=${await create('one')}`);
    await server.compact();
    await create('two');
    await watch.until(isNamed('two'));
    watch.close();
  });

  it('answers a version still to come with 504', async () => {
    const { status, body } = await server.call('GET', `${maps}?resourceVersion=100000000`);
    expect(status).toBe(504);
    expect(textAt(body, 'message')).toContain('Too large resource version');
  });
});

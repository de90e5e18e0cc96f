import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aConfigMap,
  aPod,
  at,
  listAt,
  mergePatch,
  openServerUnderTest,
  type ServerUnderTest,
  textAt,
} from './api-server-under-test.ts';

let server: ServerUnderTest;
let namespace: string;
let maps: string;

beforeAll(async () => {
  server = await openServerUnderTest();
  namespace = await server.namespace();
  maps = `/api/v1/namespaces/${namespace}/configmaps`;
  for (const [name, labels] of Object.entries({
    a: { app: 'web', tier: 'front' },
    b: { app: 'web', tier: 'back' },
    c: { app: 'db' },
    d: {},
  })) {
    const reply = await server.call('POST', maps, {
      body: aConfigMap(name, { labels: { own: 'yes', ...labels } }),
    });
    expect(reply.status).toBe(201);
  }
});

afterAll(() => server.close());

const own = 'labelSelector=own';

const names = (body: unknown): unknown[] => listAt(body, 'items').map((item) => at(item, 'metadata.name'));

describe('list', () => {
  it('gives all objects ordered by name, without type fields on the items, with a resourceVersion', async () => {
    const { status, body } = await server.call('GET', `${maps}?${own}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1' });
    expect(names(body)).toEqual(['a', 'b', 'c', 'd']);
    expect(at(body, 'items.0.kind')).toBeUndefined();
    expect(textAt(body, 'metadata.resourceVersion')).toMatch(/^\d+$/);
  });

  it('finds objects of all namespaces', async () => {
    const { body } = await server.call(
      'GET',
      `/api/v1/configmaps?${own}&fieldSelector=metadata.namespace=${namespace}`,
    );
    expect(names(body)).toEqual(['a', 'b', 'c', 'd']);
  });

  it.each([
    ['app=web', ['a', 'b']],
    ['app==web,tier!=back', ['a']],
    ['app in (web, db)', ['a', 'b', 'c']],
    ['app notin (web),own', ['c', 'd']],
    ['tier', ['a', 'b']],
    ['!app,own', ['d']],
  ])('selects by labels: %s', async (selector, expected) => {
    const { body } = await server.call('GET', `${maps}?labelSelector=${encodeURIComponent(selector)}`);
    expect(names(body)).toEqual(expected);
  });

  it('selects by name, and says which fields it cannot select by', async () => {
    const found = await server.call('GET', `${maps}?fieldSelector=metadata.name%3Db`);
    expect(names(found.body)).toEqual(['b']);
    const refused = await server.call('GET', `${maps}?fieldSelector=data.x%3Db`);
    expect(refused.status).toBe(400);
    expect(textAt(refused.body, 'message')).toContain(
      '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
  });

  it('selects Pods by their Node and phase', async () => {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    await server.call('POST', pods, { body: aPod('bound', { nodeName: 'node-1' }) });
    await server.call('POST', pods, { body: aPod('free') });
    const bound = await server.call('GET', `${pods}?fieldSelector=spec.nodeName%3Dnode-1`);
    expect(names(bound.body)).toEqual(['bound']);
    const pending = await server.call(
      'GET',
      `${pods}?fieldSelector=status.phase%3DPending,metadata.name!%3Dfree`,
    );
    expect(names(pending.body)).toEqual(['bound']);
  });

  it('selects Events by the object they are about', async () => {
    const events = `/api/v1/namespaces/${namespace}/events`;
    for (const name of ['one', 'two']) {
      const involvedObject = { kind: 'Pod', name, namespace, uid: `uid-${name}` };
      await server.call('POST', events, {
        body: { metadata: { name: `e-${name}` }, involvedObject, reason: 'R' },
      });
    }
    const selector = 'involvedObject.name=one,involvedObject.kind=Pod,involvedObject.uid=uid-one';
    const { body } = await server.call('GET', `${events}?fieldSelector=${encodeURIComponent(selector)}`);
    expect(names(body)).toEqual(['e-one']);
  });
});

describe('at a resourceVersion', () => {
  let version: string;

  beforeAll(async () => {
    const { body } = await server.call('POST', maps, {
      body: aConfigMap('version', { labels: { at: '' } }, { v: 'old' }),
    });
    version = textAt(body, 'metadata.resourceVersion');
    await server.call('PATCH', `${maps}/version`, { body: { data: { v: 'new' } }, contentType: mergePatch });
  });
  afterAll(() => server.call('DELETE', `${maps}/version`));

  const valueAt = async (query: string): Promise<unknown> => {
    const only = 'labelSelector=at';
    const { status, body } = await server.call('GET', `${maps}?${only}&resourceVersion=${version}${query}`);
    return [status, at(body, 'items.0.data.v')];
  };

  it('a list shows the state of then with Exact, and of now with NotOlderThan or neither', async () => {
    expect(await valueAt('&resourceVersionMatch=Exact')).toEqual([200, 'old']);
    expect(await valueAt('&resourceVersionMatch=NotOlderThan')).toEqual([200, 'new']);
    expect(await valueAt('')).toEqual([200, 'new']);
    // A page of some version is one of that very version.
    expect(await valueAt('&limit=10')).toEqual([200, 'old']);
  });

  it.each([
    [
      'resourceVersionMatch=Exact',
      422,
      'resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422, 'is forbidden for resourceVersion "0"'],
    ['resourceVersion=1&resourceVersionMatch=Newest', 422, 'Unsupported value: "Newest"'],
    ['resourceVersion=abc', 400, 'invalid resource version'],
    ['limit=abc', 400, 'invalid syntax'],
    ['sendInitialEvents=true', 422, 'sendInitialEvents'],
  ])('a list with %s is refused', async (query, code, message) => {
    const { status, body } = await server.call('GET', `${maps}?${query}`);
    expect([status, textAt(body, 'message')]).toEqual([code, expect.stringContaining(message)]);
  });

  it('that is yet to come nothing is read, and the client is told to come again', async () => {
    const replies = await Promise.all(
      [maps, `${maps}/version`].map((path) => server.call('GET', `${path}?resourceVersion=999999999`)),
    );
    for (const { status, headers, body } of replies) {
      expect([status, headers['retry-after']]).toEqual([504, '1']);
      expect(body).toMatchObject({
        reason: 'Timeout',
        details: { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
      });
    }
  });
});

describe('pages', () => {
  it('come with continue and, without selector, remainingItemCount, when resourceVersion is unset', async () => {
    const first = await server.call('GET', `${maps}?limit=3`);
    expect(listAt(first.body, 'items')).toHaveLength(3);
    const token = encodeURIComponent(textAt(first.body, 'metadata.continue'));
    expect(at(first.body, 'metadata.remainingItemCount')).toBeGreaterThanOrEqual(1);
    const second = await server.call('GET', `${maps}?limit=3&continue=${token}`);
    expect(names(second.body)).toContain('d');
    expect(at(second.body, 'metadata.continue')).toBeUndefined();
    expect(at(second.body, 'metadata.resourceVersion')).toBe(at(first.body, 'metadata.resourceVersion'));
  });

  it('show the state of the first page, whatever changes between them', async () => {
    const path = `/api/v1/namespaces/${await server.namespace()}/configmaps`;
    for (const name of ['k1', 'k2', 'k3'])
      await server.call('POST', path, { body: aConfigMap(name, { labels: { own: 'yes' } }) });
    const first = await server.call('GET', `${path}?limit=1&${own}`);
    await server.call('DELETE', `${path}/k2`);
    await server.call('POST', path, { body: aConfigMap('k25', { labels: { own: 'yes' } }) });
    const token = encodeURIComponent(textAt(first.body, 'metadata.continue'));
    const second = await server.call('GET', `${path}?limit=5&continue=${token}&${own}`);
    expect([...names(first.body), ...names(second.body)]).toEqual(['k1', 'k2', 'k3']);
    expect(at(second.body, 'metadata.remainingItemCount')).toBeUndefined();
  });

  it('limit is ignored at resourceVersion=0', async () => {
    const { body } = await server.call('GET', `${maps}?limit=1&resourceVersion=0&${own}`);
    expect(names(body)).toEqual(['a', 'b', 'c', 'd']);
    expect(at(body, 'metadata.continue')).toBeUndefined();
  });

  it('refuses a resourceVersion beside continue, and a token that is none', async () => {
    const first = await server.call('GET', `${maps}?limit=1`);
    const token = encodeURIComponent(textAt(first.body, 'metadata.continue'));
    const both = await server.call('GET', `${maps}?limit=1&resourceVersion=5&continue=${token}`);
    expect(both.status).toBe(400);
    const wrong = await server.call('GET', `${maps}?limit=1&continue=xyz`);
    expect(wrong.status).toBe(400);
  });
});

describe('forms', () => {
  it('answers metadata only where asked', async () => {
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const { body } = await server.call('GET', `${maps}?${own}`, { accept });
    expect(body).toMatchObject({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' });
    expect(names(body)).toEqual(['a', 'b', 'c', 'd']);
    expect(at(body, 'items.0.data')).toBeUndefined();
    expect(at(body, 'items.0.kind')).toBe('PartialObjectMetadata');
  });

  it('knows one metadata form for lists and another for single objects', async () => {
    const form = (kind: string) => `application/json;as=${kind};g=meta.k8s.io;v=v1`;
    const list = await server.call('GET', maps, { accept: form('PartialObjectMetadata') });
    expect(list.status).toBe(406);
    expect(textAt(list.body, 'message')).toContain(
      'but the requested object is a list (*core.ConfigMapList)',
    );
    const single = await server.call('GET', `${maps}/a`, { accept: form('PartialObjectMetadataList') });
    expect(single.status).toBe(406);
    const right = await server.call('GET', `${maps}/a`, { accept: form('PartialObjectMetadata') });
    expect(right.body).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } });
  });

  it('answers a table where asked, the first acceptable form wins', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const { body } = await server.call('GET', `${maps}?${own}`, { accept });
    expect(at(body, 'kind')).toBe('Table');
    expect(listAt(body, 'columnDefinitions').map((column) => at(column, 'name'))).toEqual([
      'Name',
      'Data',
      'Age',
    ]);
    expect(at(body, 'rows.0.cells.0')).toBe('a');
    expect(at(body, 'rows.0.object.kind')).toBe('PartialObjectMetadata');
  });

  it('says 406 to what it cannot give', async () => {
    const { status, body } = await server.call('GET', maps, { accept: 'text/csv' });
    expect(status).toBe(406);
    expect(body).toMatchObject({ kind: 'Status', reason: 'NotAcceptable' });
  });
});

describe('get', () => {
  it('words a missing object as Kubernetes does', async () => {
    const core = await server.call('GET', `${maps}/none`);
    expect(core.status).toBe(404);
    expect(core.body).toMatchObject({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      message: 'configmaps "none" not found',
      reason: 'NotFound',
      details: { name: 'none', kind: 'configmaps' },
      code: 404,
    });
    const grouped = await server.call('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/none`);
    expect(grouped.body).toMatchObject({
      message: 'deployments.apps "none" not found',
      details: { name: 'none', group: 'apps', kind: 'deployments' },
    });
  });

  it('says 404 to resources, groups and versions that are not served', async () => {
    for (const path of [
      `/api/v1/namespaces/${namespace}/gadgets`,
      '/apis/example.com/v1/gadgets',
      '/apis/apps/v0/deployments',
    ]) {
      expect((await server.call('GET', path)).status).toBe(404);
    }
  });
});

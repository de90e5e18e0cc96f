import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aConfigMap,
  aPod,
  at,
  eventually,
  listAt,
  mergePatch,
  openServerUnderTest,
  type ServerUnderTest,
  strategicPatch,
  textAt,
} from './api-server-under-test.ts';

let server: ServerUnderTest;
let namespace: string;
let maps: string;
let pods: string;

beforeAll(async () => {
  server = await openServerUnderTest();
  namespace = await server.namespace();
  maps = `/api/v1/namespaces/${namespace}/configmaps`;
  pods = `/api/v1/namespaces/${namespace}/pods`;
});

afterAll(() => server.close());

const create = async (path: string, body: object): Promise<unknown> =>
  (await server.call('POST', path, { body })).body;

const secondsUntil = (body: unknown): number =>
  (Date.parse(textAt(body, 'metadata.deletionTimestamp')) - Date.now()) / 1000;

describe('delete', () => {
  it('answers a Status with the uid for most kinds, the object for Pods and Services', async () => {
    const made = await create(maps, aConfigMap('gone'));
    const { status, body } = await server.call('DELETE', `${maps}/gone`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'gone', kind: 'configmaps', uid: textAt(made, 'metadata.uid') },
    });
    expect((await server.call('GET', `${maps}/gone`)).status).toBe(404);
    expect((await server.call('DELETE', `${maps}/gone`)).status).toBe(404);
    await create(pods, aPod('gone'));
    expect(at((await server.call('DELETE', `${pods}/gone`)).body, 'kind')).toBe('Pod');
  });

  it('keeps its preconditions', async () => {
    const made = await create(maps, aConfigMap('guarded'));
    const wrong = { preconditions: { uid: 'another' } };
    const refused = await server.call('DELETE', `${maps}/guarded`, { body: wrong });
    expect(refused.status).toBe(409);
    expect(at(refused.body, 'message')).toBe(
      `Operation cannot be fulfilled on ConfigMap "guarded": the UID in the precondition (another) does not match the UID in record (${textAt(made, 'metadata.uid')}). The object might have been deleted and then recreated`,
    );
    const stale = { preconditions: { resourceVersion: '1' } };
    expect((await server.call('DELETE', `${maps}/guarded`, { body: stale })).status).toBe(409);
    const right = { preconditions: { uid: textAt(made, 'metadata.uid') } };
    expect((await server.call('DELETE', `${maps}/guarded`, { body: right })).status).toBe(200);
  });

  it('only looks with dryRun', async () => {
    await create(maps, aConfigMap('kept'));
    expect((await server.call('DELETE', `${maps}/kept?dryRun=All`)).status).toBe(200);
    expect((await server.call('GET', `${maps}/kept`)).status).toBe(200);
  });

  it('of a collection takes what the selector matches', async () => {
    for (const [name, app] of [
      ['c1', 'web'],
      ['c2', 'web'],
      ['c3', 'db'],
    ] as const) {
      await create(maps, aConfigMap(name, { labels: { collection: app } }));
    }
    expect((await server.call('DELETE', `${maps}?labelSelector=collection%3Dweb`)).status).toBe(200);
    const { body } = await server.call('GET', `${maps}?labelSelector=collection`);
    expect(listAt(body, 'items').map((item) => at(item, 'metadata.name'))).toEqual(['c3']);
  });
});

describe('a Pod on a Node', () => {
  const bound = (name: string, seconds = 30) =>
    create(pods, aPod(name, { nodeName: 'node-1', terminationGracePeriodSeconds: seconds }));

  it('stays until its grace period, whose end deletionTimestamp is, or until it is deleted with grace 0', async () => {
    await bound('graceful', 60);
    const { status, body } = await server.call('DELETE', `${pods}/graceful`);
    expect(status).toBe(200);
    expect(at(body, 'metadata.deletionGracePeriodSeconds')).toBe(60);
    expect(secondsUntil(body)).toBeGreaterThan(50);
    expect(secondsUntil(body)).toBeLessThan(61);
    expect(at((await server.call('GET', `${pods}/graceful`)).body, 'metadata.deletionTimestamp')).toBe(
      textAt(body, 'metadata.deletionTimestamp'),
    );
    await server.call('DELETE', `${pods}/graceful`, { body: { gracePeriodSeconds: 0 } });
    expect((await server.call('GET', `${pods}/graceful`)).status).toBe(404);
  });

  it('goes earlier when a second deletion says so, never later', async () => {
    await bound('earlier', 60);
    await server.call('DELETE', `${pods}/earlier`);
    const sooner = await server.call('DELETE', `${pods}/earlier`, { body: { gracePeriodSeconds: 10 } });
    expect(at(sooner.body, 'metadata.deletionGracePeriodSeconds')).toBe(10);
    expect(secondsUntil(sooner.body)).toBeLessThan(11);
    const later = await server.call('DELETE', `${pods}/earlier?gracePeriodSeconds=100`);
    expect(at(later.body, 'metadata.deletionGracePeriodSeconds')).toBe(10);
    await server.call('DELETE', `${pods}/earlier?gracePeriodSeconds=0`);
  });

  it('goes at once when it is not bound, Failed or Succeeded', async () => {
    await create(pods, aPod('unbound'));
    await server.call('DELETE', `${pods}/unbound`);
    expect((await server.call('GET', `${pods}/unbound`)).status).toBe(404);
    await bound('failed');
    await server.call('PATCH', `${pods}/failed/status`, {
      body: { status: { phase: 'Failed' } },
      contentType: mergePatch,
    });
    await server.call('DELETE', `${pods}/failed`);
    expect((await server.call('GET', `${pods}/failed`)).status).toBe(404);
  });

  it('with a finalizer outlives its grace period', async () => {
    await create(pods, aPod('held', { nodeName: 'node-1' }, { finalizers: ['example.com/hold'] }));
    await server.call('DELETE', `${pods}/held?gracePeriodSeconds=0`);
    const { body } = await server.call('GET', `${pods}/held`);
    expect(at(body, 'metadata.deletionGracePeriodSeconds')).toBe(0);
    await server.call('PATCH', `${pods}/held`, {
      body: { metadata: { finalizers: null } },
      contentType: mergePatch,
    });
    expect((await server.call('GET', `${pods}/held`)).status).toBe(404);
  });

  it('whose finalizers go before its grace period ends, stays', async () => {
    await create(pods, aPod('both', { nodeName: 'node-1' }, { finalizers: ['example.com/hold'] }));
    await server.call('DELETE', `${pods}/both`);
    await server.call('PATCH', `${pods}/both`, {
      body: { metadata: { finalizers: null } },
      contentType: mergePatch,
    });
    expect((await server.call('GET', `${pods}/both`)).status).toBe(200);
    await server.call('DELETE', `${pods}/both?gracePeriodSeconds=0`);
  });
});

describe('finalizers', () => {
  it('hold a deleted object, take no addition meanwhile, and let it go with the last', async () => {
    await create(maps, aConfigMap('held', { finalizers: ['example.com/a'] }));
    const deleted = await server.call('DELETE', `${maps}/held`);
    expect(deleted.status).toBe(200);
    expect(at(deleted.body, 'metadata.deletionTimestamp')).toBeDefined();
    const added = await server.call('PATCH', `${maps}/held`, {
      contentType: strategicPatch,
      body: { metadata: { finalizers: ['example.com/b'] } },
    });
    expect(added.status).toBe(422);
    expect(at(added.body, 'message')).toBe(
      'ConfigMap "held" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/b"}',
    );
    const watch = await server.watch(
      `${maps}?fieldSelector=metadata.name%3Dheld&resourceVersion=${textAt(deleted.body, 'metadata.resourceVersion')}`,
    );
    await server.call('PATCH', `${maps}/held`, {
      contentType: strategicPatch,
      body: { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a'] } },
    });
    await watch.until(({ type }) => type === 'DELETED');
    expect(watch.events.map(({ type }) => type)).toEqual(['DELETED']);
    watch.close();
    expect((await server.call('GET', `${maps}/held`)).status).toBe(404);
  });

  it('must be qualified names', async () => {
    const { status, body } = await server.call('POST', pods, {
      body: aPod('x', {}, { finalizers: ['own'] }),
    });
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toContain(
      'name is neither a standard finalizer name nor is it fully qualified',
    );
  });
});

describe('owners', () => {
  const ownedBy = (owner: unknown, more: object = {}) => ({
    ownerReferences: [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: textAt(owner, 'metadata.name'),
        uid: textAt(owner, 'metadata.uid'),
        ...more,
      },
    ],
  });

  const gone = (name: string) =>
    eventually(
      () => server.call('GET', `${maps}/${name}`),
      ({ status }) => status === 404,
    );

  it('take their dependents with them (Background)', async () => {
    const owner = await create(maps, aConfigMap('owner'));
    await create(maps, aConfigMap('child', ownedBy(owner)));
    await server.call('DELETE', `${maps}/owner`, { body: { propagationPolicy: 'Background' } });
    expect((await server.call('GET', `${maps}/owner`)).status).toBe(404);
    await gone('child');
  });

  it('that never were take their dependents too', async () => {
    const owner = { metadata: { name: 'never', uid: 'c0ffee00-0000-4000-8000-000000000000' } };
    await create(maps, aConfigMap('orphan', ownedBy(owner)));
    await gone('orphan');
  });

  it('wait for their dependents with foreground deletion', async () => {
    const owner = await create(maps, aConfigMap('front'));
    await create(
      maps,
      aConfigMap('blocking', {
        ...ownedBy(owner, { blockOwnerDeletion: true }),
        finalizers: ['example.com/hold'],
      }),
    );
    // The garbage collector of a real cluster must have seen the dependent before it can wait for it.
    await new Promise((resolve) => setTimeout(resolve, server.isReal ? 2000 : 0));
    const { body } = await server.call('DELETE', `${maps}/front`, {
      body: { propagationPolicy: 'Foreground' },
    });
    expect(at(body, 'metadata.finalizers')).toEqual(['foregroundDeletion']);
    await eventually(
      () => server.call('GET', `${maps}/blocking`),
      (reply) => at(reply.body, 'metadata.deletionTimestamp') !== undefined,
    );
    expect((await server.call('GET', `${maps}/front`)).status).toBe(200);
    await server.call('PATCH', `${maps}/blocking`, {
      body: { metadata: { finalizers: null } },
      contentType: mergePatch,
    });
    await gone('front');
  });

  it('leave their dependents behind with Orphan', async () => {
    const owner = await create(maps, aConfigMap('leaving'));
    await create(maps, aConfigMap('left', ownedBy(owner)));
    await new Promise((resolve) => setTimeout(resolve, server.isReal ? 2000 : 0));
    await server.call('DELETE', `${maps}/leaving`, { body: { propagationPolicy: 'Orphan' } });
    await gone('leaving');
    const { body } = await server.call('GET', `${maps}/left`);
    expect(at(body, 'metadata.ownerReferences')).toBeUndefined();
  });
});

describe('a namespace', () => {
  it('that the cluster itself lives in stays', async () => {
    const { status, body } = await server.call('DELETE', '/api/v1/namespaces/kube-system');
    expect(status).toBe(403);
    expect(at(body, 'message')).toBe(
      'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    );
  });

  it('with a finalizer of its own stays until that is gone', async () => {
    const path = `/api/v1/namespaces/${await server.namespace()}`;
    const finalizers = ['example.com/hold'];
    await server.call('PATCH', path, { body: { metadata: { finalizers } }, contentType: mergePatch });
    await create(`${path}/configmaps`, aConfigMap('inside'));
    await server.call('DELETE', path);
    await eventually(
      () => server.call('GET', `${path}/configmaps/inside`),
      (reply) => reply.status === 404,
    );
    const held = await server.call('GET', path);
    expect(held.body).toMatchObject({ status: { phase: 'Terminating' }, metadata: { finalizers } });
    await server.call('PATCH', path, { body: { metadata: { finalizers: null } }, contentType: mergePatch });
    await eventually(
      () => server.call('GET', path),
      (reply) => reply.status === 404,
    );
  });

  it('takes all that is in it, and nothing new comes in meanwhile', async () => {
    const name = await server.namespace();
    const path = `/api/v1/namespaces/${name}/configmaps`;
    await create(path, aConfigMap('held', { finalizers: ['example.com/hold'] }));
    const { status, body } = await server.call('DELETE', `/api/v1/namespaces/${name}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' } });
    const late = await server.call('POST', path, { body: aConfigMap('late') });
    expect(late.status).toBe(403);
    expect(late.body).toMatchObject({
      reason: 'Forbidden',
      message: `configmaps "late" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
      details: { causes: [{ reason: 'NamespaceTerminating' }] },
    });
    const event = {
      metadata: { name: 'e' },
      involvedObject: { namespace: name, kind: 'ConfigMap', name: 'held' },
    };
    expect((await server.call('POST', `/api/v1/namespaces/${name}/events`, { body: event })).status).toBe(
      403,
    );
    await eventually(
      () => server.call('GET', `${path}/held`),
      (reply) => at(reply.body, 'metadata.deletionTimestamp') !== undefined,
    );
    await server.call('PATCH', `${path}/held`, {
      body: { metadata: { finalizers: null } },
      contentType: mergePatch,
    });
    await eventually(
      () => server.call('GET', `/api/v1/namespaces/${name}`),
      (reply) => reply.status === 404,
    );
  });
});

describe('eviction', () => {
  const eviction = (name: string) => ({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
  });

  const running = async (name: string, ready: string): Promise<void> => {
    await create(pods, aPod(name, { nodeName: 'node-1' }, { labels: { evict: 'yes' } }));
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] };
    await server.call('PATCH', `${pods}/${name}/status`, { body: { status }, contentType: mergePatch });
  };

  it('deletes a Pod that no budget protects', async () => {
    await running('free', 'True');
    const { status } = await server.call('POST', `${pods}/free/eviction`, { body: eviction('free') });
    expect(status).toBe(201);
    expect(at((await server.call('GET', `${pods}/free`)).body, 'metadata.deletionTimestamp')).toBeDefined();
    await server.call('DELETE', `${pods}/free?gracePeriodSeconds=0`);
  });

  it('is refused where a budget has no disruption left', async () => {
    const budgets = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`;
    await running('protected', 'True');
    const spec = { minAvailable: 1, selector: { matchLabels: { evict: 'yes' } } };
    await create(budgets, { metadata: { name: 'budget' }, spec });
    const status = {
      observedGeneration: 1,
      currentHealthy: 1,
      desiredHealthy: 1,
      disruptionsAllowed: 0,
      expectedPods: 1,
    };
    await server.call('PATCH', `${budgets}/budget/status`, { body: { status }, contentType: mergePatch });
    const refused = await server.call('POST', `${pods}/protected/eviction`, { body: eviction('protected') });
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
    });
    expect((await server.call('GET', `${pods}/protected`)).status).toBe(200);
    await server.call('DELETE', `${budgets}/budget`);
    await server.call('DELETE', `${pods}/protected?gracePeriodSeconds=0`);
  });

  it('of a Pod that is not ready is refused by default and allowed by AlwaysAllow', async () => {
    const budgets = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`;
    await running('gated', 'False');
    const spec = { minAvailable: 1, selector: { matchLabels: { evict: 'yes' } } };
    await create(budgets, { metadata: { name: 'unhealthy' }, spec });
    const status = {
      observedGeneration: 1,
      currentHealthy: 0,
      desiredHealthy: 1,
      disruptionsAllowed: 0,
      expectedPods: 1,
    };
    await server.call('PATCH', `${budgets}/unhealthy/status`, { body: { status }, contentType: mergePatch });
    expect((await server.call('POST', `${pods}/gated/eviction`, { body: eviction('gated') })).status).toBe(
      429,
    );
    await server.call('PATCH', `${budgets}/unhealthy`, {
      body: { spec: { unhealthyPodEvictionPolicy: 'AlwaysAllow' } },
      contentType: mergePatch,
    });
    await server.call('PATCH', `${budgets}/unhealthy/status`, {
      body: { status: { ...status, observedGeneration: 2 } },
      contentType: mergePatch,
    });
    expect((await server.call('POST', `${pods}/gated/eviction`, { body: eviction('gated') })).status).toBe(
      201,
    );
    await server.call('DELETE', `${budgets}/unhealthy`);
    await server.call('DELETE', `${pods}/gated?gracePeriodSeconds=0`);
  });
});

import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Forwarder, startForwarder } from '../../functions/forwarder/forwarder.ts';
import type { ReadinessRequest, ReconcileRequest } from '../../functions/platform/functions.ts';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { createObject, getObject, patchObject, requestJson } from '../../shared/kubernetes/request.ts';
import type { DesiredState, Lane } from '../../shared/model/desired-state.ts';
import { defaultGateType } from '../../shared/model/names.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/process/log.ts';
import { createMemoryDoorbell } from '../../shared/queue/doorbell/memory-doorbell.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import { type ApiUnderTest, startApiUnderTest } from '../support/api-under-test.ts';
import { until } from './sandbox-programs.ts';

/** The forwarder against an API server, ours or a real one, with functions that only take, note and end. */

interface Put {
  readonly at: number;
  readonly lane: Lane;
  readonly state: DesiredState;
}

interface Meta {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string };
}

let api: ApiUnderTest;
let connection: Connection;
let namespace: string;
let running: Forwarder[];
let count = 0;

beforeAll(async () => {
  api = await startApiUnderTest();
  connection = connectionOf({ server: api.url, ca: api.caPem, token: api.adminToken });
});

afterAll(async () => {
  connection.close();
  await api.close();
});

beforeEach(async () => {
  count += 1;
  running = [];
  namespace = `test-${count}`;
  await createObject(connection, '/api/v1/namespaces', { metadata: { name: namespace } });
});

afterEach(async () => {
  await Promise.all(running.map((forwarder) => forwarder.stop()));
  await requestJson(connection, { method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
});

const starting = async (identity = 'one', store: Store = createMemoryStore({ clock: systemClock })) => {
  const puts: Put[] = [];
  const reconciles: ReconcileRequest[] = [];
  const readinesses: ReadinessRequest[] = [];
  const put: Store['put'] = (event, lane) => {
    if (event.data.object.namespace === namespace) {
      puts.push({ at: Date.now(), lane, state: event.data });
    }
    return store.put(event, lane);
  };
  const noting = new Proxy(store, {
    get: (kept, name) => (name === 'put' ? put : Reflect.get(kept, name)),
  });
  const forwarder = await startForwarder({
    connection,
    settings: {
      claim: 'annotation',
      gateType: defaultGateType,
      requireEni: false,
      policy: { clusterId: 'demo', defaultWeight: 10, drainSeconds: 30, drainSlackSeconds: 30 },
      kubernetes: {
        source: { kind: 'kubeconfig', path: '' },
        identity,
        namespace,
        leaseName: 'forwarder',
      },
      dispatch: { maxInvocations: 4, batchSize: 16 },
      resyncMs: 600_000,
      health: { host: '127.0.0.1', port: 0 },
    },
    store: noting,
    doorbell: createMemoryDoorbell(),
    functions: {
      reconcile: async (asked) => {
        reconciles.push(asked);
        const results = [];
        for (const loadBalancerKey of asked.loadBalancerKeys) {
          const hold = await noting.take(loadBalancerKey, asked.invocationId);
          if (typeof hold === 'string') results.push({ loadBalancerKey, outcome: hold });
          else {
            const applied = hold.states.map(({ state, sequence }) => [state.object.uid, sequence]);
            await hold.done({ applied: Object.fromEntries(applied), released: [] });
            results.push({ loadBalancerKey, outcome: 'done' as const });
          }
        }
        return { results };
      },
      readiness: async (asked) => {
        readinesses.push(asked);
        return { waiting: 1, opened: 0, againAfterMs: 1_000 };
      },
    },
    askEveryMs: 100,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });
  running.push(forwarder);
  return { forwarder, puts, reconciles, readinesses, store };
};

const core = (plural: string, name?: string): string =>
  `/api/v1/namespaces/${namespace}/${plural}${name === undefined ? '' : `/${name}`}`;

const aService = (annotations = { 'service.cloud.tencent.com/direct-access': 'true' }): Promise<unknown> =>
  createObject(connection, core('services'), {
    metadata: { name: 'web', annotations },
    spec: { type: 'LoadBalancer', selector: { app: 'web' }, ports: [{ port: 80, targetPort: 80 }] },
  });

const conditions = (ready: boolean) => [
  { type: 'ContainersReady', status: ready ? 'True' : 'False', lastTransitionTime: new Date().toISOString() },
];

const aPod = async (name: string, ip: string): Promise<string> => {
  const pod = (await createObject(connection, core('pods'), {
    metadata: { name, labels: { app: 'web' } },
    spec: {
      nodeName: 'node',
      readinessGates: [{ conditionType: defaultGateType }],
      containers: [{ name: 'nginx', image: 'nginx' }],
    },
  })) as Meta;
  await status(name, { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: conditions(false) });
  return pod.metadata.uid;
};

const status = (name: string, fields: object): Promise<unknown> =>
  patchObject(connection, `${core('pods', name)}/status`, { status: fields });

const aSlice = (pods: Readonly<Record<string, { ip: string; uid: string }>>): Promise<unknown> =>
  createObject(connection, `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 80, protocol: 'TCP' }],
    endpoints: Object.entries(pods).map(([name, { ip, uid }]) => ({
      addresses: [ip],
      conditions: { ready: false, serving: false, terminating: false },
      targetRef: { kind: 'Pod', namespace, name, uid },
    })),
  });

const webWithTwoPods = async (): Promise<{ a: string; b: string }> => {
  await aService();
  const [a, b] = [await aPod('a', '10.1.0.1'), await aPod('b', '10.1.0.2')];
  await aSlice({ a: { ip: '10.1.0.1', uid: a }, b: { ip: '10.1.0.2', uid: b } });
  return { a, b };
};

const get = (forwarder: Forwarder, path: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port: forwarder.healthPort, path, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });

test('what is there is put when it leads, what changes is put as it changes, a deletion at once', async () => {
  await webWithTwoPods();
  const { forwarder, puts, reconciles, readinesses } = await starting();
  await until(() => forwarder.figures().complete, 'everything is put');
  expect(puts.at(-1)?.state.listeners[0]?.backends.endpoints.map(({ ip }) => ip)).toEqual([
    '10.1.0.1',
    '10.1.0.2',
  ]);
  await until(() => reconciles.length > 0, 'the function is invoked');
  await until(() => readinesses.length > 0, 'gates are looked at, because Pods wait');

  const atOnce = async (what: string, does: () => Promise<unknown>, lane: Lane): Promise<void> => {
    const before = puts.length;
    const begun = Date.now();
    await does();
    await until(() => puts.slice(before).some((put) => put.lane === lane), what);
    // Without coalescing; the slack is for a machine that is busy with something else.
    const at = puts.slice(before).find((put) => put.lane === lane)?.at ?? 0;
    expect(at - begun).toBeLessThan(1_000);
  };
  await atOnce('ready', () => status('a', { conditions: conditions(true) }), 'ready');
  await atOnce(
    'drain',
    () =>
      requestJson(connection, {
        method: 'DELETE',
        path: core('pods', 'a'),
        query: { gracePeriodSeconds: '30' },
      }),
    'drain',
  );
  const drained = puts.findLast((put) => put.lane === 'drain');
  expect(drained?.state.pods.find(({ ref }) => ref.name === 'a')?.terminatingAt).toBeGreaterThan(Date.now());
});

test('health tells what holds, and who leads', async () => {
  const { forwarder } = await starting();
  await until(forwarder.isLeading, 'it leads');
  expect(await get(forwarder, '/healthz')).toEqual({ status: 200, body: 'ok\n' });
  expect(await get(forwarder, '/readyz')).toEqual({ status: 200, body: '[+]synced\n[+]staying\nleading\n' });
  expect((await get(forwarder, '/metrics')).body).toContain('clb_direct_leading 1\n');
  expect((await get(forwarder, '/other')).status).toBe(404);
  const standby = await starting('two');
  await until(standby.forwarder.isSynced, 'the other one knows all');
  expect((await get(standby.forwarder, '/readyz')).body).toContain('standby');
});

/** A metric's value; undefined: it is not served. */
const metric = async (forwarder: Forwarder, name: string): Promise<number | undefined> => {
  const { body } = await get(forwarder, '/metrics');
  const line = body.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
};

test('puts refused, gaps, generations and take-overs are counted and seen in the metrics (L3)', async () => {
  await webWithTwoPods();
  let store = createMemoryStore({ clock: systemClock });
  const exchanged = new Proxy(store, { get: (_, name) => Reflect.get(store, name) });
  const { forwarder } = await starting('one', exchanged);
  const value = (name: string): Promise<number | undefined> => metric(forwarder, `clb_direct_${name}`);
  await until(() => forwarder.figures().complete, 'everything is put');
  expect(await value('puts_total{outcome="kept"}')).toBeGreaterThan(0);
  expect(await value('puts_total{outcome="refused"}')).toBe(0);
  expect(await value('take_overs_total')).toBe(1);
  expect(await value('gaps_total')).toBe(0);
  expect(await value('store_generations_total')).toBe(0);

  store = createMemoryStore({ clock: systemClock });
  await status('a', { conditions: conditions(true) });
  await until(async () => (await value('store_generations_total')) === 1, 'the other store is noticed');
  await until(async () => ((await value('take_overs_total')) ?? 0) >= 2, 'it takes over again');
  await until(async () => (await value('complete')) === 1, 'everything is put again');

  await store.takeOver();
  await status('b', { conditions: conditions(true) });
  await until(async () => ((await value('puts_total{outcome="refused"}')) ?? 0) >= 1, 'it is refused');
  await until(() => forwarder.isLeading() && forwarder.figures().complete, 'it leads again');

  // A put that the store has not counted: as if another store had answered.
  const counting = store;
  store = {
    ...counting,
    put: async (event, lane) => ({ ...(await counting.put(event, lane)), puts: 0 }),
  };
  const before = (await value('gaps_total')) ?? 0;
  await status('a', { conditions: conditions(false) });
  await until(async () => ((await value('gaps_total')) ?? 0) > before, 'the gap is noticed');
  store = counting;
});

test('the metrics tell what goes through: objects, watches, rings, invocations and how long each took', async () => {
  await webWithTwoPods();
  const { forwarder, reconciles, readinesses } = await starting();
  const value = (name: string): Promise<number | undefined> => metric(forwarder, `clb_direct_${name}`);
  await until(() => forwarder.figures().complete, 'everything is put');
  await until(() => reconciles.length > 0 && readinesses.length > 0, 'both functions are invoked');
  await until(async () => ((await value('invocations_running{function="reconcile"}')) ?? 1) === 0, 'all end');
  expect(await value('leading')).toBe(1);
  expect(await value('synced')).toBe(1);
  expect(await value('objects{resource="pods"}')).toBeGreaterThanOrEqual(2);
  expect(await value('objects{resource="services"}')).toBeGreaterThanOrEqual(1);
  expect(await value('objects{resource="endpointslices"}')).toBeGreaterThanOrEqual(1);
  expect(await value('watch_lists_total{resource="pods"}')).toBeGreaterThanOrEqual(1);
  expect(await value('watch_events_total{resource="pods"}')).toBeGreaterThan(0);
  expect(await value('watch_restarts_total{resource="pods",reason="expired"}')).toBe(0);
  expect(await value('rings_total{outcome="rung"}')).toBeGreaterThan(0);
  expect(await value('invocations_total{function="reconcile",outcome="answered"}')).toBeGreaterThan(0);
  expect(await value('invocation_seconds_count{function="reconcile"}')).toBeGreaterThan(0);
  expect(await value('reconciles_total{outcome="done"}')).toBeGreaterThan(0);
  expect(await value('backlog{lane="drain"}')).toBe(0);

  const changes = (await value('change_to_put_seconds_count')) ?? 0;
  const waits = (await value('due_wait_seconds_count{lane="drain"}')) ?? 0;
  await requestJson(connection, {
    method: 'DELETE',
    path: core('pods', 'a'),
    query: { gracePeriodSeconds: '30' },
  });
  await until(
    async () => ((await value('change_to_put_seconds_count')) ?? 0) > changes,
    'the change is timed',
  );
  await until(
    async () => ((await value('due_wait_seconds_count{lane="drain"}')) ?? 0) > waits,
    'the wait of the drain is timed',
  );
  const { body } = await get(forwarder, '/metrics');
  expect(body).toContain('# TYPE clb_direct_due_wait_seconds histogram\n');
  expect(body).toContain('# HELP clb_direct_gaps_total ');
});

test('a planner that asks is answered by a list read anew (L5)', async () => {
  await webWithTwoPods();
  const { forwarder, puts, store } = await starting();
  await until(() => forwarder.figures().complete, 'everything is put');
  const key = puts.at(-1)?.state.loadBalancerKey ?? '';
  let hold = await store.take(key, 'planner');
  await until(async () => {
    if (typeof hold === 'string') hold = await store.take(key, 'planner');
    return typeof hold !== 'string';
  }, 'the load balancer is free');
  if (typeof hold === 'string') throw new Error(hold);
  const object = puts.at(-1)?.state.object.uid ?? '';
  const targets = [
    { ip: '10.1.0.99', port: 80 },
    { ip: '10.1.0.1', port: 80 },
  ];
  await hold.needsEvidence(object, [{ protocol: 'TCP', port: 80, targets }]);
  await hold.retry(0, 'needs evidence');
  const leaving = () => puts.at(-1)?.state.listeners[0]?.backends.leaving ?? [];
  await until(() => leaving().length > 0, 'the answer is put');
  expect(leaving().map(({ ip, cause }) => `${ip} ${cause}`)).toEqual(['10.1.0.99 absent']);
  const reads = await metric(forwarder, 'clb_direct_evidence_reads_total{outcome="read"}');
  expect(reads).toBeGreaterThanOrEqual(1);
});

test('a store that lost everything is given everything again (L3)', async () => {
  await webWithTwoPods();
  let store = createMemoryStore({ clock: systemClock });
  const forgetful = new Proxy(store, {
    get: (_, name) => Reflect.get(store, name),
  });
  const { forwarder } = await starting('one', forgetful);
  await until(() => forwarder.figures().complete, 'everything is put');
  const kept = await store.loadBalancers();
  expect(kept.length).toBeGreaterThan(0);
  store = createMemoryStore({ clock: systemClock });
  await until(async () => (await store.loadBalancers()).length === kept.length, 'everything is put again');
  await until(() => forwarder.figures().complete, 'and the store knows so');
});

test('a leader whom a newer one refused stops, and asks for the Lease again', async () => {
  await webWithTwoPods();
  const { forwarder, store, puts } = await starting();
  await until(() => forwarder.figures().complete, 'everything is put');
  await store.takeOver();
  await status('a', { conditions: conditions(true) });
  await until(() => !forwarder.isLeading(), 'it gives way');
  await until(() => forwarder.isLeading() && forwarder.figures().complete, 'it leads again');
  expect(puts.at(-1)?.state.pods.find(({ ref }) => ref.name === 'a')?.containersReady).toBe(true);
});

test('told to stop it gives the Lease up', async () => {
  const { forwarder } = await starting();
  await until(forwarder.isLeading, 'it leads');
  await forwarder.stop();
  running = [];
  const lease = await getObject(
    connection,
    `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/forwarder`,
  );
  expect(lease).toMatchObject({ spec: { holderIdentity: '' } });
});

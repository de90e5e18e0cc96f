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
let pods: string;

beforeAll(async () => {
  server = await openServerUnderTest();
  namespace = await server.namespace();
  maps = `/api/v1/namespaces/${namespace}/configmaps`;
  pods = `/api/v1/namespaces/${namespace}/pods`;
});

afterAll(() => server.close());

describe('create', () => {
  it('gives identity: uid, creationTimestamp in whole seconds, resourceVersion, namespace', async () => {
    const { status, body } = await server.call('POST', maps, {
      body: aConfigMap('made', {}, { key: 'value' }),
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { key: 'value' } });
    expect(at(body, 'metadata.namespace')).toBe(namespace);
    expect(textAt(body, 'metadata.uid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(textAt(body, 'metadata.creationTimestamp')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const read = await server.call('GET', `${maps}/made`);
    expect(at(read.body, 'metadata.resourceVersion')).toBe(at(body, 'metadata.resourceVersion'));
  });

  it('makes names from generateName', async () => {
    const { body } = await server.call('POST', maps, { body: { metadata: { generateName: 'gen-' } } });
    expect(textAt(body, 'metadata.name')).toMatch(/^gen-[a-z0-9]{5}$/);
  });

  it('refuses a name that is taken', async () => {
    await server.call('POST', maps, { body: aConfigMap('twice') });
    const { status, body } = await server.call('POST', maps, { body: aConfigMap('twice') });
    expect(status).toBe(409);
    expect(body).toMatchObject({ reason: 'AlreadyExists', message: 'configmaps "twice" already exists' });
  });

  it('refuses a namespace that does not exist, and one that is not that of the path', async () => {
    const missing = await server.call('POST', '/api/v1/namespaces/nowhere/configmaps', {
      body: aConfigMap('x'),
    });
    expect(missing.status).toBe(404);
    expect(at(missing.body, 'message')).toBe('namespaces "nowhere" not found');
    const other = await server.call('POST', maps, { body: aConfigMap('x', { namespace: 'other' }) });
    expect(other.status).toBe(400);
    expect(at(other.body, 'message')).toBe(
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  });

  it('refuses no name, a name that is no subdomain, and labels that are none', async () => {
    const none = await server.call('POST', maps, { body: { metadata: {} } });
    expect(none.status).toBe(422);
    expect(at(none.body, 'message')).toBe(
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    );
    const bad = await server.call('POST', maps, { body: aConfigMap('Not_A_Name') });
    expect(bad.status).toBe(422);
    expect(bad.body).toMatchObject({
      reason: 'Invalid',
      details: {
        name: 'Not_A_Name',
        kind: 'ConfigMap',
        causes: [{ reason: 'FieldValueInvalid', field: 'metadata.name' }],
      },
    });
    expect(textAt(bad.body, 'message')).toContain(
      `ConfigMap "Not_A_Name" is invalid: metadata.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain must consist of`,
    );
    const label = await server.call('POST', maps, { body: aConfigMap('x', { labels: { 'a/b/c': 'x' } }) });
    expect(label.status).toBe(422);
  });

  it('refuses labels and annotations that are not strings, JSON that is none, and another kind', async () => {
    for (const body of [
      aConfigMap('x', { labels: { a: 1 } }),
      aConfigMap('x', { annotations: { a: true } }),
      '{"metadata":',
      { ...aConfigMap('x'), apiVersion: 'apps/v1' },
    ]) {
      expect((await server.call('POST', maps, { body })).status).toBe(400);
    }
  });

  it.each([
    ['a ConfigMap', 'configmaps', 'x', '[]: Too long: may not be more than 1048576 bytes'],
    ['a Secret', 'secrets', 'eHh4', 'data: Too long: may not be more than 1048576 bytes'],
  ])('refuses more than 1 MiB in %s', async (_, resource, letters, message) => {
    const of = (length: number) => ({
      metadata: { name: 'big' },
      data: { v: letters.repeat(length / (letters.length === 1 ? 1 : 3)) },
    });
    const path = `/api/v1/namespaces/${namespace}/${resource}`;
    const refused = await server.call('POST', path, { body: of(1_048_579) });
    expect([refused.status, textAt(refused.body, 'message')]).toEqual([
      422,
      expect.stringContaining(message),
    ]);
    expect((await server.call('POST', `${path}?dryRun=All`, { body: of(1_048_575) })).status).toBe(201);
  });

  it('refuses requests of more than 3 MiB, whatever they are', async () => {
    const { status, body } = await server.call('POST', maps, {
      body: aConfigMap('huge', {}, { v: 'x'.repeat(3 * 1024 * 1024) }),
    });
    expect(status).toBe(413);
    expect(body).toMatchObject({
      reason: 'RequestEntityTooLarge',
      message: 'Request entity too large: limit is 3145728',
    });
  });

  it('knows no other dry run than that of all', async () => {
    const { status, body } = await server.call('POST', `${maps}?dryRun=Some`, { body: aConfigMap('dry') });
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toBe(
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    );
  });

  it('does all but store with dryRun=All', async () => {
    const { status, body } = await server.call('POST', `${maps}?dryRun=All`, { body: aConfigMap('dry') });
    expect(status).toBe(201);
    expect(textAt(body, 'metadata.uid')).not.toBe('');
    expect((await server.call('GET', `${maps}/dry`)).status).toBe(404);
  });

  it('fills in what users see of a Pod', async () => {
    const spec = {
      containers: [
        {
          name: 'main',
          image: 'nginx',
          ports: [{ containerPort: 80 }],
          readinessProbe: { httpGet: { port: 80 } },
        },
      ],
    };
    const { body } = await server.call('POST', pods, { body: aPod('defaults', spec) });
    expect(body).toMatchObject({
      spec: {
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
        containers: [
          {
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            ports: [{ containerPort: 80, protocol: 'TCP' }],
            readinessProbe: {
              httpGet: { path: '/', port: 80, scheme: 'HTTP' },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
          },
        ],
      },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
  });

  it('fills in what users see of a Deployment, and starts its generation at 1 with an empty status', async () => {
    const { body } = await server.call('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
      body: {
        metadata: { name: 'defaults' },
        spec: {
          replicas: 0,
          selector: { matchLabels: { app: 'x' } },
          template: {
            metadata: { labels: { app: 'x' } },
            spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] },
          },
        },
      },
    });
    expect(body).toMatchObject({
      metadata: { generation: 1 },
      spec: {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        template: { spec: { restartPolicy: 'Always', containers: [{ imagePullPolicy: 'IfNotPresent' }] } },
      },
      status: {},
    });
  });
});

describe('a Node', () => {
  it('starts with the taint not-ready', async () => {
    const path = '/api/v1/nodes';
    const { body } = await server.call('POST', path, { body: { metadata: { name: `${namespace}-node` } } });
    expect(listAt(body, 'spec.taints')).toContainEqual({
      key: 'node.kubernetes.io/not-ready',
      effect: 'NoSchedule',
    });
    await server.call('DELETE', `${path}/${namespace}-node`);
  });
});

describe('update', () => {
  it('is refused with a stale resourceVersion, and with another UID', async () => {
    const { body } = await server.call('POST', maps, { body: aConfigMap('put') });
    const changed = await server.call('PUT', `${maps}/put`, { body: { ...Object(body), data: { a: '1' } } });
    expect(changed.status).toBe(200);
    const stale = await server.call('PUT', `${maps}/put`, { body: { ...Object(body), data: { a: '2' } } });
    expect(stale.status).toBe(409);
    expect(stale.body).toMatchObject({
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on configmaps "put": the object has been modified; please apply your changes to the latest version and try again',
    });
    const uid = await server.call('PUT', `${maps}/put`, { body: aConfigMap('put', { uid: 'another' }) });
    expect(uid.status).toBe(409);
  });

  it('without resourceVersion replaces what is there; its identity stays', async () => {
    const { body } = await server.call('POST', maps, { body: aConfigMap('loose', { labels: { a: 'b' } }) });
    const put = await server.call('PUT', `${maps}/loose`, { body: aConfigMap('loose', {}, { x: 'y' }) });
    expect(put.status).toBe(200);
    expect(at(put.body, 'metadata.uid')).toBe(at(body, 'metadata.uid'));
    expect(at(put.body, 'metadata.labels')).toBeUndefined();
  });

  it('that changes nothing leaves the resourceVersion', async () => {
    const { body } = await server.call('POST', maps, { body: aConfigMap('same', {}, { x: 'y' }) });
    const put = await server.call('PUT', `${maps}/same`, { body });
    expect(at(put.body, 'metadata.resourceVersion')).toBe(at(body, 'metadata.resourceVersion'));
  });

  it('of another name than the path says is refused, as is one of nothing', async () => {
    await server.call('POST', maps, { body: aConfigMap('name') });
    expect((await server.call('PUT', `${maps}/name`, { body: aConfigMap('other') })).status).toBe(400);
    expect((await server.call('PUT', `${maps}/never`, { body: aConfigMap('never') })).status).toBe(404);
  });
});

describe('status subresource', () => {
  it('keeps spec and status apart', async () => {
    const { body } = await server.call('POST', pods, { body: aPod('apart') });
    const main = await server.call('PUT', `${pods}/apart`, {
      body: {
        ...Object(body),
        metadata: { ...Object(at(body, 'metadata')), labels: { a: 'b' } },
        status: { phase: 'Running' },
      },
    });
    expect(main.body).toMatchObject({ metadata: { labels: { a: 'b' } }, status: { phase: 'Pending' } });
    const status = await server.call('PATCH', `${pods}/apart/status`, {
      contentType: mergePatch,
      body: { spec: { nodeName: 'x' }, status: { phase: 'Running' }, metadata: { annotations: { c: 'd' } } },
    });
    expect(status.status).toBe(200);
    expect(status.body).toMatchObject({
      status: { phase: 'Running' },
      metadata: { annotations: { c: 'd' } },
    });
    expect(at(status.body, 'spec.nodeName')).toBeUndefined();
  });

  it('can be read by itself, and is 404 where there is none', async () => {
    await server.call('POST', pods, { body: aPod('own-status') });
    expect((await server.call('GET', `${pods}/own-status/status`)).status).toBe(200);
    await server.call('POST', maps, { body: aConfigMap('no-status') });
    expect((await server.call('GET', `${maps}/no-status/status`)).status).toBe(404);
  });

  it('generation counts changes of the spec, and of annotations', async () => {
    const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const spec = {
      replicas: 0,
      selector: { matchLabels: { app: 'y' } },
      template: {
        metadata: { labels: { app: 'y' } },
        spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] },
      },
    };
    await server.call('POST', deployments, { body: { metadata: { name: 'generation' }, spec } });
    const change = async (path: string, body: object): Promise<unknown> =>
      at(
        (await server.call('PATCH', `${deployments}/generation${path}`, { body, contentType: mergePatch }))
          .body,
        'metadata.generation',
      );
    expect(await change('', { metadata: { labels: { a: 'b' } } })).toBe(1);
    expect(await change('/status', { status: { observedGeneration: 1 } })).toBe(1);
    expect(await change('', { spec: { paused: true } })).toBe(2);
    expect(await change('', { metadata: { annotations: { a: 'b' } } })).toBe(3);
    expect(await change('/status', { metadata: { annotations: { a: 'c' } } })).toBe(3);
  });

  it('what a Deployment says that would hold anyway is not kept', async () => {
    const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const template = {
      metadata: { labels: { app: 'z' } },
      spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] },
    };
    const spec = { replicas: 0, selector: { matchLabels: { app: 'z' } }, template };
    const made = await server.call('POST', deployments, { body: { metadata: { name: 'zero' }, spec } });
    const { body } = await server.call('PATCH', `${deployments}/zero`, {
      body: { spec: { paused: false, minReadySeconds: 0 } },
      contentType: mergePatch,
    });
    expect(at(body, 'spec')).toEqual(at(made.body, 'spec'));
    expect(at(body, 'metadata.generation')).toBe(1);
  });
});

describe('scale subresource', () => {
  it('reads and sets the replicas', async () => {
    const sets = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
    const template = {
      metadata: { labels: { app: 'z' } },
      spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] },
    };
    const spec = { replicas: 0, selector: { matchLabels: { app: 'z' } }, template };
    await server.call('POST', sets, { body: { metadata: { name: 'scaled' }, spec } });
    const read = await server.call('GET', `${sets}/scaled/scale`);
    expect(read.body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      status: { replicas: 0, selector: 'app=z' },
    });
    const patched = await server.call('PATCH', `${sets}/scaled/scale`, {
      body: { spec: { replicas: 1 } },
      contentType: mergePatch,
    });
    expect(at(patched.body, 'spec.replicas')).toBe(1);
    const put = await server.call('PUT', `${sets}/scaled/scale`, {
      body: { ...Object(read.body), metadata: { name: 'scaled', namespace }, spec: { replicas: 0 } },
    });
    expect(put.status).toBe(200);
    expect(at((await server.call('GET', `${sets}/scaled`)).body, 'spec.replicas')).toBe(0);
  });
});

describe('methods', () => {
  it('says 405 where a method makes no sense', async () => {
    for (const [method, path] of [
      ['PUT', maps],
      ['PATCH', maps],
      ['POST', `${maps}/x`],
      ['POST', '/api/v1/configmaps'],
      ['DELETE', '/api/v1/configmaps'],
      ['OPTIONS', `${maps}/x`],
    ] as const) {
      const reply = await server.call(method, path, { body: {}, contentType: mergePatch });
      expect([reply.status, method]).toEqual([405, method]);
    }
    // Without a body in answer, as HEAD has none.
    expect((await server.call('HEAD', `${maps}/x`)).status).toBe(405);
    expect(listAt((await server.call('GET', '/api')).body, 'versions')).toEqual(['v1']);
  });
});

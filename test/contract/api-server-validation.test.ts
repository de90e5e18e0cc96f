import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aPod,
  at,
  mergePatch,
  openServerUnderTest,
  type Reply,
  type ServerUnderTest,
  strategicPatch,
  textAt,
} from './api-server-under-test.ts';

let server: ServerUnderTest;
let namespace: string;

beforeAll(async () => {
  server = await openServerUnderTest();
  namespace = await server.namespace();
});

afterAll(() => server.close());

const api = (group: string, resource: string): string =>
  `${group === 'v1' ? '/api/v1' : `/apis/${group}`}/namespaces/${namespace}/${resource}`;

const post = (path: string, body: object): Promise<Reply> => server.call('POST', path, { body });

const expectRefused = (reply: Reply, ...texts: string[]): void => {
  expect(reply.body).toMatchObject({ kind: 'Status', status: 'Failure', reason: 'Invalid', code: 422 });
  for (const text of texts) expect(textAt(reply.body, 'message')).toContain(text);
};

const container = (more: object = {}): object => ({ name: 'main', image: 'nginx:1.27', ...more });

describe('a Pod is refused with', () => {
  it.each([
    ['no containers', { containers: [] }, 'spec.containers: Required value'],
    [
      'a container without image',
      { containers: [{ name: 'main' }] },
      'spec.containers[0].image: Required value',
    ],
    ['a container without name', { containers: [{ image: 'x' }] }, 'spec.containers[0].name: Required value'],
    [
      'two containers of one name',
      { containers: [container(), container()] },
      'spec.containers[1].name: Duplicate value: "main"',
    ],
    [
      'a container port out of range',
      { containers: [container({ ports: [{ containerPort: 70_000 }] })] },
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      'an unknown restart policy',
      { restartPolicy: 'Sometimes' },
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    ],
    [
      'a gate that is no qualified name',
      { readinessGates: [{ conditionType: 'not a name' }] },
      'spec.readinessGates[0].conditionType: Invalid value: "not a name": name part must consist of alphanumeric characters',
    ],
    [
      'a preStop sleep longer than the grace period',
      {
        terminationGracePeriodSeconds: 10,
        containers: [container({ lifecycle: { preStop: { sleep: { seconds: 20 } } } })],
      },
      'spec.containers[0].lifecycle.preStop.sleep: Invalid value: 20: must be non-negative and less than terminationGracePeriodSeconds (10)',
    ],
    [
      'a second handler beside preStop sleep',
      {
        containers: [
          container({ lifecycle: { preStop: { sleep: { seconds: 5 }, exec: { command: ['true'] } } } }),
        ],
      },
      'may not specify more than 1 handler type',
    ],
    [
      'an exec handler without command',
      { containers: [container({ lifecycle: { preStop: { exec: {} } } })] },
      'spec.containers[0].lifecycle.preStop.exec.command: Required value',
    ],
    [
      'a preStop without handler',
      { containers: [container({ lifecycle: { preStop: {} } })] },
      'spec.containers[0].lifecycle.preStop: Required value: must specify a handler type',
    ],
  ])('%s', async (_what, spec, expected) => {
    expectRefused(
      await post(api('v1', 'pods'), aPod('refused', spec)),
      'Pod "refused" is invalid: ',
      expected,
    );
  });
});

describe('a Pod', () => {
  it('may have a preStop sleep within its grace period, and the same gate twice', async () => {
    const lifecycle = { preStop: { sleep: { seconds: 30 } } };
    const readinessGates = [{ conditionType: 'example.com/g' }, { conditionType: 'example.com/g' }];
    const { status } = await post(
      api('v1', 'pods'),
      aPod('fine', { readinessGates, containers: [container({ lifecycle })] }),
    );
    expect(status).toBe(201);
  });

  it('cannot change its gates, or anything but its images', async () => {
    const path = `${api('v1', 'pods')}/set`;
    await post(api('v1', 'pods'), aPod('set'));
    const gates = { spec: { readinessGates: [{ conditionType: 'example.com/g' }] } };
    const refused = await server.call('PATCH', path, { body: gates, contentType: mergePatch });
    expectRefused(
      refused,
      'Pod "set" is invalid: spec: Forbidden: pod updates may not change fields other than',
    );
    const image = { spec: { containers: [{ name: 'main', image: 'nginx:1.28' }] } };
    expect((await server.call('PATCH', path, { body: image, contentType: strategicPatch })).status).toBe(200);
  });

  it('takes only conditions whose types are qualified names', async () => {
    await post(api('v1', 'pods'), aPod('conditions'));
    const body = { status: { conditions: [{ type: 'not a name', status: 'True' }] } };
    const refused = await server.call('PATCH', `${api('v1', 'pods')}/conditions/status`, {
      body,
      contentType: strategicPatch,
    });
    expectRefused(refused, 'status.conditions[0].Type: Invalid value: "not a name"');
  });
});

describe('a field of the wrong type', () => {
  it.each([
    ['pods', { containers: [container({ env: [{ name: 'A', value: 8080 }] })] }],
    ['pods', { containers: [container({ ports: [{ containerPort: '80' }] })] }],
    ['services', { ports: [{ port: '80' }] }],
    ['services', { ports: [{ port: 80 }], selector: { app: 1 } }],
  ])('is 400 (%s %j)', async (resource, spec) => {
    const { status, body } = await post(api('v1', resource), { metadata: { name: 'mistyped' }, spec });
    expect(status).toBe(400);
    expect(textAt(body, 'message')).toMatch(
      /cannot be handled as a (Pod|Service): json: cannot unmarshal (number|string) into Go struct field/,
    );
  });
});

describe('an EndpointSlice', () => {
  const slice = (name: string, address: string, more: object = {}): object => ({
    metadata: { name },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address] }],
    ports: [{ port: 80 }],
    ...more,
  });
  const path = (): string => api('discovery.k8s.io/v1', 'endpointslices');

  it.each([
    ['127.0.0.1', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['127.57.0.9', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['169.254.1.1', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['0.0.0.0', 'may not be unspecified'],
    ['nonsense', ''],
  ])('may not hold %s', async (address, why) => {
    expectRefused(
      await post(path(), slice('refused', address)),
      'EndpointSlice.discovery.k8s.io "refused" is invalid: ',
      `endpoints[0].addresses[0]: Invalid value: "${address}": ${why}`,
    );
  });

  it('holds ordinary addresses, with a forged manager label and a foreign targetRef too', async () => {
    const made = await post(path(), {
      ...slice('forged', '10.57.0.9'),
      metadata: {
        name: 'forged',
        labels: {
          'endpointslice.kubernetes.io/managed-by': 'somebody.example.com',
          'kubernetes.io/service-name': 'web',
        },
      },
      endpoints: [
        { addresses: ['10.57.0.9'], targetRef: { kind: 'Pod', name: 'x', namespace: 'elsewhere' } },
      ],
    });
    expect(made.status).toBe(201);
    expect(at(made.body, 'ports')).toEqual([{ name: '', port: 80, protocol: 'TCP' }]);
  });

  it('says null where it has no endpoints or ports', async () => {
    const { body } = await post(path(), { metadata: { name: 'empty' }, addressType: 'IPv4' });
    expect(body).toMatchObject({ endpoints: null, ports: null });
  });

  it('cannot change its address type', async () => {
    await post(path(), slice('typed', '10.57.0.10'));
    const body = { addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::1'] }] };
    expectRefused(
      await server.call('PATCH', `${path()}/typed`, { body, contentType: mergePatch }),
      'addressType: Invalid value: "IPv6": field is immutable',
    );
  });
});

describe('an Event', () => {
  const path = (): string => api('v1', 'events');
  const event = (name: string, about: string): object => ({
    metadata: { name },
    involvedObject: { kind: 'Service', name: 'web', namespace: about },
    reason: 'Ensured',
    message: 'done',
    type: 'Normal',
  });

  it('needs no timestamps, and a repeated name is 409', async () => {
    expect((await post(path(), event('web.1', namespace))).status).toBe(201);
    expect((await post(path(), event('web.1', namespace))).status).toBe(409);
  });

  it('is about an object of its own namespace', async () => {
    expectRefused(
      await post(path(), event('web.2', 'default')),
      'involvedObject.namespace: Invalid value: "default": does not match event.namespace',
    );
  });
});

describe('a Lease', () => {
  it('is held for more than 0 seconds', async () => {
    const path = api('coordination.k8s.io/v1', 'leases');
    const lease = (leaseDurationSeconds: number) => ({
      metadata: { name: 'l' },
      spec: { holderIdentity: 'a', leaseDurationSeconds },
    });
    expectRefused(
      await post(path, lease(0)),
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    );
    expect((await post(path, lease(3))).status).toBe(201);
  });

  it('is made by a PUT, and replaced only by one that says which resourceVersion it replaces', async () => {
    const path = `${api('coordination.k8s.io/v1', 'leases')}/put`;
    const body = { metadata: { name: 'put' }, spec: { holderIdentity: 'a' } };
    expect((await server.call('PUT', path, { body })).status).toBe(201);
    expectRefused(
      await server.call('PUT', path, { body }),
      'metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
  });

  it('is taken by who writes first with the resourceVersion it read', async () => {
    const path = api('coordination.k8s.io/v1', 'leases');
    const made = await post(path, {
      metadata: { name: 'raced' },
      spec: { holderIdentity: '', leaseDurationSeconds: 3 },
    });
    const take = (holderIdentity: string) =>
      server.call('PUT', `${path}/raced`, {
        body: { ...Object(made.body), spec: { holderIdentity, leaseDurationSeconds: 3 } },
      });
    const replies = await Promise.all([take('one'), take('two')]);
    expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  });
});

describe('a Deployment', () => {
  const path = (): string => api('apps/v1', 'deployments');
  const deployment = (name: string, labels: object, spec: object = {}): object => ({
    metadata: { name },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels }, spec: { containers: [container()] } },
      ...spec,
    },
  });

  it('must select its own template, and cannot change its selector', async () => {
    expectRefused(
      await post(path(), deployment('other', { app: 'db' })),
      'Deployment.apps "other" is invalid: spec.template.metadata.labels: Invalid value: {"app":"db"}: `selector` does not match template `labels`',
    );
    await post(path(), deployment('selects', { app: 'web', more: 'x' }));
    const selector = { matchLabels: { app: 'web', more: 'x' } };
    expectRefused(
      await server.call('PATCH', `${path()}/selects`, {
        body: { spec: { selector } },
        contentType: mergePatch,
      }),
      'Deployment.apps "selects" is invalid: spec.selector: Invalid value: ',
      'field is immutable',
    );
  });

  it('must be able to make progress', async () => {
    const strategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } };
    expectRefused(
      await post(path(), deployment('stuck', { app: 'web' }, { strategy })),
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    );
  });
});

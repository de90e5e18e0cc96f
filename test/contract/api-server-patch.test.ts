import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aConfigMap,
  aPod,
  applyPatch,
  at,
  jsonPatch,
  listAt,
  mergePatch,
  openServerUnderTest,
  type Reply,
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

const patch = (path: string, contentType: string, body: unknown): Promise<Reply> =>
  server.call('PATCH', path, { contentType, body });

const create = async (path: string, body: object): Promise<unknown> =>
  (await server.call('POST', path, { body })).body;

describe('JSON patch', () => {
  it('adds, replaces, moves, copies, tests and removes', async () => {
    await create(maps, aConfigMap('json', { labels: { a: '1' } }, { old: 'x' }));
    const { status, body } = await patch(`${maps}/json`, jsonPatch, [
      { op: 'test', path: '/data/old', value: 'x' },
      { op: 'add', path: '/metadata/labels/example.com~1key', value: '2' },
      { op: 'copy', from: '/data/old', path: '/data/copy' },
      { op: 'move', from: '/data/old', path: '/data/new' },
      { op: 'replace', path: '/data/copy', value: 'y' },
      { op: 'remove', path: '/metadata/labels/a' },
    ]);
    expect(status).toBe(200);
    expect(at(body, 'data')).toEqual({ copy: 'y', new: 'x' });
    expect(at(body, 'metadata.labels')).toEqual({ 'example.com/key': '2' });
  });

  it('changes nothing when a test fails, or a path is missing', async () => {
    await create(maps, aConfigMap('json-fails', {}, { a: 'x' }));
    const operations = [
      { op: 'add', path: '/data/b', value: 'y' },
      { op: 'test', path: '/data/a', value: 'other' },
    ];
    expect((await patch(`${maps}/json-fails`, jsonPatch, operations)).status).toBe(422);
    expect(
      (await patch(`${maps}/json-fails`, jsonPatch, [{ op: 'remove', path: '/data/none' }])).status,
    ).toBe(422);
    const { body } = await server.call('GET', `${maps}/json-fails`);
    expect(at(body, 'data')).toEqual({ a: 'x' });
  });

  it('replaces a field that is not there, as the RFC does not', async () => {
    await create(maps, aConfigMap('json-absent', {}, { a: 'x' }));
    const operations = [{ op: 'replace', path: '/data/b', value: 'y' }];
    const { status, body } = await patch(`${maps}/json-absent`, jsonPatch, operations);
    expect(status).toBe(200);
    expect(at(body, 'data')).toEqual({ a: 'x', b: 'y' });
  });

  it('with an object for a body is refused', async () => {
    await create(maps, aConfigMap('json-object'));
    expect((await patch(`${maps}/json-object`, jsonPatch, { data: {} })).status).toBe(400);
  });
});

describe('merge patch', () => {
  it('merges objects, replaces lists, removes with null', async () => {
    await create(maps, aConfigMap('merge', { labels: { a: '1', b: '2' } }, { x: '1' }));
    const { body } = await patch(`${maps}/merge`, mergePatch, {
      metadata: { labels: { a: null, c: '3' } },
      data: { y: '2' },
    });
    expect(at(body, 'metadata.labels')).toEqual({ b: '2', c: '3' });
    expect(at(body, 'data')).toEqual({ x: '1', y: '2' });
  });

  it('wipes the finalizers of others, where a strategic merge adds', async () => {
    await create(maps, aConfigMap('finalizers', { finalizers: ['example.com/other'] }));
    const added = await patch(`${maps}/finalizers`, strategicPatch, {
      metadata: { finalizers: ['example.com/own'] },
    });
    expect(listAt(added.body, 'metadata.finalizers').toSorted()).toEqual([
      'example.com/other',
      'example.com/own',
    ]);
    const wiped = await patch(`${maps}/finalizers`, mergePatch, {
      metadata: { finalizers: ['example.com/own'] },
    });
    expect(at(wiped.body, 'metadata.finalizers')).toEqual(['example.com/own']);
    await patch(`${maps}/finalizers`, mergePatch, { metadata: { finalizers: null } });
  });
});

describe('any patch', () => {
  it('that leaves no such object is 422', async () => {
    await create(maps, aConfigMap('shape'));
    for (const body of [{ metadata: { labels: { a: 1 } } }, { data: { a: true } }, { kind: 'Secret' }]) {
      const refused = await patch(`${maps}/shape`, mergePatch, body);
      expect(refused.status).toBe(422);
      expect(textAt(refused.body, 'message')).toContain('"" is invalid: patch: Invalid value: ');
    }
  });

  it('cannot change when an object was made', async () => {
    const made = await create(maps, aConfigMap('age'));
    const { status, body } = await patch(`${maps}/age`, mergePatch, {
      metadata: { creationTimestamp: '2020-01-01T00:00:00Z' },
    });
    expect(status).toBe(200);
    expect(at(body, 'metadata.creationTimestamp')).toBe(at(made, 'metadata.creationTimestamp'));
  });

  it('that changes nothing leaves the resourceVersion', async () => {
    const made = await create(maps, aConfigMap('idle', {}, { a: 'b' }));
    for (const type of [mergePatch, strategicPatch]) {
      const { body } = await patch(`${maps}/idle`, type, { data: { a: 'b' } });
      expect(at(body, 'metadata.resourceVersion')).toBe(at(made, 'metadata.resourceVersion'));
    }
  });

  it('with a stale resourceVersion is 409, with the present one it is done', async () => {
    const made = await create(maps, aConfigMap('versioned'));
    const resourceVersion = textAt(made, 'metadata.resourceVersion');
    expect(
      (await patch(`${maps}/versioned`, mergePatch, { metadata: { resourceVersion }, data: { a: '1' } }))
        .status,
    ).toBe(200);
    const stale = await patch(`${maps}/versioned`, mergePatch, {
      metadata: { resourceVersion },
      data: { a: '2' },
    });
    expect(stale.status).toBe(409);
    expect(at(stale.body, 'reason')).toBe('Conflict');
  });

  it.each([mergePatch, strategicPatch])('with another UID in the body is 422 (%s)', async (type) => {
    const name = type === mergePatch ? 'uid-merge' : 'uid-strategic';
    const made = await create(pods, aPod(name));
    const wrong = await patch(`${pods}/${name}/status`, type, {
      metadata: { uid: 'another' },
      status: { message: 'm' },
    });
    expect(wrong.status).toBe(422);
    expect(wrong.body).toMatchObject({
      reason: 'Invalid',
      message: `Pod "${name}" is invalid: metadata.uid: Invalid value: "another": field is immutable`,
    });
    const uid = textAt(made, 'metadata.uid');
    expect(
      (await patch(`${pods}/${name}/status`, type, { metadata: { uid }, status: { message: 'm' } })).status,
    ).toBe(200);
  });

  it('of an unknown type is 415, of nothing 404, of another name 400', async () => {
    await create(maps, aConfigMap('odd'));
    const unknown = await patch(`${maps}/odd`, 'application/json', {});
    expect(unknown.status).toBe(415);
    expect(textAt(unknown.body, 'message')).toBe('415: Unsupported Media Type');
    expect((await patch(`${maps}/none`, mergePatch, {})).status).toBe(404);
    expect((await patch(`${maps}/odd`, mergePatch, { metadata: { name: 'even' } })).status).toBe(400);
  });

  it('does all but store with dryRun=All', async () => {
    await create(maps, aConfigMap('dry', {}, { a: '1' }));
    const { body } = await patch(`${maps}/dry?dryRun=All`, mergePatch, { data: { a: '2' } });
    expect(at(body, 'data.a')).toBe('2');
    expect(at((await server.call('GET', `${maps}/dry`)).body, 'data.a')).toBe('1');
  });
});

describe('strategic merge patch', () => {
  const gate = (status: string) => ({ type: 'example.com/gate', status });

  it('merges conditions by their type', async () => {
    await create(pods, aPod('conditions'));
    const path = `${pods}/conditions/status`;
    await patch(path, strategicPatch, {
      status: { conditions: [gate('False'), { type: 'Ready', status: 'False' }] },
    });
    const { body } = await patch(path, strategicPatch, { status: { conditions: [gate('True')] } });
    const found = listAt(body, 'status.conditions').map(
      (one) => `${textAt(one, 'type')} ${textAt(one, 'status')}`,
    );
    expect(found.toSorted()).toEqual(['Ready False', 'example.com/gate True']);
    expect(at(body, 'status.conditions.0.lastTransitionTime') ?? null).toBeNull();
  });

  it('keeps a condition that a kubelet-style patch does not name', async () => {
    await create(pods, aPod('kubelet'));
    const path = `${pods}/kubelet/status`;
    await patch(path, strategicPatch, { status: { conditions: [gate('True')] } });
    const { body } = await patch(path, strategicPatch, {
      status: {
        '$setElementOrder/conditions': [{ type: 'Initialized' }, { type: 'Ready' }],
        conditions: [
          { type: 'Initialized', status: 'True' },
          { type: 'Ready', status: 'True' },
        ],
      },
    });
    const types = listAt(body, 'status.conditions').map((one) => textAt(one, 'type'));
    expect(types).toEqual(['Initialized', 'Ready', 'example.com/gate']);
  });

  it('puts what is new first, and refuses elements that do not stand in the order it asks for', async () => {
    await create(pods, aPod('order'));
    const path = `${pods}/order/status`;
    const condition = (type: string) => ({ type, status: 'True' });
    await patch(path, strategicPatch, { status: { conditions: [condition('a')] } });
    const { body } = await patch(path, strategicPatch, { status: { conditions: [condition('b')] } });
    expect(listAt(body, 'status.conditions').map((one) => textAt(one, 'type'))).toEqual(['b', 'a']);
    const order = [{ type: 'a' }, { type: 'b' }];
    const refused = await patch(path, strategicPatch, {
      status: { '$setElementOrder/conditions': order, conditions: [condition('b'), condition('a')] },
    });
    expect(refused.status).toBe(500);
    expect(textAt(refused.body, 'message')).toContain('The order in patch list:');
  });

  it('merges containers by name and their env by name, and deletes and replaces with $patch', async () => {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const container = {
      name: 'main',
      image: 'nginx:1.27',
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
      ports: [{ containerPort: 80 }],
    };
    const template = {
      metadata: { labels: { app: 'w' } },
      spec: { containers: [container, { name: 'side', image: 'busybox:1' }] },
    };
    await create(path, {
      metadata: { name: 'merged' },
      spec: { replicas: 0, selector: { matchLabels: { app: 'w' } }, template },
    });
    const { body } = await patch(`${path}/merged`, strategicPatch, {
      spec: {
        template: {
          spec: {
            containers: [
              {
                name: 'main',
                image: 'nginx:1.28',
                env: [
                  { name: 'A', value: '9' },
                  { name: 'B', $patch: 'delete' },
                  { name: 'C', value: '3' },
                ],
              },
              { name: 'side', $patch: 'delete' },
            ],
          },
        },
      },
    });
    const containers = listAt(body, 'spec.template.spec.containers');
    expect(containers).toHaveLength(1);
    expect(containers[0]).toMatchObject({ image: 'nginx:1.28', ports: [{ containerPort: 80 }] });
    const env = listAt(containers[0], 'env').map((one) => `${textAt(one, 'name')}=${textAt(one, 'value')}`);
    expect(env.toSorted()).toEqual(['A=9', 'C=3']);
    const replaced = await patch(`${path}/merged`, strategicPatch, {
      spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    });
    expect(at(replaced.body, 'spec.strategy')).toEqual({ type: 'Recreate' });
  });

  it('removes one finalizer of several with $deleteFromPrimitiveList', async () => {
    await create(maps, aConfigMap('primitive', { finalizers: ['example.com/a', 'example.com/b'] }));
    const { body } = await patch(`${maps}/primitive`, strategicPatch, {
      metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a'] },
    });
    expect(at(body, 'metadata.finalizers')).toEqual(['example.com/b']);
    await patch(`${maps}/primitive`, mergePatch, { metadata: { finalizers: null } });
  });

  it('is 500 for an element without its key', async () => {
    await create(pods, aPod('keyless'));
    await patch(`${pods}/keyless/status`, strategicPatch, { status: { conditions: [gate('True')] } });
    const body = { status: { conditions: [{ status: 'True' }] } };
    const refused = await patch(`${pods}/keyless/status`, strategicPatch, body);
    expect(refused.status).toBe(500);
    expect(textAt(refused.body, 'message')).toContain('does not contain declared merge key: type');
  });

  it('merges podIPs by ip, so that a second IPv4 is 422; a merge patch replaces them', async () => {
    await create(pods, aPod('ips'));
    const path = `${pods}/ips/status`;
    const first = { podIP: '10.9.0.1', podIPs: [{ ip: '10.9.0.1' }] };
    expect((await patch(path, strategicPatch, { status: first })).status).toBe(200);
    const second = { podIP: '10.9.0.2', podIPs: [{ ip: '10.9.0.2' }] };
    expect((await patch(path, strategicPatch, { status: second })).status).toBe(422);
    const { body } = await patch(path, mergePatch, { status: second });
    expect(at(body, 'status.podIPs')).toEqual([{ ip: '10.9.0.2' }]);
  });

  it('merges owner references by uid', async () => {
    const owner = (uid: string) => ({ apiVersion: 'example.com/v1', kind: 'Thing', name: uid, uid });
    await create(maps, aConfigMap('owned', { ownerReferences: [owner('u1')] }));
    const { body } = await patch(`${maps}/owned`, strategicPatch, {
      metadata: { ownerReferences: [owner('u2')] },
    });
    expect(listAt(body, 'metadata.ownerReferences')).toHaveLength(2);
  });

  it('merges the ports of a Service by port', async () => {
    const services = `/api/v1/namespaces/${namespace}/services`;
    await create(services, {
      metadata: { name: 'ports' },
      spec: {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 81 },
        ],
      },
    });
    const { body } = await patch(`${services}/ports`, strategicPatch, {
      spec: { ports: [{ port: 80, targetPort: 8080 }] },
    });
    expect(listAt(body, 'spec.ports').map((port) => at(port, 'targetPort'))).toEqual([8080, 81]);
  });

  it('merges the taints of a Node as a whole', async () => {
    await create('/api/v1/nodes', { metadata: { name: `${namespace}-node` } });
    const path = `/api/v1/nodes/${namespace}-node`;
    const { body } = await patch(path, strategicPatch, {
      spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] },
    });
    expect(listAt(body, 'spec.taints')).toHaveLength(1);
    await server.call('DELETE', path);
  });
});

describe('server-side apply', () => {
  it('creates what is not there, then merges; YAML is taken', async () => {
    const path = `${maps}/applied?fieldManager=test&force=true`;
    const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: applied\ndata:\n  a: "1"\n`;
    expect((await patch(path, applyPatch, yaml)).status).toBe(201);
    const again = await patch(path, applyPatch, yaml.replace('"1"', '"2"'));
    expect(again.status).toBe(200);
    expect(at(again.body, 'data')).toEqual({ a: '2' });
  });

  it('takes away what the same manager no longer applies, and keeps what others set', async () => {
    const path = `${maps}/managed?fieldManager=test&force=true`;
    const applied = (data: object) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'managed' },
      data,
    });
    await patch(path, applyPatch, applied({ a: '1', b: '2' }));
    await patch(`${maps}/managed`, mergePatch, { data: { other: 'x' } });
    const { body } = await patch(path, applyPatch, applied({ a: '1' }));
    expect(at(body, 'data')).toEqual({ a: '1', other: 'x' });
  });

  it('by kubectl renews what its other apply last applied, where there is that; by others it does not', async () => {
    const key = 'kubectl.kubernetes.io/last-applied-configuration';
    const config = (name: string, value: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { a: value },
    });
    const applied = async (name: string, value: string, manager: string): Promise<unknown> => {
      const path = `${maps}/${name}?fieldManager=${manager}&force=true`;
      const { body } = await patch(path, applyPatch, config(name, value));
      return at(body, `metadata.annotations.${key.replaceAll('.', '\\.')}`);
    };
    await create(maps, aConfigMap('both-applies', { annotations: { [key]: '{}' } }, { a: '1' }));
    expect(await applied('both-applies', '2', 'test')).toBe('{}');
    const text = await applied('both-applies', '3', 'kubectl');
    expect(text).toBe(
      '{"apiVersion":"v1","data":{"a":"3"},"kind":"ConfigMap","metadata":{"name":"both-applies"}}\n',
    );
    expect(await applied('one-apply', '1', 'kubectl')).toBeUndefined();
  });

  it('asks for a field manager', async () => {
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } };
    expect((await patch(`${maps}/x`, applyPatch, body)).status).toBe(422);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  aService,
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
let services: string;
let ingresses: string;

beforeAll(async () => {
  server = await openServerUnderTest();
  namespace = await server.namespace();
  services = `/api/v1/namespaces/${namespace}/services`;
  ingresses = `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`;
});

afterAll(() => server.close());

const create = (name: string, spec: object = {}): Promise<Reply> =>
  server.call('POST', services, { body: aService(name, spec) });

const patch = (name: string, body: unknown, contentType = mergePatch): Promise<Reply> =>
  server.call('PATCH', `${services}/${name}`, { body, contentType });

const message = (reply: Reply): string => textAt(reply.body, 'message');

const withStatus = { status: { loadBalancer: { ingress: [{ ip: '198.51.100.7' }] } } };

describe('a Service', () => {
  it('gets a cluster IP and what users see', async () => {
    const { status, body } = await create('plain');
    expect(status).toBe(201);
    expect(body).toMatchObject({
      spec: {
        type: 'ClusterIP',
        sessionAffinity: 'None',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        internalTrafficPolicy: 'Cluster',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      },
      status: { loadBalancer: {} },
    });
    const ip = textAt(body, 'spec.clusterIP');
    expect(ip).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(at(body, 'spec.clusterIPs')).toEqual([ip]);
    expect(at(body, 'spec.ports.0.nodePort')).toBeUndefined();
  });

  it('of type LoadBalancer gets node ports, unless it does without', async () => {
    const { body } = await create('balanced', {
      type: 'LoadBalancer',
      ports: [
        { name: 'a', port: 80 },
        { name: 'b', port: 81 },
      ],
    });
    const nodePorts = listAt(body, 'spec.ports').map((port) => Number(at(port, 'nodePort')));
    expect(new Set(nodePorts).size).toBe(2);
    for (const port of nodePorts) expect(port >= 30_000 && port <= 32_767).toBe(true);
    expect(body).toMatchObject({
      spec: { externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true },
    });
    const without = await create('direct', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false });
    expect(at(without.body, 'spec.ports.0.nodePort')).toBeUndefined();
  });

  it('keeps its node ports when its ports are written without them', async () => {
    const { body } = await create('keeps', { type: 'NodePort' });
    const put = await server.call('PUT', `${services}/keeps`, {
      body: aService('keeps', { type: 'NodePort' }),
    });
    expect(at(put.body, 'spec.ports.0.nodePort')).toBe(at(body, 'spec.ports.0.nodePort'));
    expect(at(put.body, 'spec.clusterIP')).toBe(at(body, 'spec.clusterIP'));
  });

  it('that asks for a taken cluster IP or node port is refused', async () => {
    const { body } = await create('first', { type: 'NodePort' });
    const clusterIP = textAt(body, 'spec.clusterIP');
    const taken = await create('second', { clusterIP });
    expect(taken.status).toBe(422);
    expect(message(taken)).toContain('provided IP is already allocated');
    const nodePort = at(body, 'spec.ports.0.nodePort');
    const port = await create('third', { type: 'NodePort', ports: [{ port: 80, nodePort }] });
    expect(port.status).toBe(422);
    expect(message(port)).toContain('provided port is already allocated');
  });

  it('cannot change its cluster IP', async () => {
    await create('fixed');
    const { status, body } = await patch('fixed', {
      spec: { clusterIP: '10.0.0.250', clusterIPs: ['10.0.0.250'] },
    });
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toContain(
      'spec.clusterIPs[0]: Invalid value: ["10.0.0.250"]: may not change once set',
    );
  });

  it('may be headless, but not headless and a load balancer', async () => {
    expect((await create('headless', { clusterIP: 'None' })).status).toBe(201);
    const both = await create('both', { clusterIP: 'None', type: 'LoadBalancer' });
    expect(both.status).toBe(422);
    expect(message(both)).toContain(`may not be set to 'None' for LoadBalancer services`);
  });

  it('turning from LoadBalancer to ClusterIP loses status, class, node ports; its UID stays there and back', async () => {
    const { body } = await create('turning', { type: 'LoadBalancer', loadBalancerClass: 'example.com/lb' });
    await server.call('PATCH', `${services}/turning/status`, { body: withStatus, contentType: mergePatch });
    const turned = await patch('turning', { spec: { type: 'ClusterIP' } });
    expect(turned.status).toBe(200);
    expect(at(turned.body, 'status')).toEqual({ loadBalancer: {} });
    expect(at(turned.body, 'spec.loadBalancerClass')).toBeUndefined();
    expect(at(turned.body, 'spec.ports.0.nodePort')).toBeUndefined();
    const status = await server.call('PATCH', `${services}/turning/status`, {
      body: withStatus,
      contentType: mergePatch,
    });
    expect(status.status).toBe(422);
    expect(message(status)).toContain(
      "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
    );
    const back = await patch('turning', { spec: { type: 'LoadBalancer' } });
    expect(at(back.body, 'metadata.uid')).toBe(at(body, 'metadata.uid'));
  });

  it('cannot be given a class once it is a load balancer', async () => {
    await create('classless', { type: 'LoadBalancer' });
    const { status, body } = await patch('classless', { spec: { loadBalancerClass: 'example.com/lb' } });
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toContain('spec.loadBalancerClass');
    expect(textAt(body, 'message')).toContain('may not change once set');
  });

  it.each([
    ['no ports', { ports: [] }, 'spec.ports: Required value'],
    [
      'a port of 0',
      { ports: [{ port: 0 }] },
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
    ['a port of 65536', { ports: [{ port: 65_536 }] }, 'must be between 1 and 65535, inclusive'],
    ['two ports without names', { ports: [{ port: 1 }, { port: 2 }] }, 'spec.ports[0].name: Required value'],
    [
      'a name twice',
      {
        ports: [
          { name: 'a', port: 1 },
          { name: 'a', port: 2 },
        ],
      },
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      'an unknown protocol',
      { ports: [{ port: 1, protocol: 'QUIC' }] },
      'spec.ports[0].protocol: Unsupported value: "QUIC": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      'an unknown type',
      { type: 'Magic' },
      'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      'a class without being a load balancer',
      { loadBalancerClass: 'a/b' },
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
  ])('with %s is refused', async (_what, spec, expected) => {
    const { status, body } = await create('refused', spec);
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toContain('Service "refused" is invalid: ');
    expect(textAt(body, 'message')).toContain(expected);
  });

  it('must have a name that may stand in a host name', async () => {
    const { status, body } = await create('a.b');
    expect(status).toBe(422);
    expect(textAt(body, 'message')).toContain(
      'Service "a.b" is invalid: metadata.name: Invalid value: "a.b": ',
    );
  });
});

describe("one patch of a Service's status", () => {
  it('may change status, annotations, labels and finalizers, not the spec', async () => {
    await create('whole', { type: 'LoadBalancer' });
    const { status, body } = await server.call('PATCH', `${services}/whole/status`, {
      contentType: strategicPatch,
      body: {
        metadata: { annotations: { a: 'b' }, labels: { c: 'd' }, finalizers: ['example.com/f'] },
        spec: { externalTrafficPolicy: 'Local' },
        ...withStatus,
      },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      metadata: { annotations: { a: 'b' }, labels: { c: 'd' }, finalizers: ['example.com/f'] },
      spec: { externalTrafficPolicy: 'Cluster' },
      ...withStatus,
    });
  });

  it('that removes the last finalizer of a deleted Service deletes it', async () => {
    await create('going', { type: 'LoadBalancer' });
    const finalizers = ['example.com/f'];
    await patch('going', { metadata: { finalizers } });
    await server.call('DELETE', `${services}/going`);
    expect((await server.call('GET', `${services}/going`)).status).toBe(200);
    const { status } = await server.call('PATCH', `${services}/going/status`, {
      contentType: strategicPatch,
      body: { metadata: { '$deleteFromPrimitiveList/finalizers': finalizers } },
    });
    expect(status).toBe(200);
    expect((await server.call('GET', `${services}/going`)).status).toBe(404);
  });

  it('knows an address as VIP, and written again as it was changes nothing', async () => {
    await create('again', { type: 'LoadBalancer' });
    const write = () =>
      server.call('PATCH', `${services}/again/status`, { body: withStatus, contentType: strategicPatch });
    const first = await write();
    expect(at(first.body, 'status.loadBalancer.ingress.0.ipMode')).toBe('VIP');
    const second = await write();
    expect(at(second.body, 'metadata.resourceVersion')).toBe(at(first.body, 'metadata.resourceVersion'));
  });

  it('takes ipMode Proxy, and a JSON patch', async () => {
    await create('modes', { type: 'LoadBalancer' });
    const { status, body } = await server.call('PATCH', `${services}/modes/status`, {
      contentType: jsonPatch,
      body: [
        { op: 'add', path: '/status/loadBalancer/ingress', value: [{ ip: '198.51.100.7', ipMode: 'Proxy' }] },
      ],
    });
    expect(status).toBe(200);
    expect(at(body, 'status.loadBalancer.ingress.0.ipMode')).toBe('Proxy');
  });

  it('with another UID is 422; services/finalizers is no resource', async () => {
    await create('other', { type: 'LoadBalancer' });
    for (const contentType of [mergePatch, strategicPatch]) {
      const body = { metadata: { uid: 'another' }, ...withStatus };
      expect((await server.call('PATCH', `${services}/other/status`, { body, contentType })).status).toBe(
        422,
      );
    }
    const none = await server.call('PATCH', `${services}/other/finalizers`, {
      body: {},
      contentType: mergePatch,
    });
    expect(none.status).toBe(404);
  });
});

const backend = { service: { name: 'web', port: { number: 80 } } };

const anIngress = (name: string, spec: object = {}, metadata: object = {}): object => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, ...metadata },
  spec: {
    rules: [{ host: 'a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }],
    ...spec,
  },
});

describe('an Ingress', () => {
  const post = (body: object): Promise<Reply> => server.call('POST', ingresses, { body });

  it('may share host and path with another, and its status patch may change metadata too', async () => {
    expect((await post(anIngress('one'))).status).toBe(201);
    expect((await post(anIngress('two'))).status).toBe(201);
    const { status, body } = await server.call('PATCH', `${ingresses}/one/status`, {
      contentType: mergePatch,
      body: { metadata: { finalizers: ['example.com/f'], annotations: { a: 'b' } }, ...withStatus },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ metadata: { finalizers: ['example.com/f'] }, ...withStatus });
    await server.call('PATCH', `${ingresses}/one`, {
      body: { metadata: { finalizers: null } },
      contentType: mergePatch,
    });
  });

  it('may name its class in both forms only if they are equal', async () => {
    const annotations = { 'kubernetes.io/ingress.class': 'qcloud' };
    expect((await post(anIngress('equal', { ingressClassName: 'qcloud' }, { annotations }))).status).toBe(
      201,
    );
    const unequal = await post(anIngress('unequal', { ingressClassName: 'nginx' }, { annotations }));
    expect(unequal.status).toBe(422);
    expect(message(unequal)).toContain(
      'annotations.kubernetes.io/ingress.class: Invalid value: "qcloud": must match `ingressClassName` when both are specified',
    );
  });

  it.each([
    [
      'neither rules nor a default backend',
      { rules: [] },
      'either `defaultBackend` or `rules` must be specified',
    ],
    ['a host that is an address', { rules: [{ host: '10.0.0.1' }] }, 'must be a DNS name, not an IP address'],
    [
      'a path without type',
      { rules: [{ http: { paths: [{ path: '/', backend }] } }] },
      'spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified',
    ],
    [
      'a relative path',
      { rules: [{ http: { paths: [{ path: 'x', pathType: 'Exact', backend }] } }] },
      'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
    ],
    [
      'a path that leads up',
      { rules: [{ http: { paths: [{ path: '/a/../b', pathType: 'Prefix', backend }] } }] },
      'spec.rules[0].http.paths[0].path: Invalid value: "/a/../b": must not contain \'/../\'',
    ],
    [
      'a port by number and name',
      { defaultBackend: { service: { name: 'web', port: { number: 80, name: 'http' } } } },
      'cannot set both port name & port number',
    ],
    [
      'a backend of nothing',
      { defaultBackend: {} },
      'spec.defaultBackend: Invalid value: "": resource or service backend is required',
    ],
    [
      'a class that no object could have',
      { ingressClassName: 'Not A Name' },
      'spec.ingressClassName: Invalid value: "Not A Name"',
    ],
  ])('with %s is refused', async (_what, spec, expected) => {
    const refused = await post(anIngress('refused', spec));
    expect(refused.status).toBe(422);
    expect(message(refused)).toContain('Ingress.networking.k8s.io "refused" is invalid');
    expect(message(refused)).toContain(expected);
  });
});

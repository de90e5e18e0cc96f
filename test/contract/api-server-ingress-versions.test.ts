import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  at,
  jsonPatch,
  listAt,
  mergePatch,
  openServerUnderTest,
  type Reply,
  type ServerUnderTest,
  strategicPatch,
} from './api-server-under-test.ts';

let server: ServerUnderTest;
/** A real server stopped serving v1beta1 with 1.22; then there is nothing to compare. */
let isServed = false;
let ingresses: string;
let betaIngresses: string;
const classes = '/apis/networking.k8s.io/v1/ingressclasses';

beforeAll(async () => {
  server = await openServerUnderTest();
  const namespace = await server.namespace();
  ingresses = `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`;
  betaIngresses = `/apis/networking.k8s.io/v1beta1/namespaces/${namespace}/ingresses`;
  isServed = (await server.call('GET', betaIngresses)).status === 200;
});
afterAll(() => server.close());

const betaHttp = { paths: [{ path: '/', backend: { serviceName: 'web', servicePort: 80 } }] };
const aBeta = (name: string, spec: object = {}): object => ({
  apiVersion: 'networking.k8s.io/v1beta1',
  kind: 'Ingress',
  metadata: { name },
  spec: { rules: [{ host: 'b.example.com', http: betaHttp }], ...spec },
});
const v1Path = (name: string, port: object, path = '/'): object => ({
  path,
  pathType: 'ImplementationSpecific',
  backend: { service: { name, port } },
});
const postBeta = (body: object): Promise<Reply> => server.call('POST', betaIngresses, { body });

describe('an Ingress in v1beta1', () => {
  it('is one object with the one in v1: written in either, read in both', async (test) => {
    test.skip(!isServed);
    const made = await postBeta(aBeta('one', { backend: { serviceName: 'rest', servicePort: 'http' } }));
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      apiVersion: 'networking.k8s.io/v1beta1',
      spec: {
        backend: { serviceName: 'rest', servicePort: 'http' },
        rules: [
          {
            host: 'b.example.com',
            http: { paths: [{ ...betaHttp.paths[0], pathType: 'ImplementationSpecific' }] },
          },
        ],
      },
    });
    const { body } = await server.call('GET', `${ingresses}/one`);
    expect(at(body, 'apiVersion')).toBe('networking.k8s.io/v1');
    expect(at(body, 'spec')).toEqual({
      defaultBackend: { service: { name: 'rest', port: { name: 'http' } } },
      rules: [{ host: 'b.example.com', http: { paths: [v1Path('web', { number: 80 })] } }],
    });
    expect(at(body, 'metadata.uid')).toBe(at(made.body, 'metadata.uid'));

    const back = await server.call('PUT', `${ingresses}/one`, {
      body: {
        ...Object(body),
        spec: { rules: [{ http: { paths: [v1Path('other', { name: 'web' }, '/x')] } }] },
      },
    });
    expect(back.status).toBe(200);
    expect(at(back.body, 'metadata.generation')).toBe(2);
    const beta = await server.call('GET', `${betaIngresses}/one`);
    expect(at(beta.body, 'spec')).toEqual({
      rules: [
        {
          http: {
            paths: [
              {
                path: '/x',
                pathType: 'ImplementationSpecific',
                backend: { serviceName: 'other', servicePort: 'web' },
              },
            ],
          },
        },
      ],
    });
  });

  it('that is written back as it was read keeps its version, from either side', async (test) => {
    test.skip(!isServed);
    const { body } = await postBeta(
      aBeta('same', { ingressClassName: 'qcloud', tls: [{ secretName: 'cert' }] }),
    );
    for (const path of [betaIngresses, ingresses]) {
      const read = await server.call('GET', `${path}/same`);
      const written = await server.call('PUT', `${path}/same`, { body: read.body });
      expect(written.status).toBe(200);
      expect(written.body).toEqual(read.body);
      expect(at(written.body, 'metadata.resourceVersion')).toBe(at(body, 'metadata.resourceVersion'));
    }
  });

  it('is patched in the form of the version that the path names, by every kind of patch', async (test) => {
    test.skip(!isServed);
    await postBeta(aBeta('patched'));
    const paths = [{ path: '/m', backend: { serviceName: 'merged', servicePort: 81 } }];
    const merged = await server.call('PATCH', `${betaIngresses}/patched`, {
      contentType: mergePatch,
      body: { spec: { rules: [{ http: { paths } }] } },
    });
    expect(merged.status).toBe(200);
    const backend = { serviceName: 'strategic', servicePort: 'web' };
    await server.call('PATCH', `${betaIngresses}/patched`, {
      contentType: strategicPatch,
      body: { spec: { backend } },
    });
    const json = await server.call('PATCH', `${betaIngresses}/patched`, {
      contentType: jsonPatch,
      body: [{ op: 'replace', path: '/spec/rules/0/http/paths/0/backend/servicePort', value: 82 }],
    });
    expect(json.status).toBe(200);
    const { body } = await server.call('GET', `${ingresses}/patched`);
    expect(at(body, 'spec')).toEqual({
      defaultBackend: { service: { name: 'strategic', port: { name: 'web' } } },
      rules: [{ http: { paths: [v1Path('merged', { number: 82 }, '/m')] } }],
    });
  });

  it('has one status, whichever version it is written in', async (test) => {
    test.skip(!isServed);
    await postBeta(aBeta('status'));
    const status = { loadBalancer: { ingress: [{ ip: '198.51.100.7' }] } };
    const written = await server.call('PATCH', `${ingresses}/status/status`, {
      contentType: mergePatch,
      body: { status, spec: { rules: [] } },
    });
    expect(written.status).toBe(200);
    const { body } = await server.call('GET', `${betaIngresses}/status`);
    expect(body).toMatchObject({ status, spec: { rules: [{ host: 'b.example.com' }] } });
    const hostname = { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }] } };
    await server.call('PATCH', `${betaIngresses}/status/status`, {
      contentType: mergePatch,
      body: { status: hostname },
    });
    expect(at((await server.call('GET', `${ingresses}/status`)).body, 'status')).toEqual(hostname);
  });

  it('is listed and watched in both versions at once, each in its own form', async (test) => {
    test.skip(!isServed);
    const list = await server.call('GET', betaIngresses);
    expect(at(list.body, 'apiVersion')).toBe('networking.k8s.io/v1beta1');
    expect(listAt(list.body, 'items').length).toBeGreaterThan(0);
    const from = String(at(list.body, 'metadata.resourceVersion'));
    const watches = [
      await server.watch(`${ingresses}?watch=1&resourceVersion=${from}`),
      await server.watch(`${betaIngresses}?watch=1&resourceVersion=${from}`),
    ];
    const body = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'watched' },
      spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
    };
    const made = await server.call('POST', ingresses, { body });
    const [v1, beta] = await Promise.all(
      watches.map((watch) =>
        watch.until(({ type, object }) => type === 'ADDED' && at(object, 'kind') === 'Ingress'),
      ),
    );
    expect(at(v1?.object, 'spec')).toEqual(body.spec);
    expect(at(v1?.object, 'apiVersion')).toBe('networking.k8s.io/v1');
    expect(at(beta?.object, 'spec')).toEqual({ backend: { serviceName: 'web', servicePort: 80 } });
    expect(at(beta?.object, 'apiVersion')).toBe('networking.k8s.io/v1beta1');
    const version = at(made.body, 'metadata.resourceVersion');
    for (const event of [v1, beta]) expect(at(event?.object, 'metadata.resourceVersion')).toBe(version);
    await server.call('DELETE', `${betaIngresses}/watched`);
    await Promise.all(watches.map((watch) => watch.until(({ type }) => type === 'DELETED')));
    for (const watch of watches) watch.close();
  });

  it('is checked by the rules of v1, and named in its own version', async (test) => {
    test.skip(!isServed);
    const backend = { serviceName: 'Web', servicePort: 70_000 };
    const refused = await postBeta(aBeta('bad', { rules: [{ http: { paths: [{ path: 'x', backend }] } }] }));
    expect(refused.status).toBe(422);
    const said = String(at(refused.body, 'message'));
    expect(said).toContain('must be an absolute path');
    expect(said).toContain('must be between 1 and 65535');
    const mixed = await server.call('POST', betaIngresses, {
      body: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'mixed' }, spec: {} },
    });
    expect(mixed.status).toBe(400);
    expect(String(at(mixed.body, 'message'))).toContain('does not match the expected API version');
  });

  it('is in discovery beside v1, which is preferred', async (test) => {
    test.skip(!isServed);
    const group = await server.call('GET', '/apis/networking.k8s.io');
    expect(at(group.body, 'preferredVersion.version')).toBe('v1');
    expect(listAt(group.body, 'versions').map((one) => at(one, 'version'))).toEqual(['v1', 'v1beta1']);
    const resources = await server.call('GET', '/apis/networking.k8s.io/v1beta1');
    const names = listAt(resources.body, 'resources').map((one) => at(one, 'name'));
    expect(names.toSorted()).toEqual(['ingressclasses', 'ingresses', 'ingresses/status']);
  });
});

describe('an IngressClass', () => {
  const anIngressClass = (name: string, isDefault: boolean, controller = 'example.com/c'): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: {
      name,
      ...(isDefault ? { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } } : {}),
    },
    spec: { controller },
  });
  const aV1 = (name: string, spec: object = {}, metadata: object = {}): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, ...metadata },
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } }, ...spec },
  });
  const classOf = async (body: object): Promise<unknown> => {
    const made = await server.call('POST', ingresses, { body });
    expect(made.status).toBe(201);
    return at(made.body, 'spec.ingressClassName');
  };

  it('that is marked default is that of new Ingresses that name none, in either form', async () => {
    await server.call('POST', classes, { body: anIngressClass('plain-class', false) });
    expect(await classOf(aV1('none'))).toBeUndefined();
    await server.call('POST', classes, { body: anIngressClass('default-class', true) });
    try {
      const defaulted = async (): Promise<boolean> => (await classOf(aV1(`d-${tries}`))) === 'default-class';
      // A real server learns of the class a moment later.
      let tries = 0;
      while (!(await defaulted()) && tries < 100) tries += 1;
      expect(await classOf(aV1('defaulted'))).toBe('default-class');
      expect(await classOf(aV1('named', { ingressClassName: 'plain-class' }))).toBe('plain-class');
      const annotations = { 'kubernetes.io/ingress.class': 'qcloud' };
      expect(await classOf(aV1('annotated', {}, { annotations }))).toBeUndefined();
      // What is there already stays as it is.
      const before = await server.call('PATCH', `${ingresses}/none`, {
        contentType: mergePatch,
        body: { metadata: { labels: { a: 'b' } } },
      });
      expect(at(before.body, 'spec.ingressClassName')).toBeUndefined();
    } finally {
      await server.call('DELETE', `${classes}/default-class`);
      await server.call('DELETE', `${classes}/plain-class`);
    }
  });

  it('keeps its controller', async () => {
    await server.call('POST', classes, { body: anIngressClass('kept-class', false) });
    const changed = await server.call('PATCH', `${classes}/kept-class`, {
      contentType: mergePatch,
      body: { spec: { controller: 'example.com/other' } },
    });
    expect(changed.status).toBe(422);
    expect(String(at(changed.body, 'message'))).toContain(
      'spec.controller: Invalid value: "example.com/other"',
    );
    await server.call('DELETE', `${classes}/kept-class`);
  });
});

describe('a health check node port', () => {
  const services = (): string =>
    ingresses
      .replace('networking.k8s.io/v1', 'v1')
      .replace('/apis/', '/api/')
      .replace('ingresses', 'services');
  const aService = (name: string, spec: object = {}): object => ({
    metadata: { name },
    spec: {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      selector: { app: 'web' },
      ports: [{ port: 80 }],
      ...spec,
    },
  });

  it('is given to a Service of policy Local, is kept, and may be asked for where it is free', async () => {
    const made = await server.call('POST', services(), { body: aService('given') });
    expect(made.status).toBe(201);
    const port = Number(at(made.body, 'spec.healthCheckNodePort'));
    expect(port).toBeGreaterThanOrEqual(30_000);
    expect(port).not.toBe(at(made.body, 'spec.ports.0.nodePort'));
    const taken = await server.call('POST', services(), {
      body: aService('taken', { healthCheckNodePort: port }),
    });
    expect(taken.status).toBe(500);
    expect(String(at(taken.body, 'message'))).toContain('provided port is already allocated');
    const outside = await server.call('POST', services(), {
      body: aService('low', { healthCheckNodePort: 80 }),
    });
    expect(String(at(outside.body, 'message'))).toContain('not in the valid range');
    const moved = await server.call('PATCH', `${services()}/given`, {
      contentType: mergePatch,
      body: { spec: { healthCheckNodePort: port === 30_500 ? 30_501 : 30_500 } },
    });
    expect(moved.status).toBe(422);
    expect(String(at(moved.body, 'message'))).toContain('spec.healthCheckNodePort');
    const cluster = await server.call('PATCH', `${services()}/given`, {
      contentType: mergePatch,
      body: { spec: { externalTrafficPolicy: 'Cluster' } },
    });
    expect(cluster.status).toBe(200);
    expect(at(cluster.body, 'spec.healthCheckNodePort')).toBeUndefined();
  });
});

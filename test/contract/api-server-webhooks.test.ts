import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeServerCertificate, type ServerCertificate } from '../../infra/sandbox/net/certificates.ts';
import {
  aConfigMap,
  aPod,
  at,
  eventually,
  mergePatch,
  openServerUnderTest,
  type ServerUnderTest,
  strategicPatch,
  textAt,
} from './api-server-under-test.ts';

type Respond = (review: unknown, path: string) => object | 'never';

let server: ServerUnderTest;
let namespace: string;
let pods: string;
let certificate: ServerCertificate;
let webhook: Server;
let webhookPort: number;
let respond: Respond;
const reviews: unknown[] = [];
/** The paths of the webhooks that were asked, in order. */
const asked: string[] = [];
/** The configurations that the server knows of. */
const known = new Set<string>();
const configurations: string[] = [];

const configurationPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';

beforeAll(async () => {
  certificate = await makeServerCertificate(['127.0.0.1', 'hook.contract.svc']);
  webhook = createServer(
    { cert: certificate.certificatePem, key: certificate.keyPem },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const review: unknown = JSON.parse(Buffer.concat(chunks).toString());
        const [path = ''] = (request.url ?? '').split('?');
        const [, probed] = /^\/known\/(.*)/.exec(path) ?? [];
        if (probed === undefined) {
          reviews.push(review);
          asked.push(path);
        } else known.add(probed);
        const answer = probed === undefined ? respond(review, path) : { allowed: true };
        if (answer === 'never') return;
        const body = {
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid: at(review, 'request.uid'), ...answer },
        };
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(body));
      });
    },
  );
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  // A server that listens has an address of this kind.
  webhookPort = (webhook.address() as AddressInfo).port;
  server = await openServerUnderTest({
    resolveService: ({ namespace: where, name }) =>
      where === 'contract' && name === 'hook' ? { host: '127.0.0.1', port: webhookPort } : undefined,
  });
  namespace = await server.namespace();
  pods = `/api/v1/namespaces/${namespace}/pods`;
});

afterEach(async () => {
  reviews.length = 0;
  asked.length = 0;
  for (const name of configurations.splice(0)) await server.call('DELETE', `${configurationPath}/${name}`);
});

afterAll(async () => {
  webhook.closeAllConnections();
  webhook.close();
  await server.close();
});

const patchAnswer = (...operations: object[]): object => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

const caBundle = (): string => Buffer.from(certificate.caPem).toString('base64');

/** Waits until a configuration holds, and with it the end of those before: a real server learns of both by a watch. */
const untilKnown = (name: string): Promise<unknown> =>
  eventually(
    () =>
      server.call('POST', `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, {
        body: aConfigMap('probe'),
      }),
    () => known.has(name),
  );

const register = async (name: string, more: object = {}): Promise<void> => {
  configurations.push(name);
  const webhook = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 2,
  };
  const clientOf = (path: string) => ({
    url: `https://127.0.0.1:${webhookPort}${path}`,
    caBundle: caBundle(),
  });
  const createOf = (resource: string) => [
    { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: [resource] },
  ];
  const { status, body } = await server.call('POST', configurationPath, {
    body: {
      metadata: { name },
      webhooks: [
        {
          ...webhook,
          name: `${name}.contract.example.com`,
          clientConfig: clientOf('/mutate'),
          rules: createOf('pods'),
          ...more,
        },
        {
          ...webhook,
          name: `${name}.known.example.com`,
          clientConfig: clientOf(`/known/${name}`),
          rules: createOf('configmaps'),
          timeoutSeconds: 10,
        },
      ],
    },
  });
  if (status !== 201) throw new Error(JSON.stringify(body));
  await untilKnown(name);
};

/** Where a webhook is asked under a path of its own. */
const asPath = (path: string): object => ({
  clientConfig: { url: `https://127.0.0.1:${webhookPort}${path}`, caBundle: caBundle() },
});

const gate = { op: 'add', path: '/spec/readinessGates', value: [{ conditionType: 'example.com/gate' }] };

describe('a mutating webhook', () => {
  it('sees the Pod that is to be made, with defaults, and changes it', async () => {
    respond = () => patchAnswer(gate);
    await register('gates');
    const { status, body } = await server.call('POST', pods, { body: aPod('gated') });
    expect(status).toBe(201);
    expect(at(body, 'spec.readinessGates')).toEqual([{ conditionType: 'example.com/gate' }]);
    expect(reviews[0]).toMatchObject({
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      request: {
        kind: { group: '', version: 'v1', kind: 'Pod' },
        resource: { group: '', version: 'v1', resource: 'pods' },
        operation: 'CREATE',
        name: 'gated',
        dryRun: false,
        object: { kind: 'Pod', apiVersion: 'v1', spec: { terminationGracePeriodSeconds: 30 } },
      },
    });
    expect(at(reviews[0], 'request.namespace')).toBe(namespace);
    expect(at(reviews[0], 'request.oldObject')).toBeNull();
  });

  it('is asked in the order of the names, each seeing what the one before made', async () => {
    respond = (review) => {
      const order = at(review, 'request.object.metadata.annotations.order');
      if (order === undefined)
        return patchAnswer({ op: 'add', path: '/metadata/annotations', value: { order: '1' } });
      return patchAnswer({ op: 'replace', path: '/metadata/annotations/order', value: `${order}2` });
    };
    await register('order-b');
    await register('order-a');
    const { body } = await server.call('POST', pods, { body: aPod('ordered') });
    expect(at(body, 'metadata.annotations.order')).toBe('12');
  });

  it('is asked once more, if it wishes, when one after it changed the object', async () => {
    const count = (review: unknown): number =>
      Number(at(review, 'request.object.metadata.labels.count') ?? '0');
    respond = (review, path) => {
      if (path === '/watches') return { allowed: true };
      const labels = { count: String(count(review) + 1) };
      return patchAnswer({ op: 'add', path: '/metadata/labels', value: labels });
    };
    await register('again-1', { ...asPath('/watches'), reinvocationPolicy: 'IfNeeded' });
    await register('again-2', { ...asPath('/never'), reinvocationPolicy: 'Never' });
    await register('again-3', { ...asPath('/counts'), reinvocationPolicy: 'IfNeeded' });
    await register('again-4', { ...asPath('/watches'), reinvocationPolicy: 'IfNeeded' });
    const { body } = await server.call('POST', pods, { body: aPod('again') });
    // The second changed it after the first, the third after nobody else who asks for that; nobody after the last.
    expect(asked).toEqual(['/watches', '/never', '/counts', '/watches', '/watches']);
    expect(reviews.map(count)).toEqual([0, 0, 1, 2, 2]);
    expect(at(body, 'metadata.labels.count')).toBe('2');
  });

  it('may refuse, with its reason', async () => {
    respond = () => ({ allowed: false, status: { message: 'not today', code: 403 } });
    await register('refuses');
    const { status, body } = await server.call('POST', pods, { body: aPod('refused') });
    expect(status).toBe(403);
    expect(textAt(body, 'message')).toContain(
      'admission webhook "refuses.contract.example.com" denied the request: not today',
    );
    expect((await server.call('GET', `${pods}/refused`)).status).toBe(404);
  });

  it('may warn', async () => {
    respond = () => ({ allowed: true, warnings: ['mind the gap'] });
    await register('warns');
    const { headers } = await server.call('POST', pods, { body: aPod('warned') });
    expect(headers.warning).toContain('299 - "mind the gap"');
  });

  it('is asked for what its selectors match only', async () => {
    respond = () => patchAnswer(gate);
    await register('selects', { objectSelector: { matchLabels: { gate: 'yes' } } });
    const other = await server.call('POST', pods, { body: aPod('without') });
    expect(at(other.body, 'spec.readinessGates')).toBeUndefined();
    const matching = await server.call('POST', pods, { body: aPod('with', {}, { labels: { gate: 'yes' } }) });
    expect(at(matching.body, 'spec.readinessGates')).toBeDefined();
    const elsewhere = `/api/v1/namespaces/${await server.namespace()}/pods`;
    const foreign = await server.call('POST', elsewhere, {
      body: aPod('with', {}, { labels: { gate: 'yes' } }),
    });
    expect(at(foreign.body, 'spec.readinessGates')).toBeUndefined();
  });

  it('is not asked for updates unless its rules say so', async () => {
    respond = () => ({ allowed: true });
    await register('creates');
    await server.call('POST', pods, { body: aPod('updated') });
    await server.call('PATCH', `${pods}/updated`, {
      body: { metadata: { labels: { a: 'b' } } },
      contentType: mergePatch,
    });
    await server.call('PATCH', `${pods}/updated/status`, {
      body: { status: { message: 'm' } },
      contentType: strategicPatch,
    });
    expect(reviews).toHaveLength(1);
  });

  it('that fails makes the creation fail with failurePolicy Fail, and is passed over with Ignore', async () => {
    respond = () => ({ allowed: true });
    const nowhere = { clientConfig: { url: 'https://127.0.0.1:9/mutate', caBundle: caBundle() } };
    await register('ignored', { ...nowhere, failurePolicy: 'Ignore' });
    expect((await server.call('POST', pods, { body: aPod('ignored') })).status).toBe(201);
    await register('failing', nowhere);
    const { status, body } = await server.call('POST', pods, { body: aPod('failing') });
    expect(status).toBe(500);
    expect(textAt(body, 'message')).toContain(
      'Internal error occurred: failed calling webhook "failing.contract.example.com": failed to call webhook: Post "https://127.0.0.1:9/mutate?timeout=2s"',
    );
  });

  it('that does not answer in time has failed', async () => {
    respond = () => 'never';
    await register('slow', { timeoutSeconds: 1 });
    const startMs = Date.now();
    const { status, body } = await server.call('POST', pods, { body: aPod('slow') });
    expect(status).toBe(500);
    expect(textAt(body, 'message')).toContain('context deadline exceeded');
    expect(Date.now() - startMs).toBeGreaterThanOrEqual(900);
  });

  it('whose certificate another authority made has failed', async () => {
    respond = () => ({ allowed: true });
    const other = await makeServerCertificate(['127.0.0.1']);
    const foreign = Buffer.from(other.caPem).toString('base64');
    await register('untrusted', {
      clientConfig: { url: `https://127.0.0.1:${webhookPort}/mutate`, caBundle: foreign },
    });
    expect((await server.call('POST', pods, { body: aPod('untrusted') })).status).toBe(500);
    expect(reviews).toHaveLength(0);
  });

  it('is told of a dry run', async () => {
    respond = () => patchAnswer(gate);
    await register('dry');
    const { body } = await server.call('POST', `${pods}?dryRun=All`, { body: aPod('dry') });
    expect(at(body, 'spec.readinessGates')).toBeDefined();
    expect(at(reviews[0], 'request.dryRun')).toBe(true);
  });

  it('cannot make a Pod that is not valid', async () => {
    respond = () =>
      patchAnswer({ op: 'add', path: '/spec/readinessGates', value: [{ conditionType: 'no name' }] });
    await register('breaks');
    expect((await server.call('POST', pods, { body: aPod('broken') })).status).toBe(422);
  });

  it('with match conditions is refused by the in-process server, not asked for everything', async (test) => {
    test.skip(server.isReal);
    const matchConditions = [{ name: 'never', expression: 'false' }];
    await expect(register('conditions', { matchConditions })).rejects.toThrow(
      'webhooks[0].matchConditions: Forbidden',
    );
  });

  it('may be named by its Service', async (test) => {
    test.skip(server.isReal);
    respond = () => patchAnswer(gate);
    const service = { namespace: 'contract', name: 'hook', path: '/mutate' };
    await register('by-service', { clientConfig: { service, caBundle: caBundle() } });
    const { body } = await server.call('POST', pods, { body: aPod('by-service') });
    expect(at(body, 'spec.readinessGates')).toBeDefined();
  });
});

import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Accounts, createAccounts } from '../../infra/sandbox/system/accounts.ts';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { list, record, text } from '../../shared/kubernetes/facts/read.ts';
import { objectPath } from '../../shared/kubernetes/object-path.ts';
import { createObjectWriter, type HttpObjectWriter } from '../../shared/kubernetes/object-writer-http.ts';
import { createObject, getObject, patchObject, requestJson } from '../../shared/kubernetes/request.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';
import { type ApiUnderTest, startApiUnderTest } from '../support/api-under-test.ts';
import { json, refuse, startScriptedServer } from './kubernetes-scripted-server.ts';

const services = '/api/v1/namespaces/default/services';
const gateType = 'cloud.tencent.com/load-balancer-backendgroup-ready';
const now = () => Date.parse('2026-11-23T06:00:00Z');

let server: ApiUnderTest;
let accounts: Accounts;
let admin: Connection;
let connection: Connection;
let writer: HttpObjectWriter;
let count = 0;

beforeAll(async () => {
  server = await startApiUnderTest();
  accounts = await createAccounts(server.client);
  admin = connectionOf({ server: server.url, ca: server.caPem, token: server.adminToken });
  // Only what the functions' Role gives: `patch` on three status subresources, and to create Events.
  const token = await accounts.tokenOf('functions');
  connection = connectionOf({ server: server.url, ca: server.caPem, token });
});

afterAll(async () => {
  admin.close();
  connection.close();
  accounts.close();
  await server.close();
});

beforeEach(() => {
  writer = createObjectWriter(connection, { component: 'clb-direct', now });
});

const metadataOf = (object: unknown) => record(record(object)['metadata']);

const refOf = (kind: ObjectRef['kind'], object: unknown): ObjectRef => ({
  kind,
  namespace: text(metadataOf(object)['namespace']) ?? '',
  name: text(metadataOf(object)['name']) ?? '',
  uid: text(metadataOf(object)['uid']) ?? '',
});

const ingresses = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';

const anIngress = async (): Promise<ObjectRef> => {
  count += 1;
  const created = await createObject(admin, ingresses, {
    metadata: { name: `web-${count}`, annotations: { 'kubernetes.io/ingress.class': 'qcloud' } },
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  });
  return refOf('Ingress', created);
};

const aService = async (finalizers: readonly string[] = []): Promise<ObjectRef> => {
  count += 1;
  const created = await createObject(admin, services, {
    metadata: { name: `web-${count}`, finalizers },
    spec: {
      type: 'LoadBalancer',
      selector: { app: 'x' },
      ports: [{ port: 80 }],
      allocateLoadBalancerNodePorts: false,
    },
  });
  return refOf('Service', created);
};

const aPod = async (): Promise<{ ref: ObjectRef; resourceVersion: string }> => {
  count += 1;
  const created = await createObject(admin, '/api/v1/namespaces/default/pods', {
    metadata: { name: `pod-${count}` },
    spec: { containers: [{ name: 'c', image: 'nginx' }], readinessGates: [{ conditionType: gateType }] },
  });
  return { ref: refOf('Pod', created), resourceVersion: text(metadataOf(created)['resourceVersion']) ?? '' };
};

const read = async (ref: ObjectRef): Promise<Readonly<Record<string, unknown>>> =>
  record(await getObject(admin, objectPath(ref)));

const verdict = (pod: ObjectRef, more: { open?: boolean; resourceVersion?: string } = {}) => ({
  pod,
  gateType,
  open: more.open ?? true,
  reason: 'LoadBalancerNetworkGroupReady',
  message: 'm',
  lastTransitionTime: '2026-11-23T06:00:00Z',
  ...(more.resourceVersion === undefined ? {} : { resourceVersion: more.resourceVersion }),
});

const other = (ref: ObjectRef): ObjectRef => ({ ...ref, uid: '00000000-0000-4000-8000-000000000000' });

describe('gate', () => {
  it('writes the condition beside those of others', async () => {
    const { ref } = await aPod();
    const ready = { type: 'Ready', status: 'False', lastTransitionTime: '2026-11-23T05:00:00Z' };
    await patchObject(admin, `/api/v1/namespaces/default/pods/${ref.name}/status`, {
      status: { conditions: [ready] },
    });
    expect(await writer.gate(verdict(ref))).toBe('written');
    const conditions = list(record((await read(ref))['status'])['conditions']);
    expect(conditions).toContainEqual(expect.objectContaining(ready));
    expect(conditions).toContainEqual(
      expect.objectContaining({
        type: gateType,
        status: 'True',
        reason: 'LoadBalancerNetworkGroupReady',
        message: 'm',
        lastTransitionTime: '2026-11-23T06:00:00Z',
      }),
    );
  });

  it('answers gone for a Pod that is not there, or is another of the same name', async () => {
    const { ref } = await aPod();
    expect(await writer.gate(verdict({ ...ref, name: 'nobody' }))).toBe('gone');
    expect(await writer.gate(verdict(other(ref)))).toBe('gone');
    expect(list(record((await read(ref))['status'])['conditions'])).not.toContainEqual(
      expect.objectContaining({ type: gateType }),
    );
  });

  it('loses, when it closes by an older resourceVersion (L7)', async () => {
    const { ref, resourceVersion } = await aPod();
    expect(await writer.gate(verdict(ref))).toBe('written');
    expect(await writer.gate(verdict(ref, { open: false, resourceVersion }))).toBe('conflict');
    expect(list(record((await read(ref))['status'])['conditions'])).toContainEqual(
      expect.objectContaining({ type: gateType, status: 'True' }),
    );
  });
});

describe('claim', () => {
  it('adds the finalizer beside those of others, and the life number once', async () => {
    const ref = await aService(['example.com/theirs']);
    expect(await writer.claim(ref, 1, 'created')).toEqual({ outcome: 'written', life: 1 });
    const { metadata } = await read(ref);
    expect(record(metadata)['finalizers']).toEqual(
      expect.arrayContaining(['example.com/theirs', 'clb-direct.io/resources']),
    );
    expect(record(record(metadata)['annotations'])['clb-direct.io/life']).toBe('1');
    expect(await writer.claim(ref, 1, 'created')).toEqual({ outcome: 'written', life: 1 });
    expect(metadataOf(await read(ref))['resourceVersion']).toBe(record(metadata)['resourceVersion']);
  });

  it('raises the life number and never lowers it', async () => {
    const ref = await aService();
    expect(await writer.claim(ref, 3, 'created')).toEqual({ outcome: 'written', life: 3 });
    expect(await writer.claim(ref, 1, 'created')).toEqual({ outcome: 'written', life: 3 });
    expect(await writer.claim(ref, 4, 'created')).toEqual({ outcome: 'written', life: 4 });
  });

  it('gives all who claim at once a life number that the object carried', async () => {
    const ref = await aService();
    const claims = await Promise.all([2, 5, 1, 5, 3].map((life) => writer.claim(ref, life, 'created')));
    const final = await writer.claim(ref, 1, 'created');
    expect(final).toEqual({ outcome: 'written', life: 5 });
    for (const [i, asked] of [2, 5, 1, 5, 3].entries()) {
      const claimed = claims[i];
      if (claimed?.outcome === 'conflict') continue;
      expect(claimed?.outcome).toBe('written');
      expect(claimed?.life).toBeGreaterThanOrEqual(asked);
      expect(claimed?.life).toBeLessThanOrEqual(5);
    }
  });

  it('answers gone for an object that is being deleted, and for another of the name', async () => {
    const ref = await aService(['example.com/theirs']);
    expect(await writer.claim(other(ref), 1, 'created')).toEqual({ outcome: 'gone' });
    await requestJson(admin, { method: 'DELETE', path: `${services}/${ref.name}` });
    expect(await writer.claim(ref, 1, 'created')).toEqual({ outcome: 'gone' });
    expect(metadataOf(await read(ref))['finalizers']).toEqual(['example.com/theirs']);
  });
});

describe('the source of the load balancer', () => {
  const annotationsOf = async (ref: ObjectRef) => record(metadataOf(await read(ref))['annotations']);

  it('is written with the finalizer; an existing one needs no life number', async () => {
    const ref = await aService();
    expect(await writer.claim(ref, 0, 'lb-7')).toEqual({ outcome: 'written' });
    const { metadata } = await read(ref);
    expect(record(metadata)['finalizers']).toEqual(['clb-direct.io/resources']);
    expect(record(metadata)['annotations']).toEqual({ 'clb-direct.io/load-balancer': 'lb-7' });
    expect(await writer.claim(ref, 1, 'created')).toEqual({ outcome: 'written', life: 1 });
    expect(await annotationsOf(ref)).toMatchObject({ 'clb-direct.io/load-balancer': 'created' });
    expect(await writer.claim(ref, 0, 'lb-8')).toEqual({ outcome: 'written', life: 1 });
    await writer.release(ref, true);
    expect(await annotationsOf(ref)).toEqual({ 'clb-direct.io/life': '1' });
  });
});

describe('an Ingress', () => {
  const annotationsOf = async (ref: ObjectRef) => record(metadataOf(await read(ref))['annotations']);

  it('is claimed, shows id and addresses, and is let go of, as a Service is', async () => {
    const ref = await anIngress();
    expect(await writer.claim(ref, 0, 'lb-7')).toEqual({ outcome: 'written' });
    expect(await writer.loadBalancerId(ref, 'lb-7')).toBe('written');
    expect(await writer.status(ref, [{ kind: 'ip', value: '1.2.3.4' }])).toBe('written');
    const shown = await read(ref);
    expect(metadataOf(shown)['finalizers']).toEqual(['clb-direct.io/resources']);
    expect(metadataOf(shown)['annotations']).toMatchObject({
      'kubernetes.io/ingress.qcloud-loadbalance-id': 'lb-7',
    });
    expect(list(record(record(shown['status'])['loadBalancer'])['ingress'])).toMatchObject([
      { ip: '1.2.3.4' },
    ]);
    expect(await writer.release(ref, true)).toBe('written');
    const after = await read(ref);
    expect(metadataOf(after)['annotations']).toEqual({ 'kubernetes.io/ingress.class': 'qcloud' });
    expect(list(metadataOf(after)['finalizers'])).toEqual([]);
    expect(list(record(record(after['status'])['loadBalancer'])['ingress'])).toEqual([]);
    expect(await writer.release(other(ref), true)).toBe('gone');
  });

  it('beside TKE’s own controllers none of their annotations is written, on Services neither', async () => {
    const own = createObjectWriter(connection, { component: 'clb-direct', now, claim: 'class' });
    for (const ref of [await anIngress(), await aService()]) {
      await own.claim(ref, 0, 'lb-7');
      await own.loadBalancerId(ref, 'lb-7');
      const keys = Object.keys(await annotationsOf(ref)).filter(
        (key) => key !== 'kubernetes.io/ingress.class',
      );
      expect(keys.every((key) => key.startsWith('clb-direct.io/'))).toBe(true);
      expect(await annotationsOf(ref)).toMatchObject({ 'clb-direct.io/load-balancer-id': 'lb-7' });
      await own.release(ref, true);
      expect(await annotationsOf(ref)).not.toHaveProperty('clb-direct.io/load-balancer-id');
    }
  });
});

describe('status, id and release', () => {
  it('writes id and addresses, and takes all of it and the finalizer off again; the life number stays', async () => {
    const ref = await aService(['example.com/theirs']);
    await writer.claim(ref, 1, 'created');
    expect(await writer.loadBalancerId(ref, 'lb-1')).toBe('written');
    const addresses = [
      { kind: 'ip', value: '1.2.3.4' },
      { kind: 'hostname', value: 'a.example' },
    ] as const;
    expect(await writer.status(ref, addresses)).toBe('written');
    const shown = await read(ref);
    expect(metadataOf(shown)['annotations']).toMatchObject({
      'service.kubernetes.io/loadbalance-id': 'lb-1',
    });
    expect(list(record(record(shown['status'])['loadBalancer'])['ingress'])).toMatchObject([
      { ip: '1.2.3.4' },
      { hostname: 'a.example' },
    ]);
    expect(await writer.status(ref, [{ kind: 'ip', value: '5.6.7.8' }])).toBe('written');
    expect(list(record(record((await read(ref))['status'])['loadBalancer'])['ingress'])).toMatchObject([
      { ip: '5.6.7.8' },
    ]);
    expect(await writer.release(ref, true)).toBe('written');
    const after = await read(ref);
    expect(metadataOf(after)['annotations']).toEqual({ 'clb-direct.io/life': '1' });
    expect(metadataOf(after)['finalizers']).toEqual(['example.com/theirs']);
    expect(list(record(record(after['status'])['loadBalancer'])['ingress'])).toEqual([]);
    expect(await writer.release(ref, true)).toBe('written');
  });

  it('clears the addresses for an empty list', async () => {
    const ref = await aService();
    await writer.status(ref, [{ kind: 'ip', value: '1.2.3.4' }]);
    expect(await writer.status(ref, [])).toBe('written');
    expect(list(record(record((await read(ref))['status'])['loadBalancer'])['ingress'])).toEqual([]);
  });

  it('leaves on skip what it wrote, and lets go', async () => {
    const ref = await aService();
    await writer.claim(ref, 1, 'created');
    await writer.loadBalancerId(ref, 'lb-1');
    expect(await writer.release(ref, false)).toBe('written');
    const { metadata } = await read(ref);
    expect(list(record(metadata)['finalizers'])).toEqual([]);
    expect(record(metadata)['annotations']).toMatchObject({ 'service.kubernetes.io/loadbalance-id': 'lb-1' });
  });

  it('ends the object that was only held by us', async () => {
    const ref = await aService();
    await writer.claim(ref, 1, 'created');
    await requestJson(admin, { method: 'DELETE', path: `${services}/${ref.name}` });
    expect(metadataOf(await read(ref))['deletionTimestamp']).toBeDefined();
    expect(await writer.release(ref, true)).toBe('written');
    await expect(read(ref)).rejects.toMatchObject({ status: 404 });
    expect(await writer.release(ref, true)).toBe('gone');
  });

  it('is not held up by a Service that is no LoadBalancer any more', async () => {
    const ref = await aService();
    await writer.claim(ref, 1, 'created');
    await writer.status(ref, [{ kind: 'ip', value: '1.2.3.4' }]);
    await patchObject(admin, `${services}/${ref.name}`, { spec: { type: 'ClusterIP' } });
    expect(await writer.status(ref, [{ kind: 'ip', value: '1.2.3.4' }])).toBe('conflict');
    expect(await writer.release(ref, true)).toBe('written');
    expect(list(metadataOf(await read(ref))['finalizers'])).toEqual([]);
  });

  it('lets go also where the status cannot be cleared', async () => {
    const strict = await startScriptedServer((response, { body }) =>
      'status' in record(body)
        ? refuse(response, 422, 'Invalid', { field: 'status.loadBalancer.ingress' })
        : json(response, 200, {}),
    );
    const object = { kind: 'Service', namespace: 'n', name: 'a', uid: 'u' } as const;
    const lenient = createObjectWriter(strict.connection, { component: 'clb-direct', now });
    expect(await lenient.release(object, true)).toBe('written');
    expect(strict.seen).toHaveLength(2);
    await strict.close();
  });
});

describe('event', () => {
  const toWrite = (object: ObjectRef, dedupKey = 'k') =>
    ({ object, type: 'Warning', reason: 'E4036', message: 'm', dedupKey }) as const;

  /** Those that the writer wrote: a real API server tells of a Service too, when it repairs its cluster addresses. */
  const eventsOf = async (ref: ObjectRef): Promise<readonly unknown[]> => {
    const all = record(await getObject(admin, '/api/v1/namespaces/default/events'));
    return list(all['items'])
      .map(record)
      .filter((event) => record(event['source'])['component'] === 'clb-direct')
      .filter((event) => record(event['involvedObject'])['uid'] === ref.uid);
  };

  it('is written once for equal ones', async () => {
    const ref = await aService();
    for (const key of ['k', 'k', 'other']) await writer.event(toWrite(ref, key));
    expect(await eventsOf(ref)).toHaveLength(2);
    expect(writer.counters).toMatchObject({ eventsWritten: 2, eventsKnown: 1, eventsDropped: 0 });
    expect((await eventsOf(ref))[0]).toMatchObject({
      reason: 'E4036',
      type: 'Warning',
      involvedObject: { apiVersion: 'v1', kind: 'Service', name: ref.name, namespace: 'default' },
    });
  });

  it('is dropped and counted where it cannot be written, and takes no longer than its time', async () => {
    const silent = await startScriptedServer(() => {});
    const patient = createObjectWriter(silent.connection, { component: 'x', now, eventTimeoutMs: 50 });
    const object = { kind: 'Service', namespace: 'n', name: 'a', uid: 'u' } as const;
    await Promise.all(Array.from({ length: 40 }, (_, i) => patient.event(toWrite(object, String(i)))));
    expect(patient.counters).toMatchObject({ eventsWritten: 0, eventsDropped: 40 });
    expect(silent.seen.length).toBeLessThanOrEqual(32);
    await silent.close();
    await patient.event(toWrite(object));
    expect(patient.counters.eventsDropped).toBe(41);
  });
});

describe('failures', () => {
  const object = { kind: 'Service', namespace: 'n', name: 'a', uid: 'u' } as const;

  it('what is neither gone nor a conflict is thrown, with the pause that the server asks for and no secret', async () => {
    const busy = await startScriptedServer((response) =>
      refuse(response, 429, 'TooManyRequests', { retryAfter: '3' }),
    );
    const failing = createObjectWriter(busy.connection, { component: 'x', now });
    const error: unknown = await failing.loadBalancerId(object, 'lb-1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'KubernetesError', status: 429, retryAfterMs: 3_000 });
    expect(JSON.stringify([error, String(error)])).not.toContain('secret-token');
    await busy.close();
    await expect(failing.loadBalancerId(object, 'lb-1')).rejects.toMatchObject({
      status: 0,
      reason: 'Unreachable',
    });
  });

  it('waits no longer than its time', async () => {
    const silent = await startScriptedServer(() => {});
    const failing = createObjectWriter(silent.connection, { component: 'x', now, timeoutMs: 50 });
    await expect(failing.loadBalancerId(object, 'lb-1')).rejects.toMatchObject({
      status: 0,
      reason: 'TimedOut',
    });
    await silent.close();
  });

  it('asks for fresh credentials once after 401', async () => {
    const tokens = ['old', 'new'];
    const strict = await startScriptedServer(
      (response, { headers }) =>
        headers.authorization === 'Bearer new'
          ? json(response, 200, {})
          : refuse(response, 401, 'Unauthorized'),
      { token: async () => tokens[0], reload: () => tokens.shift() !== undefined },
    );
    const renewed = createObjectWriter(strict.connection, { component: 'x', now });
    expect(await renewed.loadBalancerId(object, 'lb-1')).toBe('written');
    expect(strict.seen).toHaveLength(2);
    await strict.close();
  });

  it('goes on over a kept connection that the server has ended meanwhile', async () => {
    const server = await startScriptedServer((response) => json(response, 200, {}));
    const steady = createObjectWriter(server.connection, { component: 'x', now });
    for (let i = 0; i < 5; i += 1) {
      expect(await steady.loadBalancerId(object, 'lb-1')).toBe('written');
      server.reset();
    }
    await server.close();
  });
});

describe('bundle', () => {
  it('holds no library and stays small: it goes into every function', async () => {
    const { metafile, outputFiles } = await build({
      entryPoints: ['shared/kubernetes/object-writer-http.ts', 'shared/kubernetes/connection.ts'],
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      outdir: 'unwritten',
      platform: 'node',
      target: 'node20',
      format: 'esm',
    });
    expect(Object.keys(metafile.inputs).filter((path) => !path.startsWith('shared/'))).toEqual([]);
    expect(outputFiles.reduce((bytes, { contents }) => bytes + contents.length, 0)).toBeLessThan(16 * 1024);
  });
});

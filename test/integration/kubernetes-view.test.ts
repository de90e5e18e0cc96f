import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import { makeServerCertificate } from '../../infra/sandbox/net/certificates.ts';
import type { Connection } from '../../shared/kubernetes/connection.ts';
import { podFact } from '../../shared/kubernetes/facts/pod-fact.ts';
import { record, text } from '../../shared/kubernetes/facts/read.ts';
import { serviceFact } from '../../shared/kubernetes/facts/service-fact.ts';
import { loadConnection } from '../../shared/kubernetes/load-connection.ts';
import { listPath } from '../../shared/kubernetes/object-path.ts';
import { type Reflector, startReflector } from '../../shared/kubernetes/reflector.ts';
import { createObject, getObject, patchObject, requestJson } from '../../shared/kubernetes/request.ts';
import { createView, type LiveView } from '../../shared/kubernetes/view.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/process/log.ts';
import { type ApiUnderTest, startApiUnderTest } from '../support/api-under-test.ts';
import { type Line, startLine } from '../support/line.ts';

const pods = '/api/v1/namespaces/default/pods';

let folder: string;
let server: ApiUnderTest;
let line: Line;
let connection: Connection;
let view: LiveView;
let reflectors: readonly Reflector[];

beforeAll(async () => {
  server = await startApiUnderTest({ bookmarkIntervalMs: 60_000 });
  line = await startLine(server.url);
  folder = await mkdtemp(join(tmpdir(), 'clb-direct-'));
  const path = join(folder, 'kubeconfig');
  await writeFile(path, server.kubeconfig().replaceAll(server.url, line.url));
  connection = await loadConnection({ kind: 'kubeconfig', path }, Date.now);
  view = createView(Date.now);
  const common = { log: silentLog, clock: systemClock, random: Math.random };
  reflectors = [
    startReflector(connection, {
      ...common,
      path: listPath('Pod'),
      parse: podFact,
      onChange: (change) => view.applyPod(change),
    }),
    startReflector(connection, {
      ...common,
      path: listPath('Service'),
      parse: serviceFact,
      onChange: (change) => view.applyService(change),
    }),
  ];
  await Promise.all(reflectors.map(({ synced }) => synced));
});

afterAll(async () => {
  await Promise.all(reflectors.map((reflector) => reflector.stop()));
  connection.close();
  await line.close();
  await server.close();
  await rm(folder, { recursive: true });
});

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000, interval: 5 });
const uidOf = (object: unknown): string => text(record(record(object)['metadata'])['uid']) ?? '';

const aPod = async (name: string, app = 'nginx'): Promise<string> =>
  uidOf(
    await createObject(connection, pods, {
      metadata: { name, labels: { app } },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    }),
  );

const remove = (name: string): Promise<unknown> =>
  requestJson(connection, { method: 'DELETE', path: `${pods}/${name}`, body: { gracePeriodSeconds: 0 } });

describe('reflectors over a whole API server', () => {
  it('keep the view up with what is created, changed and deleted, over TLS and a kubeconfig', async () => {
    const uid = await aPod('first');
    await until(() => expect(view.pod(uid)?.labels).toEqual({ app: 'nginx' }));
    await patchObject(connection, `${pods}/first`, { metadata: { labels: { app: 'blue' } } });
    await until(() => expect(view.pod(uid)?.labels).toEqual({ app: 'blue' }));
    await remove('first');
    await until(() => expect(view.gonePod(uid)).toBeDefined());
    expect(view.pod(uid)).toBeUndefined();
  });

  it('forget and invent nothing through cut connections, silence, errors, a compacted history and a restart', async () => {
    const expected = new Map<string, string>();
    const matches = ({ path }: { path: string }): boolean => path === '/api/v1/pods';
    const fromInside = ({ faults, compact }: ApiServer) => [
      () => faults.cutWatches(),
      () => {
        compact();
        faults.cutWatches();
      },
      () => faults.add(matches, { kind: 'status', code: 500 }, 2),
      () => faults.add(matches, { kind: 'status', code: 429, retryAfterSeconds: 1 }, 1),
      () => faults.add(matches, { kind: 'cut-answer' }, 1),
      () => {
        faults.injectEvent({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
      },
    ];
    const troubles: readonly (() => unknown)[] = [
      line.cut,
      ...(server.inProcess === undefined ? [] : fromInside(server.inProcess)),
      () => {
        line.down(true);
        setTimeout(() => line.down(false), 300);
      },
      line.cut,
    ];
    const write = async (i: number): Promise<void> => {
      const name = `pod-${i}`;
      for (;;) {
        try {
          if (!expected.has(name)) expected.set(name, await aPod(name));
          if (i % 3 === 0) {
            await remove(name);
            expected.delete(name);
          }
          return;
        } catch (error) {
          const status = record(error)['status'];
          // The answer was lost: it was created, or deleted, all the same.
          if (status === 409) expected.set(name, uidOf(await getObject(connection, `${pods}/${name}`)));
          else if (status === 404) {
            expected.delete(name);
            return;
          }
          await systemClock.sleep(20);
        }
      }
    };
    for (const [round, trouble] of troubles.entries()) {
      trouble();
      await Promise.all(Array.from({ length: 12 }, (_, i) => write(round * 12 + i)));
    }
    server.inProcess?.faults.clear();
    await Promise.all(reflectors.map((reflector) => reflector.catchUp()));
    const known = view.podsSelectedBy('default', { app: 'nginx' }).map(({ ref }) => [ref.name, ref.uid]);
    expect(new Map(known.map(([name, uid]) => [name ?? '', uid ?? '']))).toEqual(expected);
    const { restarts, ...counters } = reflectors[0]?.counters ?? { restarts: {} };
    expect(Object.values(restarts).reduce((sum, ends) => sum + ends, 0)).toBeGreaterThan(1);
    expect(counters).toMatchObject({ unreadable: 0, handlerFailures: 0 });
  });
});

describe('loadConnection', () => {
  it('reads a service account as the kubelet mounts it, and its token anew when it is refused', async () => {
    const { host, port } = { host: '127.0.0.1', port: new URL(server.url).port };
    await writeFile(join(folder, 'token'), 'of yesterday\n');
    await writeFile(join(folder, 'ca.crt'), server.caPem);
    const inCluster = await loadConnection({ kind: 'in-cluster', host, port, folder }, Date.now);
    await expect(getObject(inCluster, '/api/v1/pods')).rejects.toMatchObject({ status: 401 });
    await writeFile(join(folder, 'token'), `${server.adminToken}\n`);
    expect(await getObject(inCluster, '/api/v1/pods')).toMatchObject({ kind: 'PodList' });
    inCluster.close();
  });

  it('names the file that is missing', async () => {
    const path = join(folder, 'nothing');
    await expect(loadConnection({ kind: 'kubeconfig', path }, Date.now)).rejects.toThrow('nothing');
    const source = { kind: 'in-cluster', host: '::1', port: '443', folder: join(folder, 'none') } as const;
    await expect(loadConnection(source, Date.now)).rejects.toThrow('none');
  });

  it('does not trust a server that another authority vouches for', async () => {
    const path = join(folder, 'other');
    const { caPem } = await makeServerCertificate(['127.0.0.1']);
    const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
    const ours = server.kubeconfig();
    const theirs = ours.replace(base64(server.caPem), base64(caPem));
    expect(theirs).not.toBe(ours);
    await writeFile(path, theirs);
    const wrong = await loadConnection({ kind: 'kubeconfig', path }, Date.now);
    await expect(getObject(wrong, '/api/v1/pods')).rejects.toMatchObject({
      status: 0,
      reason: 'Unreachable',
    });
    wrong.close();
  });
});

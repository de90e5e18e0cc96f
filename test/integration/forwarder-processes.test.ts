import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { getObject } from '../../shared/kubernetes/request.ts';
import { buildSandboxPrograms, until } from './sandbox-programs.ts';

/** The standalone process as it is run: its settings, its Lease over kills and restarts, its end. */

interface Standalone {
  readonly process: ChildProcess;
  /** Everything that it wrote. */
  output(): string;
  readonly exit: Promise<number | NodeJS.Signals | undefined>;
}

const folder = mkdtempSync(join(tmpdir(), 'clb-direct-forwarder-'));
const kubeconfig = join(folder, 'kubeconfig');
let api: ApiServer;
let connection: Connection;
let program = '';
let started: Standalone[] = [];
let lease = 0;

beforeAll(async () => {
  program = `${await buildSandboxPrograms(['functions/platform/standalone.ts'])}/functions/platform/standalone.mjs`;
  api = await startApiServer();
  connection = connectionOf({ server: api.url, ca: api.caPem, token: api.adminToken });
  writeFileSync(kubeconfig, api.kubeconfig());
});

afterEach(async () => {
  for (const { process } of started) process.kill('SIGKILL');
  await Promise.all(started.map(({ exit }) => exit));
  started = [];
  lease += 1;
});

afterAll(async () => {
  connection.close();
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (env: Record<string, string>): Standalone => {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'], env, cwd: '/' });
  let output = '';
  const write = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', write);
  child.stderr.on('data', write);
  const standalone: Standalone = {
    process: child,
    output: () => output,
    exit: new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? signal ?? undefined));
    }),
  };
  started.push(standalone);
  return standalone;
};

const settings = (identity: string): Record<string, string> => ({
  KUBECONFIG: kubeconfig,
  CLB_DIRECT_CLUSTER_ID: 'demo',
  CLB_DIRECT_CLAIM: 'annotation',
  CLB_DIRECT_NAMESPACE: 'default',
  CLB_DIRECT_IDENTITY: identity,
  CLB_DIRECT_LEASE_NAME: `lease-${lease}`,
  CLB_DIRECT_CLB_ENDPOINT: '127.0.0.1:9',
  CLB_DIRECT_CLB_PROTOCOL: 'http',
  CLB_DIRECT_CLB_REGION: 'ap-guangzhou',
  TENCENTCLOUD_SECRET_ID: 'id',
  TENCENTCLOUD_SECRET_KEY: 'key',
});

const leads = ({ output }: Standalone): boolean => output().includes('Leads; every object is put.');
const untilLeads = (standalone: Standalone, timeoutMs?: number): Promise<void> =>
  until(() => leads(standalone), standalone.output, timeoutMs);

const leaseSpec = async (): Promise<{ holderIdentity?: string; renewTime?: string }> => {
  const path = `/apis/coordination.k8s.io/v1/namespaces/default/leases/lease-${lease}`;
  return ((await getObject(connection, path)) as { spec: { holderIdentity?: string; renewTime?: string } })
    .spec;
};
const holder = async (): Promise<unknown> => (await leaseSpec()).holderIdentity;

describe('settings', () => {
  test('wrong and missing ones refuse the start, all listed at once, with exit code 78', async () => {
    const standalone = start({
      KUBECONFIG: kubeconfig,
      CLB_DIRECT_CLAIM: 'both',
      CLB_DIRECT_DRAIN_SECONDS: 'soon',
      CLB_DIRECT_UNKNOWN: 'x',
      TENCENTCLOUD_SECRET_KEY: 'do-not-show',
    });
    expect(await standalone.exit).toBe(78);
    for (const name of ['CLUSTER_ID', 'CLB_REGION', 'CLAIM', 'DRAIN_SECONDS', 'UNKNOWN']) {
      expect(standalone.output()).toContain(`CLB_DIRECT_${name}: `);
    }
    expect(standalone.output()).toContain('TENCENTCLOUD_SECRET_ID: not set');
    expect(standalone.output()).not.toContain('do-not-show');
  });

  test('a kubeconfig that is not there is such a setting', async () => {
    const standalone = start({ ...settings('one'), KUBECONFIG: join(folder, 'missing') });
    expect(await standalone.exit).toBe(78);
    expect(standalone.output()).toContain(`KUBECONFIG: "${join(folder, 'missing')}"`);
  });

  test('so is an address that somebody else listens on', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const standalone = start({ ...settings('one'), CLB_DIRECT_HEALTH_LISTEN: `127.0.0.1:${port}` });
    expect(await standalone.exit).toBe(78);
    expect(standalone.output()).toContain('EADDRINUSE');
    other.close();
  });
});

describe('who leads', () => {
  test('it says that it is standalone; killed and started again under the same name it leads at once', async () => {
    const first = start(settings('one'));
    expect(await until(() => leads(first), first.output)).toBeUndefined();
    expect(first.output()).toContain('Standalone: ');
    first.process.kill('SIGKILL');
    await first.exit;
    expect(await holder()).toBe('one');
    const again = start(settings('one'));
    await until(() => again.output().includes('"Synced."'), again.output);
    const synced = Date.now();
    await untilLeads(again);
    // Not the three seconds that another one would have to wait.
    expect(Date.now() - synced).toBeLessThan(2_000);
  });

  test('a standby takes over about four seconds after the leader was killed', async () => {
    const leader = start(settings('one'));
    await untilLeads(leader);
    const standby = start(settings('two'));
    await until(() => standby.output().includes('"Synced."'), standby.output);
    const seen = new Set<unknown>();
    await until(async () => {
      seen.add((await leaseSpec()).renewTime);
      return seen.size > 3;
    }, 'the leader renews');
    expect(leads(standby)).toBe(false);
    expect(await holder()).toBe('one');
    leader.process.kill('SIGKILL');
    const killed = Date.now();
    await untilLeads(standby);
    expect(Date.now() - killed).toBeLessThan(5_500);
    expect(await holder()).toBe('two');
  });

  test('told to end, it gives the Lease up: a standby leads within about a second', async () => {
    const leader = start(settings('one'));
    await untilLeads(leader);
    const standby = start(settings('two'));
    await until(() => standby.output().includes('"Synced."'), standby.output);
    leader.process.kill('SIGTERM');
    expect(await leader.exit).toBe(0);
    const ended = Date.now();
    await untilLeads(standby);
    expect(Date.now() - ended).toBeLessThan(2_500);
  });
});

test('it ends when its parent does, if it is told to', async () => {
  const standalone = start({ ...settings('one'), CLB_DIRECT_EXIT_WITH_PARENT: '1' });
  await untilLeads(standalone);
  standalone.process.stdin?.end();
  expect(await standalone.exit).toBe(0);
});

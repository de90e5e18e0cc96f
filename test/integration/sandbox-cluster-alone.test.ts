import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Client, createClient } from '../../infra/sandbox/cluster/client.ts';
import { deployments, pods } from '../../infra/sandbox/cluster/objects.ts';
import { buildSandboxPrograms, until } from './sandbox-programs.ts';

const main = 'test/integration/sandbox-cluster-alone-main.ts';
let programsDir: string;
beforeAll(async () => {
  programsDir = await buildSandboxPrograms([main]);
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Alone {
  readonly child: ChildProcess;
  readonly client: Client;
  readonly kubeconfigFile: string;
  readonly ended: Promise<number | null>;
}

const startAlone = async (): Promise<Alone> => {
  const dir = await mkdtemp(join(tmpdir(), 'sandbox-'));
  cleanups.push(() => rm(dir, { recursive: true }));
  const kubeconfigFile = join(dir, 'kubeconfig');
  const child = spawn(
    process.execPath,
    [`${programsDir}/${main.replace('.ts', '.mjs')}`, kubeconfigFile, programsDir],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  cleanups.push(() => child.kill('SIGKILL'));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error('it ended before it was ready')));
  });
  const ready: unknown = JSON.parse(line);
  expect(ready).toEqual({
    ready: true,
    url: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
    kubeconfig: kubeconfigFile,
  });
  const config = parse(await readFile(kubeconfigFile, 'utf8'));
  const { server, 'certificate-authority-data': ca } = config.clusters[0].cluster;
  const client = createClient({
    url: server,
    ca: Buffer.from(ca, 'base64').toString(),
    token: config.users[0].user.token,
  });
  cleanups.push(() => client.close());
  return { child, client, kubeconfigFile, ended };
};

/** The processes that a process has started. */
const childrenOf = (pid: number): { pid: number; command: string }[] =>
  execFileSync('ps', ['-Ao', 'pid=,ppid=,command='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && Number(match[2]) === pid)
    .map((match) => ({ pid: Number(match?.[1]), command: match?.[3] ?? '' }));

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie whose new parent has not waited for it yet is no process any more.
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .startsWith('Z');
  } catch {
    return false;
  }
};

const listens = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const runPods = async ({ client, child }: Alone) => {
  const containers = [
    { name: 'nginx', image: 'nginx' },
    { name: 'other', image: 'busybox', command: ['sleep', '1000'] },
  ];
  await client.create(deployments, 'default', {
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers } },
    },
  });
  await client.waitFor(deployments, 'default', 'web', (web) => web?.status?.availableReplicas === 2);
  const processes = childrenOf(child.pid ?? 0);
  const of = (program: string) => processes.filter(({ command }) => command.includes(program));
  expect(of('nginx-main')).toHaveLength(2);
  expect(of('command-main')).toHaveLength(2);
  expect(of('guard-main')).toHaveLength(1);
  await until(() => of('command-main').every(({ pid }) => childrenOf(pid).length === 1), 'the commands run');
  const commands = of('command-main').flatMap(({ pid }) => childrenOf(pid));
  const all = [...processes, ...commands].map(({ pid }) => pid);
  const sockets = (await client.list(pods, { namespace: 'default' })).items.map((pod) => {
    const host = (pod.status?.podIP ?? '').replace(/^10\./, '127.');
    return { host, ports: [80, 20_080] };
  });
  return { all, of, sockets };
};

const expectNothingLeft = async ({ all, sockets }: Awaited<ReturnType<typeof runPods>>): Promise<void> => {
  await until(
    () => all.every((pid) => !lives(pid)),
    () => `left: ${all.filter(lives).join()}`,
  );
  for (const { host, ports } of sockets) {
    for (const port of ports) expect(await listens(port, host)).toBe(false);
  }
};

describe('a cluster alone', () => {
  it('writes a kubeconfig for its owner only, runs Pods, and ends with SIGTERM leaving nothing behind', async () => {
    const alone = await startAlone();
    expect((await stat(alone.kubeconfigFile)).mode & 0o777).toBe(0o600);
    const running = await runPods(alone);
    alone.child.kill('SIGTERM');
    expect(await alone.ended).toBe(0);
    await expectNothingLeft(running);
  });

  it('leaves no process and no port behind after kill -9, not even a container that hangs', async () => {
    const alone = await startAlone();
    const running = await runPods(alone);
    // A stopped process cannot end by itself: this one is the guard's work.
    const hanging = running.of('nginx-main')[0]?.pid ?? 0;
    process.kill(hanging, 'SIGSTOP');
    alone.child.kill('SIGKILL');
    await expectNothingLeft(running);
  });

  it('leaves nothing behind when its guard is killed with it', async () => {
    const alone = await startAlone();
    const running = await runPods(alone);
    process.kill(running.of('guard-main')[0]?.pid ?? 0, 'SIGKILL');
    alone.child.kill('SIGKILL');
    await expectNothingLeft(running);
  });
});

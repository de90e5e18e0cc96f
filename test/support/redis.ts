import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Whether this machine has one; on CI it must. */
export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

/** For `describe.runIf`: without Redis its suites are left out, but never on CI. */
export const redisExpected = hasRedis() || process.env['CI'] === 'true';

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(500, () => socket.destroy());
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
    socket.once('close', () => resolve(false));
    socket.once('error', () => resolve(false));
    socket.write('PING\r\n');
  });

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within 20 s: ${what}`);
    await sleep(20);
  }
};

/** A real redis-server on a port of its own; it ends with this process. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Kills it with SIGKILL and starts it again, with what it has on disk or with nothing. */
  restart(data: 'kept' | 'lost'): Promise<void>;
  kill(): Promise<void>;
  start(data?: 'kept' | 'lost'): Promise<void>;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface RedisServerOptions {
  readonly appendonly?: boolean;
  readonly cluster?: boolean;
}

export const startRedis = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  const start = async (data: 'kept' | 'lost' = 'kept'): Promise<void> => {
    if (data === 'lost') {
      for (const name of ['appendonlydir', 'dump.rdb'])
        rmSync(join(folder, name), { recursive: true, force: true });
    }
    const started = spawn(
      'redis-server',
      [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
        ...['--appendonly', options.appendonly === true ? 'yes' : 'no', '--appendfsync', 'always'],
        ...['--maxmemory-policy', 'noeviction'],
        ...(options.cluster === true
          ? [
              '--cluster-enabled',
              'yes',
              '--cluster-node-timeout',
              '2000',
              '--cluster-require-full-coverage',
              'no',
            ]
          : []),
      ],
      { stdio: 'ignore' },
    );
    child = started;
    running.add(started);
    await until(`redis-server answers on ${port}`, () => answers(port));
  };
  const kill = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    const gone = new Promise((resolve) => ending.once('close', resolve));
    ending.kill('SIGKILL');
    await gone;
    running.delete(ending);
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    kill,
    restart: async (data) => {
      await kill();
      await start(data);
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly urls: readonly [string, ...string[]];
  close(): Promise<void>;
}

/** Three nodes, each with a third of the slots. */
export const startRedisCluster = async (options: RedisServerOptions = {}): Promise<RedisCluster> => {
  const nodes = await Promise.all([1, 2, 3].map(() => startRedis({ ...options, cluster: true })));
  const clients = nodes.map(({ port }) => new Redis({ host: '127.0.0.1', port, protocol: 2 }));
  const slots = [0, 5461, 10923, 16384];
  try {
    for (const [at, client] of clients.entries()) {
      await client.cluster('ADDSLOTSRANGE', slots[at] ?? 0, (slots[at + 1] ?? 0) - 1);
      for (const { port } of nodes) await client.cluster('MEET', '127.0.0.1', port);
    }
    await until('the cluster is whole', async () => {
      const states = await Promise.all(clients.map((client) => client.cluster('INFO')));
      return states.every((info) => /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info));
    });
  } finally {
    for (const client of clients) client.disconnect();
  }
  const [first, ...others] = nodes.map(({ url }) => url);
  return {
    nodes,
    urls: [first ?? '', ...others],
    close: async () => void (await Promise.all(nodes.map((node) => node.close()))),
  };
};

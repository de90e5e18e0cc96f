import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const host = '127.0.0.1';

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
};

/** Whether the tests that need a Redis can run here; on CI one is a must. */
export const hasRedis = (): boolean => {
  const found = spawnSync('redis-server', ['--version']).status === 0;
  if (!found && process.env['CI'] === 'true') throw new Error('redis-server is not on the PATH');
  return found;
};

export interface TestRedis {
  readonly port: number;
  /** Where the nodes of a cluster talk among themselves. */
  readonly busPort: number;
  readonly url: string;
  /** Another client, which ends with the server. */
  client(): Redis;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  kill(): Promise<void>;
  /** Kills it if it runs, and starts it on the same port with what is on the disk. */
  restart(): Promise<void>;
  /** Ends it and removes what it wrote. */
  end(): Promise<void>;
}

export interface TestRedisOptions {
  readonly appendonly?: boolean;
  readonly password?: string;
  readonly cluster?: boolean;
}

export const startRedis = async (options: TestRedisOptions = {}): Promise<TestRedis> => {
  const folder = await mkdtemp(join(tmpdir(), 'doorbell-redis-'));
  const port = await freePort();
  const busPort = await freePort();
  const { password } = options;
  const clients = new Set<Redis>();
  let process_: ChildProcess | undefined;

  const openClient = (): Redis => {
    const client = new Redis({ port, host, ...(password === undefined ? {} : { password }) });
    client.on('error', () => {});
    clients.add(client);
    return client;
  };
  const start = async (): Promise<void> => {
    process_ = spawn(
      'redis-server',
      [
        ...['--port', String(port), '--bind', host, '--dir', folder, '--save', '', '--loglevel', 'warning'],
        ...['--appendonly', options.appendonly === true ? 'yes' : 'no', '--appendfsync', 'always'],
        ...(password === undefined ? [] : ['--requirepass', password]),
        ...(options.cluster === true
          ? ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-port', String(busPort)]
          : []),
      ],
      { stdio: 'ignore' },
    );
    const client = openClient();
    await client.ping();
    client.disconnect();
    clients.delete(client);
  };
  const kill = async (): Promise<void> => {
    const running = process_;
    process_ = undefined;
    if (running === undefined) return;
    const exit = once(running, 'exit');
    running.kill('SIGKILL');
    await exit;
  };
  const killNow = (): void => void process_?.kill('SIGKILL');
  process.once('exit', killNow);
  await start();

  return {
    port,
    busPort,
    url: `redis://${password === undefined ? '' : `:${password}@`}${host}:${port}`,
    client: openClient,
    signal: (signal) => void process_?.kill(signal),
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    end: async () => {
      process.removeListener('exit', killNow);
      for (const client of clients) client.disconnect();
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const slots = 16_384;

/** Three masters without replicas. */
export const startRedisCluster = async (): Promise<{
  readonly nodes: readonly TestRedis[];
  end(): Promise<void>;
}> => {
  const nodes = await Promise.all([0, 1, 2].map(() => startRedis({ cluster: true })));
  const end = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.end())));
  try {
    const clients = nodes.map((node) => node.client());
    await Promise.all(
      clients.map(async (client, index) => {
        const first = Math.floor((slots * index) / nodes.length);
        const last = Math.floor((slots * (index + 1)) / nodes.length) - 1;
        await client.call('CLUSTER', 'ADDSLOTSRANGE', String(first), String(last));
        for (const { port, busPort } of nodes) {
          await client.call('CLUSTER', 'MEET', host, String(port), String(busPort));
        }
        for (;;) {
          const state = String(await client.call('CLUSTER', 'INFO'));
          if (state.includes('cluster_state:ok') && state.includes('cluster_known_nodes:3')) return;
          await sleep(50);
        }
      }),
    );
  } catch (error) {
    await end();
    throw error;
  }
  return { nodes, end };
};

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guard } from './guard.ts';

/** Whether there is a `redis-server` on the PATH. */
export const hasRedisServer = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

export interface RedisServerOptions {
  readonly appendonly?: boolean;
  /** A node of a Redis Cluster; it knows no other node yet. */
  readonly cluster?: boolean;
  /** Kills it when this process is gone, however it went. */
  readonly guard?: Guard;
}

/** A real redis-server on a port of 127.0.0.1, with its data in a folder of its own. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** `lost`: without what it has on disk. */
  start(data?: 'kept' | 'lost'): Promise<void>;
  /** With SIGKILL. */
  kill(): Promise<void>;
  restart(data: 'kept' | 'lost'): Promise<void>;
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const startTimeoutMs = 20_000;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** What it says to an inline command. */
export const askRedis = (port: number, command: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(500, () => socket.destroy());
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.once('close', () => resolve(undefined));
    socket.once('error', () => resolve(undefined));
    socket.write(`${command}\r\n`);
  });

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @throws Error when it does not answer in time */
export const startRedisServer = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  const start = async (data: 'kept' | 'lost' = 'kept'): Promise<void> => {
    if (data === 'lost') {
      for (const name of ['appendonlydir', 'appendonly.aof', 'dump.rdb']) {
        rmSync(join(folder, name), { recursive: true, force: true });
      }
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
      { stdio: 'ignore', detached: true },
    );
    child = started;
    running.add(started);
    if (started.pid !== undefined) options.guard?.add(started.pid);
    const end = Date.now() + startTimeoutMs;
    while ((await askRedis(port, 'PING'))?.startsWith('+PONG') !== true) {
      if (Date.now() > end) throw new Error(`redis-server does not answer on port ${port}.`);
      await sleep(20);
    }
  };
  const kill = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    const gone = new Promise((resolve) => ending.once('close', resolve));
    ending.kill('SIGKILL');
    await gone;
    running.delete(ending);
    if (ending.pid !== undefined) options.guard?.remove(ending.pid);
  };
  const close = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await close();
    throw error;
  }
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
    close,
  };
};

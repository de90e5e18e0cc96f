import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guard } from './guard.ts';
import { freePort } from './net/listening.ts';

/** Whether there is a `redis-server` on the PATH. */
export const hasRedisServer = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

export interface RedisServerOptions {
  readonly appendonly?: boolean;
  /** A node of a Redis Cluster; it knows no other node yet. */
  readonly cluster?: boolean;
  readonly password?: string;
  /** Kills it when this process is gone, however it went. */
  readonly guard?: Guard;
}

/** A real redis-server on a port of 127.0.0.1, with its data in a folder of its own. */
export interface RedisServer {
  readonly port: number;
  /** Where the nodes of a cluster talk among themselves. */
  readonly busPort: number;
  /** With the password, if it has one. */
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

const host = '127.0.0.1';
const startTimeoutMs = 20_000;

/** What it says to an inline command. */
export const askRedis = (port: number, command: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
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

/** Somebody was quicker to listen on its port. */
class PortTaken extends Error {}

/** Not its `nodes.conf`: a node of a cluster that lost its data is still that node. */
const dataFiles = ['appendonlydir', 'appendonly.aof', 'dump.rdb'];

const startOn = async (port: number, busPort: number, options: RedisServerOptions): Promise<RedisServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-redis-'));
  const { appendonly, cluster, password, guard } = options;
  let child: ChildProcess | undefined;

  const start = async (data: 'kept' | 'lost' = 'kept'): Promise<void> => {
    for (const name of data === 'lost' ? dataFiles : []) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
    const started = spawn(
      'redis-server',
      [
        ...['--port', String(port), '--bind', host, '--dir', folder, '--save', ''],
        ...['--appendonly', appendonly === true ? 'yes' : 'no', '--appendfsync', 'always'],
        ...['--maxmemory-policy', 'noeviction'],
        ...(password === undefined ? [] : ['--requirepass', password]),
        ...(cluster === true
          ? [
              ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
              ...['--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'],
            ]
          : []),
      ],
      { stdio: 'ignore', detached: true },
    );
    child = started;
    running.add(started);
    if (started.pid !== undefined) guard?.add(started.pid);
    const end = Date.now() + startTimeoutMs;
    // One that asks for a password answers, too.
    while (!/^(\+PONG|-NOAUTH)/.test((await askRedis(port, 'PING')) ?? '')) {
      if (started.exitCode !== null) break;
      if (Date.now() > end) throw new Error(`redis-server does not answer on port ${port}.`);
      await sleep(20);
    }
    if (started.exitCode !== null) throw new PortTaken(`redis-server did not start on port ${port}.`);
  };
  const kill = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined) return;
    if (ending.exitCode === null && ending.signalCode === null) {
      const gone = new Promise((resolve) => ending.once('exit', resolve));
      ending.kill('SIGKILL');
      await gone;
    }
    running.delete(ending);
    if (ending.pid !== undefined) guard?.remove(ending.pid);
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
    busPort,
    url: `redis://${password === undefined ? '' : `:${password}@`}${host}:${port}`,
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

/** @throws Error when it does not answer in time */
export const startRedisServer = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOn(await freePort(host), await freePort(host), options);
    } catch (error) {
      if (!(error instanceof PortTaken) || tries === 5) throw error;
    }
  }
};

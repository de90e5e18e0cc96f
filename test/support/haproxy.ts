import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SocketAddress } from '../../infra/sandbox/addresses.ts';

export const hasHaproxy = (): boolean => spawnSync('haproxy', ['-v']).status === 0;

/** For `describe.runIf`: without HAProxy what is held against it is left out, but never on CI. */
export const haproxyExpected = hasHaproxy() || process.env['CI'] === 'true';

export interface HaproxyOptions {
  readonly at: SocketAddress;
  readonly balance: 'roundrobin' | 'leastconn' | 'source';
  readonly servers: readonly (SocketAddress & { readonly weight: number })[];
}

export interface Haproxy {
  close(): Promise<void>;
}

const start = (lines: readonly string[]): Haproxy => {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const timeouts = ['  timeout connect 10s', '  timeout client 60s', '  timeout server 60s'];
  writeFileSync(file, ['global', '  nbthread 1', 'defaults', ...timeouts, ...lines, ''].join('\n'));
  const child: ChildProcess = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  const ended = once(child, 'close');
  return {
    close: async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
};

/** A load balancer of layer 4 that others wrote. Whether it listens already, its first connection tells. */
export const startHaproxy = ({ at, balance, servers }: HaproxyOptions): Haproxy =>
  start([
    '  mode tcp',
    'listen reference',
    `  bind ${at.host}:${at.port}`,
    `  balance ${balance}`,
    ...servers.map(({ host, port, weight }, index) => `  server s${index} ${host}:${port} weight ${weight}`),
  ]);

/** A server of HTTP that others wrote, and that costs next to nothing: it answers all with 200 and `ok`. */
export const startHaproxyServer = ({ host, port }: SocketAddress): Haproxy =>
  start([
    '  mode http',
    'frontend server',
    `  bind ${host}:${port} backlog 4096`,
    '  http-request return status 200 content-type text/plain string ok',
  ]);

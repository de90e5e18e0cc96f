import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SocketAddress } from '../../infra/sandbox/addresses.ts';

const hasHaproxy = spawnSync('haproxy', ['-v']).status === 0;

/** For `describe.runIf`: without HAProxy what is held against it is left out, but never on CI. */
export const haproxyExpected = hasHaproxy || process.env['CI'] === 'true';

export interface HaproxyOptions {
  readonly at: SocketAddress;
  readonly balance: 'roundrobin' | 'leastconn' | 'source';
  readonly servers: readonly (SocketAddress & { readonly weight: number })[];
}

/** A load balancer of layer 4 that others wrote. Whether it listens already, its first connection tells. */
export const startHaproxy = ({ at, balance, servers }: HaproxyOptions): { close(): Promise<void> } => {
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  const lines = [
    'defaults',
    '  mode tcp',
    '  timeout connect 10s',
    '  timeout client 60s',
    '  timeout server 60s',
    'listen reference',
    `  bind ${at.host}:${at.port}`,
    `  balance ${balance}`,
    ...servers.map(({ host, port, weight }, index) => `  server s${index} ${host}:${port} weight ${weight}`),
    '',
  ];
  writeFileSync(file, lines.join('\n'));
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

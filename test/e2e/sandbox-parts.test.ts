import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createPrivateFolder } from '../../infra/sandbox/private-folder.ts';
import { keepProcess } from '../../infra/sandbox/system/kept-process.ts';

it('the folder of a sandbox is its owner’s only, and one that a killed sandbox left is taken away', () => {
  const { pid } = spawnSync('true');
  const abandoned = join(tmpdir(), `clb-direct-${pid}-abandoned`);
  mkdirSync(abandoned, { recursive: true });
  const folder = createPrivateFolder();
  const another = createPrivateFolder();
  expect(existsSync(abandoned)).toBe(false);
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  another.remove();
  expect(existsSync(folder.path)).toBe(true);
  folder.remove();
  expect(existsSync(folder.path)).toBe(false);
  rmSync(abandoned, { recursive: true, force: true });
});

it('a process that refuses its settings is not started again and again, and its reason is told', async () => {
  const started: number[] = [];
  const standalone = keepProcess({
    name: 'standalone',
    program: 'functions/platform/standalone',
    env: { PATH: process.env['PATH'] ?? '' },
    health: { host: '127.0.0.1', port: 9 },
    onStarted: (pid) => started.push(pid),
  });
  await expect(standalone.ready(30_000)).rejects.toThrow(/refused its settings.*CLB_DIRECT_CLUSTER_ID/s);
  expect(started).toHaveLength(1);
  await standalone.close();
});

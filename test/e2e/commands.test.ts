import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { startCommand } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'clb-direct-e2e-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readyLine = async (args: readonly string[]): Promise<Record<string, unknown>> => {
  const command = startCommand(args);
  try {
    const line: Record<string, unknown> = JSON.parse(await command.line(/"ready"/));
    expect(command.stdout).toHaveLength(1);
    command.child.kill('SIGTERM');
    expect(await command.ended).toBe(0);
    return line;
  } finally {
    command.child.kill('SIGKILL');
  }
};

describe('each part alone prints one line of JSON when it is ready, and ends with SIGTERM', () => {
  it('sandbox clb', async () => {
    expect(await readyLine(['sandbox', 'clb', '--listen', '127.0.0.1:0'])).toMatchObject({
      ready: true,
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      region: 'ap-guangzhou',
      secretId: expect.any(String),
      secretKey: expect.any(String),
    });
  });

  it('sandbox cluster', async () => {
    const kubeconfig = join(folder, 'kubeconfig');
    expect(await readyLine(['sandbox', 'cluster', '--kubeconfig', kubeconfig])).toMatchObject({
      ready: true,
      url: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
    });
    expect(readFileSync(kubeconfig, 'utf8')).toContain('current-context');
  });
});

describe('bad arguments are refused with what is allowed', () => {
  it.each([
    [['start', '--speed', '0'], /number above 0/],
    [['start', '--kill-forwarder', 'never'], /containers-ready, deleting/],
    [['sandbox', 'clb', '--listen', '0.0.0.0:80'], /127\.x\.y\.z/],
    [['sandbox', 'cluster'], /--kubeconfig/],
    [['soak', 'many'], /whole number/],
    [['nothing'], /unknown command/],
  ])('%j', async (args, message) => {
    const command = startCommand(args);
    expect(await command.ended).toBe(1);
    expect(command.stderr.join('\n')).toMatch(message);
  });
});

it('every verb explains itself', async () => {
  for (const verb of [
    [],
    ['start'],
    ['sandbox'],
    ['sandbox', 'clb'],
    ['sandbox', 'cluster'],
    ['soak'],
    ['dev'],
  ]) {
    const command = startCommand([...verb, '--help']);
    expect(await command.ended).toBe(0);
    expect(command.stdout.join('\n')).toMatch(/^Usage: clb-direct/);
  }
});

it('run.mjs hands over to the command it built', () => {
  const run = fileURLToPath(new URL('../../infra/cli/run.mjs', import.meta.url));
  const help = execFileSync(process.execPath, [run, '--help'], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: '' },
  });
  expect(help).toMatch(/^Usage: clb-direct/);
});

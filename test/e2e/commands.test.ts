import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findAssets } from '../../infra/sandbox/control-plane/assets.ts';
import { alive, follow, startCommand, treeOf, until } from './command.ts';

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
    [['replay', 'x', '--from', 'noon'], /number of seconds/],
    [['nothing'], /unknown command/],
  ])('%j', async (args, message) => {
    const command = startCommand(args);
    expect(await command.ended).toBe(1);
    expect(command.stderr.join('\n')).toMatch(message);
  });
});

describe('start --cluster control-plane', () => {
  const args = ['start', '--once', '--json', '--cluster', 'control-plane', '--platform', 'standalone'];

  it('says what a folder of KUBEBUILDER_ASSETS lacks', async () => {
    const command = startCommand(args, { KUBEBUILDER_ASSETS: folder });
    expect(await command.ended).toBe(1);
    expect(command.stderr.join('\n')).toContain(
      `KUBEBUILDER_ASSETS is ${folder}, which has not all of etcd, kube-apiserver, kubectl.`,
    );
  });

  // Where one is built already nothing of this is asked.
  describe.skipIf(findAssets() !== undefined)('where nothing is built', () => {
    it('and there is no Go says what to do', async () => {
      const command = startCommand(args, { PATH: folder });
      expect(await command.ended).toBe(1);
      expect(command.stderr.join('\n')).toMatch(/There is no Go on the PATH.*KUBEBUILDER_ASSETS/);
    });

    it('builds it and tells how far it is; SIGTERM ends the build', async () => {
      const bin = join(folder, 'bin');
      mkdirSync(bin);
      const go =
        '#!/bin/sh\ni=0; while [ $i -lt 50 ]; do echo "go: downloading $i" >&2; i=$((i+1)); done; exec sleep 600\n';
      writeFileSync(join(bin, 'go'), go, { mode: 0o755 });
      const command = startCommand(args, { PATH: `${bin}:/usr/bin:/bin` });
      await command.line(/Building Kubernetes v/);
      await command.line(/50 modules downloaded/);
      const tree = treeOf(command.pid);
      expect(tree.length).toBeGreaterThan(1);
      command.child.kill('SIGTERM');
      expect(await command.ended).toBe(143);
      await until('the build has ended, too', () => alive(tree).length === 0);
    });
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
    ['replay'],
    ['dev'],
  ]) {
    const command = startCommand([...verb, '--help']);
    expect(await command.ended).toBe(0);
    expect(command.stdout.join('\n')).toMatch(/^Usage: clb-direct/);
  }
});

describe('run.mjs', () => {
  const run = 'infra/cli/run.mjs';

  it('hands over to the command it built, also without a home', async () => {
    const command = follow(process.execPath, [run, '--help'], { HOME: '' });
    expect(await command.ended).toBe(0);
    expect(command.stdout.join('\n')).toMatch(/^Usage: clb-direct/);
  });

  it('refuses an old Node and says what to install', async () => {
    const old = "data:text/javascript,Object.defineProperty(process.versions, 'node', { value: '18.20.1' })";
    const command = follow(process.execPath, ['--import', old, run, '--help']);
    expect(await command.ended).toBe(1);
    expect(command.stderr.join('\n')).toMatch(/needs Node\.js 20\.19 or newer/);
  });
});

it('soak ends with exit code 1 at the first run that fails, and says what that run said', async () => {
  const command = startCommand(['soak', '3', '--speed', 'fast']);
  expect(await command.ended).toBe(1);
  const said = command.stdout.join('\n');
  expect(said).toMatch(/FAIL run 1 of 3: no result/);
  expect(said).toMatch(/It must be a number above 0/);
  expect(said).not.toMatch(/run 2 of 3/);
});

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { coldStarts, idle, runtimesOfTests } from './function-runtimes-fixture.ts';

const started = runtimesOfTests();
const sources = fileURLToPath(new URL('./function-runtimes-go', import.meta.url));

/** Where there is Go: with the client's module fetched before, and on CI in any case. */
const canBuild = (): boolean => {
  if (process.env['CI'] === 'true') return spawnSync('go', ['version']).status === 0;
  return (
    spawnSync('go', ['list', '-deps', '.'], { cwd: sources, env: { ...process.env, GOPROXY: 'off' } })
      .status === 0
  );
};

describe.runIf(canBuild())('AWS’s runtime client for Go', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-go-'));
  const file = join(folder, 'bootstrap');

  beforeAll(async () => {
    await promisify(execFile)('go', ['build', '-tags', 'lambda.norpc', '-o', file, '.'], { cwd: sources });
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('finds in each event what it looks for', async () => {
    const runtime = await started('lambda', { source: { file }, timeoutMs: 30_000, memoryMb: 192 });
    for (const text of ['ü – 語 💡', 'again']) {
      const told = await runtime.client.invoke('it', { text }, { clientContext: { custom: { who: text } } });
      expect(told.failed).toBeUndefined();
      const { remainingMs, ...seen } = JSON.parse(told.answer);
      expect(seen).toEqual({
        text,
        requestId: told.requestId,
        arn: 'arn:aws:lambda:ap-guangzhou:123456789012:function:it',
        functionName: 'it',
        memoryMb: 192,
        clientContext: { who: text },
      });
      expect(remainingMs).toBeGreaterThan(0);
      expect(remainingMs).toBeLessThanOrEqual(30_000);
      await idle(runtime);
    }
    expect(coldStarts(runtime)).toBe(1);
  });

  test('tells an error and goes on; tells a panic and ends', async () => {
    const runtime = await started('lambda', { source: { file } });
    const failed = await runtime.client.invoke('it', { fail: 'no such thing' });
    expect(failed.failed).toBe('Unhandled');
    expect(JSON.parse(failed.answer)).toMatchObject({ errorMessage: 'no such thing' });
    await idle(runtime);
    expect((await runtime.client.invoke('it', { text: 'on' })).failed).toBeUndefined();
    expect(coldStarts(runtime)).toBe(1);
    await idle(runtime);
    const panicked = await runtime.client.invoke('it', { panic: 'at once' });
    expect(panicked.failed).toBe('Unhandled');
    expect(JSON.parse(panicked.answer)).toMatchObject({ errorMessage: 'at once' });
    expect((await runtime.client.invoke('it', { text: 'anew' })).failed).toBeUndefined();
    expect(coldStarts(runtime)).toBe(2);
  });
});

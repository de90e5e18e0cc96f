import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { until } from '../integration/sandbox-programs.ts';
import { coldStarts, idle, isGone, runtimesOfTests } from './function-runtimes-fixture.ts';

const started = runtimesOfTests();

/** Notes in a file each time that it is loaded. */
const loading = (then: string): { name: string; text: string } => ({
  name: 'loading.cjs',
  text: `
const { appendFileSync, readFileSync } = require('node:fs');
appendFileSync(__dirname + '/loads', 'x');
const loads = readFileSync(__dirname + '/loads', 'utf8').length;
${then}
exports.handler = exports.main_handler = async () => loads;
`,
});

const never = 'await new Promise((resolve) => setTimeout(resolve, 1e8));';

describe.each(['lambda', 'scf'] as const)('%s: an instance', (platform) => {
  test('that cannot be started tells why, each time anew; Lambda tries twice each time', async () => {
    const runtime = await started(platform, {
      source: loading("throw new RangeError('settings are missing');"),
      concurrency: 1,
    });
    for (const _ of [1, 2]) {
      const told = await runtime.client.invoke('it', {}, { tail: true });
      expect(told.failed).toBe(platform === 'lambda' ? 'Unhandled' : 430);
      expect(JSON.parse(told.answer)).toMatchObject({
        errorType: 'RangeError',
        errorMessage: 'settings are missing',
      });
    }
    const loads = platform === 'lambda' ? 4 : 2;
    expect(readFileSync(runtime.path('loads'), 'utf8')).toHaveLength(loads);
    expect(coldStarts(runtime)).toBe(loads);
    await until(() => runtime.host.instances().length === 0, 'none is left');
  });

  test('that ends while it is loaded is told as that', async () => {
    const runtime = await started(platform, { source: loading('process.exit(7);') });
    const told = await runtime.client.invoke('it', {});
    expect(told.failed).toBe(platform === 'lambda' ? 'Unhandled' : 450);
    expect(JSON.parse(told.answer)).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringContaining('exit status 7'),
    });
  });

  test('that is not ready in time is given up', async () => {
    const runtime = await started(platform, {
      source: { name: 'slow.mjs', text: `${never} export const handler = 1;` },
      initTimeoutMs: 500,
      timeoutMs: 1_000,
    });
    const startedAt = Date.now();
    const told = await runtime.client.invoke('it', {});
    expect(told.failed).toBe(platform === 'lambda' ? 'Unhandled' : 450);
    expect(JSON.parse(told.answer).errorType).toBe('Sandbox.Timedout');
    // Lambda gives it the function's own time as well.
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(platform === 'lambda' ? 1_500 : 500);
    expect(coldStarts(runtime)).toBe(platform === 'lambda' ? 2 : 1);
    expect(runtime.host.instances()).toEqual([]);
  });

  test('tells with its first invocation what it wrote while it was loaded', async () => {
    const runtime = await started(platform, { source: loading("console.log('loaded', loads);") });
    expect((await runtime.client.invoke('it', {}, { tail: true })).log).toContain('loaded 1\n');
    await idle(runtime);
    expect((await runtime.client.invoke('it', {}, { tail: true })).log).not.toContain('loaded');
  });

  test('with more on its heap than its memory is ended', async () => {
    const runtime = await started(platform, { memoryMb: 64, timeoutMs: 30_000 });
    const told = await runtime.client.invoke('it', { fill: true });
    expect(told.failed).toBe(platform === 'lambda' ? 'Unhandled' : 434);
    expect(JSON.parse(told.answer).errorType).toBe('Runtime.ExitError');
    expect(await runtime.see()).toMatchObject({ calls: 1 });
  });

  test('that exits well in the middle of an invocation has not answered', async () => {
    const runtime = await started(platform);
    const told = await runtime.client.invoke('it', { exit: 0 });
    expect(told.failed).toBe(platform === 'lambda' ? 'Unhandled' : 439);
    expect(JSON.parse(told.answer).errorMessage).toMatch(/Runtime exited without providing a reason$/);
  });

  test('is not warned before it ends: a function without extensions gets no SIGTERM', async () => {
    const runtime = await started(platform, {
      source: loading(
        "process.on('SIGTERM', () => appendFileSync(__dirname + '/warned', 'x')); console.log('pid', process.pid);",
      ),
    });
    const { log } = await runtime.client.invoke('it', {}, { tail: true });
    const pid = Number(/pid (\d+)/.exec(log)?.[1]);
    const warned = runtime.path('warned');
    await runtime.host.close();
    await until(() => isGone(pid), 'it is gone');
    expect(existsSync(warned)).toBe(false);
  });
});

test('lambda: what failed to initialise is started once more, in the time of its invocation', async () => {
  const runtime = await started('lambda', {
    source: loading("if (loads === 1) throw new Error('the first time');"),
  });
  expect(await runtime.client.invoke('it', {})).toMatchObject({ failed: undefined, answer: '2' });
});

/** A runtime of nobody's make but a shell's and curl's; it answers with the request id and the event. */
const shell = {
  lambda: (): string => `#!/usr/bin/env bash
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while event=$(curl -sf -D headers "$api/next"); do
  id=$(tr -d '\\r' < headers | sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  curl -sf -d "{\\"id\\":\\"$id\\",\\"event\\":$event}" "$api/$id/response"
done
`,
  scf: (ready = true): string => `#!/usr/bin/env bash
api="http://$SCF_RUNTIME_API:$SCF_RUNTIME_API_PORT/runtime"
${ready ? `curl -sf -d ' ' "$api/init/ready"` : ''}
while event=$(curl -sf -D headers "$api/invocation/next"); do
  id=$(tr -d '\\r' < headers | sed -n 's/^request_id: //Ip')
  curl -sf -d "{\\"id\\":\\"$id\\",\\"event\\":$event}" "$api/invocation/response"
done
`,
};

describe.skipIf(spawnSync('curl', ['--version']).status !== 0)('a runtime of a shell and curl', () => {
  test.each(['lambda', 'scf'] as const)('is served on %s, event after event', async (platform) => {
    const runtime = await started(platform, { source: { name: 'bootstrap', text: shell[platform]() } });
    for (const n of [1, 2]) {
      const told = await runtime.client.invoke('it', { n });
      expect(told.failed).toBeUndefined();
      expect(JSON.parse(told.answer)).toEqual({ id: told.requestId, event: { n } });
      await idle(runtime);
    }
    expect(coldStarts(runtime)).toBe(1);
  });

  test('has to say on SCF that it is ready: asking for an event does not say it', async () => {
    const runtime = await started('scf', {
      source: { name: 'bootstrap', text: shell.scf(false) },
      initTimeoutMs: 1_000,
    });
    expect((await runtime.client.invoke('it', {})).failed).toBe(450);
  });
});

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { InvokeWithResponseStreamCommand } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { until } from '../integration/sandbox-programs.ts';
import { lambdaSdk, runtimesOfTests, scfSdk } from './function-runtimes-fixture.ts';

const started = runtimesOfTests();

describe.each(['lambda', 'scf'] as const)('%s: an invocation', (platform) => {
  test('that nobody waits for runs under the request id that its invoker was told', async () => {
    const runtime = await started(platform);
    const written = runtime.path('ran');
    const told = await runtime.client.invoke('it', { write: written }, { type: 'Event' });
    await until(() => existsSync(written) && readFileSync(written, 'utf8') !== '', 'it ran');
    expect(readFileSync(written, 'utf8')).toBe(told.requestId);
  });

  test('that nobody waits for is tried twice more when it failed, and then given up', async () => {
    const runtime = await started(platform, { queueSpeed: 1_000 });
    const tries = runtime.path('tries');
    const told = await runtime.client.invoke('it', { append: tries, throw: 'again' }, { type: 'Event' });
    expect(runtime.host.queued()).toBe(1);
    await until(() => runtime.host.queued() === 0, 'it is given up');
    expect(readFileSync(tries, 'utf8')).toBe(`${told.requestId}\n`.repeat(3));
  });

  test('that nobody waits for waits itself while there is no instance', async () => {
    const runtime = await started(platform, { queueSpeed: 500, concurrency: 1 });
    const [flag, running, ran] = ['go on', 'running', 'ran'].map(runtime.path);
    const busy = runtime.see({ write: running, until: flag });
    await until(() => existsSync(running ?? ''), 'the only instance is busy');
    await runtime.client.invoke('it', { write: ran }, { type: 'Event' });
    const refused = () => runtime.changes.filter(({ change }) => change === 'refused').length;
    await until(() => refused() >= 2, 'it was refused more than once');
    expect(existsSync(ran ?? '')).toBe(false);
    writeFileSync(flag ?? '', '');
    await busy;
    await until(() => existsSync(ran ?? ''), 'it ran');
    await until(() => runtime.host.queued() === 0, 'nothing is left');
  });
});

describe('the Invoke API of Lambda', () => {
  test('hands over the client context of whoever waits, and of nobody else', async () => {
    const { client } = await started('lambda');
    const clientContext = { custom: { text: 'ü – 語 💡' }, list: [1, null] };
    const told = await client.invoke('it', {}, { clientContext });
    expect(JSON.parse(told.answer).context.clientContext).toEqual(clientContext);
    const without = await client.invoke('it', {});
    expect(JSON.parse(without.answer).context).not.toHaveProperty('clientContext');
  });

  test('a dry run runs nothing', async () => {
    const runtime = await started('lambda');
    const told = await runtime.client.invoke('it', {}, { type: 'DryRun' });
    expect(told).toMatchObject({ answer: '', failed: undefined });
    expect(runtime.host.instances()).toEqual([]);
  });

  test('does not stream answers: who asks for a stream is told so', async () => {
    const { host } = await started('lambda');
    const asked = lambdaSdk(host.endpoint).send(new InvokeWithResponseStreamCommand({ FunctionName: 'it' }));
    await expect(asked).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
    expect(host.instances()).toEqual([]);
  });

  test('the log’s tail has the report of the platform around what was written', async () => {
    const { client } = await started('lambda', { memoryMb: 192 });
    const { log, requestId } = await client.invoke('it', { log: 'in between' }, { tail: true });
    const lines = log.trimEnd().split('\n');
    expect(lines[0]).toBe(`START RequestId: ${requestId} Version: $LATEST`);
    expect(lines).toContain('in between');
    expect(lines.at(-2)).toBe(`END RequestId: ${requestId}`);
    expect(lines.at(-1)).toMatch(
      new RegExp(
        `^REPORT RequestId: ${requestId}\tDuration: \\d+ ms\tBilled Duration: \\d+ ms\tMemory Size: 192 MB\tMax Memory Used: \\d+ MB$`,
      ),
    );
  });
});

describe('the Invoke API of SCF', () => {
  test.skipIf(process.platform !== 'linux')('tells how much memory an invocation had', async () => {
    const { client } = await started('scf');
    const { memoryBytes } = await client.invoke('it', {});
    // More than a Node process has at least, less than it may have.
    expect(memoryBytes).toBeGreaterThan(20 * 1024 * 1024);
    expect(memoryBytes).toBeLessThan(256 * 1024 * 1024);
  });

  test('has InvokeFunction beside Invoke', async () => {
    const { host } = await started('scf');
    const sdk = scfSdk(host.endpoint);
    const { Result } = await sdk.InvokeFunction({ FunctionName: 'it', Event: '{"n":1}', LogType: 'Tail' });
    expect(Result).toMatchObject({ InvokeResult: 0, ErrMsg: '' });
    expect(JSON.parse(Result?.RetMsg ?? '')).toMatchObject({ event: { n: 1 } });
  });

  test.each([
    ['another namespace', { Namespace: 'other' }, 'ResourceNotFound.Namespace'],
    ['another version', { Qualifier: '7' }, 'ResourceNotFound.Qualifier'],
    ['another type', { InvocationType: 'DryRun' }, 'InvalidParameterValue'],
    ['another log type', { LogType: 'Head' }, 'InvalidParameterValue'],
    ['no name', { FunctionName: '' }, 'MissingParameter'],
  ])('refuses %s', async (_what, parameters, code) => {
    const { host } = await started('scf');
    const call = scfSdk(host.endpoint).Invoke({ FunctionName: 'it', ...parameters });
    await expect(call).rejects.toMatchObject({ code });
    expect(host.instances()).toEqual([]);
  });

  test('takes the names of its defaults', async () => {
    const { host } = await started('scf');
    const { Result } = await scfSdk(host.endpoint).Invoke({
      FunctionName: 'it',
      Namespace: 'default',
      Qualifier: '$LATEST',
      LogType: 'None',
      RoutingKey: '{"k":"v"}',
    });
    expect(Result).toMatchObject({ InvokeResult: 0, Log: '' });
  });
});

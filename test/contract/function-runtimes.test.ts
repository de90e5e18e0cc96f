import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { InvocationRefused } from '../../functions/platform/functions.ts';
import { FunctionFailed } from '../../functions/platform/invoke/invocation.ts';
import { invokeLambda } from '../../functions/platform/invoke/lambda.ts';
import { invokeScf } from '../../functions/platform/invoke/scf.ts';
import { Pool } from '../../infra/sandbox/functions/pool.ts';
import { lambdaRuntime } from '../../infra/sandbox/functions/protocols.ts';
import { startGuard } from '../../infra/sandbox/guard.ts';
import { functionFile } from '../../infra/sandbox/program-files.ts';
import { until } from '../integration/sandbox-programs.ts';
import {
  busy,
  clientOf,
  coldStarts,
  credentials,
  idle,
  isGone,
  type Runtime,
  runtimesOfTests,
  stateOf,
  type Told,
} from './function-runtimes-fixture.ts';

const mebibytes = 1024 * 1024;

/** Where the two clouds say the same thing in other words. */
const words = {
  lambda: {
    requestIdOf: 'awsRequestId',
    threw: 'Unhandled',
    timedOut: 'Unhandled',
    exited: 'Unhandled',
    initFailed: 'Unhandled',
    tooLarge: 'Unhandled',
    largestAnswer: 6 * mebibytes + 100,
    largestEventNotWaitedFor: mebibytes,
    unknownFunction: { name: 'ResourceNotFoundException' },
    wrongKey: { name: 'InvalidSignatureException' },
    unknownId: { name: 'UnrecognizedClientException' },
    storm: { name: 'TooManyRequestsException', $metadata: { httpStatusCode: 429 } },
  },
  scf: {
    requestIdOf: 'request_id',
    threw: 430,
    timedOut: 433,
    exited: 439,
    initFailed: 430,
    tooLarge: 407,
    largestAnswer: 6 * mebibytes,
    largestEventNotWaitedFor: 128 * 1024,
    unknownFunction: { code: 'ResourceNotFound.Function' },
    wrongKey: { code: 'AuthFailure.SignatureFailure' },
    unknownId: { code: 'AuthFailure.SecretIdNotFound' },
    storm: { code: 'RequestLimitExceeded' },
  },
} as const;

const started = runtimesOfTests();
afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(['lambda', 'scf'] as const)('%s', (platform) => {
  const say = words[platform];

  describe('an invocation', () => {
    test('gets its event, its request id and what is left of its time', async () => {
      const runtime = await started(platform, { timeoutMs: 30_000 });
      const told = await runtime.client.invoke('it', { text: 'ü', list: [1, null] });
      expect(told.failed).toBeUndefined();
      const { event, context } = JSON.parse(told.answer);
      expect(event).toEqual({ text: 'ü', list: [1, null] });
      expect(context[say.requestIdOf]).toBe(told.requestId);
      expect(context.remainingMs).toBeGreaterThan(0);
      expect(context.remainingMs).toBeLessThanOrEqual(30_000);
      const second = await runtime.client.invoke('it', {});
      expect(second.requestId).not.toBe(told.requestId);
    });

    test('that throws is told as the function’s failure, and the instance goes on', async () => {
      const runtime = await started(platform);
      const told = await runtime.client.invoke('it', { throw: 'no such thing' });
      expect(told.failed).toBe(say.threw);
      expect(JSON.parse(told.answer)).toMatchObject({
        errorType: 'TypeError',
        errorMessage: 'no such thing',
        trace: expect.arrayContaining([expect.stringContaining('no such thing')]),
      });
      await idle(runtime);
      expect(await runtime.see()).toMatchObject({ calls: 2 });
      expect(coldStarts(runtime)).toBe(1);
    });

    test('that takes too long is ended with its process; the next one has a new process at once', async () => {
      const runtime = await started(platform, { timeoutMs: 3_000, concurrency: 1 });
      const startedAt = Date.now();
      const hanging = runtime.client.invoke('it', { hang: true });
      await until(() => busy(runtime).length === 1, 'it runs');
      const [pid = 0] = busy(runtime);
      const told = await hanging;
      expect(Date.now() - startedAt).toBeGreaterThanOrEqual(3_000);
      expect(told.failed).toBe(say.timedOut);
      expect(JSON.parse(told.answer).errorMessage).toMatch(/Task timed out after 3\.00 seconds/);
      const next = await runtime.see();
      expect(next).toMatchObject({ calls: 1 });
      expect(next.pid).not.toBe(pid);
      await until(() => isGone(pid), 'the process that hung is gone');
    });

    test('whose process exits is told so, and does not take others along', async () => {
      const runtime = await started(platform);
      const flag = runtime.path('go on');
      const waiting = runtime.see({ until: flag });
      await until(() => busy(runtime).length === 1, 'one runs');
      const told = await runtime.client.invoke('it', { exit: 3 });
      expect(told.failed).toBe(say.exited);
      expect(JSON.parse(told.answer)).toMatchObject({
        errorType: 'Runtime.ExitError',
        errorMessage: expect.stringContaining('exit status 3'),
      });
      writeFileSync(flag, '');
      expect(await waiting).toMatchObject({ calls: 1 });
    });

    test('whose process is killed is told so', async () => {
      const runtime = await started(platform);
      const hanging = runtime.client.invoke('it', { hang: true });
      await until(() => runtime.host.kill('SIGKILL', 'busy') === 1, 'it runs');
      const told = await hanging;
      expect(told.failed).toBe(say.exited);
      expect(JSON.parse(told.answer).errorMessage).toContain('signal: killed');
    });

    test('may answer 6 MB, on Lambda 100 bytes more, and no byte more than that', async () => {
      const runtime = await started(platform);
      // Two quotes belong to the answer.
      const largest = await runtime.client.invoke('it', { letters: say.largestAnswer - 2 });
      expect(largest.failed).toBeUndefined();
      expect(largest.answer).toHaveLength(say.largestAnswer);
      await idle(runtime);
      const more = await runtime.client.invoke('it', { letters: say.largestAnswer - 1 });
      expect(more.failed).toBe(say.tooLarge);
      expect(more.answer.length).toBeLessThan(1_000);
      expect(JSON.parse(more.answer).errorType).toBe('Function.ResponseSizeTooLarge');
      await idle(runtime);
      expect(await runtime.see()).toMatchObject({ calls: 3 });
    });

    test('its log is told to whom asks for the tail of it, and only its own', async () => {
      const runtime = await started(platform);
      expect((await runtime.client.invoke('it', { log: 'first' })).log).toBe('');
      const { log } = await runtime.client.invoke('it', { log: 'second', complain: 'third' }, { tail: true });
      expect(log).toContain('second\n');
      expect(log).toContain('third\n');
      expect(log).not.toContain('first');
      const long = await runtime.client.invoke('it', { log: `${'x'.repeat(5_000)}end` }, { tail: true });
      expect(long.log.length).toBeLessThanOrEqual(4_096);
      expect(long.log).toContain('xend\n');
    });

    test('that nobody waits for is taken at once and runs all the same', async () => {
      const runtime = await started(platform);
      const file = runtime.path('ran');
      const told = await runtime.client.invoke('it', { write: file }, { type: 'Event' });
      expect(told.answer).toBe('');
      await until(() => existsSync(file), 'it ran');
    });
  });

  describe('an instance', () => {
    test('is used for one invocation after the other', async () => {
      const runtime = await started(platform);
      const seen = [];
      for (let n = 0; n < 3; n += 1) {
        seen.push(await runtime.see());
        await idle(runtime);
      }
      expect(seen.map(({ calls }) => calls)).toEqual([1, 2, 3]);
      expect(new Set(seen.map(({ pid }) => pid)).size).toBe(1);
      expect(coldStarts(runtime)).toBe(1);
    });

    test('is not lost by the next invocation coming before it has asked for one', async () => {
      const runtime = await started(platform, { concurrency: 2 });
      const seen = [];
      for (let n = 0; n < 12; n += 1) seen.push(await runtime.see());
      // Two at most, where the machine was slow; the rest is theirs.
      expect(new Set(seen.map(({ pid }) => pid)).size).toBeLessThanOrEqual(2);
      expect(coldStarts(runtime)).toBeLessThanOrEqual(2);
      await idle(runtime);
      expect(runtime.host.instances().reduce((sum, { invocations }) => sum + invocations, 0)).toBe(12);
    });

    test.skipIf(process.platform !== 'linux')(
      'is stopped between two invocations: nothing in it runs',
      async () => {
        const runtime = await started(platform);
        const { pid } = await runtime.see();
        await until(() => stateOf(pid) === 'T', 'the kernel shows it stopped');
        const stoppedAt = Date.now();
        // Something else meanwhile, which takes its time.
        await runtime.see({}, 'other');
        expect(stateOf(pid)).toBe('T');
        const thawedAt = Date.now();
        const after = await runtime.see();
        expect(after.pid).toBe(pid);
        expect(after.longestPauseMs).toBeGreaterThanOrEqual(thawedAt - stoppedAt);
        expect(runtime.host.instances().find((instance) => instance.pid === pid)).toMatchObject({
          invocations: 2,
        });
      },
    );

    test('there are as many as there are invocations at a time, up to the limit; then it is refused', async () => {
      const runtime = await started(platform, { concurrency: 3 });
      const flag = runtime.path('go on');
      const waiting = [1, 2, 3].map(() => runtime.see({ until: flag }));
      await until(() => busy(runtime).length === 3, 'three run');
      if (platform === 'lambda') {
        await expect(runtime.client.invoke('it', {})).rejects.toMatchObject({
          name: 'TooManyRequestsException',
          Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
        });
      } else {
        expect(await runtime.client.invoke('it', {})).toMatchObject({
          failed: 432,
          answer: expect.stringContaining('ResourceLimitReached'),
        });
      }
      // Another function has its own.
      expect(await runtime.see({}, 'other')).toMatchObject({ calls: 1 });
      writeFileSync(flag, '');
      const seen = await Promise.all(waiting);
      expect(new Set(seen.map(({ pid }) => pid)).size).toBe(3);
      await idle(runtime);
      const again = await runtime.see();
      expect(seen.map(({ pid }) => pid)).toContain(again.pid);
      expect(again.calls).toBe(2);
    });

    test('that was killed while it was stopped is not used again', async () => {
      const runtime = await started(platform);
      const { pid } = await runtime.see();
      await until(() => runtime.host.kill('SIGKILL', 'frozen') === 1, 'it is stopped');
      await until(() => runtime.host.instances().length === 0, 'it is gone');
      const next = await runtime.see();
      expect(next.calls).toBe(1);
      expect(next.pid).not.toBe(pid);
    });

    test('all end with the platform', async () => {
      const runtime = await started(platform);
      const hanging = runtime.see({ hang: true }).catch(() => undefined);
      await until(() => busy(runtime).length === 1, 'one runs');
      const { pid } = await runtime.see();
      const pids = [...new Set([...busy(runtime), pid])];
      expect(pids).toHaveLength(2);
      await runtime.host.close();
      await hanging;
      await until(() => pids.every(isGone), 'all are gone');
    });
  });

  describe('who may invoke, and what', () => {
    test('only who signs with the key', async () => {
      const { host } = await started(platform);
      const stranger = clientOf(platform, host.endpoint, { ...credentials, key: 'another' });
      await expect(stranger.invoke('it', {})).rejects.toMatchObject(say.wrongKey);
      const unknown = clientOf(platform, host.endpoint, { ...credentials, id: 'AKIDunknown' });
      await expect(unknown.invoke('it', {})).rejects.toMatchObject(say.unknownId);
      expect(host.instances()).toEqual([]);
    });

    test('a function that is not there is told', async () => {
      const { client } = await started(platform);
      await expect(client.invoke('nobody', {})).rejects.toMatchObject(say.unknownFunction);
    });

    test('an event is JSON of 6 MB at most, and of less where nobody waits for the answer', async () => {
      const { client, host, path } = await started(platform);
      const text = JSON.stringify('x'.repeat(6 * mebibytes - 1));
      const written = path('ran');
      // As an event that is larger by `more` than what may be sent.
      const toNobody = (more: number): Promise<Told> => {
        const around = JSON.stringify({ write: written, x: '' }).length;
        const x = 'x'.repeat(say.largestEventNotWaitedFor + more - around);
        return client.invokeText('it', JSON.stringify({ write: written, x }), { type: 'Event' });
      };
      if (platform === 'lambda') {
        await expect(client.invokeText('it', text)).rejects.toMatchObject({
          name: 'RequestTooLargeException',
        });
        await expect(client.invokeText('it', '{')).rejects.toMatchObject({
          name: 'InvalidRequestContentException',
        });
      } else {
        expect((await client.invokeText('it', text)).failed).toBe(406);
        expect((await client.invokeText('it', '{')).failed).toBe(400);
      }
      if (platform === 'lambda') {
        await expect(toNobody(1)).rejects.toMatchObject({ name: 'RequestTooLargeException' });
      } else {
        expect((await toNobody(1)).failed).toBe(406);
      }
      expect(host.instances()).toEqual([]);
      expect((await toNobody(0)).failed).toBeUndefined();
      await until(() => existsSync(written), 'the largest one ran');
    });

    test('a platform that is asked too often refuses, and then takes again', async () => {
      const runtime = await started(platform);
      runtime.host.refuse(true);
      for (const options of [{}, { type: 'Event' }] as const) {
        await expect(runtime.client.invoke('it', {}, options)).rejects.toMatchObject(say.storm);
      }
      expect(runtime.host.instances()).toEqual([]);
      runtime.host.refuse(false);
      expect(await runtime.see()).toMatchObject({ calls: 1 });
    });

    test('an answer that is lost on its way leaves a function that ended', async () => {
      const runtime = await started(platform);
      runtime.host.dropAnswers(1);
      const file = runtime.path('ran');
      await expect(runtime.client.invoke('it', { write: file })).rejects.toThrow();
      expect(existsSync(file)).toBe(true);
      await idle(runtime);
      expect(await runtime.see()).toMatchObject({ calls: 2 });
    });
  });

  describe('what is deployed', () => {
    const env = {
      CLB_DIRECT_CLUSTER_ID: 'contract',
      CLB_DIRECT_CLB_REGION: 'ap-guangzhou',
      CLB_DIRECT_REDIS_URL: 'redis://127.0.0.1:9',
      CLB_DIRECT_TOKEN_KEY: Buffer.alloc(32, 1).toString('base64'),
    };
    const invoker = (runtime: Runtime) => {
      const settings = {
        platform,
        reconcile: 'it',
        readiness: 'it',
        region: 'ap-guangzhou',
        endpoint: runtime.host.endpoint,
        protocol: 'http',
        timeoutMs: 60_000,
      } as const;
      if (platform === 'scf') {
        return invokeScf(settings, () => ({ secretId: credentials.id, secretKey: credentials.key }));
      }
      vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.id);
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.key);
      return invokeLambda(settings);
    };

    test.each(['reconcile', 'readiness'] as const)(
      '%s answers an event that is none of ours',
      async (part) => {
        const runtime = await started(platform, { source: { file: functionFile(part) }, env });
        const told = await runtime.client.invoke('it', { Records: [] });
        expect(told.failed).toBe(say.threw);
        expect(JSON.parse(told.answer)).toMatchObject({
          errorType: 'BadRequest',
          errorMessage: expect.stringMatching(/^The event is no request of ours: invocationId/),
        });
      },
    );

    test('a bundle runs under the name of SCF’s default too, with no package.json beside it', async () => {
      const text = readFileSync(functionFile('reconcile'), 'utf8');
      const runtime = await started(platform, { source: { name: 'index.js', text }, env });
      const told = await runtime.client.invoke('it', {});
      expect(JSON.parse(told.answer).errorType).toBe('BadRequest');
    });

    test('reconcile without its settings names each of them', async () => {
      const runtime = await started(platform, { source: { file: functionFile('reconcile') } });
      const told = await runtime.client.invoke('it', {});
      expect(told.failed).toBe(say.initFailed);
      for (const name of Object.keys(env)) expect(JSON.parse(told.answer).errorMessage).toContain(name);
    });

    test('reconcile with too little time says how much it needs', async () => {
      const runtime = await started(platform, {
        source: { file: functionFile('reconcile') },
        env,
        timeoutMs: 10_000,
      });
      const told = await runtime.client.invoke('it', { invocationId: 'i-1', loadBalancerKeys: [] });
      expect(JSON.parse(told.answer)).toMatchObject({
        errorType: 'TooShort',
        errorMessage: expect.stringMatching(/gives this function 10 s; set its time-out to at least 20 s/),
      });
    });

    test('the forwarder’s own client tells apart what failed and what was not begun', async () => {
      const runtime = await started(platform, { concurrency: 1 });
      const functions = invoker(runtime);
      const request = { invocationId: 'i-1', loadBalancerKeys: [] };
      // The obedient function answers something, but nothing of ours.
      await expect(functions.reconcile(request)).rejects.toThrow(FunctionFailed);
      const flag = runtime.path('go on');
      const running = runtime.path('running');
      const waiting = runtime.see({ write: running, until: flag });
      await until(() => existsSync(running), 'one runs');
      await expect(functions.reconcile(request)).rejects.toThrow(InvocationRefused);
      writeFileSync(flag, '');
      await waiting;
      runtime.host.refuse(true);
      await expect(functions.reconcile(request)).rejects.toThrow(InvocationRefused);
    });
  });
});

describe('there are never more instances than the limit', () => {
  /** A pool of two on Lambda, the most instances that it had at a time, and what an instance that goes brings about. */
  const poolOfTwo = async (text: string, whenOneGoes: (pool: Pool) => void = () => undefined) => {
    const { path } = await started('lambda', { source: { name: 'it.cjs', text } });
    const guard = startGuard();
    const seen = { now: 0, most: 0 };
    const pool: Pool = new Pool(
      { name: 'it', file: path('it.cjs'), env: {}, concurrency: 2 },
      {
        protocol: lambdaRuntime({ name: 'it', region: 'ap-guangzhou', memoryMb: 128 }),
        initTimeoutMs: 30_000,
        maxAnswerBytes: 1_000_000,
        guard,
        nodePath: process.execPath,
      },
      () => undefined,
      ({ change }) => {
        if (change === 'cold-start') seen.now += 1;
        if (change === 'gone') seen.now -= 1;
        seen.most = Math.max(seen.most, seen.now);
        if (change === 'gone') whenOneGoes(pool);
      },
    );
    const close = (): void => {
      pool.close();
      guard.close();
    };
    return { pool, seen, close };
  };

  test('also when all are asked for in one moment', async () => {
    const { pool, seen, close } = await poolOfTwo('exports.handler = async () => 1;');
    try {
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => pool.invoke(Buffer.from('{}'))));
      expect(outcomes.map(({ is }) => is).sort()).toEqual([
        'ended',
        'ended',
        'refused',
        'refused',
        'refused',
      ]);
      expect(seen.most).toBe(2);
    } finally {
      close();
    }
  });

  test('also when one that failed to initialise is replaced, and another invocation comes in between', async () => {
    const more: Promise<unknown>[] = [];
    const { pool, seen, close } = await poolOfTwo("throw new Error('broken');", (going) => {
      if (more.length < 6) more.push(going.invoke(Buffer.from('{}')));
    });
    try {
      await Promise.all([1, 2].map(() => pool.invoke(Buffer.from('{}'))));
      await Promise.all(more);
      expect(more).toHaveLength(6);
      expect(seen.most).toBe(2);
    } finally {
      close();
    }
  });
});

test('lambda: a function knows where it is and by what name it was called', async () => {
  const runtime = await started('lambda', { memoryMb: 192 });
  const { env, cwd, context } = await runtime.see();
  const arn = 'arn:aws:lambda:ap-guangzhou:123456789012:function:it';
  expect(env).toMatchObject({
    _HANDLER: 'obedient.handler',
    LAMBDA_TASK_ROOT: dirname(runtime.path('x')),
    AWS_LAMBDA_FUNCTION_NAME: 'it',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '192',
    AWS_REGION: 'ap-guangzhou',
    _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}/),
  });
  expect(cwd).toBe(env['LAMBDA_TASK_ROOT']);
  expect(context).toMatchObject({ functionName: 'it', memoryLimitInMB: '192', invokedFunctionArn: arn });
  // By its ARN too, and by its only version.
  for (const name of [arn, `${arn}:$LATEST`, 'it:$LATEST', '123456789012:function:it']) {
    expect(await runtime.see({}, name)).toMatchObject({ context: { functionName: 'it' } });
  }
  await expect(runtime.client.invoke('it:7', {})).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
  });
});

test('scf: a function gets the credentials of its role in its environment and in its context', async () => {
  const role = { secretId: 'AKIDrole', secretKey: 'roleKey', token: 'roleToken' };
  const runtime = await started('scf', { memoryMb: 192, role });
  const { env, context } = await runtime.see();
  const variables = {
    SCF_FUNCTIONNAME: 'it',
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_SECRETID: 'AKIDrole',
    TENCENTCLOUD_SECRETKEY: 'roleKey',
    TENCENTCLOUD_SESSIONTOKEN: 'roleToken',
  };
  expect(env).toMatchObject({ ...variables, _HANDLER: 'obedient.main_handler' });
  expect(JSON.parse(String(context['environment']))).toMatchObject(variables);
  expect(context).toMatchObject({ function_name: 'it', namespace: 'default', memory_limit_in_mb: 192 });
});

import { describe, expect, test } from 'vitest';
import { idle, type Platform, type Runtime, runtimesOfTests } from './function-runtimes-fixture.ts';

/** Speaks to the runtime API itself, as a custom runtime does, and tells in its answers what it was told. */
const asking = `
import { request } from 'node:http';
const ask = (method, path, body, headers = {}) =>
  new Promise((resolve, reject) => {
    const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API
      ? process.env.AWS_LAMBDA_RUNTIME_API.split(':')
      : [process.env.SCF_RUNTIME_API, process.env.SCF_RUNTIME_API_PORT];
    const sent = request({ host, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: text, at: Date.now() }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
`;

const lambdaRuntime = `${asking}
const root = '/2018-06-01/runtime/invocation';
const initError = '/2018-06-01/runtime/init/error';
const id = (next) => next.headers['lambda-runtime-aws-request-id'];
const first = await ask('GET', root + '/next');
const stranger = await ask('POST', root + '/nobody/response', '"not mine to answer"');
const unknown = await ask('GET', root + '/nonsense');
const wrongMethods = [
  await ask('POST', root + '/next', '{}'),
  await ask('GET', root + '/' + id(first) + '/response'),
  await ask('GET', initError),
];
const initIsOver = await ask('POST', initError, '{"errorType":"Runtime.TooLate"}');
const again = await ask('GET', root + '/next');
const seen = { first, stranger, unknown, wrongMethods, initIsOver, again };
const answered = await ask('POST', root + '/' + id(first) + '/response', JSON.stringify(seen));
const late = await ask('POST', root + '/' + id(first) + '/response', '"too late"');
const lateError = await ask('POST', root + '/' + id(first) + '/error', '"too late"');
const askedAt = Date.now();
const second = await ask('GET', root + '/next');
// Of an invocation that is over: it must not become this one's answer.
const old = await ask('POST', root + '/' + id(first) + '/response', '"of the one before"');
const afterwards = { second, answered, late, lateError, old, askedAt };
await ask('POST', root + '/' + id(second) + '/response', JSON.stringify(afterwards));
const third = await ask('GET', root + '/next');
const error = { errorType: 'Custom.Kind', errorMessage: 'told by hand', trace: [] };
const told = await ask('POST', root + '/' + id(third) + '/error', JSON.stringify(error));
const fourth = await ask('GET', root + '/next');
const large = await ask('POST', root + '/' + id(fourth) + '/response', 'x'.repeat(6 * 1024 * 1024 + 101));
const fifth = await ask('GET', root + '/next');
const mode = (value) => ({ 'Lambda-Runtime-Function-Response-Mode': value });
const badMode = await ask('POST', root + '/' + id(fifth) + '/response', '"never seen"', mode('in-pieces'));
const sixth = await ask('GET', root + '/next');
// No JSON: it is the invoker's, as it is.
await ask('POST', root + '/' + id(sixth) + '/error', 'in plain words');
const seventh = await ask('GET', root + '/next');
await ask('POST', root + '/' + id(seventh) + '/response', JSON.stringify({ told, large, badMode }), mode('streaming'));
await ask('GET', root + '/next');
`;

const scfRuntime = `${asking}
const root = '/runtime/invocation';
const ready = await ask('POST', '/runtime/init/ready', ' ');
const readyAgain = await ask('POST', '/runtime/init/ready', ' ');
const first = await ask('GET', root + '/next');
const again = await ask('GET', root + '/next');
const wrongMethod = await ask('GET', root + '/response');
const initError = await ask('POST', '/runtime/init/error', '{}');
const seen = { ready, readyAgain, first, again, wrongMethod, initError };
const answered = await ask('POST', root + '/response', JSON.stringify(seen));
const late = await ask('POST', root + '/response', '"too late"');
const askedAt = Date.now();
const second = await ask('GET', root + '/next');
await ask('POST', root + '/response', JSON.stringify({ second, answered, late, askedAt }));
const third = await ask('GET', root + '/next');
const error = { errorType: 'Custom.Kind', errorMessage: 'told by hand', trace: [] };
const told = await ask('POST', root + '/error', JSON.stringify(error));
const fourth = await ask('GET', root + '/next');
await ask('POST', root + '/response', JSON.stringify({ told }));
await ask('GET', root + '/next');
`;

const start = runtimesOfTests();

const started = (platform: Platform, text: string): Promise<Runtime> =>
  start(platform, {
    source: { name: 'runtime.mjs', text },
    timeoutMs: 30_000,
    memoryMb: 192,
    concurrency: 1,
  });

/** Invokes it once, when it has asked for an event. @returns what it answered, and between which times */
const invoke = async (runtime: Runtime, event: object) => {
  await idle(runtime);
  const from = Date.now();
  const told = await runtime.client.invoke('it', event);
  return { ...told, from, to: Date.now() };
};

describe('the Runtime API of Lambda', () => {
  test('hands over events one by one, and takes one answer for the one that is under way', async () => {
    const runtime = await started('lambda', lambdaRuntime);

    const one = await invoke(runtime, { n: 1 });
    const { first, stranger, unknown, wrongMethods, initIsOver, again } = JSON.parse(one.answer);
    expect(first).toMatchObject({ status: 200, body: '{"n":1}' });
    expect(first.headers).toMatchObject({
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': one.requestId,
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:ap-guangzhou:123456789012:function:it',
      'lambda-runtime-trace-id': expect.stringMatching(
        /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/,
      ),
    });
    expect(first.headers).not.toHaveProperty('lambda-runtime-client-context');
    expect(first.headers).not.toHaveProperty('lambda-runtime-cognito-identity');
    const deadlineMs = Number(first.headers['lambda-runtime-deadline-ms']);
    expect(deadlineMs).toBeGreaterThanOrEqual(one.from + 30_000);
    expect(deadlineMs).toBeLessThanOrEqual(one.to + 30_000);
    expect(stranger).toMatchObject({ status: 400, body: expect.stringContaining('InvalidRequestID') });
    expect(unknown.status).toBe(404);
    expect(wrongMethods.map(({ status }: { status: number }) => status)).toEqual([405, 405, 405]);
    expect(initIsOver).toMatchObject({
      status: 403,
      body: expect.stringContaining('InvalidStateTransition'),
    });
    expect(again).toMatchObject({ status: 200, body: '{"n":1}' });
    expect(again.headers['lambda-runtime-aws-request-id']).toBe(one.requestId);

    const two = await invoke(runtime, { n: 2 });
    const { second, answered, late, lateError, old, askedAt } = JSON.parse(two.answer);
    expect(answered).toMatchObject({ status: 202, body: '{"status":"OK"}' });
    for (const refused of [late, lateError]) {
      expect(refused).toMatchObject({ status: 403, body: expect.stringContaining('InvalidStateTransition') });
    }
    expect(old).toMatchObject({ status: 400, body: expect.stringContaining('InvalidRequestID') });
    // It asked before there was anything, and was told when there was.
    expect(askedAt).toBeLessThanOrEqual(two.from);
    expect(second.at).toBeGreaterThanOrEqual(two.from);
    expect(second).toMatchObject({ status: 200, body: '{"n":2}' });
    expect(second.headers['lambda-runtime-aws-request-id']).toBe(two.requestId);
    expect(two.requestId).not.toBe(one.requestId);

    const three = await invoke(runtime, {});
    expect(three.failed).toBe('Unhandled');
    expect(JSON.parse(three.answer)).toEqual({
      errorType: 'Custom.Kind',
      errorMessage: 'told by hand',
      trace: [],
    });
    const four = await invoke(runtime, {});
    expect(JSON.parse(four.answer)).toMatchObject({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: expect.stringContaining('6291556 bytes'),
    });
    const five = await invoke(runtime, {});
    expect(five.failed).toBe('Unhandled');
    expect(JSON.parse(five.answer).errorType).toBe('Runtime.InvalidResponseModeHeader');
    expect(await invoke(runtime, {})).toMatchObject({ failed: 'Unhandled', answer: 'in plain words' });

    // Told in pieces, as a streaming function does: whoever waits gets it whole.
    const seven = await invoke(runtime, {});
    expect(seven.failed).toBeUndefined();
    const { told, large, badMode } = JSON.parse(seven.answer);
    expect(told.status).toBe(202);
    expect(large).toMatchObject({ status: 413, body: expect.stringContaining('RequestEntityTooLarge') });
    expect(badMode).toMatchObject({
      status: 400,
      body: expect.stringContaining('InvalidFunctionResponseMode'),
    });
  });
});

describe('the custom-runtime API of SCF', () => {
  test('hands over events one by one, the same again while it is not answered', async () => {
    const runtime = await started('scf', scfRuntime);

    const one = await invoke(runtime, { n: 1 });
    const { ready, readyAgain, first, again, wrongMethod, initError } = JSON.parse(one.answer);
    expect(ready.status).toBe(200);
    expect(readyAgain.status).toBe(200);
    expect(wrongMethod.status).toBe(405);
    // There is no such path: what fails to initialise ends.
    expect(initError.status).toBe(404);
    expect(first).toMatchObject({ status: 200, body: '{"n":1}' });
    expect(first.headers).toMatchObject({ request_id: one.requestId, memory_limit_in_mb: '192' });
    // What the function was given, also when some of it is over.
    expect(first.headers['time_limit_in_ms']).toBe('30000');
    expect(again).toMatchObject({ status: 200, body: '{"n":1}' });
    expect(again.headers['request_id']).toBe(one.requestId);

    const two = await invoke(runtime, { n: 2 });
    const { second, answered, late, askedAt } = JSON.parse(two.answer);
    expect(answered.status).toBe(202);
    expect(late.status).toBe(400);
    expect(askedAt).toBeLessThanOrEqual(two.from);
    expect(second.at).toBeGreaterThanOrEqual(two.from);
    expect(second).toMatchObject({ status: 200, body: '{"n":2}' });
    expect(second.headers['request_id']).toBe(two.requestId);

    const three = await invoke(runtime, {});
    expect(three.failed).toBe(430);
    expect(JSON.parse(three.answer)).toMatchObject({
      errorType: 'Custom.Kind',
      errorMessage: 'told by hand',
    });
    expect(JSON.parse((await invoke(runtime, {})).answer).told.status).toBe(202);
  });
});

import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../integration/sandbox-programs.ts';
import { type Platform, type Runtime, startRuntime } from './function-runtimes-fixture.ts';

/** Speaks to the runtime API itself, as a custom runtime does, and tells in its answers what it was told. */
const asking = `
import { request } from 'node:http';
const ask = (method, path, body) =>
  new Promise((resolve, reject) => {
    const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API
      ? process.env.AWS_LAMBDA_RUNTIME_API.split(':')
      : [process.env.SCF_RUNTIME_API, process.env.SCF_RUNTIME_API_PORT];
    const sent = request({ host, port, method, path, agent: false }, (response) => {
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
const id = (next) => next.headers['lambda-runtime-aws-request-id'];
const first = await ask('GET', root + '/next');
const stranger = await ask('POST', root + '/nobody/response', '"not mine to answer"');
const unknown = await ask('GET', root + '/nonsense');
const answered = await ask('POST', root + '/' + id(first) + '/response', JSON.stringify({ first, stranger, unknown }));
const late = await ask('POST', root + '/' + id(first) + '/response', '"too late"');
const askedAt = Date.now();
const second = await ask('GET', root + '/next');
// Of an invocation that is over: it must not become this one's answer.
const old = await ask('POST', root + '/' + id(first) + '/response', '"of the one before"');
await ask('POST', root + '/' + id(second) + '/response', JSON.stringify({ second, answered, late, old, askedAt }));
const third = await ask('GET', root + '/next');
const error = { errorType: 'Custom.Kind', errorMessage: 'told by hand', trace: [] };
const told = await ask('POST', root + '/' + id(third) + '/error', JSON.stringify(error));
const fourth = await ask('GET', root + '/next');
await ask('POST', root + '/' + id(fourth) + '/response', JSON.stringify({ told }));
await ask('GET', root + '/next');
`;

const scfRuntime = `${asking}
const root = '/runtime/invocation';
const ready = await ask('POST', '/runtime/init/ready', ' ');
const first = await ask('GET', root + '/next');
const again = await ask('GET', root + '/next');
const answered = await ask('POST', root + '/response', JSON.stringify({ ready, first, again }));
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

const runtimes: Runtime[] = [];
afterEach(async () => {
  for (const runtime of runtimes.splice(0)) await runtime.close();
});

const started = async (platform: Platform, text: string): Promise<Runtime> => {
  const runtime = await startRuntime(platform, {
    source: { name: 'runtime.mjs', text },
    timeoutMs: 30_000,
    memoryMb: 192,
    concurrency: 1,
  });
  runtimes.push(runtime);
  return runtime;
};

/** Invokes it once, when it has asked for an event. @returns what it answered, and between which times */
const invoke = async (runtime: Runtime, event: object) => {
  await until(
    () => runtime.host.instances().every(({ state }) => state === 'frozen'),
    'it asked for the next',
  );
  const from = Date.now();
  const told = await runtime.client.invoke('it', event);
  return { ...told, told: JSON.parse(told.answer), from, to: Date.now() };
};

describe('the Runtime API of Lambda', () => {
  test('hands over events one by one, and takes an answer only for the one that is under way', async () => {
    const runtime = await started('lambda', lambdaRuntime);

    const one = await invoke(runtime, { n: 1 });
    const { first, stranger, unknown } = one.told;
    expect(first).toMatchObject({ status: 200, body: '{"n":1}' });
    expect(first.headers).toMatchObject({
      'lambda-runtime-aws-request-id': one.requestId,
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:ap-guangzhou:123456789012:function:it',
      'lambda-runtime-trace-id': expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}/),
    });
    const deadlineMs = Number(first.headers['lambda-runtime-deadline-ms']);
    expect(deadlineMs).toBeGreaterThanOrEqual(one.from + 30_000);
    expect(deadlineMs).toBeLessThanOrEqual(one.to + 30_000);
    expect(stranger).toMatchObject({ status: 400, body: expect.stringContaining('InvalidRequestID') });
    expect(unknown.status).toBe(404);

    const two = await invoke(runtime, { n: 2 });
    const { second, answered, late, old, askedAt } = two.told;
    expect(answered).toMatchObject({ status: 202, body: '{"status":"OK"}' });
    expect(late.status).toBe(400);
    expect(old.status).toBe(400);
    // It asked before there was anything, and was told when there was.
    expect(askedAt).toBeLessThanOrEqual(two.from);
    expect(second.at).toBeGreaterThanOrEqual(two.from);
    expect(second).toMatchObject({ status: 200, body: '{"n":2}' });
    expect(second.headers['lambda-runtime-aws-request-id']).toBe(two.requestId);
    expect(two.requestId).not.toBe(one.requestId);

    const three = await invoke(runtime, {});
    expect(three.failed).toBe('Unhandled');
    expect(three.told).toMatchObject({ errorType: 'Custom.Kind', errorMessage: 'told by hand' });
    expect((await invoke(runtime, {})).told.told.status).toBe(202);
  });
});

describe('the custom-runtime API of SCF', () => {
  test('hands over events one by one, the same again while it is not answered', async () => {
    const runtime = await started('scf', scfRuntime);

    const one = await invoke(runtime, { n: 1 });
    const { ready, first, again } = one.told;
    expect(ready.status).toBe(200);
    expect(first).toMatchObject({ status: 200, body: '{"n":1}' });
    expect(first.headers).toMatchObject({ request_id: one.requestId, memory_limit_in_mb: '192' });
    const limitMs = Number(first.headers['time_limit_in_ms']);
    expect(limitMs).toBeGreaterThan(0);
    expect(limitMs).toBeLessThanOrEqual(30_000);
    expect(again).toMatchObject({ status: 200, body: '{"n":1}' });
    expect(again.headers['request_id']).toBe(one.requestId);

    const two = await invoke(runtime, { n: 2 });
    const { second, answered, late, askedAt } = two.told;
    expect(answered.status).toBe(202);
    expect(late.status).toBe(400);
    expect(askedAt).toBeLessThanOrEqual(two.from);
    expect(second.at).toBeGreaterThanOrEqual(two.from);
    expect(second).toMatchObject({ status: 200, body: '{"n":2}' });
    expect(second.headers['request_id']).toBe(two.requestId);

    const three = await invoke(runtime, {});
    expect(three.failed).toBe(430);
    expect(three.told).toMatchObject({ errorType: 'Custom.Kind', errorMessage: 'told by hand' });
    expect((await invoke(runtime, {})).told.told.status).toBe(202);
  });
});

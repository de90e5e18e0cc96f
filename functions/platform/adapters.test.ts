import { expect, test } from 'vitest';
import { lambdaHandler } from './lambda.ts';
import { readReadinessRequest, readReconcileRequest } from './requests.ts';
import type { Invocation } from './run.ts';
import { scfHandler } from './scf.ts';

const request = { invocationId: 'i-1', loadBalancerKeys: ['lb-1'] };

/** A function that tells what it was given. */
const aRun = () => {
  const given: Invocation[] = [];
  const run = async (invocation: Invocation): Promise<unknown> => {
    given.push(invocation);
    return { ok: true };
  };
  return { run, given };
};

test('Lambda’s remaining time becomes the deadline, and kept connections hold no answer up', async () => {
  const { run, given } = aRun();
  const context = { getRemainingTimeInMillis: () => 60_000, callbackWaitsForEmptyEventLoop: true };
  const before = Date.now();
  expect(await lambdaHandler(run)(request, context)).toEqual({ ok: true });
  expect(given[0]?.event).toEqual(request);
  expect(given[0]?.deadlineAt).toBeGreaterThanOrEqual(before + 60_000);
  expect(given[0]?.deadlineAt).toBeLessThanOrEqual(Date.now() + 60_000);
  expect(context.callbackWaitsForEmptyEventLoop).toBe(false);
});

test('SCF’s limit becomes the deadline; without one it is the platform’s usual 3 s', async () => {
  const { run, given } = aRun();
  const context = { time_limit_in_ms: 60_000, callbackWaitsForEmptyEventLoop: true };
  const before = Date.now();
  await scfHandler(run)(request, context);
  await scfHandler(run)(request, {});
  expect(given[0]?.deadlineAt).toBeGreaterThanOrEqual(before + 60_000);
  expect(context.callbackWaitsForEmptyEventLoop).toBe(false);
  expect(given[1]?.deadlineAt).toBeLessThanOrEqual(Date.now() + 3_000);
});

test('a custom runtime’s event is text, any other one’s is read already: both are the same request', async () => {
  const { run, given } = aRun();
  await scfHandler(run)(request, {});
  await scfHandler(run)(JSON.stringify(request), {});
  expect(given.map(({ event }) => event)).toEqual([request, request]);
});

test('the role’s credentials of this very invocation are taken from SCF’s context', async () => {
  const { run, given } = aRun();
  const environment = JSON.stringify({
    TENCENTCLOUD_SECRETID: 'id',
    TENCENTCLOUD_SECRETKEY: 'key',
    TENCENTCLOUD_SESSIONTOKEN: 'token',
    MEMORY: 128,
  });
  await scfHandler(run)(request, { environment });
  expect(given[0]?.credentials).toEqual({ secretId: 'id', secretKey: 'key', token: 'token' });
  for (const other of ['{}', 'not json', 'null']) await scfHandler(run)(request, { environment: other });
  await scfHandler(run)(request, {});
  expect(given.slice(1).map(({ credentials }) => credentials)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('what fails is the platform’s to report, also before the first await', async () => {
  const fails = (): never => {
    throw new Error('no');
  };
  await expect(scfHandler(fails)(request, {})).rejects.toThrow('no');
  await expect(lambdaHandler(fails)(request, { getRemainingTimeInMillis: () => 0 })).rejects.toThrow('no');
});

test('requests are read at the door; what is none is told with the place that is wrong', () => {
  expect(readReconcileRequest(request)).toEqual(request);
  const unheld = [{ kind: 'Pod', namespace: 'default', name: 'web-0', uid: 'uid-0' }] as const;
  expect(readReadinessRequest({ invocationId: 'i-1', unheld })).toEqual({ invocationId: 'i-1', unheld });
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /no request of ours/],
    ['text', /no request of ours/],
    [{ Records: [] }, /invocationId/],
    [{ invocationId: '', loadBalancerKeys: [] }, /invocationId/],
    [{ invocationId: 'i-1', loadBalancerKeys: [7] }, /loadBalancerKeys\.0/],
  ];
  for (const [event, told] of wrong) expect(() => readReconcileRequest(event)).toThrow(told);
  expect(() => readReadinessRequest({ invocationId: 'i-1', unheld: [{ kind: 'Pod' }] })).toThrow(/unheld\.0/);
});

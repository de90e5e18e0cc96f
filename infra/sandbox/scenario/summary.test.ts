import { expect, test } from 'vitest';
import { aReport } from './builders.test-support.ts';
import { isLossless, type SummaryInput, summarize } from './summary.ts';

const input: SummaryInput = {
  version: 'v2',
  gate: true,
  platform: 'standalone',
  cluster: 'control-plane',
  invocations: {},
  speed: 1,
  canShowClientAddress: true,
  sessionClient: 'session',
  rolledFromMs: 10_000,
  rolledMs: 50_500,
  drainedMs: 65_000,
  requestsBeforeRollout: 40,
  requestsAtDrained: 190,
  steadyPods: { a: 12, b: 10, c: 11 },
  timelines: [
    { name: 'new', uid: '1', version: 'v2', ip: '10.1.0.4', containersReadyMs: 1_000, boundMs: 1_500 },
    { name: 'old', uid: '2', version: 'v1', deletedMs: 2_000, weightZeroMs: 2_700, goneMs: 17_000 },
  ],
  clbCalls: { DescribeTargets: 3 },
  clients: [
    { ip: '10.1.192.1', report: aReport('new connections') },
    { ip: '10.1.192.1', report: aReport('session') },
  ],
};

test('requests are added up, and each Pod’s steps become durations', () => {
  const summary = summarize(input);
  expect(summary).toMatchObject({
    requests: 200,
    failed: 0,
    reset: 0,
    requestsDuringRollout: 150,
    rolloutSeconds: 40.5,
    drainSeconds: 14.5,
    queue: 'memory',
    platform: 'standalone',
    invocations: {},
    cluster: 'control-plane',
    clientAddressKept: true,
    sessionKept: true,
    mostToLeast: 1.2,
  });
  expect(summary.pods).toEqual([
    { name: 'new', version: 'v2', ip: '10.1.0.4', readyToBoundMs: 500 },
    { name: 'old', version: 'v1', deletionToWeightZeroMs: 700, weightZeroToGoneMs: 14_300 },
  ]);
  expect(isLossless(summary)).toBe(true);
});

test('one lost request is enough', () => {
  const failed = { ip: '10.1.192.1', report: aReport('new connections', { failed: 1 }) };
  expect(isLossless(summarize({ ...input, clients: [failed] }))).toBe(false);
  expect(isLossless(summarize({ ...input, clients: [] }))).toBe(false);
});

test('a client that a Pod saw under another address was not kept', () => {
  const other = {
    ip: '10.1.192.1',
    report: aReport('new connections', { seenAs: { '10.1.192.1': 99, '10.1.240.1': 1 } }),
  };
  const summary = summarize({ ...input, clients: [other] });
  expect(summary.clientAddressKept).toBe(false);
  expect(isLossless(summary)).toBe(false);
});

test('what cannot be shown is null, and no fault', () => {
  const summary = summarize({
    ...input,
    canShowClientAddress: false,
    sessionClient: 'nobody',
    steadyPods: { a: 12 },
  });
  expect(summary.clientAddressKept).toBeNull();
  expect(summary.sessionKept).toBeNull();
  expect(summary.mostToLeast).toBeNull();
  expect(isLossless(summary)).toBe(true);
});

test('a session that comes back to a Pod it had left was not kept', () => {
  const moved = { ip: '10.1.192.1', report: aReport('session', { podChanges: 2 }) };
  expect(summarize({ ...input, clients: [moved] }).sessionKept).toBe(false);
});

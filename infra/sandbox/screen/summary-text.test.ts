import { expect, test } from 'vitest';
import { aReport } from '../scenario/builders.test-support.ts';
import { summarize } from '../scenario/summary.ts';
import { plainStyles } from './style.ts';
import { addressNotShown, summaryText } from './summary-text.ts';

const summary = summarize({
  version: 'v123',
  gate: true,
  platform: 'standalone',
  cluster: 'in-process',
  invocations: { 'clb-direct-reconcile': 12 },
  speed: 1,
  canShowClientAddress: true,
  sessionClient: 'session',
  rolledFromMs: 0,
  rolledMs: 137_300,
  drainedMs: 252_800,
  requestsBeforeRollout: 0,
  steadyPods: { a: 12, b: 10 },
  requestsAtDrained: 1_234_567,
  timelines: [
    {
      name: 'nginx-deployment-eni-59fcc84b94-abcde',
      uid: '1',
      version: 'latest',
      containersReadyMs: 0,
      boundMs: 570,
      healthyMs: 10_670,
      gateOpenMs: 11_000,
      deletedMs: 20_000,
      weightZeroMs: 20_900,
      goneMs: 35_000,
    },
  ],
  clbCalls: { DescribeTargets: 120, BatchRegisterTargets: 4, CreateLoadBalancer: 1, DescribeTaskStatus: 13 },
  clients: [
    { ip: '10.1.192.1', report: aReport('session', { total: 12_345_678, failed: 1_000, reset: 1_000 }) },
  ],
});

test('the summary says what was lost, and what each Pod’s steps took', () => {
  const text = summaryText(summary, plainStyles).join('\n');
  expect(text).toContain('12 345 678 requests (1 234 567 during the rollout), 1 000 failed, 1 000 reset.');
  expect(text).toContain('Requests were lost.');
  expect(text).toMatch(/^abcde +latest +0\.57 +10\.10 +0\.33 +0\.90 +14\.10$/m);
  expect(text).toContain('BatchRegisterTargets 4');
});

test('the summary is at most 80 columns wide, also where the client address cannot be shown', () => {
  for (const one of [summary, { ...summary, clientAddressKept: null, sessionKept: null }]) {
    for (const line of summaryText(one, plainStyles)) expect(line.length, line).toBeLessThanOrEqual(80);
  }
});

test('where the client address cannot be shown, the command that would show it is named', () => {
  expect(addressNotShown('linux').join('\n')).toContain('env -u SANDBOX_LOOPBACK npm start');
  for (const line of addressNotShown('darwin')) expect(line.length).toBeLessThanOrEqual(80);
  expect(addressNotShown('darwin').join('\n')).toContain('npm start');
});

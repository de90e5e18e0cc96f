import { describe, expect, it } from 'vitest';
import type { CallRecord } from '../clb/calls.ts';
import type { LoadBalancerSnapshot, TargetSnapshot } from '../clb/snapshot.ts';
import { Statistics } from '../clb/statistics.ts';
import { secondLine } from './clb-display.ts';
import { type ClbScreenModel, clbLayout } from './clb-layout.ts';
import { plainStyles } from './style.ts';

const nowSecond = 1_700_000_000;
const call = (action: string, ageSeconds: number, more: Partial<CallRecord> = {}): CallRecord => ({
  timeMs: (nowSecond - ageSeconds) * 1000,
  action,
  region: 'ap-guangzhou',
  secretId: 'AKID',
  loadBalancerId: undefined,
  parameters: {},
  code: 'OK',
  requestId: '',
  createdIds: [],
  ms: 1,
  ...more,
});

const busy = call('BatchRegisterTargets', 1, {
  loadBalancerId: 'lb-00000001',
  code: 'FailedOperation.ResourceInOperating',
  refusedBy: 'lock',
});
const calls = [
  call('DescribeTargets', 60),
  call('DescribeTargets', 2),
  call('DescribeTargets', 2),
  call('BatchRegisterTargets', 3, { loadBalancerId: 'lb-00000001' }),
  busy,
];

const target = (health: TargetSnapshot['health']): TargetSnapshot => ({
  ip: '10.9.0.1',
  port: 80,
  weight: 10,
  health,
  connections: 0,
  totalConnections: 0,
  refusedConnections: 0,
  bytesToTarget: 0,
  bytesToClient: 0,
});

const loadBalancer = (n: number, more: Partial<LoadBalancerSnapshot> = {}): LoadBalancerSnapshot => ({
  id: `lb-0000000${n}`,
  name: 'one',
  region: 'ap-guangzhou',
  status: 1,
  vip: `10.9.240.${n}`,
  tags: [],
  locked: false,
  listeners: [
    { id: 'lbl-1', name: '', protocol: 'TCP', port: 80, targets: [target('Alive'), target('Dead')] },
  ],
  ...more,
});

const model = (more: Partial<ClbScreenModel> = {}): ClbScreenModel => {
  const statistics = new Statistics();
  for (const one of calls) statistics.add(one);
  return {
    title: 'CLB simulator, ap-guangzhou',
    elapsedMs: 72_000,
    facts: [['url', 'http://127.0.0.1:8080']],
    statistics: statistics.take(),
    nowSecond,
    loadBalancers: [loadBalancer(1, { locked: true }), loadBalancer(2, { status: 0 })],
    failures: [busy],
    ...more,
  };
};

const lines = (more: Partial<ClbScreenModel> = {}, size = { columns: 100, rows: 24 }): string[] =>
  clbLayout(model(more), size, plainStyles).map((line) => line.trimEnd());

describe('the screen of a CLB that runs alone', () => {
  it('shows calls by action, lately and at their most, and what was refused', () => {
    expect(lines().slice(0, 8)).toEqual([
      `${'CLB simulator, ap-guangzhou'.padEnd(69)} 1 min 12 s`,
      '',
      'url        http://127.0.0.1:8080',
      '',
      'ACTION                          CALLS    10 S  MOST/S   ERRORS   LOCKED  LIMITED',
      'DescribeTargets                     3       2       2        0        0        0',
      'BatchRegisterTargets                2       2       1        1        1        0',
      'all                                 5       4                1        1        0',
    ]);
  });

  it('shows each load balancer, and the last calls that failed', () => {
    expect(lines().slice(9, 15)).toEqual([
      'LOAD BALANCER ADDRESS         LISTENERS   TARGETS     ALIVE     CALLS LOCK',
      'lb-00000001   10.9.240.1              1         2         1         2 held',
      'lb-00000002   being made              1         2         1         0 free',
      '',
      'NOT ANSWERED WITH SUCCESS',
      '22:13:19 BatchRegisterTargets FailedOperation.ResourceInOperating lb-00000001',
    ]);
  });

  it('says of an isolated load balancer that it is that', () => {
    const shown = lines({ loadBalancers: [loadBalancer(3, { isolated: true })] });
    expect(shown).toContain('lb-00000003   isolated                1         2         1         0 free');
  });

  it('is as high as the terminal, and as wide, whatever there is to show', () => {
    const loadBalancers = Array.from({ length: 9 }, (_, n) => loadBalancer(n));
    for (const rows of [5, 10, 16, 24, 50]) {
      for (const columns of [30, 80, 200]) {
        const shown = lines(
          { loadBalancers, failures: Array.from({ length: 90 }, () => busy) },
          { columns, rows },
        );
        expect(shown).toHaveLength(rows);
        expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(columns);
      }
    }
    expect(lines({ loadBalancers }, { columns: 80, rows: 16 }).join('\n')).toMatch(/… \d+ more/);
  });

  it('without a terminal a second is one line', () => {
    expect(secondLine(calls.slice(3))).toBe(
      '22:13:17 BatchRegisterTargets 2; BatchRegisterTargets FailedOperation.ResourceInOperating',
    );
  });
});

import { expect, test } from 'vitest';
import { aPod } from '../scenario/builders.test-support.ts';
import type { Happening } from '../scenario/history.ts';
import { describeEvent } from './describe-event.ts';

const target = { loadBalancerId: 'lb-1', listenerId: 'lbl-1', ip: '10.1.0.1', port: 80 } as const;
const text = (happening: Happening): string | undefined =>
  describeEvent(
    { ...happening, timeMs: 0 },
    {
      podAt: (ip) => (ip === '10.1.0.1' ? 'nginx-5f-abcde' : undefined),
      ruleAt: (locationId) => (locationId === 'loc-1' ? 'a.example.com/' : undefined),
    },
  )?.text;

test('an event is told in the words of who reads it', () => {
  expect(text({ type: 'target', ...target, change: 'registered', weight: 10 })).toBe(
    'Pod abcde: bound, weight 10',
  );
  expect(text({ type: 'target', ...target, ip: '10.1.0.9', change: 'weight', weight: 0 })).toBe(
    '10.1.0.9: weight 0',
  );
  expect(text({ type: 'health', ...target, from: 'Unknown', to: 'Alive' })).toBe('Pod abcde: health Alive');
  expect(text({ type: 'target', ...target, locationId: 'loc-1', change: 'weight', weight: 0 })).toBe(
    'Pod abcde behind a.example.com/: weight 0',
  );
  const rule = { loadBalancerId: 'lb-1', listenerId: 'lbl-1', locationId: 'loc-1' };
  expect(text({ type: 'rule', ...rule, domain: 'a.example.com', url: '/', change: 'created' })).toBe(
    'lb-1: rule a.example.com/ created',
  );
  expect(text({ type: 'pod', change: 'created', pod: aPod('xyz12') })).toBe('Pod xyz12: created (v1)');
  expect(text({ type: 'process', name: 'forwarder', change: 'ended', pid: 7, detail: 'SIGKILL' })).toBe(
    'forwarder: ended, SIGKILL',
  );
});

test('what a person need not know is no line', () => {
  const call = { type: 'call', action: 'DescribeTargets', ms: 5, parameters: {} } as const;
  expect(text({ ...call, code: 'OK' })).toBeUndefined();
  expect(text({ ...call, code: 'FailedOperation.ResourceInOperating' })).toMatch(/DescribeTargets answered/);
  const event = { type: 'kubernetes-event', about: 'Pod a', reason: 'R', message: 'm' } as const;
  expect(text({ ...event, warning: false })).toBeUndefined();
  expect(text({ ...event, warning: true })).toBe('Pod a: R, m');
  expect(text({ type: 'log', from: 'forwarder', line: '{}' })).toBeUndefined();
});

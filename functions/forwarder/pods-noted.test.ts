import { describe, expect, test } from 'vitest';
import { aGate, aPod, aPodFact, aState } from '../../shared/model/builders.ts';
import { type Log, silentLog } from '../../shared/process/log.ts';
import { UngatedPods } from './ungated.ts';
import { isUrgent } from './urgency.ts';
import { WaitingPods } from './waiting-pods.ts';

describe('what is urgent', () => {
  const pod = aPodFact('a', '10.0.0.1');
  const starting = { ...pod, containersReady: false, ready: false };
  const leaving = { ...pod, terminatingAt: 1_000 };

  test('the beginning of an end, and containers that become ready; not what goes on', () => {
    expect(isUrgent(pod, { type: 'set', fact: leaving })).toBe(true);
    expect(isUrgent(pod, { type: 'set', fact: { ...pod, ended: true } })).toBe(true);
    expect(isUrgent(starting, { type: 'set', fact: pod })).toBe(true);
    expect(isUrgent(undefined, { type: 'set', fact: pod })).toBe(true);
    expect(isUrgent(undefined, { type: 'set', fact: starting })).toBe(false);
    expect(isUrgent(pod, { type: 'set', fact: { ...pod, labels: {} } })).toBe(false);
    expect(isUrgent(pod, { type: 'set', fact: starting })).toBe(false);
    expect(isUrgent(leaving, { type: 'set', fact: { ...leaving, ended: true } })).toBe(false);
  });

  test('a Pod that is gone though nobody saw it go', () => {
    const gone = { type: 'gone', uid: 'uid-a', fact: pod, consistent: true } as const;
    expect(isUrgent(pod, gone)).toBe(true);
    expect(isUrgent(leaving, gone)).toBe(false);
  });
});

test('Pods wait as long as their gate is closed and they stay; a new one is told', () => {
  const waiting = new WaitingPods();
  const a = aPod('a', '10.0.0.1', { gate: aGate('False') });
  const b = aPod('b', '10.0.0.2', { gate: aGate('absent') });
  expect(waiting.note(aState([a]))).toBe(true);
  expect(waiting.note(aState([a]))).toBe(false);
  expect(waiting.note(aState([a, b]))).toBe(true);
  expect(waiting.any).toBe(true);
  expect(
    waiting.note(
      aState([
        { ...a, gate: aGate('True') },
        { ...b, terminatingAt: 1 },
      ]),
    ),
  ).toBe(false);
  expect(waiting.any).toBe(false);
  expect(waiting.note(aState([a], { intent: 'release' }))).toBe(false);
});

test('Pods of a direct Service without our gate are named, once each', () => {
  const named: unknown[] = [];
  const log: Log = { ...silentLog, warn: (_message, fields) => named.push(fields?.['pods']) };
  const ungated = new UngatedPods(log);
  const bare = aPod('bare', '10.0.0.1');
  const gated = aPod('gated', '10.0.0.2', { gate: aGate('False') });
  ungated.note(aState([bare, gated]));
  ungated.note(aState([bare, gated]));
  expect(named).toEqual([['bare']]);
  ungated.note(aState([bare, aPod('more', '10.0.0.3'), aPod('going', '10.0.0.4', { terminatingAt: 1 })]));
  expect(named).toEqual([['bare'], ['more']]);
  ungated.note(aState([bare], { intent: 'report' }));
  ungated.forget('uid-bare');
  ungated.note(aState([bare]));
  expect(named).toHaveLength(3);
});

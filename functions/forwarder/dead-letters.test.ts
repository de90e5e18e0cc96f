import { expect, test } from 'vitest';
import { type Log, silentLog } from '../../shared/process/log.ts';
import type { DeadLetter } from '../../shared/queue/store/store.ts';
import { createDeadLetters } from './dead-letters.ts';

test('a state that cannot be read is told once, and counted while it is there (L12)', async () => {
  const letter: DeadLetter = {
    loadBalancerKey: 'lb-a',
    objectUid: 'web',
    sequence: '0000000001.0000000001',
    reason: 'data.pods: array expected',
    at: 1,
  };
  let letters: readonly DeadLetter[] = [letter];
  const values: number[] = [];
  const lines: unknown[] = [];
  const log: Log = { ...silentLog, error: (_, fields) => void lines.push(fields) };
  const look = createDeadLetters({
    store: { deadLetters: async () => letters },
    metrics: { set: (_, __, value) => void values.push(value) },
    log,
  });
  await look();
  await look();
  expect(lines).toEqual([letter]);
  letters = [];
  await look();
  letters = [letter];
  await look();
  expect(lines).toHaveLength(2);
  expect(values).toEqual([1, 1, 0, 1]);
});

import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { silentLog } from '../../shared/process/log.ts';
import type { PutAnswer } from '../../shared/queue/store/store.ts';
import { createTerm } from './term.ts';

const aTerm = () =>
  createTerm({ epoch: 1, generation: 'g' }, ['uid'], {
    store: { complete: async () => {} },
    clock: createFakeClock(),
    log: silentLog,
  });

const answer = (counter: string, puts: number, generation = 'g'): PutAnswer => ({
  outcome: 'kept',
  generation,
  counter,
  puts,
});

test('each counter of the store is counted for itself, and one that begins anew is noticed (L3)', () => {
  const term = aTerm();
  expect(term.sending()(answer('3', 7))).toBe(true);
  expect(term.sending()(answer('5', 1))).toBe(true);
  expect(term.sending()(answer('5', 2))).toBe(true);
  expect(term.sending()(answer('5', 2))).toBe(false);
  expect(term.sending()(answer('3', 1))).toBe(false);
  expect(term.sending()(answer('3', 8))).toBe(true);
});

test('answers that overtake each other lack nothing', () => {
  const term = aTerm();
  const first = term.sending();
  const second = term.sending();
  expect(second(answer('3', 2))).toBe(true);
  expect(first(answer('3', 1))).toBe(true);
});

test('another generation is another store, whatever it counts (L3)', () => {
  const term = aTerm();
  expect(term.sending()(answer('3', 7))).toBe(true);
  expect(term.sending()(answer('3', 8, 'other'))).toBe(false);
});

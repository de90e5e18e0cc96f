import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { createWorkQueue } from './work-queue.ts';

/** Each piece of work takes `takesMs`; lines say when it began. */
const aQueue = (takesMs: number, sideBySide = 8, fails: (key: string) => boolean = () => false) => {
  const clock = createFakeClock();
  const begun = clock.now();
  const lines: string[] = [];
  const queue = createWorkQueue({
    clock,
    sideBySide,
    work: async (key) => {
      lines.push(`${key} ${clock.now() - begun}`);
      if (takesMs > 0) await clock.sleep(takesMs);
      if (fails(key)) throw new Error('failed');
    },
    onFailure: (key, _error, pauseMs) => lines.push(`${key} failed, again in ${pauseMs}`),
  });
  return { clock, begun, lines, queue };
};

test('a key is worked on at the earliest of its times, once', async () => {
  const { clock, begun, lines, queue } = aQueue(0);
  queue.add('a', begun + 100, false);
  queue.add('a', begun + 40, false);
  queue.add('a', begun + 70, true);
  await clock.advance(1_000);
  expect(lines).toEqual(['a 40']);
});

test('one at a time for each key, so many side by side, urgent ones first', async () => {
  const { clock, begun, lines, queue } = aQueue(10, 2);
  for (const key of ['a', 'b', 'c', 'd']) queue.add(key, begun, false);
  queue.add('e', begun, true);
  await clock.advance(5);
  expect(lines).toEqual(['e 0', 'a 0']);
  queue.add('d', begun, true);
  await clock.advance(100);
  expect(lines).toEqual(['e 0', 'a 0', 'd 10', 'b 10', 'c 20']);
});

test('after work of some length a key rests for as long: what comes meanwhile is one piece of work', async () => {
  const { clock, begun, lines, queue } = aQueue(30);
  queue.add('a', begun, true);
  await clock.advance(1);
  for (let count = 0; count < 50; count += 1) {
    queue.add('a', clock.now(), true);
    await clock.advance(2);
  }
  await clock.advance(500);
  expect(lines).toEqual(['a 0', 'a 60', 'a 120']);
});

test('what fails is tried again in growing pauses until it is cleared', async () => {
  const { clock, begun, lines, queue } = aQueue(0, 8, () => true);
  queue.add('a', begun, false);
  await clock.advance(1_399);
  expect(lines.filter((line) => line.startsWith('a failed'))).toEqual([
    'a failed, again in 200',
    'a failed, again in 400',
    'a failed, again in 800',
  ]);
  await clock.advance(60_000);
  expect(lines.at(-1)).toBe('a failed, again in 5000');
  queue.clear();
  const tries = lines.length;
  await clock.advance(60_000);
  expect(lines).toHaveLength(tries);
});

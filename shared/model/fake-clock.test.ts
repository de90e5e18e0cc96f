import { expect, test } from 'vitest';
import { createFakeClock } from './fake-clock.test-support.ts';

test('advance wakes sleepers in the order of their times, those who sleep again too', async () => {
  const clock = createFakeClock(1_000);
  const seen: string[] = [];
  const sleepTwice = async (name: string, ms: number): Promise<void> => {
    await clock.sleep(ms);
    seen.push(`${name}@${clock.now()}`);
    await clock.sleep(ms);
    seen.push(`${name}@${clock.now()}`);
  };
  void sleepTwice('slow', 50);
  void sleepTwice('fast', 20);
  await clock.advance(60);
  expect(seen).toEqual(['fast@1020', 'fast@1040', 'slow@1050']);
  expect(clock.now()).toBe(1_060);
  expect(clock.sleepers()).toBe(1);
});

test('an aborted sleep ends at once', async () => {
  const clock = createFakeClock();
  const abort = new AbortController();
  const slept = clock.sleep(1_000, abort.signal);
  abort.abort();
  await slept;
  await clock.sleep(1_000, abort.signal);
  expect(clock.sleepers()).toBe(0);
});

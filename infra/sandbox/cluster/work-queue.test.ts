import { expect, it, vi } from 'vitest';
import { createWorkQueue } from './work-queue.ts';

it('a key is worked on by one call at a time, and once more when it was added meanwhile', async () => {
  let running = 0;
  let most = 0;
  let calls = 0;
  const queue = createWorkQueue({
    work: async () => {
      calls += 1;
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    },
  });
  for (let times = 0; times < 5; times += 1) queue.add('a');
  await vi.waitFor(() => expect(calls).toBe(2));
  expect(most).toBe(1);
  queue.close();
});

it('a failed key comes again, and others are not held up', async () => {
  const seen: string[] = [];
  const queue = createWorkQueue({
    work: async (key) => {
      seen.push(key);
      if (key === 'bad' && seen.filter((other) => other === 'bad').length < 3) throw new Error('no');
    },
  });
  queue.add('bad');
  queue.add('good');
  await vi.waitFor(() => expect(seen).toEqual(['bad', 'good', 'bad', 'bad']));
  queue.close();
});

it('of two delays the earlier holds', async () => {
  const seen: string[] = [];
  const queue = createWorkQueue({ work: async (key) => void seen.push(key) });
  queue.add('a', 60_000);
  queue.add('a', 5);
  queue.add('a', 60_000);
  await vi.waitFor(() => expect(seen).toEqual(['a']));
  queue.close();
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSyncTimer } from './sync-timer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the time of a sync', () => {
  it('is at once twice, then once a period for whatever was asked meanwhile', async () => {
    const atMs: number[] = [];
    const startMs = performance.now();
    const timer = createSyncTimer({
      minPeriodMs: 1000,
      run: async () => void atMs.push(Math.round(performance.now() - startMs)),
    });
    for (let ms = 0; ms < 3000; ms += 100) {
      timer.ask();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(atMs).toEqual([0, 100, 999, 1999, 2999]);
    timer.close();
  });

  it('is never during another one, and what was asked during it comes after it', async () => {
    let running = 0;
    let runs = 0;
    const timer = createSyncTimer({
      minPeriodMs: 0,
      run: async () => {
        running += 1;
        runs += 1;
        expect(running).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 50));
        running -= 1;
      },
    });
    timer.ask();
    await vi.advanceTimersByTimeAsync(10);
    timer.ask();
    timer.ask();
    await vi.advanceTimersByTimeAsync(500);
    expect(runs).toBe(2);
    timer.close();
    timer.ask();
    await vi.advanceTimersByTimeAsync(500);
    expect(runs).toBe(2);
  });
});

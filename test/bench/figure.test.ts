import { describe, expect, test } from 'vitest';
import { fewestCalls, wavesOf } from './calls.ts';
import { NotMeasured, percentile, row } from './figure.ts';

describe('the fewest calls of a rollout', () => {
  test('a wave: three writes, a read-back each, one look at the task, one read of health', () => {
    expect(fewestCalls([{ pods: 3 }], 1)).toEqual({ changes: 7, health: 1 });
  });

  test('more Pods than one call takes ask for another call of each kind, and for no other read-back', () => {
    expect(fewestCalls([{ pods: 500 }], 1).changes).toBe(7);
    expect(fewestCalls([{ pods: 501 }], 1).changes).toBe(11);
  });

  test('health of thirty load balancers is one read; their writes are their own', () => {
    expect(fewestCalls([{ pods: 1 }, { pods: 1 }], 30)).toEqual({ changes: 420, health: 2 });
    expect(fewestCalls([{ pods: 1 }], 31).health).toBe(2);
  });

  test('waves cover every Pod once', () => {
    expect(wavesOf(10, 3).map(({ pods }) => pods)).toEqual([3, 3, 3, 1]);
  });
});

describe('what a row says', () => {
  test('nothing against nothing is met; something against nothing has no ratio', () => {
    expect(row('x', 'calls', 0, 0).ratio).toBe(1);
    expect(row('x', 'calls', 2, 0).ratio).toBeNull();
    expect(row('x', 'calls', 3, 2).ratio).toBe(1.5);
  });

  test('what was not measured is no row', () => {
    expect(() => row('x', 'ms', Number.NaN, 1)).toThrow(NotMeasured);
    expect(() => percentile([], 0.5)).toThrow(NotMeasured);
  });

  test('percentiles are values that occurred', () => {
    expect([0.5, 0.99, 1].map((share) => percentile([4, 1, 3, 2], share))).toEqual([2, 4, 4]);
  });
});

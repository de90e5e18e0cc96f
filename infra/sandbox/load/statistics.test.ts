import { expect, it } from 'vitest';
import { Latencies, Statistics } from './statistics.ts';

it('quantiles are at most 5 % off', () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 1000; ms += 1) latencies.add(ms);
  expect(latencies.quantileMs(0.5) / 500).toBeGreaterThanOrEqual(1);
  expect(latencies.quantileMs(0.5) / 500).toBeLessThan(1.06);
  expect(latencies.quantileMs(0.99) / 990).toBeLessThan(1.06);
  expect(latencies.quantileMs(1)).toBe(1000);
  expect(new Latencies().quantileMs(0.5)).toBe(0);
});

it('every request is ok or failed, and only the first failures are kept in full', () => {
  const statistics = new Statistics(2);
  const answer = { version: 'v1', client: '127.40.192.1' };
  statistics.succeeded({ pod: 'a', ...answer }, 1);
  statistics.succeeded({ pod: 'b', ...answer }, 1);
  const failure = { atMs: 0, detail: '', reusedConnection: false, afterMs: 1 };
  statistics.failed({ ...failure, kind: 'reset' });
  statistics.failed({ ...failure, kind: 'truncated' }, true);
  statistics.failed({ ...failure, kind: 'status' });
  expect(statistics.report({ name: 'c', kind: 'session', atMs: 0, final: true })).toMatchObject({
    total: 5,
    ok: 2,
    failed: 3,
    reset: 2,
    podChanges: 1,
    pods: { a: 1, b: 1 },
    seenAs: { '127.40.192.1': 2 },
    failures: [{ kind: 'reset' }, { kind: 'truncated' }],
  });
});

import { expect, test } from 'vitest';
import { aReport } from '../scenario/builders.test-support.ts';
import { Rates } from './rates.ts';

test('a rate is that of the last second or so, and a client that has stopped has none', () => {
  const rates = new Rates();
  for (let at = 0; at <= 20; at += 1) {
    const total = at < 10 ? at * 100 : 1_000 + (at - 10) * 20;
    rates.add(aReport('a', { atMs: at * 200, total, final: false }));
  }
  expect(rates.perSecond().get('a')).toBeCloseTo(100);
  rates.add(aReport('a', { atMs: 4_200, total: 1_200, final: true }));
  expect(rates.perSecond().get('a')).toBeUndefined();
  rates.add(aReport('a', { atMs: 4_400, total: 5, final: false }));
  rates.add(aReport('a', { atMs: 4_600, total: 15, final: false }));
  expect(rates.perSecond().get('a')).toBeCloseTo(50);
});

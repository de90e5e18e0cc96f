import { expect, it } from 'vitest';
import { createBackOff } from './back-off.ts';

it('the first crash is restarted at once, then after 10 s doubling to 300 s', () => {
  const backOff = createBackOff();
  expect(Array.from({ length: 8 }, () => backOff.next(1_000_000) / 1000)).toEqual([
    0, 10, 20, 40, 80, 160, 300, 300,
  ]);
});

it('ten quiet minutes forget the crashes', () => {
  const backOff = createBackOff();
  backOff.next(1_000_000);
  expect(backOff.next(1_001_000)).toBe(10_000);
  expect(backOff.next(1_700_000)).toBe(0);
});

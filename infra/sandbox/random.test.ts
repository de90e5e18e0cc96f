import { expect, test } from 'vitest';
import { seededRandom } from './random.ts';

const draws = (seed: number): number[] => Array.from({ length: 1000 }, seededRandom(seed));

test('a seed gives the same numbers again, another seed others, all from 0 to 1 and evenly', () => {
  expect(draws(7)).toEqual(draws(7));
  expect(draws(7)).not.toEqual(draws(8));
  for (const seed of [0, 1, 2 ** 32]) {
    const numbers = draws(seed);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    expect(mean).toBeGreaterThan(0.45);
    expect(mean).toBeLessThan(0.55);
  }
});

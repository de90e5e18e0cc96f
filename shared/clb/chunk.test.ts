import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunk, chunkWeights, groupBy } from './chunk.ts';
import { limits } from './limits.ts';

describe('splitting by the maxima of the API', () => {
  it('a row has at most the maximum, none is empty, and each element is in one, in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer(), { maxLength: 700 }),
        fc.integer({ min: 1, max: 500 }),
        (items, max) => {
          const rows = chunk(items, max);
          expect(rows.flat()).toEqual(items);
          for (const row of rows) {
            expect(row.length).toBeGreaterThan(0);
            expect(row.length).toBeLessThanOrEqual(max);
          }
          expect(rows.length).toBe(Math.ceil(items.length / max));
        },
      ),
    );
  });

  it('refuses a maximum that would never end', () => {
    expect(() => chunk([1], 0)).toThrow(RangeError);
    expect(() => chunk([1], Number.NaN)).toThrow(RangeError);
  });

  it('groups hold each element once, with one key each', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), (items) => {
        const groups = groupBy(items, String);
        expect(groups.flat().toSorted()).toEqual(items.toSorted());
        for (const group of groups) expect(new Set(group).size).toBe(1);
        expect(groups.length).toBe(new Set(items).size);
      }),
    );
  });

  /** Sizes of listeners, from many small ones to one large one. */
  const sizes = fc.oneof(
    fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 260 }),
    fc.array(fc.integer({ min: 40, max: 130 }), { maxLength: 20 }),
    fc.array(fc.integer({ min: 400, max: 1_300 }), { maxLength: 2 }),
  );

  it('weight calls keep 100 entries, 50 targets an entry and 500 in all, and hold each target once', () => {
    fc.assert(
      fc.property(sizes, (listeners) => {
        const items = listeners.flatMap((size, at) =>
          Array.from({ length: size }, (_, port) => ({ listenerId: `lbl-${at}`, port })),
        );
        const calls = chunkWeights(items);
        expect(calls.flat().flatMap((entry) => entry.targets)).toEqual(items);
        for (const call of calls) {
          expect(call.length).toBeGreaterThan(0);
          expect(call.length).toBeLessThanOrEqual(limits.weightEntries);
          const total = call.reduce((sum, entry) => sum + entry.targets.length, 0);
          expect(total).toBeLessThanOrEqual(limits.weightTargets);
          for (const { listenerId, targets } of call) {
            expect(targets.length).toBeGreaterThan(0);
            expect(targets.length).toBeLessThanOrEqual(limits.weightTargetsPerEntry);
            expect(targets.every((target) => target.listenerId === listenerId)).toBe(true);
          }
        }
      }),
    );
  });

  it('what is sent again of one weight call is one call', () => {
    fc.assert(
      fc.property(sizes, fc.infiniteStream(fc.boolean()), (listeners, kept) => {
        const items = listeners.flatMap((size, at) =>
          Array.from({ length: size }, (_, port) => ({ listenerId: `lbl-${at}`, port })),
        );
        for (const call of chunkWeights(items)) {
          const some = call.flatMap((entry) => entry.targets).filter(() => kept.next().value);
          expect(chunkWeights(some).length).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

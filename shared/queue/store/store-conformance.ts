import { describe } from 'vitest';
import { dueSuite } from './conformance/due.ts';
import type { MakeStore } from './conformance/fixture.ts';
import { holdSuite } from './conformance/holds.ts';
import { interleavingSuite } from './conformance/interleavings.ts';
import { putSuite } from './conformance/puts.ts';
import { readingSuite } from './conformance/readings.ts';

/**
 * What every store must do.
 *
 * @param makeStore makes an empty one that goes by the clock it is given
 * @param interleavings of each kind; a store whose steps take long is given fewer
 */
export const storeConformance = (name: string, makeStore: MakeStore, interleavings = 100): void => {
  describe(`store: ${name}`, () => {
    putSuite(makeStore);
    dueSuite(makeStore);
    holdSuite(makeStore);
    readingSuite(makeStore);
    interleavingSuite(makeStore, interleavings);
  });
};

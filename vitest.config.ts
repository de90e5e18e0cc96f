import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/support/long-first.ts';

/** They wait more than they work: four files side by side leave two cores something to spare. */
const sideBySide = { pool: 'forks', maxWorkers: 4, sequence: { groupOrder: 1 } } as const;

/**
 * Four projects: `unit` (pure, beside the code, no processes), `integration` (`test/`: real sockets,
 * real processes, a sandbox), `strict` (some of those with the simulator's strict settings), `chaos` (a sandbox in which something goes wrong).
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongFirst },
    projects: [
      {
        test: {
          name: 'unit',
          // Pure tests share their modules: loading them anew for each file took four times as long as the tests.
          pool: 'threads',
          isolate: false,
          include: ['{functions,shared,infra}/**/*.test.ts'],
          environment: 'node',
          // Properties are tried many times; a busy machine takes its time over it.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          // What only a real control plane can be asked is asked by `npm run test:cluster`.
          exclude: ['test/chaos/**', 'test/cluster/product/**', 'test/strict/**'],
          globalSetup: ['infra/cli/build.mjs'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...sideBySide,
        },
      },
      {
        test: {
          // The same, in a world where everything that nobody has verified about the CLB is as hard as it can be; the
          // suites that take longer than these are run so by `npm run test:strict`.
          name: 'strict',
          include: ['test/integration/reconcile-*.test.ts'],
          globalSetup: ['infra/cli/build.mjs'],
          environment: 'node',
          env: { CLB_SETTINGS: 'strict' },
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...sideBySide,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          globalSetup: ['infra/cli/build.mjs'],
          environment: 'node',
          testTimeout: 240_000,
          hookTimeout: 240_000,
          ...sideBySide,
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';

/**
 * Two projects: `unit` (pure, beside the code, no processes) and `integration` (`test/`: real sockets,
 * real processes, a sandbox), `chaos` (a sandbox in which something goes wrong).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Pure tests share their modules: loading them anew for each file took four times as long as the tests.
          pool: 'threads',
          isolate: false,
          include: ['{functions,shared,infra}/**/*.test.ts'],
          environment: 'node',
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: ['test/chaos/**'],
          globalSetup: ['infra/cli/build.mjs'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // They wait more than they work: three side by side fill two cores.
          pool: 'forks',
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
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
          pool: 'forks',
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

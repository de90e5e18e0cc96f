import { defineConfig } from 'vitest/config';

/**
 * Two projects: `unit` (pure, beside the code, no processes) and `integration` (`test/`: real sockets,
 * real processes, a sandbox). Integration files run one after the other: they share two cores.
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
          fileParallelism: false,
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
          // They mostly wait: three sandboxes side by side leave two cores room.
          pool: 'forks',
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They wait more than they work: four files side by side leave two cores something to spare. */
const sideBySide = { pool: 'forks', maxWorkers: 4, sequence: { groupOrder: 1 } } as const;

/** Files that take a minute or more begin first, else they run on when all others are done; their size tells nothing. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      /\/test\/(chaos\/|e2e\/(main-job|guide))/.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

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
          testTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          // What only a real control plane can be asked is asked by `npm run test:cluster`.
          exclude: ['test/chaos/**', 'test/cluster/product/**'],
          globalSetup: ['infra/cli/build.mjs'],
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          ...sideBySide,
        },
      },
      {
        test: {
          // The same, in a world where everything that nobody has verified about the CLB is as hard as it can be.
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

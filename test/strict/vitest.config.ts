import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongFirst } from '../support/long-first.ts';

/**
 * `npm run test:strict`: the suites of the product that have a CLB in their world, in the world where everything that
 * nobody has verified about the CLB is as hard as it can be. Those of the reconcile function are run so by `npm test`.
 * Not here are those to whom no answer of the CLB makes a difference: what a process writes or leaves behind
 * (no-secret, nothing-left, commands), what kubectl shows beyond the guide (kubectl), what clb-direct is compared with
 * (main-job-compare), how fast it is (bench). The main job is here by platform; that who leads may be killed in it, by
 * the chaos suites.
 */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: [
      'test/strict/**/*.test.ts',
      'test/integration/{clb-client,rights,sandbox-history}.test.ts',
      'test/contract/function-runtimes-node.test.ts',
      'test/e2e/{bad-input,guide,pre-stop,replay}.test.ts',
      'test/chaos/**/*.test.ts',
    ],
    env: { CLB_SETTINGS: 'strict' },
    globalSetup: ['infra/cli/build.mjs'],
    environment: 'node',
    pool: 'forks',
    // As in `npm test`: they wait more than they work.
    maxWorkers: 4,
    sequence: { sequencer: LongFirst },
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});

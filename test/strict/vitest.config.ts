import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/**
 * `npm run test:strict`: every suite of the product that has a CLB in its world, in a world where everything that nobody
 * has verified about the CLB is as hard as it can be. What `npm test` runs so already is left out.
 */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: [
      'test/strict/**/*.test.ts',
      'test/integration/{clb-client,nodeport-through-clb,rights,no-secret,sandbox-history}.test.ts',
      'test/contract/function-runtimes-node.test.ts',
      'test/e2e/{main-job,main-job-compare,main-job-killed}.test.ts',
      'test/e2e/{bad-input,guide,kubectl,nothing-left,pre-stop,replay}.test.ts',
      'test/chaos/**/*.test.ts',
    ],
    env: { CLB_SETTINGS: 'strict' },
    globalSetup: ['infra/cli/build.mjs'],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 4,
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});

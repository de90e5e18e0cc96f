import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongFirst } from '../support/long-first.ts';

/** `npm run test:cluster`: each file has a control plane of its own, several processes with 600 MB in all. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: [
      'test/contract/api-server-*.test.ts',
      'test/cluster/**/*.test.ts',
      // The product's own, which run against the in-process API server in `npm test`.
      'test/integration/rights-needed.test.ts',
      'test/integration/kubernetes-{lease,view,object-writer}.test.ts',
      'test/integration/{api-token,forwarder-watch}.test.ts',
      'test/integration/webhook-admission.test.ts',
      'test/e2e/guide.test.ts',
    ],
    // Faults are put into the in-process server.
    exclude: ['test/contract/api-server-faults.test.ts'],
    environment: 'node',
    pool: 'forks',
    // As in `npm test`, they wait more than they work.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

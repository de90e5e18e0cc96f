#!/usr/bin/env node
// The tests that a real Kubernetes control plane is the witness of: builds one where there is none, and ends with one
// line of counts.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPrograms } from './build.mjs';
import { runVitest } from './run-vitest.mjs';

await buildPrograms();
const main = fileURLToPath(new URL('../../dist/infra/cli/main.mjs', import.meta.url));
try {
  const line = execFileSync(process.execPath, [main, 'control-plane'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const folder = line.trim().replace('export KUBEBUILDER_ASSETS=', '');
  process.exitCode = await runVitest(
    ['--config', join('test', 'cluster', 'vitest.config.ts'), ...process.argv.slice(2)],
    {
      name: 'control plane',
      env: { ...process.env, KUBEBUILDER_ASSETS: folder, CLUSTER_UNDER_TEST: 'control-plane' },
    },
  );
} catch (error) {
  if (error instanceof Error && !('status' in error)) throw error;
  process.exitCode = 1;
}

#!/usr/bin/env node
// The product's own suites in the world where everything that nobody has verified about the CLB is as hard as it can
// be; ends with one line of counts.
import { join } from 'node:path';
import { runVitest } from './run-vitest.mjs';

process.exitCode = await runVitest(
  ['--config', join('test', 'strict', 'vitest.config.ts'), ...process.argv.slice(2)],
  { name: 'strict CLB' },
);

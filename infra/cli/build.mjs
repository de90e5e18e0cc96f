#!/usr/bin/env node
// Bundles every program of this repository into dist/ (git-ignored), one file each with its source map.
// Packages stay external: this build is for the machine it runs on, not for a cloud function.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { programs } from './programs.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
await build({
  absWorkingDir: root,
  entryPoints: programs,
  outdir: 'dist',
  outbase: '.',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
});

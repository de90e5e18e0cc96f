#!/usr/bin/env node
// Bundles every program of this repository into dist/ (git-ignored), one file each with its source map. What is deployed
// is one file with its packages, which starts three times as fast; the sandbox finds its packages in node_modules.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';
import { functionBundles, programs } from './programs.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const stamp = join(root, 'dist', '.built-from');

/** The folders whose sources end up in a program. */
export const sourceFolders = ['functions', 'infra', 'shared', 'test/bench', 'test/witness'];

const files = (folder) =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return files(path);
    return /\.(ts|mjs|json)$/.test(entry.name) ? [path] : [];
  });

/** What the build depends on, as one short text. */
const fingerprint = () => {
  const hash = createHash('sha256');
  for (const path of [...sourceFolders.flatMap(files), 'package-lock.json', 'tsconfig.json'].sort()) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex');
};

const readStamp = () => {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
};

/** A reader sees the old file or the new one, never half of it: another sandbox may be starting a process from it. */
const replace = (path, contents) => {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, contents);
  renameSync(temporary, path);
};

const common = {
  absWorkingDir: root,
  outdir: 'dist',
  outbase: '.',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  write: false,
};

/** The functions' bundles: small, because the platform loads them at each cold start. */
export const buildFunctions = (more = {}) =>
  build({
    ...common,
    ...more,
    entryPoints: functionBundles,
    format: 'cjs',
    // Here the nearest package.json says that .js is a module; in an upload there is none.
    outExtension: { '.js': '.cjs' },
    minify: true,
    sourcemap: false,
    legalComments: 'none',
    // The SDK's HTTP client brings a parser of URLs, with all of Unicode, for Node versions without one.
    alias: { 'whatwg-url': join(root, 'infra', 'cli', 'whatwg-url.cjs') },
  });

/**
 * Builds all programs; nothing is done when no source changed since the last build.
 *
 * @returns the paths below dist/ of the files that became different
 */
export const buildPrograms = async () => {
  const from = fingerprint();
  if (readStamp() === from) return [];
  const isDeployed = (path) => path.startsWith('functions/');
  const built = await Promise.all([
    build({
      ...common,
      entryPoints: programs.filter(isDeployed),
      // Packages in CommonJS ask for Node's own modules by `require`.
      banner: {
        js: "import { createRequire as createPackageRequire } from 'node:module';\nconst require = createPackageRequire(import.meta.url);",
      },
    }),
    buildFunctions(),
    build({
      ...common,
      entryPoints: programs.filter((path) => !isDeployed(path)),
      packages: 'external',
    }),
  ]);
  const outputFiles = built.flatMap((result) => result.outputFiles);
  // esbuild leaves a process running for the next build; a sandbox has no use for it.
  await stop();
  const changed = [];
  for (const { path, contents } of outputFiles) {
    let old;
    try {
      old = readFileSync(path);
    } catch {
      old = undefined;
    }
    if (old?.equals(contents)) continue;
    replace(path, contents);
    changed.push(path.slice(join(root, 'dist').length + 1));
  }
  replace(stamp, from);
  return changed;
};

/** The tests' own set-up (`globalSetup` of vitest): they run what users run. */
export const setup = async () => {
  await buildPrograms();
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPrograms();

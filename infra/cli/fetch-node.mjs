#!/usr/bin/env node
// Fetches the Node versions that functions run on, besides this one, from npm into .clb-direct/ (git-ignored): the
// tests run the built bundles on each that is there. Nothing is installed where anything else looks for it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of each line that is tested, the version. */
const versions = ['20.20.2', '24.21.0'];

const root = fileURLToPath(new URL('../../', import.meta.url));
const majorOf = (version) => version.split('.')[0];

/** Whether it runs, and is what it is called. */
const is = (path, version) =>
  existsSync(path) && spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout.trim() === `v${version}`;

for (const version of versions) {
  const major = majorOf(version);
  if (major === majorOf(process.versions.node)) continue;
  const folder = join(root, '.clb-direct', `node-${major}`);
  const link = join(folder, 'node');
  if (is(link, version)) continue;
  if (process.platform !== 'linux') {
    console.log(`Node ${version} is not fetched: the packages of npm are known for Linux only.`);
    continue;
  }
  const name = `node-linux-${process.arch}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const { status } = spawnSync(
    'npm',
    [
      'install',
      '--no-audit',
      '--no-fund',
      '--no-package-lock',
      '--ignore-scripts',
      '--loglevel=error',
      `${name}@${version}`,
    ],
    { cwd: folder, stdio: 'inherit' },
  );
  if (status !== 0) process.exit(1);
  symlinkSync(join('node_modules', name, 'bin', 'node'), link);
  if (!is(link, version)) {
    console.error(`${name}@${version} is not a Node that runs here.`);
    process.exit(1);
  }
  console.log(`Node ${version} for the functions' tests`);
}

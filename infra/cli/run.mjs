#!/usr/bin/env node
// The `clb-direct` command in a clone where nothing was installed or built yet: installs what the lockfile names,
// builds, and hands over. No dependency, and nothing that an old Node could not parse: it has to say what is missing.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

const fail = (message) => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};

const checkNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(
    `clb-direct needs Node.js 20.19 or newer; this is ${process.version} (${process.execPath}).\n` +
      'Install a current one (https://nodejs.org/en/download, or `nvm install 20`) and run the command again.',
  );
};

const packagesOf = (lockfile) => {
  try {
    return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
  } catch {
    return undefined;
  }
};

/**
 * npm writes `node_modules/.package-lock.json` last, so it is there only after an installation that ended. Optional
 * packages are those of other systems.
 */
const isInstalled = () => {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  if (wanted === undefined) fail('package-lock.json is missing or broken; this is no complete clone.');
  const present = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (present === undefined) return false;
  const version = (path) => (path in present ? present[path].version : 'none');
  const isSame = Object.keys(wanted).every(
    (path) => path === '' || wanted[path].optional === true || version(path) === wanted[path].version,
  );
  // An installation made on another system has another system's build tool.
  return isSame && `node_modules/@esbuild/${process.platform}-${process.arch}` in present;
};

const npm = () => {
  const beside = dirname(process.execPath);
  const file = [
    process.env.npm_execpath,
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ].find((candidate) => /npm-cli\.js$/.test(candidate || '') && existsSync(candidate));
  return file === undefined ? { command: 'npm', first: [] } : { command: process.execPath, first: [file] };
};

/** Whether a folder can be written to, or made. */
const isWritable = (folder) => {
  if (!existsSync(folder)) return folder !== dirname(folder) && isWritable(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** npm keeps what it downloads at home; where there is no home that can be written to, in the clone. */
const npmEnvironment = () => {
  const { HOME = '', npm_config_cache: cache = '' } = process.env;
  if (process.platform === 'win32' || (HOME !== '' && isWritable(cache || join(HOME, '.npm')))) {
    return process.env;
  }
  const home = join(root, '.clb-direct', 'home');
  mkdirSync(home, { recursive: true });
  return { ...process.env, HOME: home, npm_config_cache: join(home, '.npm') };
};

/** Runs a child to its end, passes signals on, and resolves with its exit code. */
const run = (command, args, options) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, ...options });
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const forward = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, forward);
    const end = (code) => {
      for (const signal of signals) process.off(signal, forward);
      resolve(code);
    };
    child.on('error', (error) => {
      process.stderr.write(`${command}: ${error.message}\n`);
      end(127);
    });
    child.on('exit', (code, signal) => end(code === null ? (signal === 'SIGINT' ? 130 : 143) : code));
  });

const install = async () => {
  if (isInstalled()) return;
  process.stderr.write('Installing the packages that package-lock.json names (once)…\n');
  const { command, first } = npm();
  // The build and the checks are development packages: NODE_ENV=production must not leave them out.
  const code = await run(command, [...first, 'ci', '--include=dev', '--no-audit', '--no-fund'], {
    stdio: ['ignore', 2, 2],
    env: npmEnvironment(),
  });
  if (code === 0) return;
  fail(
    code === 127
      ? 'npm was not found. It comes with Node.js (https://nodejs.org/en/download); on Debian: apt install npm.'
      : `\`npm ci\` failed (exit code ${code}); its own message is above. It needs a package registry that this ` +
          `machine can reach\nand about 300 MB in ${root}. Run it again when that holds.`,
  );
};

const main = async () => {
  checkNode();
  const args = process.argv.slice(2);
  await install();
  if (args[0] === '--script') {
    const { command, first } = npm();
    const [, name = '', ...rest] = args;
    const code = await run(
      command,
      [...first, 'run', '-s', name, ...(rest.length > 0 ? ['--', ...rest] : [])],
      {
        stdio: 'inherit',
      },
    );
    process.exit(code);
  }
  const { buildPrograms } = await import('./build.mjs');
  await buildPrograms();
  // In this very process: a signal reaches it without a go-between, and so does kill -9.
  await import(pathToFileURL(join(root, 'dist', 'infra', 'cli', 'main.mjs')).href);
};

main().catch((error) => fail(error instanceof Error ? (error.stack ?? error.message) : String(error)));

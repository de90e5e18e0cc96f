import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Command } from 'commander';

const self = fileURLToPath(import.meta.url);
const root = resolve(dirname(self), '..', '..', '..');

interface Build {
  readonly sourceFolders: readonly string[];
  /** Resolves with the files below dist/ that became different. */
  buildPrograms(): Promise<readonly string[]>;
}

/** An editor writes several files at once. */
const settleMs = 100;

/** What a changed program asks for. */
const affected = (changed: readonly string[]): 'all' | 'system' | 'none' => {
  const programs = changed.filter((path) => path.endsWith('.mjs'));
  if (programs.length === 0) return 'none';
  return programs.every((path) => path.startsWith(join('functions', '/'))) ? 'system' : 'all';
};

const dev = async (options: readonly string[]): Promise<void> => {
  const build: Build = await import(pathToFileURL(join(root, 'infra', 'cli', 'build.mjs')).href);
  let child: ChildProcess | undefined;
  let ending = false;
  const say = (text: string): void => void process.stderr.write(`dev: ${text}\n`);

  const start = (): void => {
    const started = spawn(process.execPath, [self, 'start', '--idle', ...options], {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    child = started;
    started.once('exit', (code) => {
      if (child !== started) return;
      child = undefined;
      if (ending || code === 0) process.exit(0);
      say('the sandbox has ended; it starts again when something changes.');
    });
  };
  const restart = async (): Promise<void> => {
    const old = child;
    child = undefined;
    if (old !== undefined) {
      const gone = new Promise((resolveGone) => old.once('exit', resolveGone));
      old.kill('SIGTERM');
      await gone;
    }
    start();
  };

  const rebuild = async (): Promise<void> => {
    let changed: readonly string[];
    try {
      changed = await build.buildPrograms();
    } catch {
      say('that does not build; what runs stays as it is.');
      return;
    }
    const what = affected(changed);
    if (what === 'none') return;
    if (what === 'system' && child !== undefined) {
      say('built; clb-direct starts again.');
      child.send('restart-system');
      return;
    }
    say('built; the sandbox starts again.');
    await restart();
  };

  let timer: NodeJS.Timeout | undefined;
  let work = Promise.resolve();
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      work = work.then(rebuild);
    }, settleMs);
  };
  for (const folder of build.sourceFolders) watch(join(root, folder), { recursive: true }, soon);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      ending = true;
      if (child === undefined) process.exit(0);
      child.kill(signal);
    });
  }
  start();
};

export const devCommand = (): Command =>
  new Command('dev')
    .summary('the sandbox, started again as its sources change')
    .description(
      'Runs the sandbox with the guide deployed, watches the sources, rebuilds, and starts again what changed: clb-direct alone where that is enough.',
    )
    .argument('[options...]', 'for `start`, e.g. --speed 5')
    .allowUnknownOption()
    .action(async (options: string[]) => {
      await dev(options);
    });

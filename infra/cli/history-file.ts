import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HistoryEvent } from '../sandbox/scenario/history.ts';

/** The first line of a history: what was run. */
export interface HistoryHeader {
  readonly type: 'header';
  readonly format: 1;
  /** Of this project. */
  readonly version: string;
  readonly startedMs: number;
  readonly command: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly node: string;
  readonly platform: string;
}

/** A history as it is written. Every line is on the disk at once, so that a run that is killed leaves one too. */
export interface HistoryFile {
  /** Undefined: there is none, because nothing can be written here. */
  readonly path: string | undefined;
  add(event: HistoryEvent): void;
  close(): void;
}

/** The clone: above `dist/infra/cli` this code was built to. */
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const folder = join('.clb-direct', 'history');
const kept = 20;

const versionOf = (file: string): string => {
  try {
    const { version }: { version?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
    return typeof version === 'string' ? version : 'unknown';
  } catch {
    return 'unknown';
  }
};

const create = (file: string): { readonly path: string; readonly fd: number } => {
  mkdirSync(dirname(file), { recursive: true });
  return { path: file, fd: openSync(file, 'w', 0o600) };
};

/** Their names begin with their times: the last ones are the newest. */
const removeOld = (of: string): void => {
  const names = readdirSync(of).filter((name) => name.endsWith('.jsonl'));
  for (const name of names.sort().slice(0, -kept)) rmSync(join(of, name), { force: true });
};

const createBelow = (base: string, name: string): { readonly path: string; readonly fd: number } => {
  const opened = create(join(base, folder, name));
  removeOld(join(base, folder));
  return opened;
};

const createAnywhere = (
  bases: readonly string[],
  name: string,
): { readonly path: string; readonly fd: number } | undefined => {
  for (const base of bases) {
    try {
      return createBelow(base, name);
    } catch {
      // The next may be written.
    }
  }
  return undefined;
};

/**
 * Begins a history as JSON lines, with what was run as its first line.
 *
 * @param file where to; default: a new file below `.clb-direct` of the clone, or of the temporary folder where that
 *   cannot be written, of which the newest 20 are kept
 * @param bases for tests: the folders below which the default lies
 * @throws Error when `file` cannot be written
 */
export const openHistory = (
  run: Pick<HistoryHeader, 'command' | 'options' | 'seed'>,
  file?: string,
  bases: readonly string[] = [root, tmpdir()],
): HistoryFile => {
  const startedMs = Date.now();
  const name = `${new Date(startedMs).toISOString().replaceAll(/[:.]/g, '-')}-${process.pid}.jsonl`;
  const opened = file === undefined ? createAnywhere(bases, name) : create(resolve(file));
  let fd = opened?.fd;
  const close = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  const write = (line: HistoryHeader | HistoryEvent): void => {
    if (fd === undefined) return;
    try {
      writeSync(fd, `${JSON.stringify(line)}\n`);
    } catch (error) {
      // A full disk must not end the run.
      process.emitWarning(`The history cannot be written any more: ${String(error)}`);
      close();
    }
  };
  write({
    type: 'header',
    format: 1,
    version: versionOf(join(root, 'package.json')),
    startedMs,
    ...run,
    node: process.version,
    platform: process.platform,
  });
  return { path: opened?.path, add: write, close };
};

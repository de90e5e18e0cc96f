import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HistoryEvent } from '../sandbox/scenario/history.ts';

/** The clone: above `dist/infra/cli` this code was built to. */
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const write = (file: string, events: readonly HistoryEvent[]): string => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''), { mode: 0o600 });
  return file;
};

/**
 * Writes a history as JSON lines.
 *
 * @param file where to; default: a new file below `.clb-direct` of the clone, or of the temporary folder where that
 *   cannot be written
 * @returns the file's path
 */
export const writeHistory = (events: readonly HistoryEvent[], file?: string): string => {
  if (file !== undefined) return write(resolve(file), events);
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const name = join('.clb-direct', 'history', `${time}-${process.pid}.jsonl`);
  try {
    return write(join(root, name), events);
  } catch {
    return write(join(tmpdir(), name), events);
  }
};

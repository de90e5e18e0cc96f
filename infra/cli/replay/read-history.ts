import type { HistoryEvent } from '../../sandbox/scenario/history.ts';
import type { HistoryHeader } from '../history-file.ts';

/** A history that was read back. */
export interface RecordedRun {
  readonly header: HistoryHeader;
  /** By time. */
  readonly events: readonly HistoryEvent[];
  /** What could not be read, in a sentence each. */
  readonly notes: readonly string[];
}

/** The file is no history, or one of another format. */
export class NoHistory extends Error {
  constructor(why: string) {
    super(`This is no history of a run: ${why}.`);
    this.name = 'NoHistory';
  }
}

type Line = (Partial<HistoryHeader> | Partial<HistoryEvent>) & { readonly type?: unknown };

const parse = (text: string): Line | undefined => {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? line : undefined;
  } catch {
    return undefined;
  }
};

const isHeader = (line: Line | undefined): line is HistoryHeader =>
  line !== undefined && line.type === 'header' && 'startedMs' in line && typeof line.startedMs === 'number';

const isEvent = (line: Line): line is HistoryEvent =>
  typeof line.type === 'string' &&
  line.type !== 'header' &&
  'timeMs' in line &&
  typeof line.timeMs === 'number';

/**
 * Reads a history from its text. A line that a killed run left unfinished is left out, and said so.
 *
 * @throws NoHistory
 */
export const readHistory = (text: string): RecordedRun => {
  const [first = '', ...rest] = text.split('\n');
  const header = parse(first);
  if (!isHeader(header)) throw new NoHistory('its first line does not say what was run');
  if (header.format !== 1) throw new NoHistory(`it has format ${String(header.format)}, and 1 is known`);
  const events: HistoryEvent[] = [];
  const notes: string[] = [];
  for (const [index, line] of rest.entries()) {
    if (line.trim() === '') continue;
    const event = parse(line);
    if (event !== undefined && isEvent(event)) events.push(event);
    else notes.push(`Line ${index + 2} cannot be read and is left out.`);
  }
  // What a client reports a moment later carries the time at which it happened.
  return { header, events: events.sort((a, b) => a.timeMs - b.timeMs), notes };
};

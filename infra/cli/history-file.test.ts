import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openHistory } from './history-file.ts';
import { readHistory } from './replay/read-history.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clb-direct-history-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = { command: 'start', options: { once: true }, seed: 7 };
const below = (base: string): string => join(base, '.clb-direct', 'history');

describe('a history file', () => {
  it('says first what was run, and holds each event before the run has ended', () => {
    const file = openHistory(run, join(folder, 'deep', 'one.jsonl'));
    file.add({ type: 'warning', text: 'a', timeMs: Date.now() });
    file.add({ type: 'warning', text: 'b', timeMs: Date.now() });
    const { header, events, notes } = readHistory(readFileSync(file.path ?? '', 'utf8'));
    expect(header).toMatchObject({ ...run, format: 1, node: process.version });
    expect(events.map((event) => event.type === 'warning' && event.text)).toEqual(['a', 'b']);
    expect(notes).toEqual([]);
    file.close();
    file.add({ type: 'warning', text: 'c', timeMs: 3 });
    expect(readFileSync(file.path ?? '', 'utf8')).not.toContain('"c"');
  });

  it('is one of the newest 20, and nothing else is removed', () => {
    mkdirSync(below(folder), { recursive: true });
    for (let day = 10; day < 35; day += 1) writeFileSync(join(below(folder), `20${day}-01-01T00.jsonl`), '');
    writeFileSync(join(below(folder), '1999.txt'), 'mine');
    const file = openHistory(run, undefined, [folder]);
    file.close();
    const names = readdirSync(below(folder)).sort();
    expect(names.filter((name) => name.endsWith('.jsonl'))).toHaveLength(20);
    expect(names).toContain('1999.txt');
    expect(names).toContain('2034-01-01T00.jsonl');
    expect(names).not.toContain('2010-01-01T00.jsonl');
  });

  it('lies elsewhere where the first folder cannot be written, and nowhere where none can', () => {
    writeFileSync(join(folder, 'file'), '');
    const second = join(folder, 'second');
    const file = openHistory(run, undefined, [join(folder, 'file'), second]);
    expect(file.path).toContain(below(second));
    file.close();
    const none = openHistory(run, undefined, [join(folder, 'file')]);
    expect(none.path).toBeUndefined();
    none.add({ type: 'warning', text: 'a', timeMs: 1 });
    none.close();
  });
});

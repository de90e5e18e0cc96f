import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const flat = (text: string): string => text.replace(/\s+/g, ' ');

const page = read('docs/fidelity.md');

/** The rows of the table under a heading, by cells. */
const rowsUnder = (heading: string): string[][] => {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};

/** A file and the title of a test in it. */
const named = (cell: string): { readonly file: string; readonly title: string } => {
  const [, file, title] = /^`([^`]+)` (.+)$/.exec(cell) ?? [];
  if (file === undefined || title === undefined) throw new Error(`not a file and a test in it: ${cell}`);
  return { file, title };
};

const has = (file: string, title: string): boolean => flat(read(file)).includes(flat(title));

const rows = rowsUnder('The table');
const breaks = rowsUnder('Deliberate breaks');

describe('docs/fidelity.md: no row without a test', () => {
  test.each(rows)('%s', (...cells) => {
    expect(cells).toHaveLength(4);
    const [what, witness = '', held = '', reading = ''] = cells;
    expect(what).toMatch(/^(Kubernetes|CLB API|CLB data plane|Redis|Functions): ./);
    const { file, title } = named(held);
    expect(file).toMatch(/\.test\.ts$|^test\/witness\/scenario\//);
    expect(has(file, title), `${file} has a test: ${title}`).toBe(true);
    // A document is named, and a witness is one that the page introduces.
    if (witness.startsWith('our reading')) expect(witness).toMatch(/^our reading of https:\/\/\S+$/);
    else for (const one of witness.split(', ')) expect(page).toContain(`**${one}**`);
    expect(reading).not.toBe('');
  });

  test('has each of the five subjects, and no row twice', () => {
    const subjects = new Set(rows.map(([what = '']) => what.split(':')[0]));
    expect([...subjects].sort()).toEqual(['CLB API', 'CLB data plane', 'Functions', 'Kubernetes', 'Redis']);
    expect(new Set(rows.map(([what]) => what)).size).toBe(rows.length);
  });
});

describe('docs/fidelity.md: each deliberate break turned a test red', () => {
  test.each(breaks)('%s', (...cells) => {
    expect(cells).toHaveLength(3);
    const [, where = '', red = ''] = cells;
    const [, broken = ''] = /^`([^`]+)`$/.exec(where) ?? [];
    expect(broken).toMatch(/^infra\/sandbox\//);
    expect(read(broken)).not.toBe('');
    const { file, title } = named(red);
    expect(has(file, title), `${file} has a test: ${title}`).toBe(true);
  });

  test('some of the functions’ runtimes are among them', () => {
    const runtimes = breaks.filter(([, where]) => where?.startsWith('`infra/sandbox/functions/'));
    expect(runtimes.length).toBeGreaterThanOrEqual(3);
  });
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** Rows of the tables: promise, guard (file, code), test (file, name). */
const rows = read('docs/laws.md')
  .split('\n')
  .filter((line) => /^\| [A-Z]/.test(line))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

const parts = (cell: string): readonly [string, string] => {
  const [, path, what] = /^`([^`]+)` (.+)$/.exec(cell) ?? [];
  if (path === undefined || what === undefined) throw new Error(`not a file and what is in it: ${cell}`);
  return [path, what];
};

const flat = (text: string): string => text.replace(/\s+/g, ' ');

test.each(rows)('docs/laws.md: %s', (_promise, guard, witness) => {
  const [guardFile, code] = parts(guard ?? '');
  expect(flat(read(guardFile))).toContain(code.replace(/^`|`$/g, ''));
  const [testFile, name] = parts(witness ?? '');
  expect(flat(read(testFile))).toContain(name);
});

test('docs/laws.md has all twelve laws', () => {
  const laws = [...read('docs/laws.md').matchAll(/^## (L\d+) /gm)].map(([, law]) => law);
  expect(laws).toEqual(Array.from({ length: 12 }, (_, at) => `L${at + 1}`));
  expect(rows.length).toBeGreaterThan(laws.length);
});

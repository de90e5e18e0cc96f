import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { problemTable } from './problems.ts';

const page = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => [
      section.slice(0, section.indexOf(' ')),
      section.replace(/\s+/g, ' '),
    ]),
);

test('docs/problems.md has every code of the table, and no other', () => {
  expect([...sections.keys()].sort()).toEqual(Object.keys(problemTable).sort());
});

test.each(Object.entries(problemTable))(
  'docs/problems.md gives the reason and the remedy of %s',
  (code, entry) => {
    const section = sections.get(code) ?? '';
    expect(section).toContain(entry.reason);
    expect(section).toContain(entry.remedy.replace(/\s+/g, ' '));
  },
);

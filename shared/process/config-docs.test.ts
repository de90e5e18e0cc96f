import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { settingDocs } from './config.ts';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');

const row = ({ name, meaning, allowed, default: usual }: (typeof settingDocs)[number]): string =>
  `| \`${name}\` | ${meaning} | ${allowed} | ${usual === undefined || usual === '' ? '' : `\`${usual}\``} |`;

test('docs/configuration.md has exactly the settings of the table, each as the table has it', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `CLB_DIRECT_'));
  expect(rows).toEqual(settingDocs.map(row));
});

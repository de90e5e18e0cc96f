import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseFault } from '../sandbox/clb/fault-spec.ts';
import { sandboxClbCommand } from './sandbox-clb.ts';

const page = readFileSync(new URL('../../docs/clb-simulator.md', import.meta.url), 'utf8');

test('docs/clb-simulator.md has every option of the command, and no other', () => {
  const flags = sandboxClbCommand().options.flatMap(({ long }) => long ?? []);
  const told = new Set(page.match(/--[a-z][a-z-]+/g));
  // Of tccli.
  told.delete('--region');
  told.delete('--endpoint');
  expect([...told].toSorted()).toEqual(flags.filter((flag) => flag !== '--region').toSorted());
  expect(page).toContain('| `--region REGION` |');
});

test('its faults are faults', () => {
  const examples = [...page.matchAll(/--fault '?([a-z][^'\n\\]*[^'\n\\ ])/g)].map(([, fault = '']) => fault);
  expect(examples.length).toBeGreaterThan(2);
  for (const example of examples) expect(parseFault(example)).toHaveProperty('fault');
});

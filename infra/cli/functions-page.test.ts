import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readersByAction } from '../../shared/clb/answers.ts';
import { settingDocs } from '../../shared/process/config.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/functions.md');

/** The rows of the table that begins with this heading, by cells. */
const rowsUnder = (heading: string): string[][] => {
  const lines = page.split('\n');
  const at = lines.findIndex((line) => line.startsWith(heading));
  if (at < 0) throw new Error(`docs/functions.md has no table ${heading}`);
  const after = lines.slice(at + 2);
  return after
    .slice(
      0,
      after.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
};

const listed = (cell = ''): string[] => cell.split(', ').filter((item) => item !== '');

test('docs/functions.md asks CAM for exactly the actions that the code calls', () => {
  const [, json = ''] = /```json\n([\s\S]+?)```/.exec(page) ?? [];
  const { statement }: { statement: { effect: string; action: string[] }[] } = JSON.parse(json);
  expect(statement).toHaveLength(1);
  expect(statement[0]?.action).toEqual(
    Object.keys(readersByAction)
      .map((action) => `clb:${action}`)
      .sort(),
  );
});

interface Role {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly {
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

test('docs/functions.md has exactly the rights of infra/deploy/rbac.yaml', () => {
  const inFile = parseAllDocuments(read('infra/deploy/rbac.yaml'))
    .map((document): Role => document.toJS())
    .flatMap(({ metadata, rules = [] }) =>
      rules.flatMap(({ resources, resourceNames = [], verbs }) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => `${metadata.name} ${verb} ${resource} ${resourceNames.join()}`),
        ),
      ),
    );
  const inPage = rowsUnder('| account | verbs').flatMap(([account, verbs, resources, only = '']) =>
    listed(resources).flatMap((resource) =>
      listed(verbs).map((verb) => `clb-direct-${account} ${verb} ${resource} ${only.replaceAll('`', '')}`),
    ),
  );
  expect(inPage.sort()).toEqual(inFile.sort());
});

test('docs/functions.md has every parameter of serverless.yml', () => {
  const used = [...read('serverless.yml').matchAll(/\bparam:(\w+)/g)].map(([, name]) => name);
  const told = rowsUnder('| parameter |').flatMap(([names]) =>
    listed(names).map((name) => name.replaceAll('`', '')),
  );
  expect(told.sort()).toEqual([...new Set(used)].sort());
});

test('docs/functions.md names settings that there are, with their defaults', () => {
  const known = new Map(settingDocs.map(({ name, default: usual }) => [name, usual]));
  const named = [...page.matchAll(/CLB_DIRECT_[A-Z_]+[A-Z]/g)].map(([name]) => name);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
  const withDefault = [...page.matchAll(/`(CLB_DIRECT_[A-Z_]+)`(?: \(|\s+of the forwarder \()(\d+)/g)];
  expect(withDefault.length).toBeGreaterThanOrEqual(3);
  for (const [, name = '', usual] of withDefault) expect(known.get(name), name).toBe(usual);
});

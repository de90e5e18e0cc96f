import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documentedCodes } from '../../infra/sandbox/clb/gateway/documented-codes.ts';

const sdk = {
  module: 'github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/clb@v1.3.156',
  sum: 'h1:PYBqwkm3OBJHOcpMmMrzeUMRnxpWgTAZBDGK0eYIFvI=',
};

/** Where the SDK's sources are; undefined without Go. On CI they are fetched, elsewhere they must have been before. */
const fetched = (): string | undefined => {
  const onCi = process.env['CI'] === 'true';
  // Its sum is looked at below.
  const env = { ...process.env, GOSUMDB: 'off', ...(onCi ? {} : { GOPROXY: 'off' }) };
  const { status, stdout } = spawnSync('go', ['mod', 'download', '-json', sdk.module], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) {
    if (onCi && spawnSync('go', ['version']).status === 0) throw new Error(stdout);
    return undefined;
  }
  const { Dir, Sum }: { Dir: string; Sum: string } = JSON.parse(stdout);
  if (Sum !== sdk.sum) throw new Error(`${sdk.module} is ${Sum}.`);
  return Dir;
};

/** What the comment above each method lists: the API's own pages have the same lists. */
const listed = (source: string): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(
    [...source.matchAll(/((?:^\/\/ {2}[A-Z_]+ = "[\w.]+"\n)+)func \(c \*Client\) (\w+)\(/gm)].map(
      ([, lines = '', method = '']) => [
        method,
        new Set([...lines.matchAll(/"([\w.]+)"/g)].map(([, code = '']) => code)),
      ],
    ),
  );

const folder = fetched();
const lists =
  folder === undefined
    ? new Map<string, ReadonlySet<string>>()
    : listed(readFileSync(join(folder, 'v20180317', 'client.go'), 'utf8'));

describe.runIf(folder !== undefined)('Tencent’s SDK for Go', () => {
  it.each([...documentedCodes])('lists the same codes: %s', (action, codes) => {
    expect([...codes].toSorted()).toEqual([...(lists.get(action) ?? [])].toSorted());
  });
});

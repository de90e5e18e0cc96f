import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOnce, startCommand } from './command.ts';

interface Entry {
  readonly atMs: number;
  readonly kind: string;
  readonly text: string;
  readonly details: readonly string[];
  readonly name?: string;
  readonly deletedMs?: number;
}

const folder = mkdtempSync(join(tmpdir(), 'clb-direct-replay-'));
const file = join(folder, 'run.jsonl');
let said = '';
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const replay = async (...args: string[]): Promise<string[]> => {
  const command = startCommand(['replay', ...args]);
  expect(await command.ended, command.stderr.join('\n')).toBe(0);
  return [...command.stdout];
};

const entries = async (...args: string[]): Promise<Entry[]> =>
  (await replay(file, '--json', ...args)).map((line): Entry => JSON.parse(line));

describe('the history of a run', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    const ran = await runOnce(['--speed', '20', '--seed', '7', '--history', file]);
    said = ran.said;
    expect(ran.exitCode, said).toBe(0);
  }, 180_000);

  it('is written although nothing failed, and the run says how to replay it', () => {
    const [header] = readFileSync(file, 'utf8').split('\n');
    expect(JSON.parse(header ?? '')).toMatchObject({ type: 'header', command: 'start', seed: 7 });
    expect(said).toContain(`npm run replay -- ${file}`);
  });

  it('replays to what the pure core wanted at each point: bound, drained first, then deregistered', async () => {
    const told = await entries();
    const core = told.filter(({ kind }) => kind === 'core');
    const first = (pattern: RegExp): number =>
      core.findIndex(({ details }) => details.some((line) => pattern.test(line)));
    expect(core[0]?.details).toEqual(['make the load balancer']);
    const order = [
      /^create-listeners TCP:80/,
      /^register .* w10/,
      /^set-weights .* w0 .*\[drain\]/,
      /^deregister /,
    ];
    const places = order.map(first);
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((x, y) => x - y));
    // What the core wanted came about: at the end there is nothing left to do.
    expect(core.at(-1)?.details).toEqual(['nothing to do']);
    const calls = told.filter(({ kind }) => kind === 'call').map(({ text }) => text);
    expect(calls).toContainEqual(expect.stringMatching(/^CLB: CreateLoadBalancer OK after \d+ ms/));
  });

  it('tells one Pod only, or a span of time', async () => {
    const all = await entries();
    const drained = all.find(({ kind, deletedMs }) => kind === 'pod' && deletedMs !== undefined);
    expect(drained?.name).toBeDefined();
    const only = await entries('--pod', drained?.name ?? '');
    expect(only.filter(({ kind }) => kind === 'pod')).toEqual([drained]);
    expect(only.some(({ details }) => details?.some((line) => line.startsWith('set-weights')))).toBe(true);
    expect(only.length).toBeLessThan(all.length);
    const span = await entries('--from', '1', '--to', '2');
    for (const { kind, atMs } of span) if (kind !== 'pod') expect(atMs >= 1000 && atMs <= 2000).toBe(true);
  });

  it('is a text for people, too', async () => {
    const text = (await replay(file)).join('\n');
    expect(text).toMatch(/-> desired-state Service default\/nginx-service-eni/);
    expect(text).toContain('Lives of the Pods, in seconds:');
    expect(text).toContain('0 failed requests');
  });
});

it('what is no history is refused with the reason', async () => {
  const other = join(folder, 'other.jsonl');
  writeFileSync(other, '{"a":1}\n');
  for (const [path, why] of [
    [other, /no history of a run/],
    [join(folder, 'none.jsonl'), /ENOENT/],
  ] as const) {
    const command = startCommand(['replay', path]);
    expect(await command.ended).toBe(1);
    expect(command.stderr.join('\n')).toMatch(why);
  }
});

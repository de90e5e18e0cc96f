import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startCommand } from '../e2e/command.ts';

/** On CI they must be there. */
const hasPrograms =
  process.env['CI'] === 'true' ||
  ['wrk', 'haproxy'].every((name) => spawnSync(name, ['-v']).error === undefined);

/** `npm run bench`, as small as it gets: that it measures and what it prints. Its numbers are nobody's business here. */

test('bench calls --small --json prints the figure as one JSON object, and the table beside it', async () => {
  const command = startCommand(['bench', 'calls', '--small', '--json']);
  expect(await command.ended, command.stderr.join('\n')).toBe(0);
  expect(command.stdout).toHaveLength(1);
  const result = JSON.parse(command.stdout[0] ?? '');
  expect(result).toEqual({
    node: process.version,
    cpus: expect.any(Number),
    size: 'small',
    figures: [
      {
        figure: 'calls',
        against: 'minimum',
        rows: [
          {
            what: 'rolling update, 1 Pods: writes, polls, read-backs',
            unit: 'calls',
            measured: expect.any(Number),
            against: 7,
            ratio: expect.any(Number),
          },
          {
            what: 'rolling update, 1 Pods: reads of health',
            unit: 'calls',
            measured: expect.any(Number),
            against: 1,
            ratio: expect.any(Number),
          },
        ],
        facts: expect.any(Object),
        seconds: expect.any(Number),
        load: expect.any(Number),
      },
    ],
    failed: {},
    seconds: expect.any(Number),
  });
  const [{ rows, facts }] = result.figures;
  // What the rows sum up is what the simulator saw: each write of the rollout was made.
  for (const action of ['BatchRegisterTargets', 'BatchModifyTargetWeight', 'BatchDeregisterTargets']) {
    expect(facts[`rolling update, 1 Pods: ${action}`]).toBeGreaterThanOrEqual(1);
  }
  // A machine that stalls may let two read-backs become one.
  expect(rows[0].measured).toBeGreaterThanOrEqual(5);
  expect(rows[0].measured + rows[1].measured).toBe(
    Object.values<number>(facts).reduce((sum, count) => sum + count, 0),
  );
  expect(command.stderr.some((line) => line.startsWith('calls ('))).toBe(true);
}, 300_000);

test.runIf(hasPrograms)(
  'bench carries --small loads each kind of listener with wrk, and no request fails',
  async () => {
    const command = startCommand(['bench', 'carries', '--small', '--json']);
    expect(await command.ended, command.stderr.join('\n')).toBe(0);
    const [{ rows, facts }] = JSON.parse(command.stdout[0] ?? '').figures;
    expect(rows).toHaveLength(3);
    for (const { measured } of rows) expect(measured).toBeGreaterThan(0);
    expect(facts).toMatchObject({
      "through a HTTP listener: the simulator's CPU, µs a request": expect.any(Number),
    });
  },
  120_000,
);

test('a figure that cannot be measured is named with the reason, and the exit code is 1', async () => {
  const nothing = mkdtempSync(join(tmpdir(), 'clb-direct-no-redis-'));
  try {
    const command = startCommand(['bench', 'memory', '--small', '--json'], { PATH: nothing });
    expect(await command.ended).toBe(1);
    const result = JSON.parse(command.stdout[0] ?? '');
    expect(result.figures).toEqual([]);
    expect(result.failed).toEqual({ memory: 'there is no redis-server on the PATH' });
  } finally {
    rmSync(nothing, { recursive: true, force: true });
  }
}, 60_000);

test('a figure that does not exist is refused, and those that do are listed', async () => {
  const command = startCommand(['bench', 'speed']);
  expect(await command.ended).toBe(2);
  for (const name of ['calls', 'latency', 'peer', 'memory', 'functions']) {
    expect(command.stderr.join('\n')).toContain(`  ${name} `);
  }
}, 60_000);

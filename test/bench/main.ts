// `npm run bench`: each figure in its turn, a short table each, and with `json` one JSON object as the last line.
import { availableParallelism, loadavg } from 'node:os';
import { alignLeft, alignRight, duration } from '../../infra/sandbox/screen/style.ts';
import { calls } from './calls.ts';
import { carries } from './carries.ts';
import type { Figure, Measured } from './figure.ts';
import { functions } from './functions.ts';
import { latency } from './latency.ts';
import { memory } from './memory.ts';
import { peer } from './peer.ts';

export const figures: readonly Figure[] = [calls, latency, peer, memory, functions, carries];

export interface BenchOptions {
  /** Names of figures; none: all. */
  readonly names: readonly string[];
  readonly json: boolean;
  readonly small: boolean;
}

/** What `--json` prints. */
export interface BenchResult {
  readonly node: string;
  readonly cpus: number;
  readonly size: 'full' | 'small';
  readonly figures: readonly Measured[];
  /** Figures that could not be measured, and why. */
  readonly failed: Readonly<Record<string, string>>;
  readonly seconds: number;
}

const ratioText = (ratio: number | null): string => (ratio === null ? '-' : ratio.toFixed(2));

/** A figure as a person reads it. */
const table = ({ figure, against, rows, seconds, load }: Measured): string[] =>
  [
    [`${figure} (${duration(seconds * 1000)}, load ${load})`, 'measured', against, '', 'ratio'],
    ...rows.map((of) => [of.what, String(of.measured), String(of.against), of.unit, ratioText(of.ratio)]),
  ].map(([what = '', measured = '', held = '', unit = '', ratio = '']) =>
    [
      alignLeft(what, 64),
      alignRight(measured, 10),
      alignRight(held, 12),
      ` ${alignLeft(unit, 12)}`,
      alignRight(ratio, 7),
    ].join(''),
  );

/** @returns the exit code: 0 when every figure was measured */
export const bench = async ({ names, json, small }: BenchOptions): Promise<number> => {
  const unknown = names.filter((name) => !figures.some((figure) => figure.name === name));
  if (unknown.length > 0) {
    const known = figures.map(({ name, summary }) => `  ${alignLeft(name, 12)}${summary}`);
    process.stderr.write(`There is no figure ${unknown.join(', ')}. There are:\n${known.join('\n')}\n`);
    return 2;
  }
  const out = json ? process.stderr : process.stdout;
  const startedAt = performance.now();
  const measured: Measured[] = [];
  const failed: Record<string, string> = {};
  for (const figure of figures) {
    if (names.length > 0 && !names.includes(figure.name)) continue;
    const begunAt = performance.now();
    try {
      const result = await figure.run({
        size: small ? 'small' : 'full',
        say: (line) => process.stderr.write(`${figure.name}: ${line}\n`),
      });
      const seconds = Math.round((performance.now() - begunAt) / 1000);
      const load = Number(((loadavg()[0] ?? 0) / availableParallelism()).toFixed(1));
      const of = { figure: figure.name, ...result, seconds, load };
      measured.push(of);
      out.write(`\n${table(of).join('\n')}\n`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failed[figure.name] = why;
      process.stderr.write(`${figure.name} was not measured: ${why}\n`);
    }
  }
  const result: BenchResult = {
    node: process.version,
    cpus: availableParallelism(),
    size: small ? 'small' : 'full',
    figures: measured,
    failed,
    seconds: Math.round((performance.now() - startedAt) / 1000),
  };
  if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
  return Object.keys(failed).length === 0 ? 0 : 1;
};

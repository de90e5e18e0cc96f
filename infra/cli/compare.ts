import type { Summary } from '../sandbox/scenario/summary.ts';
import { alignLeft, grouped } from '../sandbox/screen/style.ts';
import { startOnce } from './start-once.ts';

interface CompareFlags {
  readonly json?: boolean;
  readonly speed: number;
  readonly seed?: number;
  readonly platform?: string;
}

const ways = [
  { key: 'direct', title: 'direct', options: [] },
  { key: 'withoutGate', title: 'without gate', options: ['--without-gate'] },
  { key: 'nodePort', title: 'node ports', options: ['--node-port'] },
] as const;

interface Compared {
  readonly key: string;
  readonly title: string;
  readonly summary: Summary;
}

const kept = (yes: boolean | null): string => (yes === null ? 'not shown' : yes ? 'kept' : 'lost');

const rows: readonly (readonly [what: string, of: (summary: Summary) => string])[] = [
  ['requests', ({ requests }) => grouped(requests)],
  ['failed or reset', ({ failed, reset }) => grouped(failed + reset)],
  ['client address', ({ clientAddressKept }) => kept(clientAddressKept)],
  [
    'most to least asked Pod',
    ({ mostToLeast }) => (mostToLeast === null ? 'not shown' : `${mostToLeast.toFixed(2)} to 1`),
  ],
  ['Pods of one session', ({ podsOfOneSession }) => String(podsOfOneSession ?? 'not shown')],
  ['rollout, seconds', ({ rolloutSeconds }) => rolloutSeconds.toFixed(1)],
];

/** The same rollout each way, as a person compares it. */
const comparedText = (compared: readonly Compared[]): string[] =>
  [
    ['', ...compared.map(({ title }) => title)],
    ...rows.map(([what, of]) => [what, ...compared.map(({ summary }) => of(summary))]),
  ].map((cells) =>
    cells
      .map((cell, at) => alignLeft(cell, at === 0 ? 26 : 15))
      .join('')
      .trimEnd(),
  );

/**
 * Runs the same rollout each way, side by side, in a sandbox each.
 *
 * @returns the exit code: 0 when all three came to an end and the direct one lost nothing
 */
export const compare = async (flags: CompareFlags): Promise<number> => {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopped.abort());
  const { json, speed, seed, platform } = flags;
  // Three sandboxes on one machine: one process each, unless more is asked for.
  const common = [
    '--sessions',
    ...['--platform', platform ?? 'standalone'],
    ...['--speed', String(speed)],
    ...(seed === undefined ? [] : ['--seed', String(seed)]),
  ];
  const progress = json ? process.stderr : process.stdout;
  const outcomes = await Promise.all(
    ways.map(({ title, options }) =>
      startOnce([...common, ...options], {
        signal: stopped.signal,
        onLine: (line) => progress.write(`${alignLeft(title, 14)}${line}\n`),
      }),
    ),
  );
  if (stopped.signal.aborted) return 130;
  const unfinished = ways.filter((_, at) => !outcomes[at]?.last.startsWith('{'));
  if (unfinished.length > 0) {
    process.stderr.write(`No result: ${unfinished.map(({ title }) => title).join(', ')}.\n`);
    return 1;
  }
  const compared = ways.map(
    ({ key, title }, at): Compared => ({
      key,
      title,
      summary: JSON.parse(outcomes[at]?.last ?? ''),
    }),
  );
  const result = Object.fromEntries(compared.map(({ key, summary }) => [key, summary]));
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `\n${comparedText(compared).join('\n')}\n`);
  return outcomes[0]?.exitCode ?? 1;
};

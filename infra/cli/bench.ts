import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { programFile } from '../sandbox/program-files.ts';

interface BenchFlags {
  readonly json?: boolean;
  readonly small?: boolean;
}

type Bench = (options: {
  readonly names: readonly string[];
  readonly json: boolean;
  readonly small: boolean;
}) => Promise<number>;

/** A file of its own: what it imports of the product and the SDK would slow the start of every other verb. */
const load = async (): Promise<Bench> => {
  const loaded: Readonly<Record<string, unknown>> = await import(
    pathToFileURL(programFile('test/bench/main')).href
  );
  const { bench } = loaded;
  if (typeof bench !== 'function')
    throw new Error('dist/test/bench/main.mjs exports no bench; run `npm run build`.');
  return (options) => bench(options);
};

export const benchCommand = (): Command =>
  new Command('bench')
    .summary('the figures of docs/performance.md, measured on this machine')
    .description(
      'Measures each figure against what it can be held against in the same run: the minimum, the floor, a baseline. All of them take six to seven minutes on two cores; docs/performance.md has the method.',
    )
    .argument('[figures...]', 'calls, latency, peer, memory, functions, carries (default: all)')
    .option('--json', 'progress on stderr, and one JSON object as the last line on stdout')
    .option('--small', 'as little as shows that it works; the numbers say nothing')
    .addHelpText('after', '\nExit code 1: something could not be measured.')
    .action(async (names: string[], { json = false, small = false }: BenchFlags) => {
      for (const [signal, code] of [
        ['SIGINT', 130],
        ['SIGTERM', 143],
        ['SIGHUP', 129],
      ] as const) {
        // What was started ends with this process.
        process.on(signal, () => process.exit(code));
      }
      process.exit(await (await load())({ names, json, small }));
    });

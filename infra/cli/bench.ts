import { Command } from 'commander';
import { loadProgram } from './load-program.ts';

interface BenchFlags {
  readonly json?: boolean;
  readonly small?: boolean;
}

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
      const bench = await loadProgram('test/bench/main', 'bench');
      process.exit(await bench({ names, json, small }));
    });

import { Command } from 'commander';
import { wholeNumber } from './arguments.ts';
import { startOnce } from './start-once.ts';

interface Counted {
  readonly requests: number;
  readonly failed: number;
  readonly reset: number;
  readonly rolloutSeconds: number;
}

const parse = (line: string): Counted | undefined => {
  try {
    const counted: Counted = JSON.parse(line);
    return counted;
  } catch {
    return undefined;
  }
};

/** Runs in a row; the first that fails ends it. Resolves with the exit code. */
const soak = async (runs: number, options: readonly string[]): Promise<number> => {
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopped.abort());
  const rollouts: number[] = [];
  let requests = 0;
  for (let run = 1; run <= runs; run += 1) {
    const startedMs = Date.now();
    const { exitCode, last, progress } = await startOnce(options, { signal: stopped.signal });
    if (stopped.signal.aborted) return 130;
    const counted = parse(last);
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(0);
    const numbers =
      counted === undefined
        ? 'no result'
        : `${counted.requests} requests, ${counted.failed} failed, ${counted.reset} reset, rollout ${counted.rolloutSeconds.toFixed(1)} s`;
    const verdict = exitCode === 0 ? 'ok  ' : 'FAIL';
    process.stdout.write(`${verdict} run ${run} of ${runs}: ${numbers} (${seconds} s)\n`);
    if (exitCode !== 0) {
      process.stdout.write(`\n${progress.trim()}\n\nRun ${run} of ${runs} failed.\n`);
      return 1;
    }
    requests += counted?.requests ?? 0;
    rollouts.push(counted?.rolloutSeconds ?? 0);
  }
  const [least, most] = [Math.min(...rollouts).toFixed(1), Math.max(...rollouts).toFixed(1)];
  process.stdout.write(
    `${runs} runs, ${requests} requests, none lost; rollouts took ${least} to ${most} s.\n`,
  );
  return 0;
};

export const soakCommand = (): Command =>
  new Command('soak')
    .summary('many such updates in a row')
    .description(
      'Runs `start --once --json` N times in a row; ends with exit code 1 at the first that fails.',
    )
    .argument('<N>', 'how many runs', wholeNumber(1))
    .argument('[options...]', 'for `start`, e.g. --speed 5')
    .allowUnknownOption()
    .action(async (runs: number, options: string[]) => {
      process.exit(await soak(runs, options));
    });

import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import type { Policy } from '../../shared/model/plan-types.ts';
import { NoHistory, type RecordedRun, readHistory } from './replay/read-history.ts';
import { type StoryFilter, tellStory } from './replay/story.ts';
import { storyText } from './replay/story-text.ts';

interface ReplayFlags {
  readonly pod?: string;
  readonly from?: number;
  readonly to?: number;
  readonly json?: boolean;
}

/** What the sandbox leaves at its defaults; its cluster has this id. */
const policy: Policy = { clusterId: 'sandbox', defaultWeight: 10, drainSeconds: 30, drainSlackSeconds: 30 };

const seconds = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('It must be a number of seconds since the run began.');
  }
  return value;
};

const read = (file: string): RecordedRun | string => {
  try {
    return readHistory(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof NoHistory) return `${file}: ${error.message}`;
    return error instanceof Error ? error.message : String(error);
  }
};

const write = (text: string): Promise<void> =>
  new Promise((resolve) => void process.stdout.write(text, () => resolve()));

export const replayCommand = (): Command =>
  new Command('replay')
    .summary('what happened in a run, step by step')
    .description(
      'Reads the history of a run, tells what happened, and asks the pure core again at each point: what it would do about the desired state and the load balancer as they were then.',
    )
    .argument('<file>', 'a history; `start` says where it wrote one')
    .option('--pod <name>', 'only what concerns Pods with this in their names')
    .option('--from <seconds>', 'from here on, since the run began', seconds)
    .option('--to <seconds>', 'up to here', seconds)
    .option('--json', 'one JSON object a line: the entries, then the Pods')
    .action(async (file: string, flags: ReplayFlags) => {
      const run = read(file);
      if (typeof run === 'string') {
        process.stderr.write(`${run}\n`);
        process.exit(1);
      }
      const filter: StoryFilter = {
        ...(flags.pod === undefined ? {} : { pod: flags.pod }),
        ...(flags.from === undefined ? {} : { fromMs: flags.from * 1000 }),
        ...(flags.to === undefined ? {} : { toMs: flags.to * 1000 }),
      };
      const story = tellStory(run, policy, filter);
      const lines = [...story.entries, ...story.pods.map((pod) => ({ kind: 'pod', ...pod }))];
      await write(
        flags.json === true
          ? lines.map((line) => `${JSON.stringify(line)}\n`).join('')
          : storyText(run, story),
      );
      process.exit(0);
    });

import type { PodTimeline } from '../../sandbox/scenario/pod-timeline.ts';
import { shortName } from '../../sandbox/screen/describe-event.ts';
import type { RecordedRun } from './read-history.ts';
import type { Story, StoryEntry } from './story.ts';

const marks: Record<StoryEntry['kind'], string> = {
  stage: '==',
  event: '  ',
  call: '  ',
  log: ' #',
  failure: '!!',
  core: '->',
};

const seconds = (ms: number): string => (ms / 1000).toFixed(3).padStart(9);

const entryLines = ({ atMs, kind, text, details }: StoryEntry): string[] => [
  `${seconds(atMs)} ${marks[kind]} ${text}`,
  ...details.map((line) => `${' '.repeat(16)}${line}`),
];

const stations = [
  ['created', 'createdMs'],
  ['ready', 'containersReadyMs'],
  ['bound', 'boundMs'],
  ['Alive', 'healthyMs'],
  ['gate', 'gateOpenMs'],
  ['deleted', 'deletedMs'],
  ['weight 0', 'weightZeroMs'],
  ['unbound', 'deregisteredMs'],
  ['gone', 'goneMs'],
] as const;

const podLines = (pods: readonly PodTimeline[], startedMs: number): string[] => {
  if (pods.length === 0) return [];
  const rows = pods.map((pod) => [
    shortName(pod.name),
    pod.version,
    ...stations.map(([, field]) => {
      const at = pod[field];
      return at === undefined ? '-' : ((at - startedMs) / 1000).toFixed(2);
    }),
  ]);
  const table = [['Pod', 'version', ...stations.map(([name]) => name)], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return [
    '',
    'Lives of the Pods, in seconds:',
    ...table.map((row) =>
      `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
    ),
  ];
};

/** A story for a person: the time line, the lives of the Pods, the calls. Times are seconds since the run began. */
export const storyText = ({ header, notes }: RecordedRun, story: Story): string => {
  const options = Object.entries(header.options)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
  const lines = [
    `A run of ${header.command} on ${new Date(header.startedMs).toISOString()}, version ${header.version}, seed ${header.seed}${options === '' ? '' : ` (${options})`}`,
    'Marks: == stage, -> what the pure core answers at this point, !! a failed request, # log',
    '',
    ...story.entries.flatMap(entryLines),
    ...podLines(story.pods, header.startedMs),
    '',
    'CLB calls:',
    ...Object.entries(story.calls)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([answered, count]) => `  ${String(count).padStart(5)} ${answered}`),
    '',
    `${story.failures} failed requests, ${story.points} answers of the core.`,
    ...(story.points === 0 ? ['No desired state is in this history: nothing could be fed to the core.'] : []),
    ...notes,
  ];
  return `${lines.join('\n')}\n`;
};

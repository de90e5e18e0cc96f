import { isLossless, type PodSummary, type Summary } from '../scenario/summary.ts';
import { shortName } from './describe-event.ts';
import { alignLeft, alignRight, duration, grouped, type Styles } from './style.ts';

const seconds = (ms: number | undefined): string => (ms === undefined ? '-' : (ms / 1000).toFixed(2));

const columns: readonly (readonly [title: string, of: (pod: PodSummary) => string, width: number])[] = [
  ['POD', (pod) => shortName(pod.name), 8],
  ['VERSION', (pod) => pod.version, 8],
  ['BOUND', (pod) => seconds(pod.readyToBoundMs), 8],
  ['HEALTHY', (pod) => seconds(pod.boundToHealthyMs), 8],
  ['GATE OPEN', (pod) => seconds(pod.healthyToGateOpenMs), 9],
  ['WEIGHT 0', (pod) => seconds(pod.deletionToWeightZeroMs), 9],
  ['GONE', (pod) => seconds(pod.weightZeroToGoneMs), 8],
];

const cell = (text: string, width: number, at: number): string =>
  at < 2 ? alignLeft(text, width) : alignRight(text, width);

const podTable = (pods: readonly PodSummary[], styles: Styles): string[] => [
  styles.dim(columns.map(([title, , width], at) => cell(title, width, at)).join(' ')),
  ...pods.map((pod) => columns.map(([, of, width], at) => cell(of(pod), width, at)).join(' ')),
];

const callLines = (calls: Summary['clbCalls'], width: number): string[] => {
  const parts = Object.entries(calls)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([action, count]) => `${action} ${count}`);
  const lines: string[] = [];
  let line = '';
  for (const part of parts) {
    if (line !== '' && line.length + part.length + 2 > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? part : `${line}, ${part}`;
  }
  return line === '' ? lines : [...lines, line];
};

/** Said where all clients share one address: how to see it on this system. */
export const addressNotShown = (platform: NodeJS.Platform = process.platform): readonly string[] =>
  platform === 'linux'
    ? ['not shown, for want of loopback addresses; all are used by', '  env -u SANDBOX_LOOPBACK npm start']
    : [
        'not shown, for want of loopback addresses; Linux has them:',
        `  docker run --rm -it -v "$PWD:/src:ro" node:20 sh -c \\`,
        `    'git clone -q /src /tmp/clone && cd /tmp/clone && npm start'`,
      ];

const yesNo = (kept: boolean, styles: Styles): string =>
  kept ? styles.good('kept') : styles.bad('NOT kept');

const functionLine = ({ invocations }: Summary): string[] => {
  const parts = Object.entries(invocations).map(([name, count]) => `${name} ${grouped(count)}`);
  return parts.length === 0 ? [] : ['Invocations', `  ${parts.join(', ')}`];
};

/** The summary as a person reads it, at most 80 columns. */
export const summaryText = (summary: Summary, styles: Styles): string[] => {
  const lost = summary.failed + summary.reset;
  const verdict = isLossless(summary)
    ? styles.good('No request was lost.')
    : lost > 0
      ? styles.bad('Requests were lost.')
      : styles.bad('Not everything was kept.');
  const [firstAddress = '', ...moreAddress] =
    summary.clientAddressKept === null ? addressNotShown() : [yesNo(summary.clientAddressKept, styles)];
  return [
    `${styles.bold(`Rolled to ${summary.version}`)} in ${duration(summary.rolloutSeconds * 1000)}, the last old Pod was gone ${duration(summary.drainSeconds * 1000)} later.`,
    `${grouped(summary.requests)} requests (${grouped(summary.requestsDuringRollout)} during the rollout), ${grouped(summary.failed)} failed, ${grouped(summary.reset)} reset.`,
    verdict,
    '',
    'Seconds of each step: containers ready → bound → healthy → gate open, and',
    'deletion → weight 0 → gone',
    ...podTable(summary.pods, styles),
    '',
    `Client address  ${firstAddress}`,
    ...moreAddress,
    `Session         ${summary.sessionKept === null ? 'not shown: no answer' : yesNo(summary.sessionKept, styles)}`,
    ...(summary.mostToLeast === null
      ? []
      : [`Balance         ${summary.mostToLeast.toFixed(2)} to 1, most to least asked Pod`]),
    ...functionLine(summary),
    'CLB calls',
    ...callLines(summary.clbCalls, 76).map((line) => `  ${line}`),
  ];
};

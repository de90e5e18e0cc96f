import type { CallRecord } from '../clb/calls.ts';
import type { LoadBalancerSnapshot } from '../clb/snapshot.ts';
import type { CallCounts, CallStatistics } from '../clb/statistics.ts';
import { type Cell, row, type Size } from './layout.ts';
import { alignLeft, duration, grouped, type Styles } from './style.ts';

export interface ClbScreenModel {
  readonly title: string;
  readonly elapsedMs: number;
  /** What a client has to know, in the order in which it is shown. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly statistics: CallStatistics;
  /** Seconds since the epoch. */
  readonly nowSecond: number;
  readonly loadBalancers: readonly LoadBalancerSnapshot[];
  /** Calls that were not answered with success, oldest first; only as many as fit are shown. */
  readonly failures: readonly CallRecord[];
}

/** What "lately" is. */
const latelySeconds = 10;
const widest = 80;

const head = (texts: readonly Cell[], width: number, styles: Styles): string => styles.dim(row(texts, width));

const numbers = (values: readonly string[], width: number): Cell[] =>
  values.map((text) => ({ text, width, right: true }));

const countsRow = (
  name: string,
  counts: CallCounts,
  lately: number,
  most: string,
  width: number,
  styles: Styles,
): string => {
  const bad = (count: number): Cell => ({
    text: grouped(count),
    width: 8,
    right: true,
    ...(count > 0 ? { style: styles.bad } : {}),
  });
  return row(
    [
      { text: name, width: 28 },
      { text: grouped(counts.calls), width: 8, right: true },
      { text: grouped(lately), width: 7, right: true },
      { text: most, width: 7, right: true },
      bad(counts.errors),
      bad(counts.lockConflicts),
      bad(counts.limitHits),
    ],
    width,
  );
};

const actionLines = ({ statistics, nowSecond }: ClbScreenModel, width: number, styles: Styles): string[] => {
  const recent = statistics.seconds.filter(({ second }) => second > nowSecond - latelySeconds);
  const lately = (action: string): number =>
    recent.reduce((sum, { byAction }) => sum + (byAction[action] ?? 0), 0);
  const titles = head(
    [
      { text: 'ACTION', width: 28 },
      { text: 'CALLS', width: 8, right: true },
      { text: `${latelySeconds} S`, width: 7, right: true },
      { text: 'MOST/S', width: 7, right: true },
      ...numbers(['ERRORS', 'LOCKED', 'LIMITED'], 8),
    ],
    width,
    styles,
  );
  const actions = Object.entries(statistics.byAction).sort(
    ([one, a], [other, b]) => b.calls - a.calls || one.localeCompare(other),
  );
  return [
    titles,
    ...actions.map(([name, counts]) =>
      countsRow(name || '(no action)', counts, lately(name), grouped(counts.mostInASecond), width, styles),
    ),
    countsRow(
      'all',
      statistics,
      recent.reduce((sum, { calls }) => sum + calls, 0),
      '',
      width,
      styles,
    ),
  ];
};

const addressOf = ({ status, isolated, vip }: LoadBalancerSnapshot): string => {
  if (status === 0) return 'being made';
  return isolated === true ? 'isolated' : vip;
};

const loadBalancerLines = (model: ClbScreenModel, width: number, styles: Styles): string[] => {
  const { loadBalancers, statistics } = model;
  if (loadBalancers.length === 0) return [styles.dim('No load balancer yet.')];
  const titles = head(
    [
      { text: 'LOAD BALANCER', width: 13 },
      { text: 'ADDRESS', width: 15 },
      ...numbers(['LISTENERS', 'TARGETS', 'ALIVE', 'CALLS'], 9),
      { text: 'LOCK', width },
    ],
    width,
    styles,
  );
  return [
    titles,
    ...loadBalancers.map((loadBalancer) => {
      const { id, locked, listeners } = loadBalancer;
      const targets = listeners.flatMap((listener) => listener.targets);
      const alive = targets.filter(({ health }) => health === 'Alive').length;
      const calls = statistics.byLoadBalancer[id]?.calls ?? 0;
      return row(
        [
          { text: id, width: 13 },
          { text: addressOf(loadBalancer), width: 15 },
          ...numbers([listeners.length, targets.length, alive, calls].map(grouped), 9),
          locked ? { text: 'held', width, style: styles.notice } : { text: 'free', width },
        ],
        width,
      );
    }),
  ];
};

const failureLine = (
  { timeMs, action, code, loadBalancerId }: CallRecord,
  width: number,
  styles: Styles,
): string =>
  row(
    [
      { text: new Date(timeMs).toISOString().slice(11, 19), width: 8, style: styles.dim },
      { text: `${action} ${code}${loadBalancerId === undefined ? '' : ` ${loadBalancerId}`}`, width },
    ],
    width,
  );

/**
 * The screen of a CLB that runs alone, as lines, none wider than the terminal or 80 columns, not more than it has rows.
 * What does not fit is the oldest failures first, then load balancers, then the actions that are called least. Pure.
 */
export const clbLayout = (model: ClbScreenModel, size: Size, styles: Styles): string[] => {
  const width = Math.max(20, Math.min(widest, size.columns));
  const time = duration(model.elapsedMs);
  const top = [
    `${styles.bold(alignLeft(model.title, width - time.length - 1))} ${time}`,
    '',
    ...model.facts.map(([name, value]) =>
      row(
        [
          { text: name, width: 10, style: styles.dim },
          { text: value, width: 200 },
        ],
        Math.max(width, Math.min(size.columns, 200)),
      ).trimEnd(),
    ),
    '',
  ];
  const foot = ['', styles.dim('Ctrl-C ends it.')];
  const room = Math.max(0, size.rows - top.length - foot.length);
  const actions = cut(actionLines(model, width, styles), room);
  const loadBalancers = cut(['', ...loadBalancerLines(model, width, styles)], room - actions.length);
  const left = room - actions.length - loadBalancers.length;
  const failures =
    left < 3 || model.failures.length === 0
      ? []
      : [
          '',
          head([{ text: 'NOT ANSWERED WITH SUCCESS', width }], width, styles),
          ...model.failures.slice(2 - left).map((failure) => failureLine(failure, width, styles)),
        ];
  const blank = Array.from({ length: Math.max(0, left - failures.length) }, () => '');
  return [...top, ...actions, ...loadBalancers, ...failures, ...blank, ...foot].slice(0, size.rows);
};

/** The first of some lines, and that there are more. */
const cut = (lines: readonly string[], room: number): string[] => {
  if (lines.length <= room) return [...lines];
  return room <= 0 ? [] : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`];
};

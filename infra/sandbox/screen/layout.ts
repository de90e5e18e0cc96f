import type { ClientReport } from '../load/report.ts';
import type { PodState, RunState } from '../scenario/run-state.ts';
import { type EventText, shortName } from './describe-event.ts';
import { alignLeft, alignRight, duration, grouped, type Styles } from './style.ts';
import { waitingFor } from './waiting-for.ts';

export interface ScreenModel {
  readonly state: RunState;
  readonly title: string;
  readonly service: string;
  /** A URL that answers on this machine; undefined: there is none yet. */
  readonly url: string | undefined;
  readonly rollout: { readonly elapsedMs: number } | undefined;
  readonly elapsedMs: number;
  /** Requests a second of each client, by name. */
  readonly rates: ReadonlyMap<string, number>;
  /** Oldest first; only as many as fit are shown. */
  readonly events: readonly { readonly atMs: number; readonly said: EventText }[];
  readonly keys: string;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const widest = 80;
/** Blank lines go before fewer events than these are shown. */
const fewestEvents = 5;
const isNotBlank = (line: string): boolean => line.trim() !== '';
const barWidth = 18;

const bar = (done: number, all: number): string => {
  const full = all === 0 ? 0 : Math.round((barWidth * Math.min(done, all)) / all);
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`;
};

/** Columns joined with a space; the styles come after the widths, because they have none. */
export interface Cell {
  readonly text: string;
  readonly width: number;
  readonly right?: boolean;
  readonly style?: (text: string) => string;
}

export const row = (cells: readonly Cell[], width: number): string => {
  let left = width;
  const parts: string[] = [];
  for (const { text, width: wanted, right, style } of cells) {
    const space = Math.min(wanted, left);
    // Half a word can be guessed; half a number would be another one.
    if (space <= 0 || (right === true && space < wanted)) break;
    const fitted = right === true ? alignRight(text, space) : alignLeft(text, space);
    parts.push(style === undefined ? fitted : style(fitted));
    left -= space + 1;
  }
  return parts.join(' ');
};

const serviceLines = (model: ScreenModel, width: number, styles: Styles): string[] => {
  const { state, service, url } = model;
  const where =
    state.address === undefined
      ? 'no load balancer yet'
      : `${state.address}:80 on ${state.loadBalancerId ?? ''}`;
  return [
    row(
      [
        { text: 'Service', width: 8, style: styles.dim },
        { text: `${service}  ${where}`, width },
      ],
      width,
    ),
    row(
      [
        { text: '', width: 8 },
        url === undefined ? { text: '', width } : { text: `curl ${url}`, width, style: styles.bold },
      ],
      width,
    ),
  ];
};

const rolloutLine = ({ state, rollout }: ScreenModel, width: number, styles: Styles): string => {
  const seen = state.rollout;
  const label = { text: 'Rollout', width: 8, style: styles.dim };
  if (seen === undefined) return row([label, { text: 'not begun', width }], width);
  const { version, wanted, updated, available, total } = seen;
  const done = state.pods.filter(
    ({ pod }) => pod.version === version && pod.ready && !pod.terminating,
  ).length;
  const old = Math.max(0, total - updated);
  const time = rollout === undefined ? '' : `  ${duration(rollout.elapsedMs)}`;
  const counts = `${updated}/${wanted} updated, ${available} available, ${old} old`;
  return row([label, { text: `${version}  ${bar(done, wanted)}  ${counts}${time}`, width }], width);
};

const healthStyle = (health: string, styles: Styles): ((text: string) => string) =>
  health === 'Alive' ? styles.good : health === 'Dead' ? styles.bad : styles.dim;

const podRow = (podState: PodState, width: number, styles: Styles): string => {
  const { pod, target } = podState;
  const waits = waitingFor(podState);
  const health = target?.health ?? '-';
  return row(
    [
      { text: shortName(pod.name), width: 8 },
      { text: pod.version, width: 8 },
      { text: pod.terminating ? 'Terminating' : pod.phase, width: 11 },
      {
        text: pod.gate === 'none' ? '-' : pod.gate,
        width: 6,
        style: pod.gate === 'open' ? styles.good : styles.dim,
      },
      { text: target === undefined ? '-' : String(target.weight), width: 6, right: true },
      { text: health, width: 8, style: healthStyle(health, styles) },
      {
        text: waits === '' ? 'nothing, it serves' : waits,
        width,
        ...(waits === '' ? { style: styles.dim } : {}),
      },
    ],
    width,
  );
};

const clientRow = (report: ClientReport, rate: number, width: number, styles: Styles): string => {
  const lost = (count: number): ((text: string) => string) => (count > 0 ? styles.bad : styles.good);
  return row(
    [
      { text: report.name, width: 26 },
      { text: rate.toFixed(0), width: 10, right: true },
      { text: grouped(report.total), width: 10, right: true },
      { text: grouped(report.failed), width: 8, right: true, style: lost(report.failed) },
      { text: grouped(report.reset), width: 8, right: true, style: lost(report.reset) },
    ],
    width,
  );
};

/** Shown where the functions are instances of a platform. */
const functionLines = ({ state }: ScreenModel, width: number, styles: Styles): string[] => {
  if (state.functions.length === 0) return [];
  const cells = (values: readonly string[]): Cell[] =>
    values.map((text, at) => (at === 0 ? { text, width: 26 } : { text, width: 10, right: true }));
  return [
    styles.dim(row(cells(['FUNCTION', 'RUNNING', 'INSTANCES', 'CALLS', 'FAILED']), width)),
    ...state.functions.map(({ name, running, instances, invocations, failed }) =>
      row(cells([name, String(running), String(instances), grouped(invocations), String(failed)]), width),
    ),
    '',
  ];
};

const eventLine = ({ atMs, said }: ScreenModel['events'][number], width: number, styles: Styles): string => {
  const style = { good: styles.good, bad: styles.bad, stage: styles.bold, plain: undefined }[said.tone];
  return row(
    [
      { text: `${(atMs / 1000).toFixed(1)} s`, width: 8, right: true, style: styles.dim },
      { text: said.text, width, ...(style === undefined ? {} : { style }) },
    ],
    width,
  );
};

/**
 * The whole screen as lines, none wider than the terminal or 80 columns, not more than it has rows: what does not fit
 * is the oldest events. Pure.
 */
export const layout = (model: ScreenModel, size: Size, styles: Styles): string[] => {
  const width = Math.max(20, Math.min(widest, size.columns));
  const time = duration(model.elapsedMs);
  const head = [
    `${styles.bold(alignLeft(model.title, width - time.length - 1))} ${time}`,
    '',
    ...serviceLines(model, width, styles),
    rolloutLine(model, width, styles),
    '',
    styles.dim(
      row(
        [
          { text: 'POD', width: 8 },
          { text: 'VERSION', width: 8 },
          { text: 'PHASE', width: 11 },
          { text: 'GATE', width: 6 },
          { text: 'WEIGHT', width: 6 },
          { text: 'HEALTH', width: 8 },
          { text: 'WAITS FOR', width },
        ],
        width,
      ),
    ),
    ...model.state.pods.map((pod) => podRow(pod, width, styles)),
    '',
    styles.dim(
      row(
        [
          { text: 'CLIENT', width: 26 },
          { text: 'REQUESTS/S', width: 10, right: true },
          { text: 'TOTAL', width: 10, right: true },
          { text: 'FAILED', width: 8, right: true },
          { text: 'RESET', width: 8, right: true },
        ],
        width,
      ),
    ),
    ...model.state.clients.map((report) =>
      clientRow(report, model.rates.get(report.name) ?? 0, width, styles),
    ),
    '',
    ...functionLines(model, width, styles),
  ];
  const foot = ['', styles.dim(alignLeft(model.keys, width).trimEnd())];
  const isTight = size.rows - head.length - foot.length < fewestEvents;
  const [top, bottom] = isTight ? [head.filter(isNotBlank), foot.filter(isNotBlank)] : [head, foot];
  const room = Math.max(0, size.rows - top.length - bottom.length);
  const events = room === 0 ? [] : model.events.slice(-room);
  const between = Array.from({ length: isTight ? 0 : room - events.length }, () => '');
  const lines = [...top, ...events.map((event) => eventLine(event, width, styles)), ...between, ...bottom];
  return lines.slice(0, size.rows);
};

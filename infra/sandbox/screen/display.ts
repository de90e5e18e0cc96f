import type { Writable } from 'node:stream';
import { WriteStream } from 'node:tty';
import type { SocketAddress } from '../addresses.ts';
import type { HistoryEvent } from '../scenario/history.ts';
import type { Run } from '../scenario/run.ts';
import { describeEvent, type EventText } from './describe-event.ts';
import { layout } from './layout.ts';
import { Rates } from './rates.ts';
import { plainStyles, type Styles, stylesFor } from './style.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface DisplayOptions {
  readonly run: Run;
  readonly out: Writable;
  readonly title: string;
  readonly service: string;
  readonly keys: string;
  /** Where an address and port of the load balancer live on this machine. */
  readonly socketOf: (ip: string, port: number) => SocketAddress | undefined;
}

/** Shows a run to a person: as a screen where there is one, else as one line an event. */
export interface Display {
  readonly styles: Styles;
  /** Lines from now on, also on a terminal: they stay in its history. */
  lines(): void;
  /** The screen from now on, where there is one. */
  screen(): void;
  /** Writes text of its own. */
  say(lines: readonly string[]): void;
  close(): void;
}

const keptEvents = 200;

/** A URL for `curl`: the port is named unless it is HTTP's own. */
export const urlOf = ({ host, port }: SocketAddress): string =>
  port === 80 ? `http://${host}/` : `http://${host}:${port}/`;

/** What comes again and again: a client's lost requests, an Event that is counted up. */
const repeatable = (event: HistoryEvent): string | undefined => {
  if (event.type === 'failure' || event.type === 'refused') return `${event.type} ${event.client}`;
  return event.type === 'kubernetes-event' ? `${event.about} ${event.reason}` : undefined;
};

/** Of those, one a second is shown. All are counted, and in the history. */
const repetitions = (): ((event: HistoryEvent) => boolean) => {
  const lastMs = new Map<string, number>();
  return (event) => {
    const key = repeatable(event);
    if (key === undefined) return false;
    if (event.timeMs - (lastMs.get(key) ?? 0) < 1_000) return true;
    lastMs.set(key, event.timeMs);
    return false;
  };
};

export const createDisplay = (options: DisplayOptions): Display => {
  const { run, out } = options;
  const { history, state } = run;
  const isTerminal = out instanceof WriteStream && process.env['TERM'] !== 'dumb';
  const styles = stylesFor(isTerminal);
  const rates = new Rates();
  const events: { atMs: number; said: EventText }[] = [];
  let mode: 'lines' | 'screen' = 'lines';

  const style = (tone: EventText['tone']): ((text: string) => string) =>
    ({ good: styles.good, bad: styles.bad, stage: styles.bold, plain: plainStyles.bold })[tone];
  const isRepeated = repetitions();
  const hear = (event: HistoryEvent): void => {
    if (event.type === 'client') rates.add(event.report);
    const said = describeEvent(event, state);
    if (said === undefined || isRepeated(event)) return;
    const atMs = event.timeMs - history.startedMs;
    events.push({ atMs, said });
    if (events.length > keptEvents) events.shift();
    if (mode === 'lines') {
      const time = `${(atMs / 1000).toFixed(1)} s`.padStart(8);
      out.write(`${styles.dim(time)} ${style(said.tone)(said.text)}\n`);
    }
  };
  const stopListening = history.on(hear);

  const terminal: Terminal | undefined = isTerminal
    ? createTerminal(out, (size) => {
        const rollingMs = state.stageMs('rolling');
        const drainedMs = state.stageMs('drained') ?? 0;
        const socket = state.address === undefined ? undefined : options.socketOf(state.address, 80);
        return layout(
          {
            state,
            title: options.title,
            service: options.service,
            url: socket === undefined ? undefined : urlOf(socket),
            rollout:
              rollingMs === undefined
                ? undefined
                : { elapsedMs: (drainedMs > rollingMs ? drainedMs : Date.now()) - rollingMs },
            elapsedMs: Date.now() - history.startedMs,
            rates: rates.perSecond(),
            events,
            keys: options.keys,
          },
          size,
          styles,
        );
      })
    : undefined;

  const lines = (): void => {
    mode = 'lines';
    terminal?.close();
  };
  return {
    styles,
    lines,
    screen: () => {
      if (terminal === undefined) return;
      mode = 'screen';
      terminal.open();
    },
    say: (text) => void out.write(`${text.join('\n')}\n`),
    close: () => {
      lines();
      stopListening();
    },
  };
};

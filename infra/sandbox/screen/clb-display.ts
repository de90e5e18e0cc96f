import type { Writable } from 'node:stream';
import { WriteStream } from 'node:tty';
import type { CallRecord } from '../clb/calls.ts';
import type { ClbSimulator } from '../clb/simulator.ts';
import { type ClbScreenModel, clbLayout } from './clb-layout.ts';
import { stylesFor } from './style.ts';
import { createTerminal } from './terminal.ts';

export interface ClbDisplayOptions {
  readonly simulator: ClbSimulator;
  /** A terminal gets a screen. */
  readonly out: Writable;
  /** Where there is none, this gets a line for each second in which there was a call. Warnings too, in any case. */
  readonly log: Writable;
  readonly facts: ClbScreenModel['facts'];
}

const kept = 100;

/** `12:00:01 BatchRegisterTargets 2, DescribeTargets 1; BatchRegisterTargets FailedOperation.ResourceInOperating`. */
export const secondLine = (calls: readonly CallRecord[]): string => {
  const counts = new Map<string, number>();
  for (const { action } of calls) counts.set(action, (counts.get(action) ?? 0) + 1);
  const failures = calls.filter(({ code }) => code !== 'OK').map(({ action, code }) => `${action} ${code}`);
  const time = new Date(calls[0]?.timeMs ?? 0).toISOString().slice(11, 19);
  const counted = [...counts].map(([action, count]) => `${action || '(no action)'} ${count}`).join(', ');
  return `${time} ${counted}${failures.length === 0 ? '' : `; ${[...new Set(failures)].join(', ')}`}`;
};

/** Shows what is asked of a simulator to whoever started it. @returns ends that */
export const showClb = ({ simulator, out, log, facts }: ClbDisplayOptions): (() => void) => {
  const startedMs = Date.now();
  if (!(out instanceof WriteStream) || process.env['TERM'] === 'dumb') {
    let calls: CallRecord[] = [];
    const write = (): void => {
      if (calls.length > 0) log.write(`${secondLine(calls)}\n`);
      calls = [];
    };
    const timer = setInterval(write, 1_000);
    const stops = [
      simulator.on('call', (call) => calls.push(call)),
      simulator.on('warning', (warning) => log.write(`${warning}\n`)),
    ];
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
      write();
    };
  }
  const styles = stylesFor(true);
  const failures: CallRecord[] = [];
  // Nothing else may write while the screen is up: what is to be said waits for its end.
  const warnings: string[] = [];
  const stops = [
    simulator.on('call', (call) => {
      if (call.code === 'OK') return;
      failures.push(call);
      if (failures.length > kept) failures.shift();
    }),
    simulator.on('warning', (warning) => {
      warnings.push(warning);
      if (warnings.length > kept) warnings.shift();
    }),
  ];
  const terminal = createTerminal(out, (size) =>
    clbLayout(
      {
        title: `CLB simulator, ${simulator.region}`,
        elapsedMs: Date.now() - startedMs,
        facts,
        statistics: simulator.statistics(),
        nowSecond: Math.floor(Date.now() / 1000),
        loadBalancers: simulator.state().loadBalancers,
        failures,
      },
      size,
      styles,
    ),
  );
  terminal.open();
  return () => {
    for (const stop of stops) stop();
    terminal.close();
    for (const warning of warnings) log.write(`${warning}\n`);
  };
};

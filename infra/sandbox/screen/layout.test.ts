import { expect, test } from 'vitest';
import { aPod, aReport } from '../scenario/builders.test-support.ts';
import { History } from '../scenario/history.ts';
import { Run } from '../scenario/run.ts';
import { layout, type ScreenModel } from './layout.ts';
import { plainStyles, stylesFor } from './style.ts';

const target = { loadBalancerId: 'lb-abcd1234', listenerId: 'lbl-1', port: 80 } as const;

const aRun = (): Run => {
  const run = new Run(new History(0));
  const { history } = run;
  const old = aPod('old01', { ip: '10.1.0.1', phase: 'Running', containersReady: true, gate: 'none' });
  history.add({ type: 'pod', change: 'created', pod: { ...old, terminating: true } });
  history.add({
    type: 'pod',
    change: 'created',
    pod: aPod('new01', { ip: '10.1.0.2', phase: 'Running', version: 'v2', containersReady: true }),
  });
  history.add({ type: 'load-balancer', loadBalancerId: 'lb-abcd1234', change: 'running' });
  history.add({ type: 'service', name: 'nginx-service-eni', address: '10.1.240.1' });
  history.add({ type: 'target', ...target, ip: '10.1.0.1', change: 'registered', weight: 0 });
  history.add({ type: 'health', ...target, ip: '10.1.0.1', from: 'Unknown', to: 'Alive' });
  history.add({ type: 'target', ...target, ip: '10.1.0.2', change: 'registered', weight: 10 });
  history.add({
    type: 'rollout',
    rollout: { version: 'v2', wanted: 3, updated: 1, ready: 3, available: 3, total: 4, complete: false },
  });
  history.add({
    type: 'client',
    report: aReport('kept connections', { total: 12_345, failed: 2, reset: 1 }),
  });
  return run;
};

const model = (more: Partial<ScreenModel> = {}): ScreenModel => ({
  state: aRun().state,
  title: 'clb-direct: a rolling update under load',
  service: 'nginx-service-eni',
  url: 'http://127.1.240.1:20080/',
  rollout: { elapsedMs: 12_345 },
  elapsedMs: 61_000,
  rates: new Map([['kept connections', 179.6]]),
  events: Array.from({ length: 50 }, (_, at) => ({
    atMs: at * 1_000,
    said: { text: `event ${at}${at === 49 ? ' that is long'.repeat(9) : ''}`, tone: 'plain' as const },
  })),
  keys: 'r roll again   k kill the forwarder   q stop',
  ...more,
});

test('the screen says what a person wants to see', () => {
  const lines = layout(model(), { columns: 80, rows: 24 }, plainStyles);
  expect(lines.map((line) => line.trimEnd())).toMatchInlineSnapshot(`
    [
      "clb-direct: a rolling update under load                               1 min 01 s",
      "",
      "Service  nginx-service-eni  10.1.240.1:80 on lb-abcd1234",
      "         curl http://127.1.240.1:20080/",
      "Rollout  v2  ░░░░░░░░░░░░░░░░░░  1/3 updated, 3 available, 3 old  12.3 s",
      "",
      "POD      VERSION  PHASE       GATE   WEIGHT HEALTH   WAITS FOR",
      "old01    v1       Terminating -           0 Alive    its last answers",
      "new01    v2       Running     closed     10 Unknown  its health check",
      "",
      "CLIENT                     REQUESTS/S      TOTAL   FAILED    RESET",
      "kept connections                  180     12 345        2        1",
      "",
      "  41.0 s event 41",
      "  42.0 s event 42",
      "  43.0 s event 43",
      "  44.0 s event 44",
      "  45.0 s event 45",
      "  46.0 s event 46",
      "  47.0 s event 47",
      "  48.0 s event 48",
      "  49.0 s event 49 that is long that is long that is long that is long that is l…",
      "",
      "r roll again   k kill the forwarder   q stop",
    ]
  `);
});

test('no line is wider than the terminal or 80 columns, and no more lines than it has rows', () => {
  for (const columns of [20, 40, 79, 80, 200]) {
    for (const rows of [5, 24, 50]) {
      const lines = layout(model(), { columns, rows }, plainStyles);
      expect(lines.length).toBeLessThanOrEqual(rows);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.min(columns, 80));
    }
  }
});

test('where there is no room for a whole number, none is shown', () => {
  const lines = layout(model(), { columns: 58, rows: 24 }, plainStyles);
  expect(lines.find((line) => line.startsWith('kept connections'))?.trimEnd()).toBe(
    'kept connections                  180     12 345        2',
  );
});

test('NO_COLOR is honoured, and colours change nothing but colours', () => {
  const size = { columns: 80, rows: 24 };
  const plain = layout(model(), size, stylesFor(true, { NO_COLOR: '1' }));
  const coloured = layout(model(), size, stylesFor(true, {}));
  const esc = String.fromCharCode(27);
  expect(plain.join('')).not.toContain(esc);
  expect(coloured.join('')).toContain(esc);
  const stripped = coloured.map((line) => line.replaceAll(new RegExp(`${esc}\\[\\d+m`, 'g'), ''));
  expect(stripped).toEqual(plain);
});

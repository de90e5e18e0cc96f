// One client of the load balancer, a process of its own: sends at its rate without waiting for answers, and writes
// what it sees as a line of JSON every fifth of a second. Ends when its stdin does.
import { Agent } from 'node:http';
import { createInterface } from 'node:readline';
import { sendRequest } from './http-request.ts';
import type { ClientSettings } from './report.ts';
import { Statistics } from './statistics.ts';
import { type LineConnection, openLineConnection } from './tcp-lines.ts';

const settings: ClientSettings = JSON.parse(process.argv[2] ?? '{}');
const statistics = new Statistics(settings.failuresKept);
const pending = new Set<Promise<void>>();
const keeps = settings.kind === 'keep-alive' || settings.kind === 'slow';
const agent = keeps
  ? // The connection that rested longest is used next, so that all of them stay in use.
    new Agent({ keepAlive: true, maxSockets: settings.connections, scheduling: 'fifo' })
  : false;
const lines: LineConnection[] = [];

/** False when as many as allowed are in flight. */
const sendOne = (): boolean => {
  if (settings.kind !== 'tcp') {
    if (pending.size >= settings.connections) return false;
    const request = sendRequest(settings, agent, statistics);
    pending.add(request);
    void request.finally(() => pending.delete(request));
    return true;
  }
  // All of them are opened before the first is used again, and then they take turns.
  const idle = lines.findIndex((line) => line.closed || !line.waiting);
  const opens = lines.length < settings.connections;
  if (idle < 0 && !opens) return false;
  const [used] = opens ? [] : lines.splice(idle, 1);
  const connection = used === undefined || used.closed ? openLineConnection(settings, statistics) : used;
  lines.push(connection);
  connection.send();
  return true;
};

const report = (final: boolean): void => {
  const { name, kind } = settings;
  process.stdout.write(`${JSON.stringify(statistics.report({ name, kind, atMs: Date.now(), final }))}\n`);
};

const startedMs = performance.now();
let due = 0;
const ticker = setInterval(
  () => {
    const wanted = ((performance.now() - startedMs) * settings.ratePerSecond) / 1000;
    while (due < wanted) {
      due += 1;
      if (!sendOne()) statistics.skipped += 1;
    }
  },
  Math.max(5, Math.min(50, 500 / settings.ratePerSecond)),
);
const reporter = setInterval(() => report(false), settings.reportEveryMs);

const stop = async (): Promise<void> => {
  clearInterval(ticker);
  while (statistics.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  clearInterval(reporter);
  for (const connection of lines) connection.end();
  report(true);
  process.stdout.write('', () => process.exit(0));
};

const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => {
  if (line === 'stop') void stop();
});
commands.on('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));

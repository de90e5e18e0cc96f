import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';
import { type ClientSpec, type Clients, startClients } from '../../infra/sandbox/load/clients.ts';
import type { ClientReport } from '../../infra/sandbox/load/report.ts';
import { buildSandboxPrograms, until } from './sandbox-programs.ts';

let programsDir: string;
let addresses: Addresses;
const toClose: (() => unknown)[] = [];

beforeAll(async () => {
  programsDir = await buildSandboxPrograms();
  addresses = await claimAddresses();
});
afterAll(() => addresses.release());
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

const listen = async (server: Server): Promise<{ ip: string; port: number }> => {
  const target = { ip: addresses.allocate('vip'), port: 80 };
  await new Promise<void>((resolve) => server.listen(addresses.socketOf(target.ip, target.port), resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  toClose.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return target;
};

const body = (request: IncomingMessage): string =>
  JSON.stringify({ pod: 'pod-1', version: 'v1', client: request.socket.remoteAddress ?? '' });

const good = (request: IncomingMessage, response: ServerResponse): void => {
  response.end(body(request));
};

const start = (spec: Omit<ClientSpec, 'name'>): Clients => {
  const clients = startClients({ addresses, clients: [{ name: spec.kind, ...spec }], programsDir });
  toClose.push(() => clients.close());
  return clients;
};

const reportOf = (clients: Clients): ClientReport | undefined => clients.reports()[0];

const untilTotal = (clients: Clients, total: number): Promise<void> =>
  until(
    () => (reportOf(clients)?.total ?? 0) >= total,
    () => `${total} requests: ${JSON.stringify(reportOf(clients))}`,
  );

const lastOf = async (clients: Clients): Promise<ClientReport> => {
  const [report] = await clients.stop();
  if (report === undefined) throw new Error('no report');
  return report;
};

describe('load clients', () => {
  it('count every good request, the Pod and the address they are seen with', async () => {
    const target = await listen(createServer(good));
    const clients = start({ kind: 'new-connections', target, ratePerSecond: 100 });
    await untilTotal(clients, 40);
    const report = await lastOf(clients);
    expect(report).toMatchObject({ final: true, failed: 0, reset: 0, inFlight: 0, podChanges: 0 });
    expect(report.ok).toBe(report.total);
    expect(report.pods).toEqual({ 'pod-1': report.total });
    expect(report.connectionsOpened).toBe(report.total);
    if (addresses.mode === 'range') expect(report.seenAs).toEqual({ [clients.ips[0] ?? '']: report.total });
    expect(report.p50Ms).toBeGreaterThan(0);
    expect(report.p99Ms).toBeGreaterThanOrEqual(report.p50Ms);
  });

  it('keep connections, leave when told to, and lose nothing by that', async () => {
    let answered = 0;
    const target = await listen(
      createServer((request, response) => {
        answered += 1;
        if (answered % 10 === 0) response.setHeader('connection', 'close');
        good(request, response);
      }),
    );
    const clients = start({ kind: 'keep-alive', target, ratePerSecond: 200, connections: 4 });
    await untilTotal(clients, 100);
    const report = await lastOf(clients);
    expect(report).toMatchObject({ failed: 0, reset: 0 });
    expect(report.connectionsOpened).toBeGreaterThan(4);
    expect(report.connectionsOpened).toBeLessThan(report.total / 2);
  });

  it('lose nothing when the server ends idle connections in order', async () => {
    let answered = 0;
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      answered += 1;
      // It was just answered, and asks again in a second: between the two the connection is idle.
      if (answered === 2) response.once('finish', () => setTimeout(() => server.closeIdleConnections(), 50));
      good(request, response);
    });
    const target = await listen(server);
    const clients = start({ kind: 'keep-alive', target, ratePerSecond: 1, connections: 1 });
    await until(() => (reportOf(clients)?.connectionsOpened ?? 0) >= 2, 'a second connection');
    expect(await lastOf(clients)).toMatchObject({ failed: 0 });
  });

  it('count a request as failed when the server ends a kept connection instead of answering it', async () => {
    const server = createServer((request, response) => {
      if (request.socket.bytesWritten > 0) request.socket.end();
      else good(request, response);
    });
    const target = await listen(server);
    const clients = start({ kind: 'keep-alive', target, ratePerSecond: 20, connections: 1 });
    await untilTotal(clients, 4);
    const report = await lastOf(clients);
    expect(report.failed).toBeGreaterThanOrEqual(1);
    expect(report.reset).toBe(0);
    expect(report.failures[0]).toMatchObject({ kind: 'closed', reusedConnection: true });
    expect(report.ok + report.failed).toBe(report.total);
  });

  it('tell resets apart', async () => {
    const server = createTcpServer((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const clients = start({ kind: 'new-connections', target: await listen(server), ratePerSecond: 50 });
    await untilTotal(clients, 10);
    const report = await lastOf(clients);
    expect(report).toMatchObject({ ok: 0, failed: report.total, reset: report.total });
    expect(report.failures[0]).toMatchObject({ kind: 'reset' });
  });

  it('count refused connections', async () => {
    const target = { ip: addresses.allocate('vip'), port: 81 };
    const clients = start({ kind: 'new-connections', target, ratePerSecond: 50 });
    await untilTotal(clients, 10);
    const report = await lastOf(clients);
    expect(report).toMatchObject({ ok: 0, failed: report.total, reset: 0 });
    expect(report.failures).toHaveLength(Math.min(20, report.total));
    expect(report.failures[0]).toMatchObject({ kind: 'refused' });
  });

  it.each([
    ['ended', (socket: Socket) => socket.end(), 0],
    ['reset', (socket: Socket) => socket.resetAndDestroy(), 1],
  ])('count an answer that is %s in its middle', async (_how, cut, resets) => {
    const server = createServer((request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{"pod":');
      setTimeout(() => cut(request.socket), 20);
    });
    const clients = start({ kind: 'slow', target: await listen(server), ratePerSecond: 20 });
    await untilTotal(clients, 5);
    const report = await lastOf(clients);
    expect(report).toMatchObject({ ok: 0, failed: report.total, reset: resets * report.total });
    expect(report.failures[0]).toMatchObject({ kind: 'truncated' });
  });

  it('count other statuses, answers that are no Pod’s, and time-outs', async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(503).end('no target');
      else if (asked === 2) response.end('hello');
    });
    const clients = start({
      kind: 'new-connections',
      target: await listen(server),
      ratePerSecond: 20,
      timeoutMs: 300,
    });
    await untilTotal(clients, 3);
    const report = await lastOf(clients);
    expect(report.ok).toBe(0);
    expect(report.failures.slice(0, 3).map(({ kind }) => kind)).toEqual(['status', 'other', 'timeout']);
  });

  it('send at their rate though answers are slow, but never more at once than allowed', async () => {
    let inFlight = 0;
    let most = 0;
    const server = createServer((request, response) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      setTimeout(() => {
        inFlight -= 1;
        good(request, response);
      }, 500);
    });
    const clients = start({
      kind: 'new-connections',
      target: await listen(server),
      ratePerSecond: 100,
      connections: 10,
    });
    await untilTotal(clients, 15);
    const report = await lastOf(clients);
    expect(report.failed).toBe(0);
    expect(most).toBeGreaterThan(5);
    expect(most).toBeLessThanOrEqual(10);
    expect(report.skipped).toBeGreaterThan(0);
  });

  it('end when the process that started them does, however it ends', async () => {
    const settings = { name: 'c', kind: 'new-connections', target: { host: '127.0.0.1', port: 1 } };
    const rest = { host: '', path: '/', ratePerSecond: 1, connections: 1, timeoutMs: 1, reportEveryMs: 100 };
    const file = join(programsDir, 'infra/sandbox/load/client-main.mjs');
    const child = spawn(process.execPath, [file, JSON.stringify({ ...settings, ...rest, failuresKept: 1 })], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    toClose.push(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const exited = once(child, 'exit');
    // What is left of a pipe whose other end was killed.
    child.stdin.destroy();
    expect((await exited)[0]).toBe(0);
  });

  it('notice a change of Pod from one fixed address (session)', async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      asked += 1;
      response.end(body(request).replace('pod-1', asked <= 5 ? 'pod-1' : 'pod-2'));
    });
    const ip = addresses.allocate('client');
    const clients = start({ kind: 'session', target: await listen(server), ratePerSecond: 50, ip });
    await untilTotal(clients, 10);
    const report = await lastOf(clients);
    expect(report).toMatchObject({ failed: 0, podChanges: 1 });
    expect(report.pods).toMatchObject({ 'pod-1': 5 });
    expect(clients.ips).toEqual([ip]);
  });

  it('echo lines over long TCP connections and count the lines that a reset loses', async () => {
    let connections = 0;
    const server = createTcpServer((socket) => {
      connections += 1;
      const breaks = connections === 2;
      socket.write(`pod-${connections} ${socket.remoteAddress ?? ''}\n`);
      socket.on('data', (line) => (breaks ? socket.resetAndDestroy() : socket.write(line)));
    });
    const target = await listen(server);
    const clients = start({ kind: 'tcp', target, ratePerSecond: 50, connections: 2 });
    await untilTotal(clients, 30);
    const report = await lastOf(clients);
    expect(report).toMatchObject({ failed: 1, reset: 1 });
    expect(report.failures[0]).toMatchObject({ kind: 'reset' });
    expect(report.connectionsOpened).toBe(3);
  });
});

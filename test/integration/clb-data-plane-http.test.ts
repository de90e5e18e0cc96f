import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import {
  type Fixture,
  type PodServer,
  type SdkClient,
  startFixture,
  startPod,
  until,
} from '../contract/clb-simulator-fixture.ts';
import {
  type Answered,
  type Asking,
  answerOf,
  ask,
  type HttpPod,
  openRequest,
  startHttpPod,
} from '../contract/clb-simulator-http-fixture.ts';

let fixture: Fixture;
let lb: { id: string; vip: string };
let nextPort = 7_000;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  fixture = await startFixture({ settings: { quotaListeners: 500 } });
  lb = await fixture.createLoadBalancer();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  Object.assign(fixture.simulator.settings, {
    ...defaultSettings,
    callsPerSecond: 1_000,
    quotaListeners: 500,
  });
});
afterAll(() => fixture.close());

type RuleInput = Parameters<SdkClient['CreateRule']>[0]['Rules'][number];

interface Site {
  readonly port: number;
  readonly listenerId: string;
  readonly locationIds: readonly string[];
  ask(asking?: Asking): Promise<Answered>;
  /** Begins a request; the caller ends it. */
  open(asking?: Asking): ReturnType<typeof openRequest>;
  /** Binds Pods to a rule. */
  bind(locationId: string, ...pods: readonly { ip: string; port: number; weight?: number }[]): Promise<void>;
  setWeight(pod: { ip: string; port: number }, weight: number, locationId?: string): Promise<void>;
  deregister(pod: { ip: string; port: number }, locationId?: string): Promise<void>;
}

/** An HTTP listener with these rules; what a rule does not say is for a.example.com, all of it, not probed. */
const site = async (rules: readonly Partial<RuleInput>[], more: object = {}): Promise<Site> => {
  nextPort += 1;
  const port = nextPort;
  const [listenerId = ''] = await fixture.createListeners(lb.id, [port], { Protocol: 'HTTP', ...more });
  const answer = await fixture.client.CreateRule({
    LoadBalancerId: lb.id,
    ListenerId: listenerId,
    Rules: rules.map((rule) => ({
      Domain: 'a.example.com',
      Url: '/',
      HealthCheck: { HealthSwitch: 0 },
      ...rule,
    })),
  });
  await fixture.done(answer);
  const locationIds = answer.LocationIds ?? [];
  const [first = ''] = locationIds;
  return {
    port,
    listenerId,
    locationIds,
    ask: (asking) => ask(fixture.addresses, lb.vip, port, asking),
    open: (asking) => openRequest(fixture.addresses, lb.vip, port, asking),
    bind: (locationId, ...pods) =>
      fixture.register(
        lb.id,
        pods.map(({ ip, port: at, weight = 10 }) => ({ listenerId, locationId, ip, port: at, weight })),
      ),
    setWeight: ({ ip, port: at }, weight, locationId = first) =>
      fixture.setWeight(lb.id, { listenerId, locationId, ip, port: at, weight }),
    deregister: ({ ip, port: at }, locationId = first) =>
      fixture.deregister(lb.id, [{ listenerId, locationId, ip, port: at }]),
  };
};

const pod = async (handle?: Parameters<typeof startHttpPod>[2]): Promise<HttpPod> => {
  const started = await startHttpPod(fixture.addresses, 8_080, handle);
  closers.push(started.close);
  return started;
};

/** One rule with these Pods behind it. */
const serving = async (
  pods: readonly ((HttpPod & { weight?: number }) | { ip: string; port: number; weight?: number })[],
  rule: Partial<RuleInput> = {},
  more: object = {},
): Promise<Site> => {
  const made = await site([rule], more);
  if (pods.length > 0) await made.bind(made.locationIds[0] ?? '', ...pods);
  return made;
};

const keepAlive = (): Agent => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  closers.push(() => agent.destroy());
  return agent;
};

const bodies = async (made: Site, count: number, asking: Asking = {}): Promise<Map<string, number>> => {
  const counts = new Map<string, number>();
  for (let at = 0; at < count; at += 1) {
    const { body } = await made.ask(asking);
    counts.set(body, (counts.get(body) ?? 0) + 1);
  }
  return counts;
};

interface RawRequest {
  readonly socket: Socket;
  /** The other side has closed it. */
  ended(): boolean;
}

/** A Pod that answers the first request byte by byte; `then` it does with the connection what it wants. */
const answering = async (
  then: (socket: Socket) => unknown,
): Promise<PodServer & { readonly asked: Promise<RawRequest> }> => {
  let isAsked: (request: RawRequest) => void;
  const asked = new Promise<RawRequest>((resolve) => {
    isAsked = resolve;
  });
  const started = await startPod(fixture.addresses, 8_080, (socket) => {
    let isEnded = false;
    socket.once('end', () => {
      isEnded = true;
    });
    socket.once('data', (text) => {
      expect(String(text)).toMatch(/\r\nconnection: close\r\n/i);
      isAsked({ socket, ended: () => isEnded });
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
      then(socket);
    });
  });
  closers.push(started.close);
  return { ...started, asked };
};

/** A Pod that answers when it is told to. */
const slowPod = async (): Promise<HttpPod & { answer(): void; waiting(): Promise<unknown> }> => {
  const waiting: (() => void)[] = [];
  const started = await pod((_, response, ip) => {
    response.write(`${ip} `);
    waiting.push(() => response.end('whole'));
  });
  return {
    ...started,
    answer: () => {
      for (const end of waiting.splice(0)) end();
    },
    waiting: () => until('a request waits', () => waiting.length > 0),
  };
};

/** Ends a connection when something comes over it; tells from where each one came, and what came, once it has ended. */
const listening = (host: string, port: number): string => `
  require('net').createServer((socket) => {
    const from = socket.remoteAddress;
    let text = '';
    socket.on('data', (part) => { text += part; socket.destroy(); });
    socket.on('error', () => undefined);
    socket.once('close', () => process.send({ from, text }));
  }).listen({ host: '${host}', port: ${port}, backlog: 1 }, () => process.send('ready'));`;

/**
 * A stopped process with a full backlog: the kernel lets new connections wait until it goes on. `goOn` resolves with
 * what came over the first connection from an address.
 */
const stoppedTarget = async (): Promise<{ ip: string; goOn(from: string): Promise<string> }> => {
  const ip = fixture.addresses.allocate('pod');
  const socket = fixture.addresses.socketOf(ip, 8_080);
  const child = spawn(process.execPath, ['-e', listening(socket.host, socket.port)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  closers.push(() => child.kill('SIGKILL'));
  await once(child, 'message');
  child.kill('SIGSTOP');
  for (let at = 0; at < 8; at += 1) {
    const filling = connect(socket);
    filling.on('error', () => undefined);
    closers.push(() => filling.destroy());
  }
  const goOn = (from: string): Promise<string> =>
    new Promise((resolve) => {
      child.on('message', (ended: { from: string; text: string }) => {
        if (ended.from === from) resolve(ended.text);
      });
      child.kill('SIGCONT');
    });
  return { ip, goOn };
};

const inRange = (): boolean => fixture.addresses.mode === 'range';

describe('rules', () => {
  it('send each request to the targets of its domain and path', async () => {
    const made = await site([
      { Url: '/' },
      { Url: '/api' },
      { Url: '=/exact' },
      { Url: '~*\\.png$' },
      { Url: '/dir/' },
      { Domain: '*.example.com' },
      { Domain: 'b.example.com', Url: '/only' },
    ]);
    const pods = await Promise.all(made.locationIds.map(() => pod()));
    for (const [at, locationId] of made.locationIds.entries()) {
      await made.bind(locationId, { ip: pods[at]?.ip ?? '', port: 8_080 });
    }
    const table: [host: string, path: string, rule: number][] = [
      ['a.example.com', '/', 0],
      ['A.EXAMPLE.COM:99', '/else?x=/api', 0],
      ['a.example.com', '/api/v1?q=1', 1],
      ['a.example.com', '/exact', 2],
      ['a.example.com', '/exact/more', 0],
      ['a.example.com', '/api/logo.PNG', 3],
      ['a.example.com', '/dir/x', 4],
      ['c.example.com', '/', 5],
      ['b.example.com', '/only/this', 6],
      ['nobody.org', '/api', 1],
    ];
    for (const [host, path, rule] of table) {
      const { body } = await made.ask({ host, path });
      expect(
        pods.findIndex(({ ip }) => ip === body),
        `${host}${path}`,
      ).toBe(rule);
    }
    expect((await made.ask({ host: 'b.example.com', path: '/else' })).status).toBe(404);
    const moved = await made.ask({ path: '/dir?x=1' });
    expect(moved.status).toBe(301);
    expect(moved.headers.location).toBe(`http://a.example.com:${made.port}/dir/?x=1`);
  });

  it('that are made, changed and deleted count from then on, also on kept connections', async () => {
    const a = await pod();
    const made = await serving([a]);
    const agent = keepAlive();
    const { client } = fixture;
    const place = { LoadBalancerId: lb.id, ListenerId: made.listenerId };
    const [first = ''] = made.locationIds;
    expect((await made.ask({ agent })).body).toBe(a.ip);
    await fixture.done(await client.ModifyRule({ ...place, LocationId: first, Url: '/moved' }));
    expect((await made.ask({ agent })).status).toBe(404);
    expect((await made.ask({ agent, path: '/moved' })).body).toBe(a.ip);
    await fixture.done(
      await client.ModifyDomain({ ...place, Domain: 'a.example.com', NewDomain: 'b.example.com' }),
    );
    const other = [
      { Domain: 'c.example.com', Url: '/', DefaultServer: true, HealthCheck: { HealthSwitch: 0 } },
    ];
    await fixture.done(await client.CreateRule({ ...place, Rules: other }));
    expect((await made.ask({ agent, path: '/moved' })).status).toBe(502);
    expect((await made.ask({ agent, path: '/moved', host: 'b.example.com' })).body).toBe(a.ip);
    await fixture.done(await client.DeleteRule({ ...place, LocationIds: [first] }));
    expect((await made.ask({ agent, path: '/moved', host: 'b.example.com' })).status).toBe(502);
    await fixture.done(await client.DeleteRule({ ...place, Domain: 'c.example.com' }));
    expect((await made.ask({ agent })).status).toBe(404);
  });

  it('are found for a whole URL in the request line', async () => {
    const a = await pod((request, response) => response.end(request.url));
    const made = await serving([a]);
    expect(await made.ask({ host: 'x', path: 'http://a.example.com/p?q' })).toMatchObject({ body: '/p?q' });
  });
});

describe('requests', () => {
  it('are spread exactly by weight, one by one also on one kept connection', async () => {
    const [a, b, c] = [await pod(), await pod(), await pod()];
    const made = await serving([
      { ...a, weight: 10 },
      { ...b, weight: 30 },
      { ...c, weight: 0 },
    ]);
    const shares = new Map([
      [a.ip, 10],
      [b.ip, 30],
    ]);
    expect(await bodies(made, 40)).toEqual(shares);
    expect(await bodies(made, 40, { agent: keepAlive() })).toEqual(shares);
    expect(fixture.target(b.ip)).toMatchObject({ totalConnections: 60, connections: 0 });
  });

  it('go where the fewest are in flight with LEAST_CONN', async () => {
    const slow = await slowPod();
    const quick = await pod();
    const made = await serving([slow, quick], { Scheduler: 'LEAST_CONN' });
    // Of two without a request the slow one is asked at the first or the second time.
    const held = made.ask();
    await Promise.race([held, slow.waiting()]);
    const second = made.ask();
    await slow.waiting();
    if (slow.requests.length === 1) await Promise.race([held, second]);
    expect(fixture.target(slow.ip).connections).toBe(1);
    expect(await bodies(made, 10)).toEqual(new Map([[quick.ip, 10]]));
    slow.answer();
    await Promise.all([held, second]);
  });

  it('of one client go to one target with IP_HASH, of many to all', async () => {
    if (!inRange()) return;
    const pods = [await pod(), await pod(), await pod()];
    const made = await serving(pods, { Scheduler: 'IP_HASH', SessionExpireTime: 30 });
    const seen = new Set<string>();
    for (let at = 0; at < 20; at += 1) {
      const from = fixture.addresses.allocate('client');
      const counts = await bodies(made, 2, { from });
      expect(counts.size).toBe(1);
      for (const ip of counts.keys()) seen.add(ip);
    }
    expect(seen.size).toBe(3);
    expect((await made.ask()).headers['set-cookie']).toBeUndefined();
  });

  it('tell the target who asks; Host stays', async () => {
    const a = await pod((request, response) => {
      const remote = fixture.addresses.ordinary(request.socket.remoteAddress ?? '');
      response.end(JSON.stringify({ ...request.headers, remote }));
    });
    const made = await serving([a]);
    const from = inRange() ? fixture.addresses.allocate('client') : '127.0.0.1';
    const asking = { host: 'A.example.com:81', ...(inRange() ? { from } : {}) };
    const plain = await made.ask(asking);
    const seen: Record<string, string> = JSON.parse(plain.body);
    expect(seen).toMatchObject({
      host: 'A.example.com:81',
      'x-forwarded-for': from,
      'x-real-ip': from,
      'x-forwarded-proto': 'http',
      'x-client-proto': 'http',
      'x-client-proto-ver': 'HTTP/1.1',
      'x-stgw-time': expect.stringMatching(/^\d{10}\.\d{3}$/),
      connection: 'close',
    });
    if (inRange()) expect(seen['remote']).toBe(lb.vip);
    const headers = {
      'X-Forwarded-For': '203.0.113.9, 10.0.0.1',
      'X-Real-IP': 'forged',
      'X-Forwarded-Proto': 'https',
      Connection: 'keep-alive',
      'X-Custom': 'kept',
    };
    const chained: Record<string, string> = JSON.parse((await made.ask({ ...asking, headers })).body);
    expect(chained).toMatchObject({
      'x-forwarded-for': `203.0.113.9, 10.0.0.1, ${from}`,
      'x-real-ip': from,
      'x-forwarded-proto': 'http',
      'x-custom': 'kept',
    });
  });

  it('come back with status, headers and body as the target sent them', async () => {
    const a = await pod((request, response) => {
      response.writeHead(418, 'Short and stout', [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['X-Method', request.method ?? ''],
        ['Connection', 'close'],
      ]);
      response.end(request.method === 'HEAD' ? undefined : 'tea');
    });
    const made = await serving([a]);
    const agent = keepAlive();
    for (const method of ['GET', 'POST', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await made.ask({ method, agent });
      expect(answer).toMatchObject({ status: 418, body: 'tea' });
      expect(answer.headers).toMatchObject({ 'x-method': method, 'set-cookie': ['a=1', 'b=2'] });
      expect(answer.headers.connection).toBe('keep-alive');
    }
    expect(await made.ask({ method: 'HEAD', agent })).toMatchObject({ status: 418, body: '' });
    expect(a.requests.at(1)?.headers).toMatchObject({ 'content-length': '0' });
  });

  it('keep the client’s connection, and make a new one to the target for each', async () => {
    const a = await pod();
    const made = await serving([a]);
    const agent = keepAlive();
    let connections = 0;
    a.server.on('connection', () => {
      connections += 1;
    });
    const sockets = new Set<unknown>();
    agent.on('free', (socket) => sockets.add(socket));
    await bodies(made, 5, { agent });
    expect(sockets.size).toBe(1);
    expect(connections).toBe(5);
    await until('the last connection is closed', () => a.sockets.size === 0);
  });

  it('without it have one each, which the target closes first, as it was asked to', async () => {
    const closing = await answering((socket) => setTimeout(() => socket.end(), 200));
    expect(await (await serving([closing])).ask()).toMatchObject({ status: 200, body: 'ok' });
    const { socket, ended } = await closing.asked;
    await once(socket, 'finish');
    expect(ended()).toBe(false);
    await once(socket, 'close');
  });

  it('without it have one each, which is closed where the target keeps it all the same', async () => {
    const keeping = await answering(() => undefined);
    expect(await (await serving([keeping])).ask()).toMatchObject({ status: 200, body: 'ok' });
    const { socket, ended } = await keeping.asked;
    await until('the connection is closed', ended);
    socket.end();
  });

  it('share connections to the target with KeepaliveEnable', async () => {
    const a = await pod();
    const made = await serving([a], {}, { KeepaliveEnable: 1 });
    let connections = 0;
    a.server.on('connection', () => {
      connections += 1;
    });
    expect(await bodies(made, 5)).toEqual(new Map([[a.ip, 5]]));
    expect(connections).toBe(1);
    expect(a.requests.at(-1)?.headers.connection).toBe('keep-alive');
    // One that the target closed in between is not used again.
    for (const socket of a.sockets) socket.end();
    await until('the connection is closed', () => a.sockets.size === 0);
    expect((await made.ask()).body).toBe(a.ip);
    expect(connections).toBe(2);
  });
});

describe('bodies', () => {
  it('of many megabytes go through both ways, chunked, with back-pressure', async () => {
    const size = 24 * 1024 * 1024;
    const a = await pod((request, response) => {
      response.setHeader('x-encoding', String(request.headers['transfer-encoding']));
      request.pipe(response);
    });
    const made = await serving([a]);
    const asked = made.open({ method: 'POST' });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    let received = 0;
    const ended = new Promise<void>((resolve, reject) => {
      asked.once('error', reject);
      asked.once('response', (response) => {
        expect(response.headers['x-encoding']).toBe('chunked');
        expect(response.headers['transfer-encoding']).toBe('chunked');
        response.pause();
        // Nobody reads: writing must come to a stand long before all is sent.
        void until('writing stands still', () => asked.writableNeedDrain).then(() => {
          expect(sent).toBeLessThan(size);
          response.on('data', (part: Buffer) => {
            received += part.length;
          });
          response.once('end', resolve);
          response.resume();
        }, reject);
      });
    });
    const write = (): void => {
      while (sent < size) {
        sent += chunk.length;
        if (!asked.write(chunk)) {
          asked.once('drain', write);
          return;
        }
      }
      asked.end();
    };
    write();
    await ended;
    expect(received).toBe(size);
    const { bytesToTarget, bytesToClient } = fixture.target(a.ip);
    expect(bytesToTarget).toBeGreaterThan(size);
    expect(bytesToClient).toBeGreaterThan(size);
  });

  it('that a client does not read stop the target, and come whole once it reads', async () => {
    const part = Buffer.alloc(64 * 1024);
    const size = 1_024 * part.length;
    let sent = 0;
    const a = await pod((_, response) => {
      response.writeHead(200, { 'content-length': size });
      const more = (): void => {
        while (sent < size) {
          sent += part.length;
          if (!response.write(part)) return;
        }
        response.end();
      };
      response.on('drain', more);
      more();
    });
    const made = await serving([a]);
    const asked = made.open();
    asked.end();
    const [answer]: IncomingMessage[] = await once(asked, 'response');
    await until('the target was stopped', async () => {
      const before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
      return sent === before;
    });
    expect(sent).toBeLessThan(size);
    let received = 0;
    answer?.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await until('all of it came', () => received === size);
  });

  it('of known length keep it, both ways', async () => {
    const body = 'y'.repeat(300_000);
    const a = await pod((request, response) => {
      response.setHeader('content-length', body.length);
      response.setHeader('x-length', String(request.headers['content-length']));
      request.pipe(response);
    });
    const made = await serving([a]);
    const headers = { 'content-length': String(body.length) };
    const answer = await made.ask({ method: 'PUT', body, headers });
    expect(answer.headers).toMatchObject({ 'x-length': '300000', 'content-length': '300000' });
    expect(answer.body).toBe(body);
  });

  it('are asked for by the load balancer itself when the client waits with Expect', async () => {
    const a = await pod((request, response) => {
      expect(request.headers.expect).toBeUndefined();
      request.pipe(response);
    });
    const made = await serving([a]);
    const asked = made.open({ method: 'POST', headers: { expect: '100-continue' } });
    const answer = answerOf(asked);
    asked.flushHeaders();
    await new Promise((resolve) => asked.once('continue', resolve));
    asked.end('now');
    expect(await answer).toMatchObject({ status: 200, body: 'now' });
  });

  it('that are too large are refused with 413, whether their length is known or not', async () => {
    const a = await pod((request, response) => request.pipe(response));
    const made = await serving([a]);
    fixture.simulator.settings.maxRequestBodyBytes = 1_000;
    const known = { 'content-length': '1001' };
    expect(await made.ask({ method: 'POST', body: 'z'.repeat(1_001), headers: known })).toMatchObject({
      status: 413,
    });
    expect(a.requests).toHaveLength(0);
    const quiet = await pod((request) => request.resume());
    const other = await serving([quiet]);
    expect(
      await other.ask({
        method: 'POST',
        body: 'z'.repeat(1_001),
        headers: { 'transfer-encoding': 'chunked' },
      }),
    ).toMatchObject({ status: 413 });
    expect((await made.ask({ method: 'POST', body: 'z'.repeat(1_000) })).body).toHaveLength(1_000);
  });

  it('come as they are made, not when they are whole', async () => {
    const slow = await slowPod();
    const made = await serving([slow]);
    const asked = made.open();
    const text: string[] = [];
    asked.once('response', (response) => {
      response.setEncoding('utf8');
      response.on('data', (part: string) => text.push(part));
    });
    asked.end();
    await until('the first part', () => text.join('') === `${slow.ip} `);
    slow.answer();
    await until('the rest', () => text.join('') === `${slow.ip} whole`);
  });
});

describe('weight 0 and deregistration', () => {
  it('weight 0 stops new requests on kept connections; what is in flight is finished', async () => {
    const slow = await slowPod();
    const other = await pod();
    const made = await serving([slow, { ...other, weight: 0 }]);
    const agent = keepAlive();
    const inFlight = made.ask({ agent });
    await slow.waiting();
    await made.setWeight(other, 10);
    await made.setWeight(slow, 0);
    expect(await bodies(made, 5)).toEqual(new Map([[other.ip, 5]]));
    slow.answer();
    expect((await inFlight).body).toBe(`${slow.ip} whole`);
    expect(await bodies(made, 5, { agent })).toEqual(new Map([[other.ip, 5]]));
  });

  it('deregistration cuts what is in flight, or lets it finish where that is set', async () => {
    const slow = await slowPod();
    const made = await serving([slow]);
    const lost = made.ask();
    const outcome = lost.then(
      () => 'answered',
      () => 'cut',
    );
    await slow.waiting();
    await made.deregister(slow);
    expect(await outcome).toBe('cut');
    await until('the target’s connection is closed', () => slow.sockets.size === 0);

    fixture.simulator.settings.layer7Deregistered = 'finish';
    await made.bind(made.locationIds[0] ?? '', slow);
    slow.answer();
    const kept = made.ask();
    await slow.waiting();
    await made.deregister(slow);
    slow.answer();
    expect((await kept).body).toBe(`${slow.ip} whole`);
    expect((await made.ask()).status).toBe(502);
  });

  it('a deleted listener cuts its clients', async () => {
    const slow = await slowPod();
    const made = await serving([slow]);
    const lost = made.ask().then(
      () => 'answered',
      () => 'cut',
    );
    await slow.waiting();
    await fixture.done(
      await fixture.client.DeleteListener({ LoadBalancerId: lb.id, ListenerId: made.listenerId }),
    );
    expect(await lost).toBe('cut');
    await expect(made.ask()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('sessions by cookie', () => {
  const cookieOf = ({ headers }: Answered): string => headers['set-cookie']?.[0]?.split(';')[0] ?? '';

  it('bring a client back to its target, from any address and connection, whatever cookies it has beside', async () => {
    const pods = [await pod(), await pod(), await pod()];
    const made = await serving(pods, { SessionExpireTime: 86_400 });
    const first = await made.ask();
    expect(first.headers['set-cookie']?.[0]).toMatch(/^tgw_l7_route=[0-9a-f]{32}; Expires=.* GMT; Path=\/$/);
    const cookie = `x=1; ${cookieOf(first)}; y="2"`;
    for (let at = 0; at < 10; at += 1) {
      const again = await made.ask({ headers: { cookie } });
      expect(again.body).toBe(first.body);
      expect(again.headers['set-cookie']).toBeUndefined();
    }
    // Without it a client is spread like any other.
    expect((await bodies(made, 9)).size).toBe(3);
    // A forged one counts for nothing.
    const forged = { cookie: `tgw_l7_route=${'0'.repeat(32)}` };
    expect(cookieOf(await made.ask({ headers: forged }))).toMatch(/^tgw_l7_route=/);
  });

  it('end with their time, also for a client that sends an old cookie', async () => {
    const [a, b] = [await pod(), await pod()];
    // Thirty simulated seconds; the simulator is a hundred times as fast.
    const made = await serving([a, b], { SessionExpireTime: 30 });
    const cookie = cookieOf(await made.ask());
    const renewed = await until('the session is over', async () => {
      const answer = await made.ask({ headers: { cookie } });
      return cookieOf(answer) === '' ? undefined : cookieOf(answer);
    });
    expect(renewed).not.toBe(cookie);
  });

  it('leave a target that has weight 0, is Dead or was removed, and stay with the new one', async () => {
    const [a, b] = [await pod(), await pod()];
    const made = await serving([a, { ...b, weight: 0 }], { SessionExpireTime: 86_400 });
    const cookie = cookieOf(await made.ask());
    await made.setWeight(b, 10);
    await made.setWeight(a, 0);
    const moved = await made.ask({ headers: { cookie } });
    expect(moved.body).toBe(b.ip);
    expect(cookieOf(moved)).not.toBe('');
    fixture.simulator.settings.cookieToWeightZero = 'keep';
    expect((await made.ask({ headers: { cookie } })).body).toBe(a.ip);
    await made.deregister(a);
    expect((await made.ask({ headers: { cookie } })).body).toBe(b.ip);
    await made.bind(made.locationIds[0] ?? '', a);
    expect((await made.ask({ headers: { cookie: cookieOf(moved) } })).body).toBe(b.ip);
  });

  it('have the name that the rule gives, and none with LEAST_CONN', async () => {
    const a = await pod();
    const named = await serving([a], { SessionExpireTime: 30, CookieName: 'mine' });
    expect(cookieOf(await named.ask())).toMatch(/^mine=/);
    const least = await serving([a], { SessionExpireTime: 30, Scheduler: 'LEAST_CONN' });
    expect(cookieOf(await least.ask())).toBe('');
  });
});

describe('targets that fail', () => {
  it('and refuse the connection are passed over, with the body still whole; 502 when all do', async () => {
    const echo = await pod((request, response) => request.pipe(response));
    const gone = await pod();
    await gone.close();
    const made = await serving([gone, echo]);
    const refused: string[] = [];
    closers.push(fixture.simulator.on('refused', ({ reason }) => void refused.push(reason)));
    for (let at = 0; at < 4; at += 1) {
      expect(await made.ask({ method: 'POST', body: `body ${at}` })).toMatchObject({ body: `body ${at}` });
    }
    expect(fixture.target(gone.ip)).toMatchObject({ refusedConnections: 2, totalConnections: 0 });
    expect(refused).toEqual([]);
    await made.deregister(echo);
    expect((await made.ask()).status).toBe(502);
    expect(refused).toEqual([`${gone.ip}:8080 ECONNREFUSED`]);
  });

  it('none of them: as set', async () => {
    const made = await serving([]);
    expect((await made.ask()).status).toBe(502);
    fixture.simulator.settings.statusWithoutTarget = 503;
    expect((await made.ask()).status).toBe(503);
  });

  it('and do not take the connection in time are passed over too; 504 when all do', async () => {
    const { ip } = await stoppedTarget();
    const other = await pod((request, response) => request.pipe(response));
    const made = await serving([{ ip, port: 8_080 }, other]);
    fixture.simulator.settings.targetConnectTimeoutMs = 300;
    for (const body of ['one', 'two']) {
      expect(await made.ask({ method: 'POST', body })).toMatchObject({ status: 200, body });
    }
    expect(fixture.target(ip).refusedConnections).toBe(1);
    await made.deregister(other);
    expect((await made.ask()).status).toBe(504);
  });

  it('and take the connection only when the client has gone get nothing of its request', async () => {
    if (!inRange()) return;
    const stopped = await stoppedTarget();
    const made = await serving([{ ip: stopped.ip, port: 8_080 }]);
    fixture.simulator.settings.targetConnectTimeoutMs = 60_000;
    const asked = made.open();
    asked.on('error', () => undefined);
    asked.end();
    await until('the target was chosen', () => fixture.target(stopped.ip).connections === 1);
    asked.destroy();
    await until('the request is over', () => fixture.target(stopped.ip).connections === 0);
    const from = fixture.addresses.socketOf(lb.vip, made.port).host;
    expect(await stopped.goOn(from)).toBe('');
    expect(fixture.target(stopped.ip)).toMatchObject({ totalConnections: 0, refusedConnections: 0 });
  });

  it('and do not answer in time are 504, and the request is not sent twice', async () => {
    fixture.simulator.settings.targetReadTimeoutMs = 150;
    const silent = await pod(() => undefined);
    const other = await pod();
    const made = await serving([silent, { ...other, weight: 1 }]);
    expect((await made.ask()).status).toBe(504);
    expect(silent.requests).toHaveLength(1);
    expect(other.requests).toHaveLength(0);
    expect(fixture.target(silent.ip).connections).toBe(0);
  });

  it('and close without an answer are 502; only where it is set another one is asked', async () => {
    const rude = await pod((request) => request.socket.destroy());
    const other = await pod((request, response, ip) => request.resume().once('end', () => response.end(ip)));
    const made = await serving([rude, { ...other, weight: 1 }]);
    expect((await made.ask()).status).toBe(502);
    expect(other.requests).toHaveLength(0);
    fixture.simulator.settings.resent = 'idempotent-without-body';
    expect((await made.ask()).body).toBe(other.ip);
    expect((await made.ask({ method: 'POST' })).status).toBe(502);
    expect((await made.ask({ method: 'PUT', body: 'x' })).status).toBe(502);
  });

  it('and break off an answer show the client a cut, not an end', async () => {
    const chunked = await pod((_, response) => {
      response.write('part');
      setImmediate(() => response.socket?.destroy());
    });
    const counted = await pod((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('part');
      setImmediate(() => response.socket?.destroy());
    });
    for (const broken of [chunked, counted]) {
      const made = await serving([broken]);
      await expect(made.ask()).rejects.toMatchObject({ code: 'ECONNRESET' });
    }
  });

  it('and answer before the body is whole are heard', async () => {
    const early = await pod((_, response) => {
      response.writeHead(403, { connection: 'close' }).end('no');
    });
    const made = await serving([early]);
    const asked = made.open({ method: 'POST' });
    const answer = answerOf(asked);
    asked.write('some of it');
    expect(await answer).toMatchObject({ status: 403, body: 'no' });
    asked.destroy();
  });

  it('are left when the client goes away', async () => {
    const slow = await slowPod();
    const made = await serving([slow]);
    const asked = made.open();
    asked.on('error', () => undefined);
    asked.end();
    await slow.waiting();
    expect(fixture.target(slow.ip).connections).toBe(1);
    asked.destroy();
    await until('the target’s connection is closed', () => slow.sockets.size === 0);
    expect(fixture.target(slow.ip).connections).toBe(0);
  });
});

describe('other protocols on a connection', () => {
  const upgradePod = (): Promise<HttpPod> =>
    pod().then((started) => {
      started.server.on('upgrade', (request, socket, head) => {
        socket.on('error', () => undefined);
        if (request.url === '/no') {
          socket.end('HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno');
          return;
        }
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${request.headers.upgrade}\r\nConnection: Upgrade\r\n` +
            `Sec-WebSocket-Accept: ${request.headers['sec-websocket-key']}\r\n\r\nhello `,
        );
        socket.write(head);
        socket.pipe(socket);
      });
      return started;
    });

  const open = (made: Site, path: string) => {
    const socket = connect(fixture.addresses.socketOf(lb.vip, made.port));
    closers.push(() => socket.destroy());
    let text = '';
    let ended = false;
    socket.on('data', (part) => {
      text += part.toString();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      ended = true;
    });
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: a.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Key: key\r\n\r\nfirst ',
    );
    return { socket, text: () => text, ended: () => ended };
  };

  it('a WebSocket is carried both ways, counted, and goes on at weight 0 until the target is removed', async () => {
    const a = await upgradePod();
    const made = await serving([a]);
    const client = open(made, '/chat');
    await until('the echo of what came with the request', () => client.text().endsWith('first '));
    expect(client.text()).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(client.text()).toContain('Sec-WebSocket-Accept: key\r\n');
    expect(client.text()).toContain('hello first ');
    await made.setWeight(a, 0);
    client.socket.write('second');
    await until('the echo at weight 0', () => client.text().endsWith('second'));
    expect(fixture.target(a.ip)).toMatchObject({ connections: 1, totalConnections: 1 });
    await made.deregister(a);
    await until('the connection is cut', () => client.ended());
    await until('at both ends', () => a.sockets.size === 0);
  });

  it('ends at one end when the other ends', async () => {
    const a = await upgradePod();
    const made = await serving([a]);
    const client = open(made, '/chat');
    await until('it is open', () => client.text().endsWith('first '));
    client.socket.end();
    await until('closed at both ends', () => client.ended() && a.sockets.size === 0);
    expect(fixture.target(a.ip).connections).toBe(0);
  });

  it('a target that does not agree answers as usual', async () => {
    const a = await upgradePod();
    const made = await serving([a]);
    const client = open(made, '/no');
    await until('the answer', () => client.ended());
    expect(client.text()).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/);
    expect(client.text()).toMatch(/no$/);
    const nowhere = open(await serving([]), '/chat');
    await until('the answer', () => nowhere.ended());
    expect(nowhere.text()).toMatch(/^HTTP\/1\.1 502 /);
  });

  it('HTTP/1.0 is answered without chunks', async () => {
    const a = await pod((_, response) => {
      response.write('one ');
      response.end('two');
    });
    const made = await serving([a]);
    const socket = connect(fixture.addresses.socketOf(lb.vip, made.port));
    closers.push(() => socket.destroy());
    let text = '';
    socket.on('data', (part) => {
      text += part.toString();
    });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await closed;
    expect(text).toMatch(/\r\n\r\none two$/);
    expect(a.requests[0]?.headers).toMatchObject({ 'x-client-proto-ver': 'HTTP/1.0', host: lb.vip });
  });
});

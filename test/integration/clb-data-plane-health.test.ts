import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClbEvents } from '../../infra/sandbox/clb/events.ts';
import {
  type Fixture,
  type PodServer,
  startFixture,
  startPod,
  until,
} from '../contract/clb-simulator-fixture.ts';
import { ask, type HttpPod, startHttpPod } from '../contract/clb-simulator-http-fixture.ts';

let fixture: Fixture;
let lb: { id: string; vip: string };
let nextPort = 7_000;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  lb = await fixture.createLoadBalancer();
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
afterAll(() => fixture.close());

const pod = async (onConnection?: Parameters<typeof startPod>[2]): Promise<PodServer> => {
  const started = await startPod(fixture.addresses, 8_080, onConnection);
  closers.push(started.close);
  return started;
};

/** The changes of one target's health, as they happen. */
const changesOf = (ip: string): ClbEvents['health'][] => {
  const changes: ClbEvents['health'][] = [];
  closers.push(fixture.simulator.on('health', (change) => change.ip === ip && changes.push(change)));
  return changes;
};

type HealthCheck = NonNullable<Parameters<Fixture['client']['CreateListener']>[0]['HealthCheck']>;

const bind = async (
  { ip, port }: { ip: string; port: number },
  healthCheck: HealthCheck = {},
  weight = 10,
): Promise<string> => {
  nextPort += 1;
  const [listenerId = ''] = await fixture.createListeners(lb.id, [nextPort], { HealthCheck: healthCheck });
  await fixture.register(lb.id, [{ listenerId, ip, port, weight }]);
  return listenerId;
};

const modify = async (listenerId: string, healthCheck: HealthCheck): Promise<void> =>
  fixture.done(
    await fixture.client.ModifyListener({
      LoadBalancerId: lb.id,
      ListenerId: listenerId,
      HealthCheck: healthCheck,
    }),
  );

const becomes = (ip: string, health: string): Promise<boolean> =>
  until(`${ip} is ${health}`, () => fixture.target(ip).health === health);

/** What the API says about the one target of a listener. */
const described = async (listenerId: string): Promise<Record<string, unknown>> => {
  const { LoadBalancers } = await fixture.client.DescribeTargetHealth({
    LoadBalancerIds: [lb.id],
    ListenerIds: [listenerId],
  });
  const [rule, ...more] = LoadBalancers?.[0]?.Listeners?.[0]?.Rules ?? [];
  expect(more).toEqual([]);
  expect(rule).toMatchObject({ Domain: null, Url: null });
  expect(rule?.LocationId).toMatch(/^loc-[0-9a-z]{8}$/);
  return { ...rule?.Targets?.[0] };
};

describe('health checks', () => {
  it('Unknown becomes Alive after HealthNum probes, which come from the VIP', async () => {
    const sources: string[] = [];
    const a = await pod((socket) => {
      sources.push(fixture.addresses.ordinary(socket.remoteAddress ?? ''));
    });
    const changes = changesOf(a.ip);
    fixture.simulator.settings.firstProbeDelayMs = [60_000_000, 60_000_000];
    const listenerId = await bind(a, { HealthNum: 4 });
    expect(await described(listenerId)).toMatchObject({
      IP: a.ip,
      Port: 8_080,
      HealthStatus: false,
      HealthStatusDetail: 'Unknown',
      HealthStatusDetial: 'Unknown',
      Weight: 10,
    });
    fixture.simulator.settings.firstProbeDelayMs = [0, 200];
    await modify(listenerId, { IntervalTime: 10 });
    await becomes(a.ip, 'Alive');
    expect(changes).toMatchObject([{ from: 'Unknown', to: 'Alive', listenerId, port: 8_080 }]);
    expect(sources.length).toBeGreaterThanOrEqual(4);
    if (fixture.addresses.mode === 'range') expect(new Set(sources)).toEqual(new Set([lb.vip]));
    expect(await described(listenerId)).toMatchObject({ HealthStatus: true, HealthStatusDetail: 'Alive' });
  });

  it('a target that stops listening becomes Dead, and Alive again when it is back', async () => {
    const a = await pod();
    const changes = changesOf(a.ip);
    const listenerId = await bind(a);
    await becomes(a.ip, 'Alive');
    await a.close();
    await becomes(a.ip, 'Dead');
    expect(await described(listenerId)).toMatchObject({ HealthStatus: false, HealthStatusDetail: 'Dead' });
    const again = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) =>
      again.listen(fixture.addresses.socketOf(a.ip, a.port), () => resolve()),
    );
    closers.push(() => again.close());
    await becomes(a.ip, 'Alive');
    expect(changes.map(({ from, to }) => `${from} ${to}`)).toEqual([
      'Unknown Alive',
      'Alive Dead',
      'Dead Alive',
    ]);
  });

  it('weight 0 is probed and reported all the same', async () => {
    const a = await pod();
    const listenerId = await bind(a, {}, 0);
    await becomes(a.ip, 'Alive');
    expect(await described(listenerId)).toMatchObject({ HealthStatusDetail: 'Alive', Weight: 0 });
    await a.close();
    await becomes(a.ip, 'Dead');
  });

  it('is Close while it is switched off, Unknown when it is switched on', async () => {
    const a = await pod();
    const listenerId = await bind(a, { HealthSwitch: 0 });
    expect(await described(listenerId)).toMatchObject({ HealthStatus: false, HealthStatusDetail: 'Close' });
    const changes = changesOf(a.ip);
    await modify(listenerId, { HealthSwitch: 1 });
    await becomes(a.ip, 'Alive');
    // Another interval keeps the verdict; the probes go on.
    await modify(listenerId, { IntervalTime: 20, TimeOut: 3 });
    await a.close();
    await becomes(a.ip, 'Dead');
    await modify(listenerId, { HealthSwitch: 0 });
    await becomes(a.ip, 'Close');
    expect(changes.map(({ to }) => to)).toEqual(['Unknown', 'Alive', 'Dead', 'Close']);
  });

  it('another port can be probed', async () => {
    const a = await pod();
    const healthy = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) =>
      healthy.listen(fixture.addresses.socketOf(a.ip, 9_000), () => resolve()),
    );
    closers.push(() => healthy.close());
    await bind(a, { CheckPort: 9_000 });
    await becomes(a.ip, 'Alive');
    healthy.close();
    await becomes(a.ip, 'Dead');
  });

  it('by HTTP: the status decides, by the mask of HttpCode', async () => {
    let status = '200 OK';
    const requests: string[] = [];
    const a = await pod((socket) => {
      socket.once('data', (chunk) => {
        requests.push(chunk.toString());
        socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
      });
    });
    await bind(a, {
      CheckType: 'HTTP',
      HttpVersion: 'HTTP/1.1',
      HttpCheckDomain: 'game.example',
      HttpCheckPath: '/ready',
      HttpCheckMethod: 'GET',
      HttpCode: 6,
    });
    await becomes(a.ip, 'Alive');
    expect(requests[0]).toMatch(/^GET \/ready HTTP\/1\.1\r\nHost: game\.example\r\n/);
    status = '503 Service Unavailable';
    await becomes(a.ip, 'Dead');
    status = '302 Found';
    await becomes(a.ip, 'Alive');
  });

  it('CUSTOM: what a target answers decides, also when it comes in pieces', async () => {
    const good = await pod((socket) => {
      socket.once('data', (data) => {
        if (String(data) !== 'hello?') return;
        socket.write('he');
        setImmediate(() => socket.write('re I am'));
      });
    });
    const other = await pod((socket) => {
      socket.once('data', () => socket.write('away'));
    });
    const check = { CheckType: 'CUSTOM', ContextType: 'TEXT', SendContext: 'hello?', RecvContext: 'here' };
    await bind(good, check);
    await bind(other, check);
    await becomes(good.ip, 'Alive');
    await becomes(other.ip, 'Dead');
  });

  it('by HTTP: a target that accepts and never answers is Dead', async () => {
    const a = await pod((socket) => socket.resume());
    await bind(a, {
      CheckType: 'HTTP',
      HttpVersion: 'HTTP/1.1',
      HttpCheckDomain: 'game.example',
      UnHealthNum: 2,
    });
    await becomes(a.ip, 'Dead');
  });

  it('an unknown load balancer fails the whole read, unless that is switched', async () => {
    const { client, simulator } = fixture;
    const read = () => client.DescribeTargetHealth({ LoadBalancerIds: [lb.id, 'lb-00000000'] });
    await expect(read()).rejects.toMatchObject({ code: 'InvalidParameter.LBIdNotFound' });
    simulator.settings.unknownLoadBalancerInHealth = 'skip';
    expect((await read()).LoadBalancers).toHaveLength(1);
    const thirtyOne = Array.from({ length: 31 }, () => lb.id);
    await expect(client.DescribeTargetHealth({ LoadBalancerIds: thirtyOne })).rejects.toMatchObject({
      code: 'InvalidParameterValue.Length',
    });
  });
});

describe('health checks of rules', () => {
  interface Rules {
    readonly port: number;
    readonly listenerId: string;
    readonly locationIds: readonly string[];
  }

  /** A rule for each health check: `r0.example.com`, `r1.example.com` and so on. */
  const rules = async (...healthChecks: HealthCheck[]): Promise<Rules> => {
    nextPort += 1;
    const port = nextPort;
    const [listenerId = ''] = await fixture.createListeners(lb.id, [port], { Protocol: 'HTTP' });
    const answer = await fixture.client.CreateRule({
      LoadBalancerId: lb.id,
      ListenerId: listenerId,
      Rules: healthChecks.map((HealthCheck, at) => ({ Domain: `r${at}.example.com`, Url: '/', HealthCheck })),
    });
    await fixture.done(answer);
    return { port, listenerId, locationIds: answer.LocationIds ?? [] };
  };

  const httpPod = async (handle?: Parameters<typeof startHttpPod>[2]): Promise<HttpPod> => {
    const started = await startHttpPod(fixture.addresses, 8_080, handle);
    closers.push(started.close);
    return started;
  };

  const bindRule = (made: Rules, at: number, { ip, port }: HttpPod, weight = 10): Promise<void> =>
    fixture.register(lb.id, [
      { listenerId: made.listenerId, locationId: made.locationIds[at] ?? '', ip, port, weight },
    ]);

  /** What the API says about the one target of each rule. */
  const healthOf = async (made: Rules): Promise<(string | undefined)[]> => {
    const { LoadBalancers } = await fixture.client.DescribeTargetHealth({
      LoadBalancerIds: [lb.id],
      ListenerIds: [made.listenerId],
    });
    const found = LoadBalancers?.[0]?.Listeners?.[0]?.Rules ?? [];
    return found.map(({ Targets }) => Targets?.[0]?.HealthStatusDetail);
  };

  const becomesInRules = (made: Rules, ...expected: string[]): Promise<true> =>
    until(`health is ${expected.join()}`, async () => {
      const found = await healthOf(made);
      return found.length === expected.length && found.every((one, at) => one === expected[at])
        ? true
        : undefined;
    });

  it('ask each target as its rule says, from the VIP, also at weight 0', async () => {
    const made = await rules(
      {},
      { HttpCheckMethod: 'GET', HttpCheckPath: '/ok', HttpCheckDomain: 'x.example.com' },
    );
    const sources = new Set<string>();
    const a = await httpPod((request, response) => {
      sources.add(fixture.addresses.ordinary(request.socket.remoteAddress ?? ''));
      response.end();
    });
    const changes = changesOf(a.ip);
    await bindRule(made, 0, a, 0);
    await bindRule(made, 1, a);
    await becomesInRules(made, 'Alive', 'Alive');
    const asked = new Set(a.requests.map(({ method, headers, url }) => `${method} ${headers.host}${url}`));
    expect(asked).toEqual(new Set(['HEAD r0.example.com/', 'GET x.example.com/ok']));
    if (fixture.addresses.mode === 'range') expect(sources).toEqual(new Set([lb.vip]));
    expect(changes.map(({ locationId, to }) => `${locationId} ${to}`).sort()).toEqual(
      made.locationIds.map((id) => `${id} Alive`).sort(),
    );
  });

  it('count the status by the mask of the rule, so that one target is Alive in one rule and Dead in another', async () => {
    const made = await rules({ HttpCode: 2 }, { HttpCode: 2 + 16 }, {});
    const broken = await httpPod((_, response) => response.writeHead(500).end());
    for (const at of [0, 1, 2]) await bindRule(made, at, broken);
    await becomesInRules(made, 'Dead', 'Alive', 'Alive');
    await fixture.done(
      await fixture.client.ModifyRule({
        LoadBalancerId: lb.id,
        ListenerId: made.listenerId,
        LocationId: made.locationIds[1] ?? '',
        HealthCheck: { HttpCode: 4 },
      }),
    );
    await becomesInRules(made, 'Dead', 'Dead', 'Alive');
  });

  it('keep requests away from what is Dead, and give them to all when all are', async () => {
    const made = await rules({ HttpCode: 2, HttpCheckPath: '/healthz' });
    const healthy = new Set<string>();
    const answer: Parameters<typeof startHttpPod>[2] = (request, response, ip) => {
      const ok = request.url !== '/healthz' || healthy.has(ip);
      response.writeHead(ok ? 200 : 503).end(ip);
    };
    const [a, b] = [await httpPod(answer), await httpPod(answer)];
    healthy.add(a.ip);
    await bindRule(made, 0, a);
    await bindRule(made, 0, b);
    const get = () => ask(fixture.addresses, lb.vip, made.port, { host: 'r0.example.com' });
    await becomes(a.ip, 'Alive');
    await becomes(b.ip, 'Dead');
    for (let at = 0; at < 4; at += 1) expect((await get()).body).toBe(a.ip);
    healthy.clear();
    await becomes(a.ip, 'Dead');
    const seen = new Set([(await get()).body, (await get()).body]);
    expect(seen).toEqual(new Set([a.ip, b.ip]));
    fixture.simulator.settings.failOpen = false;
    expect((await get()).status).toBe(502);
    fixture.simulator.settings.failOpen = true;
  });

  it('are Close while they are off', async () => {
    const made = await rules({ HealthSwitch: 0 });
    const a = await httpPod();
    await bindRule(made, 0, a);
    expect(await healthOf(made)).toEqual(['Close']);
    expect((await ask(fixture.addresses, lb.vip, made.port, {})).body).toBe(a.ip);
  });
});

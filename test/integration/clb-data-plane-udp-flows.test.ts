import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import {
  type OpenListener,
  type RuntimeFixture,
  startRuntime,
  startUdpClient,
  startUdpPod,
  type UdpClient,
  type UdpPod,
} from '../contract/clb-runtime-fixture.ts';
import { until } from '../contract/clb-simulator-fixture.ts';

let fixture: RuntimeFixture;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  fixture = await startRuntime();
});
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  Object.assign(fixture.settings, { ...defaultSettings, probeTimeoutFloorMs: 300 });
});
afterAll(() => fixture.close());

const pod = async (answer?: Parameters<typeof startUdpPod>[2]): Promise<UdpPod> => {
  const started = await startUdpPod(fixture.addresses, 8_080, answer);
  closers.push(started.close);
  return started;
};

const listen: RuntimeFixture['listen'] = async (options) => {
  const opened = await fixture.listen(options);
  closers.push(opened.close);
  return opened;
};

const clientOf = async ({ port }: Pick<OpenListener, 'port'>, from?: string): Promise<UdpClient> => {
  const client = await startUdpClient(fixture.addresses, fixture.vip, port, from);
  closers.push(client.close);
  return client;
};

/** Which Pod answers this client. */
const answeredBy = async (client: UdpClient): Promise<string> => {
  const before = client.received.length;
  client.send('who');
  const line = await until('an answer', () => client.received[before]);
  return line.split(' ')[0] ?? '';
};

/** Of so many clients, each with a port of its own. */
const answers = async (opened: OpenListener, count: number, from?: string): Promise<Map<string, number>> => {
  const counts = new Map<string, number>();
  for (let at = 0; at < count; at += 1) {
    const ip = await answeredBy(await clientOf(opened, from));
    counts.set(ip, (counts.get(ip) ?? 0) + 1);
  }
  return counts;
};

/** Why datagrams went nowhere, as it happens. */
const refusals = (): string[] => {
  const reasons: string[] = [];
  closers.push(fixture.events.on('refused', ({ reason }) => void reasons.push(reason)));
  return reasons;
};

const inRange = (): boolean => fixture.addresses.mode === 'range';

describe('datagrams', () => {
  it('of one client’s port are one flow: they stay with one target, and are counted as one', async () => {
    const [a, b] = [await pod(), await pod()];
    const opened = await listen();
    const targets = [opened.bind(a), opened.bind(b)];
    const client = await clientOf(opened);
    const own = await answeredBy(client);
    for (let at = 0; at < 4; at += 1) expect(await answeredBy(client)).toBe(own);
    const target = targets.find(({ ip }) => ip === own);
    const [flow] = target?.connections ?? [];
    expect([target?.traffic.total, target?.connections.size]).toEqual([1, 1]);
    expect(flow?.bytesToTarget).toBe(5 * 'who'.length);
    expect(flow?.bytesToClient).toBe(client.received.join('').length);
  });

  it('go where the fewest flows are for the weight with LEAST_CONN', async () => {
    const [a, b] = [await pod(), await pod()];
    const opened = await listen({ scheduler: 'LEAST_CONN' });
    const targets = [opened.bind(a, 10), opened.bind(b, 20)];
    await answers(opened, 9);
    expect(targets.map(({ connections }) => connections.size)).toEqual([3, 6]);
  });

  it('of one address go to one target with IP_HASH, whatever its ports; those of many to all', async () => {
    if (!inRange()) return;
    const pods = [await pod(), await pod(), await pod()];
    const opened = await listen({ scheduler: 'IP_HASH' });
    for (const each of pods) opened.bind(each);
    const seen = new Set<string>();
    for (let at = 0; at < 20; at += 1) {
      const counts = await answers(opened, 2, fixture.addresses.allocate('client'));
      expect(counts.size).toBe(1);
      for (const ip of counts.keys()) seen.add(ip);
    }
    expect(seen.size).toBe(3);
  });

  it('of one address come back to one target while its session lasts, from any port', async () => {
    if (!inRange()) return;
    const [a, b] = [await pod(), await pod()];
    const opened = await listen({ sessionExpireSeconds: 3_600 });
    const [toA] = [opened.bind(a), opened.bind(b)];
    const from = fixture.addresses.allocate('client');
    const [own = ''] = (await answers(opened, 5, from)).keys();
    expect(own).toBe(a.ip);
    expect(await answeredBy(await clientOf(opened, fixture.addresses.allocate('client')))).toBe(b.ip);
    opened.setWeight(toA, 0);
    expect(await answers(opened, 3, from)).toEqual(new Map([[b.ip, 3]]));
  });

  it('are spread anew when the session is over', async () => {
    const [a, b] = [await pod(), await pod()];
    // A tenth of a second: the fixture is a hundred times as fast.
    const opened = await listen({ sessionExpireSeconds: 10 });
    opened.bind(a);
    opened.bind(b);
    const first = await answeredBy(await clientOf(opened));
    const pool = opened.listener.pool;
    const [session] = pool.sessions.values();
    await until('the session is over', () => session !== undefined && session.expiresAtMs < Date.now());
    expect(await answeredBy(await clientOf(opened))).not.toBe(first);
  });

  it('are lost without a word where there is no target', async () => {
    const opened = await listen();
    const reasons = refusals();
    const client = await clientOf(opened);
    client.send('lost');
    await until('it is told here', () => reasons.length === 1);
    expect(reasons).toEqual(['no target']);
    const a = await pod();
    opened.bind(a);
    expect(await answeredBy(client)).toBe(a.ip);
    expect(client.received).toHaveLength(1);
  });

  it('that are as large as datagrams get go through whole', async () => {
    const a = await pod((datagram) => datagram);
    const opened = await listen();
    opened.bind(a);
    const client = await clientOf(opened);
    const large = 'x'.repeat(65_000);
    client.send(large);
    expect(await until('the echo', () => client.received[0])).toBe(large);
  });
});

describe('a flow', () => {
  it('is forgotten when it was idle, not while it is used', async () => {
    const idleMs = 1_000;
    const [a, b] = [await pod(), await pod()];
    const opened = await listen({ idleSeconds: idleMs / 1_000 });
    const toA = opened.bind(a);
    opened.bind(b, 0);
    /** Uses a flow for longer than it may be idle; false when this machine itself stood still for so long. */
    const used = async (client: UdpClient): Promise<boolean> => {
      await answeredBy(client);
      const { total } = toA.traffic;
      const beganMs = performance.now();
      let lastMs = beganMs;
      while (performance.now() - beganMs < idleMs * 1.5) {
        const by = await answeredBy(client);
        if (performance.now() - lastMs > idleMs / 2) return false;
        lastMs = performance.now();
        // No other flow was begun for it.
        expect([by, toA.traffic.total]).toEqual([a.ip, total]);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return true;
    };
    let client = await clientOf(opened);
    while (!(await used(client))) client = await clientOf(opened);
    const total = toA.traffic.total;
    await until('it is forgotten', () => toA.connections.size === 0);
    opened.setWeight(toA, 0);
    opened.setWeight(opened.bind(b), 10);
    expect(await answeredBy(client)).toBe(b.ip);
    expect(toA.traffic).toMatchObject({ total, bytesToTarget: a.received.length * 'who'.length });
  });

  it('of a deregistered target can lead nowhere while it lasts', async () => {
    fixture.settings.deregisterWithoutRst = 'stall';
    const [a, b] = [await pod(), await pod()];
    const opened = await listen();
    const toA = opened.bind(a);
    const client = await clientOf(opened);
    expect(await answeredBy(client)).toBe(a.ip);
    opened.bind(b);
    opened.deregister(toA);
    client.send('lost');
    // What another client is told after it shows that the first one's datagram was dealt with.
    expect(await answeredBy(await clientOf(opened))).toBe(b.ip);
    expect([a.received.length, b.received.length, client.received.length]).toEqual([1, 1, 1]);
    expect(toA.connections.size).toBe(1);
  });

  it('whose Pod is gone stays with it; what the client sends is lost and told here', async () => {
    const [a, b] = [await pod(), await pod()];
    const opened = await listen();
    const toA = opened.bind(a);
    const client = await clientOf(opened);
    expect(await answeredBy(client)).toBe(a.ip);
    opened.bind(b);
    a.close();
    const reasons = refusals();
    for (const count of [1, 2, 3]) {
      client.send('lost');
      await until('the target’s system refuses', () => reasons.length >= count);
    }
    expect(new Set(reasons)).toEqual(new Set([`${a.ip}:8080 ECONNREFUSED`]));
    expect(toA.traffic).toMatchObject({ total: 1, refused: reasons.length });
    expect([b.received.length, client.received.length]).toEqual([0, 1]);
  });
});

describe('health', () => {
  it.each(['keep', 'move'] as const)('of a target that is Dead: %s its flows', async (udpFlowOfDead) => {
    fixture.settings.udpFlowOfDead = udpFlowOfDead;
    const [a, b] = [await pod(), await pod()];
    const opened = await listen();
    const toA = opened.bind(a);
    const client = await clientOf(opened);
    expect(await answeredBy(client)).toBe(a.ip);
    opened.bind(b);
    toA.health = 'Dead';
    const expected = udpFlowOfDead === 'keep' ? a.ip : b.ip;
    expect(await answeredBy(client)).toBe(expected);
    expect(toA.connections.size).toBe(udpFlowOfDead === 'keep' ? 1 : 0);
  });

  it('keeps new flows away from a target that nobody is at, and gives them to all when all are so', async () => {
    const [a, b] = [await pod(), await pod()];
    b.close();
    const opened = await listen({ healthCheck: { HealthSwitch: 1 } });
    const [toA, toB] = [opened.bind(a), opened.bind(b)];
    await until('both are judged', () => toA.health === 'Alive' && toB.health === 'Dead');
    expect(await answers(opened, 4)).toEqual(new Map([[a.ip, 4]]));
    a.close();
    await until('all are Dead', () => toA.health === 'Dead');
    const reasons = refusals();
    for (let at = 0; at < 2; at += 1) (await clientOf(opened)).send('anybody');
    await until('both were asked', () => new Set(reasons).size === 2);
    expect(new Set(reasons)).toEqual(new Set([a, b].map(({ ip }) => `${ip}:8080 ECONNREFUSED`)));
  });
});

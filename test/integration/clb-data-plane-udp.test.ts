import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startUdpClient, startUdpPod, type UdpClient, type UdpPod } from '../contract/clb-runtime-fixture.ts';
import { type Fixture, failureOf, startFixture, until } from '../contract/clb-simulator-fixture.ts';

let fixture: Fixture;
let lb: { id: string; vip: string };
let nextPort = 5_300;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  fixture = await startFixture({ settings: { quotaListeners: 500 } });
  lb = await fixture.createLoadBalancer();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => fixture.close());

const pod = async (answer?: (text: string, ip: string) => string | undefined): Promise<UdpPod> => {
  const started = await startUdpPod(fixture.addresses, 5_353, (data, _, ip) =>
    answer === undefined ? `${ip} ${data.toString()}` : answer(data.toString(), ip),
  );
  ends.push(started.close);
  return started;
};

type Options = Parameters<Fixture['createListeners']>[2];

const listener = async (
  targets: readonly { readonly ip: string; readonly port: number; readonly weight?: number }[],
  options: Options = {},
): Promise<{ id: string; port: number }> => {
  nextPort += 1;
  const [id = ''] = await fixture.createListeners(lb.id, [nextPort], {
    Protocol: 'UDP',
    HealthCheck: { HealthSwitch: 0 },
    ...options,
  });
  await fixture.register(
    lb.id,
    targets.map(({ ip, port, weight = 10 }) => ({ listenerId: id, ip, port, weight })),
  );
  return { id, port: nextPort };
};

interface Client extends Pick<UdpClient, 'send' | 'received'> {
  /** Its ordinary address. */
  readonly ip: string;
  /** Sends one datagram and resolves with the answer. */
  ask(text: string): Promise<string>;
}

const client = async (port: number, ip = fixture.addresses.allocate('client')): Promise<Client> => {
  const started = await startUdpClient(fixture.addresses, lb.vip, port, ip);
  ends.push(started.close);
  return {
    ...started,
    ip,
    ask: (text) => {
      const before = started.received.length;
      started.send(text);
      return until(`an answer to ${text}`, () => started.received[before]);
    },
  };
};

/** Listens there; rejects where somebody does. */
const listenAt = async (ip: string, port: number): Promise<void> => {
  const { close } = await startUdpPod({ ...fixture.addresses, allocate: () => ip }, port, (data) => data);
  ends.push(close);
};

/** Which Pod answered. */
const whoOf = (answer: string): string => answer.split(' ')[0] ?? '';

describe('a UDP listener', () => {
  it('sends a client’s datagrams to a target, from the client’s own address, and the answers back', async () => {
    const one = await pod();
    const { port } = await listener([one]);
    const asking = await client(port);
    expect(await asking.ask('hello')).toBe(`${one.ip} hello`);
    const from = fixture.addresses.mode === 'range' ? asking.ip : '127.0.0.1';
    expect(one.received).toEqual([`${from} hello`]);
  });

  it('keeps a flow with its target, and spreads flows by weight', async () => {
    const pods = [await pod(), await pod()];
    const [heavy, light] = pods;
    const { port } = await listener(
      pods.map(({ ip, port: at }, index) => ({ ip, port: at, weight: index === 0 ? 30 : 10 })),
    );
    const counts = new Map<string, number>();
    for (let count = 0; count < 16; count += 1) {
      const asking = await client(port);
      const who = whoOf(await asking.ask('a'));
      expect(whoOf(await asking.ask('b'))).toBe(who);
      counts.set(who, (counts.get(who) ?? 0) + 1);
    }
    expect([counts.get(heavy?.ip ?? ''), counts.get(light?.ip ?? '')]).toEqual([12, 4]);
  });

  it('gives weight 0 no new flow and keeps the old ones', async () => {
    const [one, two] = [await pod(), await pod()];
    const { id, port } = await listener([one]);
    const old = await client(port);
    expect(whoOf(await old.ask('a'))).toBe(one.ip);
    await fixture.register(lb.id, [{ listenerId: id, ip: two.ip, port: two.port, weight: 10 }]);
    await fixture.setWeight(lb.id, { listenerId: id, ip: one.ip, port: one.port, weight: 0 });
    expect(whoOf(await (await client(port)).ask('a'))).toBe(two.ip);
    expect(whoOf(await old.ask('b'))).toBe(one.ip);
  });

  it('begins a flow anew at another target once its own is deregistered', async () => {
    const [one, two] = [await pod(), await pod()];
    const { id, port } = await listener([one]);
    const asking = await client(port);
    expect(whoOf(await asking.ask('a'))).toBe(one.ip);
    await fixture.register(lb.id, [{ listenerId: id, ip: two.ip, port: two.port, weight: 10 }]);
    await fixture.deregister(lb.id, [{ listenerId: id, ip: one.ip, port: one.port }]);
    expect(whoOf(await asking.ask('b'))).toBe(two.ip);
  });

  it('counts what nobody listens for, and goes on when somebody does', async () => {
    const ip = fixture.addresses.allocate('pod');
    const { port } = await listener([{ ip, port: 5_353 }]);
    const asking = await client(port);
    asking.send('lost');
    await until('it is refused', () => {
      asking.send('lost');
      return fixture.target(ip).refusedConnections > 0;
    });
    await listenAt(ip, 5_353);
    await until('it answers', async () => {
      asking.send('again');
      return asking.received.includes('again');
    });
  });

  it('leads a client back to its target by its address while the session lasts', async () => {
    const pods = [await pod(), await pod()];
    const { port } = await listener(pods, { SessionExpireTime: 3_600 });
    const ip = fixture.addresses.allocate('client');
    const seen = new Set<string>();
    for (let count = 0; count < 4; count += 1) seen.add(whoOf(await (await client(port, ip)).ask('a')));
    expect(seen.size).toBe(1);
  });

  it('is closed with its listener', async () => {
    const one = await pod();
    const { id, port } = await listener([one]);
    await (await client(port)).ask('a');
    await fixture.done(await fixture.client.DeleteListener({ LoadBalancerId: lb.id, ListenerId: id }));
    await listenAt(lb.vip, port);
  });
});

describe('the health check of a UDP listener', () => {
  const custom = {
    HealthSwitch: 1,
    IntervalTime: 5,
    TimeOut: 2,
    HealthNum: 2,
    UnHealthNum: 2,
    CheckType: 'CUSTOM',
  };

  it('CUSTOM sends its text and finds alive who gives the wanted answer only', async () => {
    const good = await pod((text) => (text === 'ping?' ? 'pong' : undefined));
    const other = await pod(() => 'what');
    const silent = await pod(() => undefined);
    await listener([good, other, silent], {
      HealthCheck: { ...custom, ContextType: 'TEXT', SendContext: 'ping?', RecvContext: 'pong' },
    });
    await until('the good one is Alive', () => fixture.target(good.ip).health === 'Alive');
    await until('the others are Dead', () =>
      [other, silent].every(({ ip }) => fixture.target(ip).health === 'Dead'),
    );
    expect(good.received[0]?.split(' ')[1]).toBe('ping?');
  });

  it('CUSTOM speaks in bytes, too', async () => {
    const good = await pod((text) => (text === '\u0001\u0002' ? '\u0003' : undefined));
    await listener([good], {
      HealthCheck: { ...custom, ContextType: 'HEX', SendContext: '0102', RecvContext: '03' },
    });
    await until('it is Alive', () => fixture.target(good.ip).health === 'Alive');
  });

  it('CUSTOM needs a form, a text and an answer, and bytes as pairs of hex digits', async () => {
    const refusal = async (healthCheck: object): Promise<string> => {
      nextPort += 1;
      const { code = '', message } = await failureOf(
        fixture.client.CreateListener({
          LoadBalancerId: lb.id,
          Ports: [nextPort],
          Protocol: 'UDP',
          HealthCheck: { ...custom, ...healthCheck },
        }),
      );
      return `${code}: ${message}`;
    };
    expect(await refusal({ SendContext: 'a', RecvContext: 'b' })).toMatch(/^MissingParameter.*ContextType/);
    expect(await refusal({ ContextType: 'TEXT', SendContext: 'a' })).toMatch(
      /^MissingParameter.*RecvContext/,
    );
    expect(await refusal({ ContextType: 'HEX', SendContext: '0AF', RecvContext: '0A' })).toMatch(
      /^InvalidParameterValue.*SendContext/,
    );
  });
});

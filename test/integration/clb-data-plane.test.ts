import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type Fixture,
  type PodServer,
  startFixture,
  startPod,
  until,
} from '../contract/clb-simulator-fixture.ts';

let fixture: Fixture;
let lb: { id: string; vip: string };
let nextPort = 7_000;
const pods: PodServer[] = [];
const clients: Socket[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  lb = await fixture.createLoadBalancer();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const pod of pods.splice(0)) await pod.close();
  Object.assign(fixture.simulator.settings, {
    failOpen: true,
    deregisterWithoutRst: 'cut',
    firstProbeDelayMs: [0, 200],
  });
});
afterAll(() => fixture.close());

const pod = async (onConnection?: Parameters<typeof startPod>[2]): Promise<PodServer> => {
  const started = await startPod(fixture.addresses, 8_080, onConnection);
  pods.push(started);
  return started;
};

type ListenerOptions = Parameters<Fixture['createListeners']>[2];

/** A listener of its own with these targets; waits until each has the health that is expected. */
const listener = async (
  targets: readonly { pod: Pick<PodServer, 'ip' | 'port'>; weight?: number; health?: string }[],
  options: ListenerOptions = {},
): Promise<{ id: string; port: number }> => {
  nextPort += 1;
  const port = nextPort;
  const [id = ''] = await fixture.createListeners(lb.id, [port], options);
  await fixture.register(
    lb.id,
    targets.map((target) => ({
      listenerId: id,
      ip: target.pod.ip,
      port: target.pod.port,
      weight: target.weight ?? 10,
    })),
  );
  for (const {
    pod: { ip },
    health = 'Alive',
  } of targets) {
    await until(`${ip} is ${health}`, () => fixture.target(ip).health === health);
  }
  return { id, port };
};

interface Client {
  readonly socket: Socket;
  /** All that was received so far. */
  text(): string;
  /** How the connection ended: `end` or an error code; undefined while it lasts. */
  ended(): string | undefined;
}

const open = (port: number, from?: string): Client => {
  const localAddress = from === undefined ? undefined : fixture.addresses.sourceOf(from);
  const socket = connect({
    ...fixture.addresses.socketOf(lb.vip, port),
    ...(localAddress === undefined ? {} : { localAddress }),
    allowHalfOpen: true,
  });
  clients.push(socket);
  let text = '';
  let ended: string | undefined;
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('end', () => {
    ended ??= 'end';
  });
  socket.on('error', (error) => {
    ended ??= 'code' in error ? String(error.code) : error.message;
  });
  return { socket, text: () => text, ended: () => ended };
};

/** Which Pod answered, or how the connection ended. */
const answeredBy = async (port: number, from?: string): Promise<string> => {
  const client = open(port, from);
  const line = await until('an answer', () =>
    client.text().includes('\n') ? client.text() : client.ended(),
  );
  client.socket.destroy();
  return line.split(' ')[0] ?? '';
};

const answers = async (port: number, count: number): Promise<Map<string, number>> => {
  const counts = new Map<string, number>();
  for (let at = 0; at < count; at += 1) {
    const ip = await answeredBy(port);
    counts.set(ip, (counts.get(ip) ?? 0) + 1);
  }
  return counts;
};

describe('the layer-4 data plane', () => {
  it('spreads new connections exactly by weight', async () => {
    const [a, b, c] = [await pod(), await pod(), await pod()];
    const { port } = await listener([
      { pod: a, weight: 10 },
      { pod: b, weight: 30 },
      { pod: c, weight: 0 },
    ]);
    expect(await answers(port, 40)).toEqual(
      new Map([
        [a.ip, 10],
        [b.ip, 30],
      ]),
    );
    expect(fixture.target(b.ip).totalConnections).toBe(30);
  });

  it('gives weight 0 no new connection and keeps the old ones', async () => {
    const [a, b] = [await pod(), await pod()];
    const { id, port } = await listener([{ pod: a }, { pod: b }]);
    const kept = [open(port), open(port)];
    await until('both answered', () => kept.every((client) => client.text().includes('\n')));
    const onA = kept.find((client) => client.text().startsWith(`${a.ip} `));
    await fixture.setWeight(lb.id, { listenerId: id, ip: a.ip, port: a.port, weight: 0 });
    expect(await answers(port, 10)).toEqual(new Map([[b.ip, 10]]));
    onA?.socket.write('still here\n');
    await until('the old connection echoes', () => onA?.text().includes('still here'));
    expect(fixture.target(a.ip).connections).toBe(1);
  });

  it('gives a new weight to new connections at once', async () => {
    const [a, b] = [await pod(), await pod()];
    const { id, port } = await listener([{ pod: a }, { pod: b, weight: 0 }]);
    expect(await answers(port, 4)).toEqual(new Map([[a.ip, 4]]));
    await fixture.setWeight(lb.id, { listenerId: id, ip: b.ip, port: b.port, weight: 30 });
    const counts = await answers(port, 40);
    expect(counts.get(b.ip)).toBe(30);
  });

  it('shows the Pod the address of the client itself', async () => {
    const { addresses } = fixture;
    if (addresses.mode === 'single') return;
    const a = await pod();
    const { port } = await listener([{ pod: a }]);
    const from = addresses.allocate('client');
    const client = open(port, from);
    await until('an answer', () => client.text().includes('\n'));
    expect(client.text()).toBe(`${a.ip} ${from}\n`);
  });

  it('chooses the target with the fewest connections for its weight with LEAST_CONN', async () => {
    const [a, b] = [await pod(), await pod()];
    const { port } = await listener(
      [
        { pod: a, weight: 10 },
        { pod: b, weight: 20 },
      ],
      {
        Scheduler: 'LEAST_CONN',
      },
    );
    const held = [];
    for (let at = 0; at < 9; at += 1) {
      const client = open(port);
      held.push(client);
      await until('an answer', () => client.text().includes('\n'));
    }
    expect([fixture.target(a.ip).connections, fixture.target(b.ip).connections]).toEqual([3, 6]);
  });

  it('sends Unknown no traffic: the client is reset', async () => {
    const a = await pod();
    const slow = { HealthSwitch: 1, IntervalTime: 300, TimeOut: 2, HealthNum: 10 };
    const { port } = await listener([{ pod: a, health: 'Unknown' }], { HealthCheck: slow });
    expect(await answeredBy(port)).toBe('ECONNRESET');
    expect(fixture.target(a.ip).totalConnections).toBe(0);
  });

  it('resets clients when no target is bound or all weights are 0', async () => {
    const { port: empty } = await listener([]);
    expect(await answeredBy(empty)).toBe('ECONNRESET');
    const a = await pod();
    const { port: drained } = await listener([{ pod: a, weight: 0 }]);
    expect(await answeredBy(drained)).toBe('ECONNRESET');
  });

  it('sends to all when every target is Dead (fail-open), unless that is switched off', async () => {
    const [a, b] = [await pod(), await pod()];
    await Promise.all(pods.map((started) => started.close()));
    const { port } = await listener([
      { pod: a, health: 'Dead' },
      { pod: b, health: 'Dead' },
    ]);
    const refused: string[] = [];
    const off = fixture.simulator.on('refused', ({ reason }) => void refused.push(reason));
    expect(await answeredBy(port)).toBe('ECONNRESET');
    fixture.simulator.settings.failOpen = false;
    expect(await answeredBy(port)).toBe('ECONNRESET');
    off();
    expect(refused).toEqual([expect.stringMatching(/:8080 ECONNREFUSED$/), 'no target']);
  });

  it('does not fail open while one target is Unknown', async () => {
    const [dead, unknown] = [await pod(), await pod()];
    await dead.close();
    const { id, port } = await listener([{ pod: dead, health: 'Dead' }]);
    fixture.simulator.settings.firstProbeDelayMs = [60_000_000, 60_000_000];
    await fixture.register(lb.id, [{ listenerId: id, ip: unknown.ip, port: unknown.port }]);
    const refused: string[] = [];
    const off = fixture.simulator.on('refused', ({ reason }) => void refused.push(reason));
    expect(await answeredBy(port)).toBe('ECONNRESET');
    off();
    expect(refused).toEqual(['no target']);
  });

  it('sends to every target when the health check is off, broken ones too', async () => {
    const [a, b] = [await pod(), await pod()];
    await b.close();
    const { port } = await listener(
      [
        { pod: a, health: 'Close' },
        { pod: b, health: 'Close' },
      ],
      { HealthCheck: { HealthSwitch: 0 } },
    );
    expect(await answers(port, 10)).toEqual(
      new Map([
        [a.ip, 5],
        ['ECONNRESET', 5],
      ]),
    );
    expect(fixture.target(b.ip)).toMatchObject({ refusedConnections: 5, totalConnections: 0 });
  });

  describe('session persistence by source address', () => {
    it('brings a client back to its target', async () => {
      if (fixture.addresses.mode === 'single') return;
      const [a, b] = [await pod(), await pod()];
      const { port } = await listener([{ pod: a }, { pod: b }], { SessionExpireTime: 3_600 });
      const [one, two] = [fixture.addresses.allocate('client'), fixture.addresses.allocate('client')];
      const firstOfOne = await answeredBy(port, one);
      const firstOfTwo = await answeredBy(port, two);
      expect(new Set([firstOfOne, firstOfTwo])).toEqual(new Set([a.ip, b.ip]));
      for (let at = 0; at < 3; at += 1) {
        expect(await answeredBy(port, one)).toBe(firstOfOne);
        expect(await answeredBy(port, two)).toBe(firstOfTwo);
      }
    });

    it('chooses another target when the own one has weight 0, and stays there', async () => {
      const [a, b] = [await pod(), await pod()];
      const { id, port } = await listener([{ pod: a }, { pod: b }], { SessionExpireTime: 3_600 });
      const own = await answeredBy(port);
      expect(await answers(port, 5)).toEqual(new Map([[own, 5]]));
      const other = own === a.ip ? b.ip : a.ip;
      await fixture.setWeight(lb.id, { listenerId: id, ip: own, port: 8_080, weight: 0 });
      expect(await answers(port, 5)).toEqual(new Map([[other, 5]]));
      await fixture.setWeight(lb.id, { listenerId: id, ip: own, port: 8_080, weight: 10 });
      expect(await answers(port, 5)).toEqual(new Map([[other, 5]]));
    });
  });

  describe('the ends of connections', () => {
    const connected = async (port: number): Promise<Client> => {
      const client = open(port);
      await until('an answer', () => client.text().includes('\n'));
      return client;
    };

    it('forwards a half-close both ways', async () => {
      const a = await pod((socket) => {
        let received = '';
        socket.on('data', (chunk) => {
          received += chunk.toString();
        });
        socket.on('end', () => socket.end(`got ${received}\n`));
      });
      const { port } = await listener([{ pod: a }]);
      const client = open(port);
      client.socket.end('request');
      await until('the answer after the half-close', () => client.ended());
      expect([client.text(), client.ended()]).toEqual(['got request\n', 'end']);
    });

    it('gives the client the rest of what it is owed when the Pod ends first', async () => {
      const size = 3_000_000;
      const a = await pod((socket) => socket.end(Buffer.alloc(size, 'x')));
      const { port } = await listener([{ pod: a }]);
      const client = open(port);
      client.socket.pause();
      await until('the Pod has nothing left to send', () => fixture.target(a.ip).connections === 1);
      client.socket.resume();
      await until('the end', () => client.ended());
      expect([client.text().length, client.ended()]).toEqual([size, 'end']);
    });

    it('keeps back-pressure: a client that does not read stops the Pod', async () => {
      let sent = 0;
      const a = await pod((socket) => {
        const more = (): void => {
          while (socket.writable && sent < 200_000_000) {
            sent += 65_536;
            if (!socket.write(Buffer.alloc(65_536))) break;
          }
        };
        socket.on('drain', more);
        more();
      });
      const { port } = await listener([{ pod: a, health: 'Close' }], { HealthCheck: { HealthSwitch: 0 } });
      const client = open(port);
      client.socket.pause();
      await until('the Pod was stopped', async () => {
        const before = sent;
        await new Promise((resolve) => setTimeout(resolve, 300));
        return sent > 0 && sent === before;
      });
      expect(sent).toBeLessThan(60_000_000);
    });

    it('passes a reset of the Pod on to the client, and of the client to the Pod', async () => {
      const a = await pod();
      const { port } = await listener([{ pod: a }]);
      const first = await connected(port);
      for (const socket of a.sockets) socket.resetAndDestroy();
      await until('the client is reset', () => first.ended());
      expect(first.ended()).toBe('ECONNRESET');

      const second = await connected(port);
      const errors: string[] = [];
      for (const socket of a.sockets) socket.on('error', (error) => void errors.push(String(error)));
      second.socket.resetAndDestroy();
      await until('the Pod is reset', () => errors.length > 0);
      expect(errors[0]).toContain('ECONNRESET');
    });

    it('stops forwarding for a deregistered target: reset with DeregisterTargetRst, else closed', async () => {
      for (const rst of [true, false]) {
        const a = await pod();
        const { id, port } = await listener([{ pod: a }], { DeregisterTargetRst: rst });
        const client = await connected(port);
        await fixture.deregister(lb.id, [{ listenerId: id, ip: a.ip, port: a.port }]);
        await until('the connection ended', () => client.ended());
        expect(client.ended()).toBe(rst ? 'ECONNRESET' : 'end');
        expect(await answeredBy(port)).toBe('ECONNRESET');
      }
    });

    it('can leave the connection of a deregistered target open with nothing going through', async () => {
      fixture.simulator.settings.deregisterWithoutRst = 'stall';
      const a = await pod();
      const { id, port } = await listener([{ pod: a }]);
      const client = await connected(port);
      const before = client.text();
      await fixture.deregister(lb.id, [{ listenerId: id, ip: a.ip, port: a.port }]);
      client.socket.write('lost\n');
      await until('the Pod was left', () => a.sockets.size === 0);
      expect([client.text(), client.ended()]).toEqual([before, undefined]);
    });

    it('cuts all connections and refuses new ones when the listener is deleted', async () => {
      const a = await pod();
      const { id, port } = await listener([{ pod: a }]);
      const client = await connected(port);
      await fixture.done(
        await fixture.client.DeleteLoadBalancerListeners({ LoadBalancerId: lb.id, ListenerIds: [id] }),
      );
      await until('the client is reset', () => client.ended());
      expect(client.ended()).toBe('ECONNRESET');
      expect(await answeredBy(port)).toBe('ECONNREFUSED');
    });

    it('counts connections and bytes of each target', async () => {
      const a = await pod();
      const { port } = await listener([{ pod: a }]);
      const client = await connected(port);
      const greeting = client.text().length;
      client.socket.write('12345');
      await until('the echo', () => client.text().endsWith('12345'));
      expect(fixture.target(a.ip)).toMatchObject({
        connections: 1,
        totalConnections: 1,
        bytesToTarget: 5,
        bytesToClient: greeting + 5,
      });
      client.socket.destroy();
      await until('the connection is gone', () => fixture.target(a.ip).connections === 0);
      expect(fixture.target(a.ip)).toMatchObject({ bytesToTarget: 5, bytesToClient: greeting + 5 });
    });
  });
});

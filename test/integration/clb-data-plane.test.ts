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
  Object.assign(fixture.simulator.settings, { failOpen: true, deregisterWithoutRst: 'cut' });
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
});

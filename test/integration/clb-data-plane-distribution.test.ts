import { on } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SocketAddress } from '../../infra/sandbox/addresses.ts';
import {
  type Fixture,
  type PodServer,
  startFixture,
  startPod,
  until,
} from '../contract/clb-simulator-fixture.ts';
import { chiSquared, unlikely } from '../support/chi-squared.ts';
import { type HaproxyOptions, haproxyExpected, startHaproxy } from '../support/haproxy.ts';

let fixture: Fixture;
let lb: { id: string; vip: string };
let nextPort = 7_000;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  lb = await fixture.createLoadBalancer();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
afterAll(() => fixture.close());

const podsOf = async (weights: readonly number[]): Promise<(PodServer & { weight: number })[]> => {
  const pods = await Promise.all(
    weights.map(async (weight) => ({ ...(await startPod(fixture.addresses, 8_080)), weight })),
  );
  closers.push(...pods.map(({ close }) => close));
  return pods;
};

/** Where one connection (from `localAddress`) went; it stays open until the test ends. */
const hold = async (at: SocketAddress, localAddress?: string): Promise<string> => {
  const socket: Socket = connect({ ...at, ...(localAddress === undefined ? {} : { localAddress }) });
  closers.push(() => socket.destroy());
  let text = '';
  for await (const chunk of on(socket, 'data', { signal: AbortSignal.timeout(20_000) })) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split(' ')[0] ?? '';
};

const counted = async (
  at: SocketAddress,
  pods: readonly { ip: string }[],
  count: number,
): Promise<number[]> => {
  const chosen: string[] = [];
  for (let index = 0; index < count; index += 1) chosen.push(await hold(at));
  return countsOf(pods, chosen);
};

const countsOf = (pods: readonly { ip: string }[], chosen: readonly string[]): number[] =>
  pods.map(({ ip }) => chosen.filter((one) => one === ip).length);

const ours = async (
  pods: readonly (PodServer & { weight: number })[],
  Scheduler: string,
): Promise<SocketAddress> => {
  nextPort += 1;
  const [ListenerId = ''] = await fixture.createListeners(lb.id, [nextPort], {
    HealthCheck: { HealthSwitch: 0 },
  });
  // Not by CreateListener, which takes no IP_HASH.
  await fixture.done(await fixture.client.ModifyListener({ LoadBalancerId: lb.id, ListenerId, Scheduler }));
  await fixture.register(
    lb.id,
    pods.map(({ ip, port, weight }) => ({ listenerId: ListenerId, ip, port, weight })),
  );
  return fixture.addresses.socketOf(lb.vip, nextPort);
};

const theirs = async (
  pods: readonly (PodServer & { weight: number })[],
  balance: HaproxyOptions['balance'],
): Promise<SocketAddress> => {
  const at = fixture.addresses.socketOf(fixture.addresses.allocate('vip'), 7_000);
  const servers = pods.map(({ ip, port, weight }) => ({ ...fixture.addresses.socketOf(ip, port), weight }));
  closers.push(startHaproxy({ at, balance, servers }).close);
  await until('HAProxy listens', async () => {
    const socket = connect(at);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    return connected;
  });
  return at;
};

describe.runIf(haproxyExpected)('connections are spread as HAProxy spreads them', () => {
  it.each([
    ['WRR', 'roundrobin', [10, 30, 60, 0], 200],
    ['WRR', 'roundrobin', [1, 1, 5], 70],
    ['LEAST_CONN', 'leastconn', [10, 20, 50], 80],
  ] as const)('%s as %s with weights %j', async (scheduler, balance, weights, count) => {
    const pods = await podsOf(weights);
    const mine = await counted(await ours(pods, scheduler), pods, count);
    const reference = await counted(await theirs(pods, balance), pods, count);
    const sum = weights.reduce<number>((total, weight) => total + weight, 0);
    expect(mine).toEqual(weights.map((weight) => (weight * count) / sum));
    // The connection that found out whether HAProxy listens is one of its turns.
    for (const [at, one] of mine.entries())
      expect(Math.abs(one - (reference[at] ?? 0))).toBeLessThanOrEqual(1);
  });

  it('IP_HASH as source: clients by weight, and each at its own target', async () => {
    const weights = [10, 30, 60];
    const pods = await podsOf(weights);
    for (const at of [await ours(pods, 'IP_HASH'), await theirs(pods, 'source')]) {
      const clients = Array.from({ length: 200 }, (_, index) => `127.201.7.${index + 1}`);
      const first: string[] = [];
      const second: string[] = [];
      for (const client of clients) {
        first.push(await hold(at, client));
        second.push(await hold(at, client));
      }
      expect(second).toEqual(first);
      expect(chiSquared(countsOf(pods, first), weights)).toBeLessThan(unlikely);
    }
  });
});

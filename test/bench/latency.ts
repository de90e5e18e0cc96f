import { setTimeout as sleep } from 'node:timers/promises';
import { hasRedisServer } from '../../infra/sandbox/redis-server.ts';
import type { Platform } from '../../infra/sandbox/system/system.ts';
import { createBareClient } from './bare-client.ts';
import {
  type Figure,
  type FigureOptions,
  median,
  NotMeasured,
  percentileRows,
  type Row,
  row,
} from './figure.ts';
import type { PaperPod } from './paper-cluster.ts';
import { startWorld, type World } from './world.ts';

/** Durations of each step, ms: one value a Pod. */
interface Steps {
  readonly bound: number[];
  readonly gate: number[];
  readonly weightZero: number[];
}

const noSteps = (): Steps => ({ bound: [], gate: [], weightZero: [] });

const between = (from: number | undefined, to: number | undefined, what: string): number => {
  if (from === undefined || to === undefined) throw new NotMeasured(`${what} was not seen`);
  return to - from;
};

/** One change after the other, so that none waits for another's lock; slower than any rate limit. */
const spread = async (
  count: number,
  everyMs: number,
  act: (at: number) => Promise<unknown>,
): Promise<void> => {
  await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      await sleep(at * everyMs);
      await act(at);
    }),
  );
};

/** No part of a second, so that each Pod meets what happens once a second at another point of it. */
const readyEveryMs = 137;
/** A write of a weight is under way for a second: at this pace no more of them than there are invocations by default. */
const leaveEveryMs = 237;

/** A Service each on a load balancer of its own, with one Pod that serves: that one leaves, a new one comes. */
const measureSteps = async (world: World, services: number): Promise<Steps> => {
  const { cluster, timesOf, until } = world;
  const names = Array.from({ length: services }, (_, n) => `web-${n}`);
  const old = await Promise.all(names.map((name) => cluster.createPod(name, 'serving')));
  await Promise.all(names.map((name) => cluster.createService(name)));
  await until('every first Pod is bound', () => old.every(({ ip }) => timesOf(ip).boundAt !== undefined));
  const young = await Promise.all(names.map((name) => cluster.createPod(name, 'gated')));
  const steps = noSteps();
  const gateAt = new Map<string, number>();
  cluster.onGateOpen(({ name }) => void gateAt.set(name, performance.now()));
  const act =
    (pods: readonly PaperPod[], at: Map<string, number>, change: (pod: PaperPod) => Promise<void>) =>
    async (n: number): Promise<void> => {
      const pod = pods[n];
      if (pod === undefined) return;
      at.set(pod.name, performance.now());
      await change(pod);
    };
  await world.quiet(2_000);
  const readyAt = new Map<string, number>();
  await spread(services, readyEveryMs, act(young, readyAt, cluster.containersReady));
  await until('every gate opens', () => young.every(({ name }) => gateAt.has(name)));
  for (const { name, ip } of young) {
    const { boundAt, aliveAt } = timesOf(ip);
    steps.bound.push(between(readyAt.get(name), boundAt, 'a binding'));
    steps.gate.push(between(aliveAt, gateAt.get(name), 'a gate'));
  }
  const deletedAt = new Map<string, number>();
  await spread(services, leaveEveryMs, act(old, deletedAt, cluster.delete));
  await until('every Pod that leaves has weight 0', () =>
    old.every(({ ip }) => timesOf(ip).weightZeroAt !== undefined),
  );
  for (const { name, ip } of old) {
    steps.weightZero.push(between(deletedAt.get(name), timesOf(ip).weightZeroAt, 'weight 0'));
  }
  return steps;
};

/** One Pod after the other, each on its own: nothing else makes anybody look at the load balancer sooner. */
const measureAlone = async (world: World, count: number): Promise<readonly number[]> => {
  const { cluster, quiet, timesOf, until } = world;
  const first = await cluster.createPod('alone', 'serving');
  await cluster.createService('alone');
  await until('its first Pod is bound', () => timesOf(first.ip).boundAt !== undefined);
  const gateAt = new Map<string, number>();
  cluster.onGateOpen(({ name }) => void gateAt.set(name, performance.now()));
  const waits: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const pod = await cluster.createPod('alone', 'gated');
    await quiet(500);
    await cluster.containersReady(pod);
    await until('its gate opens', () => gateAt.has(pod.name));
    waits.push(between(timesOf(pod.ip).aliveAt, gateAt.get(pod.name), 'a gate'));
  }
  return waits;
};

const floorLoadBalancers = 12;

/** The same steps by the fewest calls, on load balancers of its own whose lock is free. */
const measureFloor = async (world: World, rounds: number): Promise<Steps> => {
  const { clb, cluster, timesOf } = world;
  const bare = createBareClient(clb);
  const steps = noSteps();
  const pod = await cluster.createPod('floor', 'serving');
  try {
    await spread(floorLoadBalancers, readyEveryMs, async () => {
      const { id, listenerIds } = await bare.createLoadBalancer([80]);
      const target = { ListenerId: listenerIds[0] ?? '', EniIp: pod.ip, Port: 80 };
      for (let round = 0; round < rounds; round += 1) {
        const times = timesOf(pod.ip, id);
        times.boundAt = undefined;
        times.weightZeroAt = undefined;
        await bare.unlocked(id);
        let from = performance.now();
        await bare.client.BatchRegisterTargets({ LoadBalancerId: id, Targets: [{ ...target, Weight: 10 }] });
        steps.bound.push(between(from, times.boundAt, 'a binding'));
        from = performance.now();
        await bare.client.DescribeTargetHealth({ LoadBalancerIds: [id] });
        await cluster.touchStatus(pod);
        steps.gate.push(performance.now() - from);
        await bare.unlocked(id);
        from = performance.now();
        await bare.client.BatchModifyTargetWeight({
          LoadBalancerId: id,
          ModifyList: [{ ListenerId: target.ListenerId, Targets: [{ EniIp: pod.ip, Port: 80, Weight: 0 }] }],
        });
        await world.until('the weight is 0', () => times.weightZeroAt !== undefined);
        steps.weightZero.push(between(from, times.weightZeroAt, 'weight 0'));
        await bare.unlocked(id);
        await bare.client.BatchDeregisterTargets({ LoadBalancerId: id, Targets: [target] });
      }
    });
    return steps;
  } finally {
    bare.close();
  }
};

interface OnPlatform {
  readonly rows: readonly Row[];
  readonly facts: Readonly<Record<string, number>>;
}

const measureOn = async (platform: Platform, { size, say }: FigureOptions): Promise<OnPlatform> => {
  const small = size === 'small';
  say(`${platform}: starts`);
  const lasted = new Map<string, number[]>();
  const world = await startWorld({
    platform,
    steady: true,
    ...(small ? { speed: 10 } : {}),
    onFunction: ({ name, ms }) => {
      if (ms !== undefined) lasted.set(name, [...(lasted.get(name) ?? []), ms]);
    },
  });
  try {
    const alone = platform === 'standalone' ? await measureAlone(world, small ? 1 : 6) : [];
    say(`${platform}: Pods come and go`);
    const steps = await measureSteps(world, small ? 2 : 32);
    say(`${platform}: the floor`);
    const floor = await measureFloor(world, 1);
    const facts = Object.fromEntries(
      [...lasted].flatMap(([name, ms]): [string, number][] => [
        [`${platform}: ${name} invocations`, ms.length],
        [`${platform}: ${name} p50 ms`, median(ms)],
        [`${platform}: ${name} longest ms`, Math.max(...ms)],
      ]),
    );
    const rows = [
      ...percentileRows(`${platform}: containers ready → bound`, 'ms', steps.bound, floor.bound),
      ...percentileRows(`${platform}: healthy → gate open`, 'ms', steps.gate, floor.gate),
      ...(alone.length === 0
        ? []
        : [
            row(
              `${platform}: healthy → gate open, a Pod alone, p50`,
              'ms',
              median(alone),
              median(floor.gate),
            ),
          ]),
      ...percentileRows(`${platform}: deletion → weight 0`, 'ms', steps.weightZero, floor.weightZero),
    ];
    return { rows, facts };
  } finally {
    await world.close();
  }
};

const measure = async (options: FigureOptions) => {
  const small = options.size === 'small';
  if (!small && !hasRedisServer()) throw new NotMeasured('there is no redis-server on the PATH');
  const rows: Row[] = [];
  let facts: Record<string, number> = { samples: small ? 2 : 32, floorSamples: floorLoadBalancers };
  for (const platform of small ? (['standalone'] as const) : (['standalone', 'scf', 'lambda'] as const)) {
    const measured = await measureOn(platform, options);
    rows.push(...measured.rows);
    facts = { ...facts, ...measured.facts };
  }
  return { against: 'floor', rows, facts };
};

/** From a change in the cluster to its effect at the load balancer, and back to the gate. */
export const latency: Figure = {
  name: 'latency',
  summary: 'how long each step of a Pod takes, by what the CLB’s own times leave possible',
  run: measure,
};

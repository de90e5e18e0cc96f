import { type Figure, type FigureOptions, type Row, row } from './figure.ts';
import type { PaperPod } from './paper-cluster.ts';
import { startWorld, type World } from './world.ts';

/** Maxima of the API's own parameter descriptions; kept here, too, so that a wrong one in the product shows. */
const maxima = { batchTargets: 500, weightTargets: 500, listenersOfTargetRead: 20, healthLoadBalancers: 30 };

/** Of one load balancer in one wave: the changes that are there at the same time. */
export interface Wave {
  readonly pods: number;
}

/**
 * The fewest calls that a rollout allows anybody who checks what it wrote: for each set of changes that are there at the
 * same time (new Pods, Pods that leave, Pods that ended) one write of as many targets as the API takes and one read of
 * the targets afterwards; a change of weights is a task, which is asked for at least once. Then for each set of gates
 * one read of health for as many load balancers as the API takes.
 *
 * @param loadBalancers that roll at the same time, one listener each
 */
export const fewestCalls = (
  waves: readonly Wave[],
  loadBalancers: number,
): { readonly changes: number; readonly health: number } => {
  const perLoadBalancer = waves.map(({ pods }) => {
    const batches = Math.ceil(pods / maxima.batchTargets);
    const weights = Math.ceil(pods / maxima.weightTargets);
    const readBack = Math.ceil(1 / maxima.listenersOfTargetRead);
    return batches + readBack + (weights * 2 + readBack) + batches + readBack;
  });
  return {
    changes: loadBalancers * perLoadBalancer.reduce((sum, calls) => sum + calls, 0),
    health: waves.length * Math.ceil(loadBalancers / maxima.healthLoadBalancers),
  };
};

/** So many at a time, until all are new. */
export const wavesOf = (pods: number, surge: number): readonly Wave[] =>
  Array.from({ length: Math.ceil(pods / surge) }, (_, at) => ({
    pods: Math.min(surge, pods - at * surge),
  }));

/** Longer than the pause before a load balancer of a new store is read once more. */
const firstQuietMs = 12_000;
const quietMs = 1_500;
/** Longer than any pause within a pass. */
const setQuietMs = 900;

class Rollouts {
  readonly #world: World;
  readonly #pods = new Map<string, readonly PaperPod[]>();

  constructor(world: World) {
    this.#world = world;
  }

  async deploy(service: string, count: number): Promise<void> {
    const { cluster } = this.#world;
    const made = Array.from({ length: count }, () => cluster.createPod(service, 'serving'));
    this.#pods.set(service, await Promise.all(made));
    await cluster.createService(service);
  }

  async serving(): Promise<void> {
    const all = [...this.#pods.values()].flat();
    await this.#world.until('every first Pod is bound and Alive', () =>
      all.every(({ ip }) => this.#world.timesOf(ip).aliveAt !== undefined),
    );
  }

  /** All of these Services by one Pod after the other; what changes in a wave changes at the same time. */
  async roll(names: readonly string[], waves: readonly Wave[]): Promise<void> {
    const { cluster, quiet, timesOf, until } = this.#world;
    const open = new Set<string>();
    cluster.onGateOpen(({ name }) => void open.add(name));
    for (const { pods } of waves) {
      const young = new Map(
        await Promise.all(
          names.map(async (service): Promise<[string, readonly PaperPod[]]> => {
            const made = Array.from({ length: pods }, () => cluster.createPod(service, 'gated'));
            return [service, await Promise.all(made)];
          }),
        ),
      );
      const fresh = [...young.values()].flat();
      const old = names.flatMap((service) => (this.#pods.get(service) ?? []).slice(0, pods));
      await Promise.all(fresh.map((pod) => cluster.containersReady(pod)));
      await until('the gates open', () => fresh.every(({ name }) => open.has(name)));
      await Promise.all(old.map((pod) => cluster.delete(pod)));
      await until('those that leave have weight 0', () =>
        old.every(({ ip }) => timesOf(ip).weightZeroAt !== undefined),
      );
      // Read back: what comes next is not there at the same time.
      await quiet(setQuietMs);
      await Promise.all(old.map((pod) => cluster.end(pod)));
      await until('those that left are deregistered', () =>
        old.every(({ ip }) => timesOf(ip).goneAt !== undefined),
      );
      await quiet(setQuietMs);
      for (const service of names) {
        const kept = (this.#pods.get(service) ?? []).slice(pods);
        this.#pods.set(service, [...kept, ...(young.get(service) ?? [])]);
      }
    }
  }

  /** Something about every Pod changes that no load balancer cares for. */
  async touch(): Promise<void> {
    const all = [...this.#pods.values()].flat();
    await Promise.all(all.map((pod) => this.#world.cluster.annotate(pod, { 'example.com/seen': 'yes' })));
  }
}

/** What was called while `act` ran and until it was quiet again, by action; what was refused, with its code. */
const callsOf = async (world: World, act: () => Promise<unknown>): Promise<Record<string, number>> => {
  await world.quiet(quietMs);
  const before = world.clb.calls.length;
  await act();
  await world.quiet(quietMs);
  const counts: Record<string, number> = {};
  for (const { action, code } of world.clb.calls.slice(before)) {
    const name = code === 'OK' ? action : `${action} ${code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};

const health = 'DescribeTargetHealth';
const sum = (calls: Readonly<Record<string, number>>): number =>
  Object.values(calls).reduce((total, count) => total + count, 0);

const measure = async ({ size, say }: FigureOptions) => {
  const small = size === 'small';
  const deployments = small ? [1] : [10, 50];
  const side = small ? 0 : 20;
  const world = await startWorld({ platform: 'standalone', ...(small ? { speed: 10 } : {}) });
  try {
    const rollouts = new Rollouts(world);
    const one = deployments.map((pods) => ({ name: `roll-${pods}`, pods }));
    const many = Array.from({ length: side }, (_, n) => `side-${n}`);
    say(`${one.length + many.length} Services on load balancers of their own`);
    await Promise.all([
      ...one.map(({ name, pods }) => rollouts.deploy(name, pods)),
      ...many.map((name) => rollouts.deploy(name, 2)),
    ]);
    await rollouts.serving();
    if (!small) await world.quiet(firstQuietMs);

    const rows: Row[] = [];
    const facts: Record<string, number> = {};
    const rolled = async (what: string, names: readonly string[], waves: readonly Wave[]): Promise<void> => {
      say(what);
      const calls = await callsOf(world, () => rollouts.roll(names, waves));
      const { [health]: reads = 0, ...changes } = calls;
      const fewest = fewestCalls(waves, names.length);
      rows.push(
        row(`${what}: writes, polls, read-backs`, 'calls', sum(changes), fewest.changes),
        row(`${what}: reads of health`, 'calls', reads, fewest.health),
      );
      for (const [action, count] of Object.entries(calls)) facts[`${what}: ${action}`] = count;
    };
    for (const { name, pods } of one) {
      await rolled(`rolling update, ${pods} Pods`, [name], wavesOf(pods, Math.ceil(pods / 3)));
    }
    if (!small) {
      await rolled(`${side} Services of 2 Pods rolled at once`, many, wavesOf(2, 1));
      say('a change that concerns no load balancer');
      const touched = await callsOf(world, () => rollouts.touch());
      rows.push(row('every Pod changed, nothing of it wanted', 'calls', sum(touched), 0));
    }
    return { against: 'minimum', rows, facts };
  } finally {
    await world.close();
  }
};

/** How many calls of the CLB API a rollout takes, by the fewest that the API's maxima allow (law L10). */
export const calls: Figure = {
  name: 'calls',
  summary: 'CLB calls made, by the fewest that the API allows',
  run: measure,
};

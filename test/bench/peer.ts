import { setTimeout as sleep } from 'node:timers/promises';
import { type BareClient, createBareClient, type OwnLoadBalancer } from './bare-client.ts';
import { type Figure, type FigureOptions, row } from './figure.ts';
import type { PaperPod } from './paper-cluster.ts';
import { startWorld, type World } from './world.ts';

/** RegisterTargets and DeregisterTargets take so many (https://cloud.tencent.com/document/product/214/30676). */
const targetsOfOneCall = 20;
/** Peers ask for a task every two seconds or so; this one is quicker. */
const pollMs = 1_000;
const busyMs = 500;
const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'FailedOperation.ResourceInOperating';

/** What a Service wants: its Pods behind each of its listeners. */
interface Wanted {
  readonly loadBalancer: OwnLoadBalancer;
  readonly pods: readonly PaperPod[];
}

/**
 * A sequential baseline as other open controllers are written: a reconcile for each Service, in each a call for each
 * listener, and the next one when the task of the last has ended. It is told what to do without delay, and needs no
 * cluster, no queue and no read-back; a busy load balancer it tries again after half a second.
 */
const reconcileSequentially = async (
  { client, ended }: BareClient,
  { loadBalancer, pods }: Wanted,
  action: 'RegisterTargets' | 'DeregisterTargets',
): Promise<void> => {
  for (const [at, listenerId] of loadBalancer.listenerIds.entries()) {
    for (let first = 0; first < pods.length; first += targetsOfOneCall) {
      const request = {
        LoadBalancerId: loadBalancer.id,
        ListenerId: listenerId,
        Targets: pods.slice(first, first + targetsOfOneCall).map(({ ip }) => ({ EniIp: ip, Port: 80 + at })),
      };
      for (;;) {
        try {
          const { RequestId: taskId = '' } = await client[action](request);
          await ended(taskId, pollMs);
          break;
        } catch (error) {
          if (!isBusy(error)) throw error;
          await sleep(busyMs);
        }
      }
    }
  }
};

/** So many workers take one Service after the other. */
const baseline = async (
  bare: BareClient,
  wanted: readonly Wanted[],
  workers: number,
  action: 'RegisterTargets' | 'DeregisterTargets',
): Promise<number> => {
  const from = performance.now();
  const queue = [...wanted];
  await Promise.all(
    Array.from({ length: workers }, async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await reconcileSequentially(bare, next, action);
      }
    }),
  );
  return (performance.now() - from) / 1_000;
};

const ports = 2;
const workersOfPeers = 3;

interface Ours {
  readonly registerSeconds: number;
  readonly drainSeconds: number;
  readonly pods: readonly (readonly PaperPod[])[];
}

/** From the Pods' own changes in the cluster to all of them at the load balancers. */
const measureOurs = async (world: World, services: number, podsEach: number): Promise<Ours> => {
  const { cluster, bound, until, timesOf } = world;
  const names = Array.from({ length: services }, (_, n) => `web-${n}`);
  const first = await Promise.all(names.map((name) => cluster.createPod(name, 'serving', ports)));
  await Promise.all(names.map((name) => cluster.createService(name, ports)));
  await until('every first Pod is Alive', () => first.every(({ ip }) => timesOf(ip).aliveAt !== undefined));
  const made = names.map((name) =>
    Promise.all(Array.from({ length: podsEach }, () => cluster.createPod(name, 'gated', ports))),
  );
  const pods = await Promise.all(made);
  const all = pods.flat();
  await world.quiet(2_000);
  const before = bound();
  let from = performance.now();
  await Promise.all(all.map(cluster.containersReady));
  await until('every Pod is bound', () => bound() === before + all.length * ports);
  const registerSeconds = (performance.now() - from) / 1_000;
  await until('every Pod is Alive', () => all.every(({ ip }) => timesOf(ip).aliveAt !== undefined));
  await world.quiet(2_000);
  from = performance.now();
  // The first ones go on serving, so that nothing has to stay for their sake.
  await Promise.all(all.map(cluster.delete));
  await Promise.all(all.map(cluster.end));
  await until('every Pod is deregistered', () => bound() === before);
  return { registerSeconds, drainSeconds: (performance.now() - from) / 1_000, pods };
};

const measure = async ({ size, say }: FigureOptions) => {
  const small = size === 'small';
  const services = small ? 2 : 6;
  const podsEach = small ? 2 : 20;
  const world = await startWorld({ platform: 'standalone', ...(small ? { speed: 10 } : {}) });
  const bare = createBareClient(world.clb);
  try {
    say('clb-direct');
    const ours = await measureOurs(world, services, podsEach);
    say('the baseline, on load balancers of its own');
    const wanted = await Promise.all(
      ours.pods.map(
        async (pods): Promise<Wanted> => ({
          loadBalancer: await bare.createLoadBalancer(Array.from({ length: ports }, (_, n) => 80 + n)),
          pods,
        }),
      ),
    );
    const oneBinds = await baseline(bare, wanted, 1, 'RegisterTargets');
    const threeUnbind = await baseline(bare, wanted, workersOfPeers, 'DeregisterTargets');
    const threeBind = await baseline(bare, wanted, workersOfPeers, 'RegisterTargets');
    const targets = services * podsEach * ports;
    const rows = [
      row(
        'targets registered, one reconcile at a time',
        'targets/s',
        targets / ours.registerSeconds,
        targets / oneBinds,
      ),
      row(
        'targets registered, three side by side',
        'targets/s',
        targets / ours.registerSeconds,
        targets / threeBind,
      ),
      row(
        'targets deregistered, three side by side',
        'targets/s',
        targets / ours.drainSeconds,
        targets / threeUnbind,
      ),
    ];
    return { against: 'baseline', rows, facts: { targets, services, listenersEach: ports, pollMs } };
  } finally {
    bare.close();
    await world.close();
  }
};

/** How fast many changes at many load balancers converge. */
export const peer: Figure = {
  name: 'peer',
  summary: 'targets converged in a second, by a sequential baseline such as other open controllers',
  run: measure,
};

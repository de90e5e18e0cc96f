import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { claimAddresses } from '../../infra/sandbox/addresses.ts';
import { startApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import { startGuard } from '../../infra/sandbox/guard.ts';
import { createPrivateFolder } from '../../infra/sandbox/private-folder.ts';
import { hasRedisServer, startRedisServer } from '../../infra/sandbox/redis-server.ts';
import { commonEnvironment, watcherEnvironment } from '../../infra/sandbox/system/environment.ts';
import { keepProcess } from '../../infra/sandbox/system/kept-process.ts';
import { type Figure, type FigureOptions, NotMeasured, row } from './figure.ts';
import { fill, turn } from './full-cluster.ts';
import { inspect } from './inspector.ts';

const waitMs = 120_000;
const lookEveryMs = 250;
const settleMs = 3_000;
const megabyte = 1_000_000;

/** What a forwarder says of itself. */
type Metrics = ReadonlyMap<string, number>;

const scrape = (address: { readonly host: string; readonly port: number }): Promise<Metrics> =>
  new Promise((resolve, reject) => {
    const asked = request({ ...address, path: '/metrics', agent: false, timeout: 20_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve(
          new Map(
            body.split('\n').flatMap((line): [string, number][] => {
              const at = line.lastIndexOf(' ');
              return line.startsWith('#') || at < 0 ? [] : [[line.slice(0, at), Number(line.slice(at + 1))]];
            }),
          ),
        ),
      );
    });
    asked.on('error', reject);
    asked.on('timeout', () => asked.destroy(new Error('no answer to /metrics')));
    asked.end();
  });

const metric = (metrics: Metrics, name: string): number => {
  const value = metrics.get(name);
  if (value === undefined) throw new NotMeasured(`the forwarder has no metric ${name}`);
  return value;
};

const putsKept = 'clb_direct_puts_total{outcome="kept"}';
const cpu = 'process_cpu_seconds_total';

interface Weighed {
  readonly podsJsonBytes: number;
  /** With all of it listed and put, a few seconds later: as the kubelet sees it. */
  readonly residentBytes: number;
  /** What is left of it when the garbage is gone. */
  readonly liveBytes: number;
  /** CPU seconds from its start until then. */
  readonly startCpuSeconds: number;
  /** CPU seconds of the changes. */
  readonly changesCpuSeconds: number;
  readonly changesPuts: number;
}

/** A forwarder of its own, from its start on, on a cluster of so many Pods. */
const weigh = async (pods: number, changes: number): Promise<Weighed> => {
  const ends: (() => unknown)[] = [];
  try {
    const folder = createPrivateFolder();
    ends.push(folder.remove);
    const addresses = await claimAddresses();
    ends.push(addresses.release);
    const guard = startGuard();
    ends.push(guard.close);
    const redis = await startRedisServer({ guard });
    ends.push(redis.close);
    const api = await startApiServer();
    ends.push(api.close);
    const podsJsonBytes = fill(api, pods);
    const kubeconfigFile = join(folder.path, 'kubeconfig');
    writeFileSync(kubeconfigFile, api.kubeconfig(), { mode: 0o600 });
    const health = addresses.socketOf(addresses.allocate('node'), 8080);
    const lines: string[] = [];
    let inspectorUrl: string | undefined;
    const forwarder = keepProcess({
      name: 'forwarder',
      program: 'functions/forwarder/main',
      health,
      env: {
        ...commonEnvironment('WARN'),
        ...watcherEnvironment(kubeconfigFile, { name: 'forwarder', health, webhook: undefined }),
        // Its Lease is the only thing that it writes to the cluster.
        CLB_DIRECT_NAMESPACE: 'default',
        CLB_DIRECT_REDIS_URL: redis.url,
        // Nobody takes what it puts: this is about the forwarder alone.
        CLB_DIRECT_PLATFORM: 'worker',
      },
      // As deployed, without maps of the sources; and somebody may ask it to collect its garbage.
      nodeOptions: ['--inspect=127.0.0.1:0'],
      onLine: (line) => {
        lines.push(line);
        const [, url] = /^Debugger listening on (ws:\S+)/.exec(line) ?? [];
        inspectorUrl ??= url;
      },
    });
    ends.push(forwarder.close);
    await forwarder.ready(waitMs);
    const until = async (what: string, holds: (metrics: Metrics) => boolean): Promise<Metrics> => {
      const end = performance.now() + waitMs;
      for (;;) {
        const metrics = await scrape(health);
        if (holds(metrics)) return metrics;
        if (performance.now() > end) {
          throw new NotMeasured(`Not within ${waitMs / 1000} s: ${what}. ${lines.slice(-3).join(' ')}`);
        }
        await sleep(lookEveryMs);
      }
    };
    /** Nothing is put for some time any more. */
    const settled = async (): Promise<Metrics> => {
      let seen = -1;
      let since = performance.now();
      return until('nothing is put any more', (metrics) => {
        const puts = metrics.get(putsKept) ?? 0;
        if (puts !== seen) since = performance.now();
        seen = puts;
        return performance.now() - since > settleMs;
      });
    };
    await until(
      'everything is put',
      (metrics) =>
        metrics.get('clb_direct_complete') === 1 &&
        metrics.get('clb_direct_objects{resource="pods"}') === pods,
    );
    const listed = await settled();
    if (inspectorUrl === undefined) throw new NotMeasured('the forwarder has no inspector');
    const liveBytes = await inspect(inspectorUrl);
    const before = await scrape(health);
    const stored = [...api.store.collection('pods').values()].map(({ object }) => object);
    for (let change = 0; change < changes && stored.length > 0; change += 1) {
      // Far from each other, so that they are not one change of one Service.
      const pod = stored[(change * 11) % stored.length];
      const now =
        pod === undefined ? undefined : api.store.collection('pods').get('default', pod.metadata.name);
      if (now !== undefined) turn(api, now.object);
      if (change % 20 === 19) await sleep(100);
    }
    const after = await settled();
    return {
      podsJsonBytes,
      residentBytes: metric(listed, 'process_resident_memory_bytes'),
      liveBytes,
      startCpuSeconds: metric(listed, cpu),
      changesCpuSeconds: metric(after, cpu) - metric(before, cpu),
      changesPuts: (after.get(putsKept) ?? 0) - (before.get(putsKept) ?? 0),
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
};

const measure = async ({ size, say }: FigureOptions) => {
  if (!hasRedisServer()) throw new NotMeasured('there is no redis-server on the PATH');
  const small = size === 'small';
  const [few, many, changes] = small ? [20, 100, 20] : [2_000, 10_000, 1_000];
  say('an empty cluster');
  const empty = await weigh(0, 0);
  say(`${few} Pods`);
  const at = await weigh(few, changes);
  say(`${many} Pods`);
  const atMany = await weigh(many, changes);
  if (atMany.changesPuts === 0) throw new NotMeasured('the changes were not put');
  const live = (weighed: Weighed): number => weighed.liveBytes - empty.liveBytes;
  const listCpu = (weighed: Weighed): number => weighed.startCpuSeconds - empty.startCpuSeconds;
  /** As if there were ten thousand. */
  const of10k = (value: number, pods: number): number => (value * 10_000) / pods;
  const rows = [
    row(
      `live memory of ${many} Pods, by their JSON`,
      'MB',
      live(atMany) / megabyte,
      atMany.podsJsonBytes / megabyte,
    ),
    row(
      `resident memory of ${many} Pods, by their JSON`,
      'MB',
      (atMany.residentBytes - empty.residentBytes) / megabyte,
      atMany.podsJsonBytes / megabyte,
    ),
    row(
      `live memory of 10 000 more Pods beyond ${few}, by that up to ${few}`,
      'MB',
      of10k(live(atMany) - live(at), many - few) / megabyte,
      of10k(live(at), few) / megabyte,
    ),
    row(
      `CPU to list and put 10 000 Pods at ${many}, by that at ${few}`,
      's',
      of10k(listCpu(atMany), many),
      of10k(listCpu(at), few),
    ),
    row(
      `CPU of ${changes} changes among ${many} Pods, by that among ${few}`,
      's',
      atMany.changesCpuSeconds,
      at.changesCpuSeconds,
    ),
  ];
  const facts = {
    emptyLiveMegabytes: Math.round(empty.liveBytes / megabyte),
    emptyResidentMegabytes: Math.round(empty.residentBytes / megabyte),
    fewResidentMegabytes: Math.round(at.residentBytes / megabyte),
    manyResidentMegabytes: Math.round(atMany.residentBytes / megabyte),
    emptyCpuSeconds: Number(empty.startCpuSeconds.toFixed(2)),
    putsOfTheChanges: atMany.changesPuts,
  };
  return { against: 'against', rows, facts };
};

/** The one part that stays in the cluster. */
export const memory: Figure = {
  name: 'memory',
  summary: 'memory and CPU of the forwarder for 10 000 Pods',
  run: measure,
};

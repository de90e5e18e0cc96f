import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionChange } from '../../infra/sandbox/functions/pool.ts';
import { Pool } from '../../infra/sandbox/functions/pool.ts';
import { lambdaRuntime, scfRuntime } from '../../infra/sandbox/functions/protocols.ts';
import { startGuard } from '../../infra/sandbox/guard.ts';
import { functionFile } from '../../infra/sandbox/program-files.ts';
import { hasRedisServer } from '../../infra/sandbox/redis-server.ts';
import { type Figure, type FigureOptions, median, NotMeasured, type Row, row } from './figure.ts';
import { startWorld } from './world.ts';

/** What the design allows a bundle, bytes. */
const bundleBudget = 800_000;

const parts = ['reconcile', 'readiness'] as const;
const settings = {
  name: 'bench',
  region: 'ap-guangzhou',
  memoryMb: 256,
  timeoutMs: 60_000,
};
const runtimes = { lambda: lambdaRuntime(settings), scf: scfRuntime(settings) };

/** Enough to be loaded and to answer; no load balancer is named, so nobody is called. */
const functionEnv = {
  CLB_DIRECT_CLUSTER_ID: 'bench',
  CLB_DIRECT_CLAIM: 'annotation',
  CLB_DIRECT_REDIS_URL: 'redis://127.0.0.1:9',
  CLB_DIRECT_CLB_REGION: settings.region,
  CLB_DIRECT_TOKEN_KEY: Buffer.alloc(32, 1).toString('base64'),
  TENCENTCLOUD_SECRET_ID: 'id',
  TENCENTCLOUD_SECRET_KEY: 'key',
};
const event = Buffer.from(JSON.stringify({ invocationId: 'bench', loadBalancerKeys: [] }));

type Guard = ReturnType<typeof startGuard>;

/** From the start of an instance's process to its first answer, ms. */
const coldStart = async (platform: keyof typeof runtimes, file: string, guard: Guard): Promise<number> => {
  const said: string[] = [];
  const pool = new Pool(
    { name: settings.name, file, env: functionEnv },
    {
      protocol: runtimes[platform],
      initTimeoutMs: 30_000,
      maxAnswerBytes: 6_000_000,
      guard,
      nodePath: process.execPath,
    },
    (line) => said.push(line),
    () => undefined,
  );
  try {
    const from = performance.now();
    const invoked = await pool.invoke(event);
    const ms = performance.now() - from;
    if (invoked.is === 'ended' && invoked.end.is === 'answer') return ms;
    const how = invoked.is === 'ended' ? invoked.end.is : invoked.is;
    throw new NotMeasured(`${file} did not answer: ${how} ${said.slice(-3).join(' ')}`);
  } finally {
    pool.close();
  }
};

const coldStarts = async ({ size, say }: FigureOptions): Promise<readonly Row[]> => {
  const samples = size === 'small' ? 1 : 9;
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-bench-'));
  const empty = join(folder, 'empty.cjs');
  writeFileSync(empty, 'exports.handler = exports.main_handler = async () => ({});\n');
  const guard = startGuard();
  try {
    const rows: Row[] = [];
    for (const platform of ['lambda', 'scf'] as const) {
      say(`cold starts on ${platform}`);
      const times: { readonly bundle: number[]; readonly empty: number[] } = { bundle: [], empty: [] };
      // One after the other in turn: what else the machine does meets both.
      for (let sample = 0; sample < samples; sample += 1) {
        times.empty.push(await coldStart(platform, empty, guard));
        times.bundle.push(await coldStart(platform, functionFile('reconcile'), guard));
      }
      rows.push(
        row(`cold start of reconcile on ${platform}, p50`, 'ms', median(times.bundle), median(times.empty)),
      );
    }
    return rows;
  } finally {
    guard.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

const sizes = (): readonly Row[] =>
  parts.map((part) => row(`bundle of ${part}`, 'bytes', statSync(functionFile(part)).size, bundleBudget));

/** Weights of Pods change at a steady rate, spread over the load balancers; each is a write that has to be made. */
const invocations = async ({
  size,
  say,
}: FigureOptions): Promise<{ rows: readonly Row[]; facts: Record<string, number> }> => {
  const small = size === 'small';
  const [services, podsEach, changes, perSecond] = small ? [1, 2, 10, 20] : [20, 5, 1_000, 100];
  const begun = new Map<string, number>();
  const world = await startWorld({
    platform: 'lambda',
    onFunction: ({ name, change }: FunctionChange) => {
      if (change === 'begin') begun.set(name, (begun.get(name) ?? 0) + 1);
    },
  });
  try {
    const { cluster, timesOf, until } = world;
    const names = Array.from({ length: services }, (_, n) => `web-${n}`);
    const made = names.map((name) =>
      Promise.all(Array.from({ length: podsEach }, () => cluster.createPod(name, 'serving'))),
    );
    const pods = (await Promise.all(made)).flat();
    await Promise.all(names.map((name) => cluster.createService(name)));
    await until('every Pod is Alive', () => pods.every(({ ip }) => timesOf(ip).aliveAt !== undefined));
    await world.quiet(3_000);
    begun.clear();
    say(`${changes} changes, ${perSecond} in a second`);
    const weights = new Map<string, number>();
    await Promise.all(
      Array.from({ length: changes }, async (_, at) => {
        await sleep((at * 1_000) / perSecond);
        const pod = pods[at % pods.length];
        if (pod === undefined) return;
        const weight = 1 + (at % 97);
        weights.set(pod.ip, weight);
        await cluster.annotate(pod, { 'service.cloud.tencent.com/custom-weight': String(weight) });
      }),
    );
    const settled = (): boolean =>
      world.clb
        .state()
        .loadBalancers.flatMap(({ listeners }) => listeners.flatMap(({ targets }) => targets))
        .every(({ ip, weight }) => weights.get(ip) === undefined || weights.get(ip) === weight);
    await until('every weight is what was asked for last', settled);
    await world.quiet(2_000);
    const of = (part: (typeof parts)[number]): number => begun.get(`clb-direct-${part}`) ?? 0;
    return {
      rows: [
        row(`invocations of reconcile, ${perSecond} changes/s`, 'for changes', of('reconcile'), changes),
      ],
      facts: { changes, services, readinessInvocations: of('readiness') },
    };
  } finally {
    await world.close();
  }
};

const measure = async (options: FigureOptions) => {
  if (!hasRedisServer()) throw new NotMeasured('there is no redis-server on the PATH');
  const rows = [...(await coldStarts(options)), ...sizes()];
  const invoked = await invocations(options);
  return { against: 'against', rows: [...rows, ...invoked.rows], facts: invoked.facts };
};

/** What the functions cost their platform. */
export const functions: Figure = {
  name: 'functions',
  summary: 'cold start by that of an empty handler, bundle size, invocations for 1 000 changes',
  run: measure,
};

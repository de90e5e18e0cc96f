import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HistoryFile, openHistory } from '../../infra/cli/history-file.ts';
import type { Cluster, RunningCluster } from '../../infra/sandbox/cluster/cluster.ts';
import { deployments } from '../../infra/sandbox/cluster/objects.ts';
import { hasRedisServer } from '../../infra/sandbox/redis-server.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../infra/sandbox/sandbox.ts';
import type { HistoryEvent, PodChange } from '../../infra/sandbox/scenario/history.ts';
import { deployGuide, guide } from '../../infra/sandbox/scenario/rolling-update.ts';
import { Run } from '../../infra/sandbox/scenario/run.ts';
import type { PodState, RunState } from '../../infra/sandbox/scenario/run-state.ts';
import { startTraffic, type Traffic } from '../../infra/sandbox/scenario/traffic.ts';
import type { Platform } from '../../infra/sandbox/system/system.ts';

/** Something that goes wrong in mid-rollout; on any cluster, unless it says on which. */
export interface Fault<C extends RunningCluster = RunningCluster> {
  /** It begins with the rollout, or when its first Pod comes to this. */
  readonly at: 'rolling' | Extract<PodChange, 'containers-ready' | 'deleting'>;
  /** How long it lasts. */
  readonly lastsMs: number;
  /** Begins it. @returns ends it, and may see to it that all is well again */
  begin(world: ChaosWorld<C>): (() => unknown) | Promise<() => unknown>;
}

/** The longest that a fault lasts beside which no request may be lost, and how long Pods go on accepting then. */
export const faultMs = 15_000;
const acceptSeconds = 45;
/** Nothing is lost while Pods accept, so neither in this time. */
export const longMs = 40_000;

const rolloutTimeoutMs = 150_000;
const drainTimeoutMs = 60_000;

const inSyncMs = 30_000;

const serves = ({ pod, target }: PodState): boolean =>
  pod.ready && !pod.terminating && target?.health === 'Alive' && target.weight > 0;

export type StartSandbox<C extends RunningCluster> = (options: SandboxOptions) => Promise<Sandbox<C>>;

/**
 * A sandbox with the guide's Deployment under steady traffic, rolled again and again, each time beside another fault.
 * Its Pods go on accepting for 45 s after they were told to go.
 */
export class ChaosWorld<C extends RunningCluster = RunningCluster> {
  readonly sandbox: Sandbox<C>;
  readonly run: Run;
  readonly #traffic: Traffic;
  readonly #historyFile: HistoryFile;
  readonly #failures: string[] = [];
  #version = 1;

  private constructor(sandbox: Sandbox<C>, run: Run, traffic: Traffic, historyFile: HistoryFile) {
    this.sandbox = sandbox;
    this.run = run;
    this.#traffic = traffic;
    this.#historyFile = historyFile;
    run.history.on((event) => {
      if (event.type === 'failure') {
        this.#failures.push(`${event.client}: ${event.failure.kind} ${event.failure.detail}`);
      }
    });
  }

  /** @param startIn where it goes wrong */
  static async start<C extends RunningCluster>(
    startIn: StartSandbox<C>,
    options: SandboxOptions = {},
  ): Promise<ChaosWorld<C>> {
    const run = new Run();
    const { platform = 'standalone' } = options;
    const suite = basename(expect.getState().testPath ?? '', '.test.ts');
    const historyFile = openHistory(
      { command: 'chaos', options: { platform }, seed: 0 },
      `.clb-direct/chaos/${suite}-${platform}.jsonl`,
    );
    run.history.on((event) => historyFile.add(event));
    const sandbox = await startIn({
      speed: 10,
      ...options,
      onSystemProcess: (change) => run.history.add({ type: 'process', ...change }),
      onSystemLine: (line, from) => run.history.add({ type: 'log', from, line }),
      onFunction: (change) => run.history.add({ type: 'function', ...change }),
    });
    try {
      await deployGuide(sandbox, run, {
        change: (deployment) => ({
          ...deployment,
          spec: {
            ...deployment.spec,
            template: {
              ...deployment.spec.template,
              spec: {
                ...deployment.spec.template.spec,
                terminationGracePeriodSeconds: acceptSeconds + 15,
                containers: deployment.spec.template.spec.containers.map((container) => ({
                  ...container,
                  env: [{ name: 'ACCEPT_SECONDS', value: String(acceptSeconds) }],
                })),
              },
            },
          },
        }),
      });
      const { address } = run.state;
      if (address === undefined) throw new Error('the Service has no address');
      const traffic = startTraffic(sandbox.addresses, address, run.history, { share: 0.5 });
      await run.until('every client gets answers', 20_000, ({ clients }) => {
        return clients.length > 0 && clients.every(({ ok }) => ok > 0);
      });
      return new ChaosWorld(sandbox, run, traffic, historyFile);
    } catch (error) {
      await sandbox.close();
      throw error;
    }
  }

  /** Rolls the Deployment while the fault lasts, until the new Pods serve and nothing new goes to the old ones. */
  async roll(fault: Fault<C>): Promise<void> {
    const { run, sandbox } = this;
    this.#version += 1;
    const version = `v${this.#version}`;
    const old = new Set(run.state.pods.map(({ pod }) => pod.uid));
    const over = this.#begin(fault, old);
    await sandbox.cluster.client.patch(deployments, guide.namespace, guide.deployment, 'strategic', {
      spec: { template: { spec: { containers: [{ name: 'nginx', image: `nginx:${version}` }] } } },
    });
    await over;
    await run.until(`the rollout to ${version} is complete`, rolloutTimeoutMs, (state) => {
      return (
        state.rollout?.version === version && state.rollout.complete && this.#newOnesServe(state, version)
      );
    });
    await run.until('no new connection goes to an old Pod', drainTimeoutMs, (state) =>
      state.pods.every(({ pod, target }) => !old.has(pod.uid) || (target?.weight ?? 0) === 0),
    );
  }

  /** What the leader counts, by name and labels as /metrics has them; empty while nobody leads. */
  async leaderCounts(): Promise<ReadonlyMap<string, number>> {
    const leader = await this.sandbox.system.leader();
    return new Map(
      (await leader.metrics())
        .filter((line) => !line.startsWith('#'))
        .map((line) => {
          const at = line.lastIndexOf(' ');
          return [line.slice(0, at), Number(line.slice(at + 1))];
        }),
    );
  }

  /** Resolves when the leader has seen another store, and put all there is into it; 30 s at most. */
  async inSyncAgain(generationsBefore: number): Promise<void> {
    const end = Date.now() + inSyncMs;
    for (;;) {
      const counts = await this.leaderCounts();
      if (
        (counts.get('clb_direct_store_generations_total') ?? 0) > generationsBefore &&
        counts.get('clb_direct_complete') === 1
      ) {
        break;
      }
      if (Date.now() > end) {
        const found = [...counts].filter(([name]) => /generations|complete|leading|take_overs/.test(name));
        throw new Error(`not all was put again within ${inSyncMs} ms: ${found.join(' ')}`);
      }
      await sleep(100);
    }
    await this.run.until(
      'every Pod that serves is bound',
      Math.max(1, end - Date.now()),
      ({ pods }) =>
        pods.some(serves) &&
        pods.every((state) => !state.pod.ready || state.pod.terminating || serves(state)),
    );
  }

  #newOnesServe(state: RunState, version: string): boolean {
    const young = state.pods.filter(({ pod }) => pod.version === version);
    return young.length > 0 && young.every(serves);
  }

  /** Resolves when the fault is over. */
  async #begin(fault: Fault<C>, old: ReadonlySet<string>): Promise<void> {
    if (fault.at !== 'rolling') await this.#podComesTo(fault.at, old);
    const end = await fault.begin(this);
    await sleep(fault.lastsMs);
    await end();
  }

  #podComesTo(at: PodChange, old: ReadonlySet<string>): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.run.history.on((event: HistoryEvent) => {
        if (event.type !== 'pod' || event.change !== at || old.has(event.pod.uid) !== (at === 'deleting'))
          return;
        stop();
        resolve();
      });
    });
  }

  /** So far; to be asked when nothing new goes to Pods that leave. */
  expectNothingLost(): void {
    expect(this.#failures, `its history: ${this.#historyFile.path}`).toEqual([]);
  }

  /** Ends the traffic: what was under way counts too. */
  async end(): Promise<void> {
    try {
      await this.#traffic.stop();
      this.expectNothingLost();
    } finally {
      this.#traffic.close();
      await this.sandbox.close();
      this.#historyFile.close();
    }
  }
}

type NamedFaults<C extends RunningCluster> = readonly (readonly [string, Fault<C>])[];

/** A rollout beside each fault, one after the other, on one sandbox; without Redis only standalone, but never on CI. */
export const chaosSuiteIn = <C extends RunningCluster>(
  startIn: StartSandbox<C>,
  platform: Platform,
  faults: NamedFaults<C>,
): void => {
  const runs = platform === 'standalone' || hasRedisServer() || process.env['CI'] === 'true';
  describe.runIf(runs)(`${platform}: a rolling update loses no request (L1) and no change (L3) while`, () => {
    let world: ChaosWorld<C>;
    beforeAll(async () => {
      world = await ChaosWorld.start(startIn, { platform });
    });
    afterAll(() => world?.end());

    for (const [name, fault] of faults) {
      it(name, async () => {
        await world.roll(fault);
        world.expectNothingLost();
      });
    }
  });
};

/** The same on the in-process cluster, in which everything can fail. */
export const chaosSuite = (platform: Platform, faults: NamedFaults<Cluster>): void =>
  chaosSuiteIn(startSandbox, platform, faults);

// This project as it runs, between a paper cluster and the CLB simulator, in one run with whatever it is held against.
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';
import { type ClbSettings, type DurationRange, defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { type ClbSimulator, startClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import type { FunctionChange } from '../../infra/sandbox/functions/pool.ts';
import { seededRandom } from '../../infra/sandbox/random.ts';
import { type Platform, type System, startSystem } from '../../infra/sandbox/system/system.ts';
import { NotMeasured } from './figure.ts';
import { type PaperCluster, startPaperCluster } from './paper-cluster.ts';

/** When the simulator saw a target come to what, ms of `performance.now()`; the first time of each. */
export interface TargetTimes {
  boundAt?: number | undefined;
  aliveAt?: number;
  weightZeroAt?: number | undefined;
  goneAt?: number;
}

export interface World {
  readonly addresses: Addresses;
  readonly clb: ClbSimulator;
  readonly cluster: PaperCluster;
  readonly system: System;
  /** Of a target of this load balancer (of any, if absent). */
  timesOf(ip: string, loadBalancerId?: string): TargetTimes;
  /** Targets bound now. */
  bound(): number;
  /**
   * Resolves when the condition holds; looked at whenever the CLB or a Pod changes.
   *
   * @throws NotMeasured when it does not hold in time
   */
  until(what: string, holds: () => boolean, timeoutMs?: number): Promise<void>;
  /** Resolves when no call was made for so long. */
  quiet(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly platform: Platform;
  /** Everything the CLB does this many times as fast. Default: only its health checks are, {@link healthSpeed} times. */
  readonly speed?: number;
  /** What a call takes is the mean of its range instead of drawn from it. */
  readonly steady?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly onFunction?: (change: FunctionChange) => void;
}

const waitMs = 120_000;
const keptLines = 15;
/** A new target is Alive after two to three seconds: no figure is about the CLB's own checks. */
const healthSpeed = 5;
/** Draws the simulator's times: each run draws the same ones. */
const seed = 7;

/** What a call of the API takes is real, whatever the speed of the rest. */
const realApiTimes = (steady: boolean): Partial<ClbSettings> => {
  const real = ([least, most]: DurationRange): DurationRange =>
    steady
      ? [((least + most) / 2) * healthSpeed, ((least + most) / 2) * healthSpeed]
      : [least * healthSpeed, most * healthSpeed];
  const { apiLatencyMs, createListenerMs, targetTaskMs, batchBaseMs, batchPerTargetMs, batchLockTailMs } =
    defaultSettings;
  return {
    apiLatencyMs: real(apiLatencyMs),
    createListenerMs: real(createListenerMs),
    targetTaskMs: real(targetTaskMs),
    batchBaseMs: batchBaseMs * healthSpeed,
    batchPerTargetMs: batchPerTargetMs * healthSpeed,
    batchLockTailMs: real(batchLockTailMs),
  };
};

export const startWorld = async (options: WorldOptions): Promise<World> => {
  const ends: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  const begun = async (): Promise<World> => {
    const addresses = await claimAddresses();
    ends.push(addresses.release);
    const clb = await startClbSimulator({
      listen: { host: '127.0.0.1', port: 0 },
      addresses,
      speed: options.speed ?? healthSpeed,
      random: seededRandom(seed),
      // A load balancer's making is in none of the figures; the quota of an account that asked for more.
      settings: {
        createLoadBalancerMs: [500, 1_000],
        quotaTargets: 500,
        // Checks of a target begin at any point of their interval.
        firstProbeDelayMs: [0, 5_000],
        ...(options.speed === undefined ? realApiTimes(options.steady === true) : {}),
      },
    });
    ends.push(clb.close);
    const cluster = await startPaperCluster(addresses);
    ends.push(cluster.close);
    const times = new Map<string, TargetTimes>();
    const boundNow = new Set<string>();
    const timesOf = (ip: string, loadBalancerId = ''): TargetTimes => {
      const key = `${loadBalancerId} ${ip}`;
      const known = times.get(key) ?? {};
      times.set(key, known);
      return known;
    };
    const looks = new Set<() => void>();
    const changed = (): void => {
      for (const look of looks) look();
    };
    clb.on('target', ({ loadBalancerId, listenerId, ip, port, change, weight }) => {
      const now = performance.now();
      const key = `${loadBalancerId} ${listenerId} ${ip}:${port}`;
      if (change === 'deregistered') boundNow.delete(key);
      else boundNow.add(key);
      for (const of of [timesOf(ip), timesOf(ip, loadBalancerId)]) {
        if (change === 'registered') of.boundAt ??= now;
        if (change === 'deregistered') of.goneAt ??= now;
        if (change === 'weight' && weight === 0) of.weightZeroAt ??= now;
      }
      changed();
    });
    clb.on('health', ({ loadBalancerId, ip, to }) => {
      if (to !== 'Alive') return;
      for (const of of [timesOf(ip), timesOf(ip, loadBalancerId)]) of.aliveAt ??= performance.now();
      changed();
    });
    let lastCallAt = performance.now();
    clb.on('call', () => {
      lastCallAt = performance.now();
      changed();
    });
    ends.push(cluster.api.store.collection('pods').subscribe(changed));
    const lines: string[] = [];
    const system = await startSystem({
      platform: options.platform,
      addresses,
      clb,
      cluster,
      // The figures say which Pods have one.
      gate: false,
      onLine: (line, from) => {
        lines.push(`${from}: ${line}`);
        if (lines.length > keptLines) lines.shift();
      },
      ...(options.onFunction === undefined ? {} : { onFunction: options.onFunction }),
      env: { CLB_DIRECT_LOG_LEVEL: 'WARN', ...options.env },
    });
    ends.push(system.close);
    return {
      addresses,
      clb,
      cluster,
      system,
      timesOf,
      bound: () => boundNow.size,
      until: (what, holds, timeoutMs = waitMs) =>
        new Promise((resolve, reject) => {
          if (holds()) {
            resolve();
            return;
          }
          const look = (): void => {
            if (!holds()) return;
            clearTimeout(timer);
            looks.delete(look);
            resolve();
          };
          const timer = setTimeout(() => {
            looks.delete(look);
            reject(new NotMeasured(`Not within ${timeoutMs / 1000} s: ${what}.\n${lines.join('\n')}`));
          }, timeoutMs);
          looks.add(look);
        }),
      quiet: (ms) =>
        new Promise((resolve) => {
          const from = performance.now();
          const look = (): void => {
            const left = Math.max(from, lastCallAt) + ms - performance.now();
            if (left <= 0) resolve();
            else setTimeout(look, left);
          };
          look();
        }),
      close,
    };
  };
  try {
    return await begun();
  } catch (error) {
    await close();
    throw error;
  }
};

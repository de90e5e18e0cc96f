import { beforeEach, describe, expect, it } from 'vitest';
import { defaultHealthCheck } from '../actions/health-check-parameters.ts';
import type { SimulatedClock } from '../clock.ts';
import { Events } from '../events.ts';
import type { Listener, LoadBalancer } from '../load-balancer.ts';
import { Pool } from '../pool.ts';
import { defaultSettings } from '../settings.ts';
import { HealthChecker } from './checker.ts';

/** A clock that stands until it is moved. */
class HandClock implements SimulatedClock {
  readonly speed = 1;
  #nowMs = 0;
  #timers: { atMs: number; run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }
  real(simulatedMs: number): number {
    return simulatedMs;
  }
  after(simulatedMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + simulatedMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  sleep(simulatedMs: number): Promise<void> {
    return new Promise((resolve) => this.after(simulatedMs, resolve));
  }
  close(): void {
    this.#timers = [];
  }

  /** Moves to a time, running what falls due, in order. */
  async moveTo(untilMs: number): Promise<void> {
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs);
      const [next] = this.#timers;
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers.shift();
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
    this.#nowMs = untilMs;
  }

  /** Time that passes without anything running: a busy machine. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }
}

const loadBalancer: LoadBalancer = {
  id: 'lb-1',
  region: 'r',
  type: 'OPEN',
  vip: '10.1.240.1',
  vpcId: 'vpc-1',
  subnetId: '',
  projectId: 0,
  slaType: '',
  tags: [],
  createdAt: new Date(0),
  chargeType: '',
  internetChargeType: '',
  maxBandwidthMbps: 1,
  name: '',
  status: 1,
  statusAt: new Date(0),
  passToTarget: false,
  deleteProtect: false,
  snatPro: false,
  listeners: new Map(),
};

const listenerOf = (pool: Pool): Listener => ({
  layer: 4,
  id: 'lbl-1',
  protocol: 'TCP',
  port: 80,
  createdAt: new Date(0),
  name: '',
  sessionType: 'NORMAL',
  deregisterTargetRst: false,
  idleConnectTimeoutSeconds: 900,
  pool,
});

let clock: HandClock;
let probes: number[];
let works: boolean;
let durationMs: number;
let changes: string[];

const watched = () => {
  const events = new Events();
  events.on('health', ({ to }) => void changes.push(`${clock.nowMs()} ${to}`));
  const checker = new HealthChecker({
    network: {
      socketOf: (host, port) => ({ host, port }),
      probeSource: () => undefined,
      sharedProbeSource: () => undefined,
      forwardSource: () => undefined,
      clientAddress: (address) => address,
    },
    settings: { ...defaultSettings, firstProbeDelayMs: [100, 100] },
    clock,
    events,
    random: () => 0,
    probe: () => {
      probes.push(clock.nowMs());
      clock.stall(durationMs);
      return Promise.resolve(works);
    },
  });
  const pool = new Pool(defaultHealthCheck('TCP'), 'WRR', 0);
  const listener = listenerOf(pool);
  const target = pool.add({ ip: '10.1.0.1', port: 80, weight: 10, tag: '', instanceId: '' }, new Date(0));
  checker.watch(loadBalancer, listener, pool, target);
  return { checker, pool, listener, target };
};

beforeEach(() => {
  clock = new HandClock();
  probes = [];
  changes = [];
  works = true;
  durationMs = 0;
});

describe('when targets are probed', () => {
  it('promptly after registration, then every interval: Alive after two intervals with the defaults', async () => {
    watched();
    await clock.moveTo(20_000);
    expect(probes).toEqual([100, 5_100, 10_100, 15_100]);
    expect(changes).toEqual(['10100 Alive']);
  });

  it('Dead after UnHealthNum failures, Alive again after HealthNum successes', async () => {
    watched();
    await clock.moveTo(10_100);
    works = false;
    await clock.moveTo(25_100);
    works = true;
    await clock.moveTo(60_000);
    expect(changes).toEqual(['10100 Alive', '25100 Dead', '40100 Alive']);
  });

  it('a probe that takes longer than the interval is followed at once by one other, not by a burst', async () => {
    watched();
    durationMs = 12_000;
    await clock.moveTo(12_050);
    durationMs = 0;
    await clock.moveTo(20_000);
    expect(probes).toEqual([100, 12_100, 17_100]);
  });

  it('not any more when it is gone', async () => {
    const { checker, target } = watched();
    await clock.moveTo(6_000);
    checker.unwatch(target);
    await clock.moveTo(60_000);
    expect(probes).toEqual([100, 5_100]);
    expect(changes).toEqual([]);
  });

  it('a changed health check keeps the verdict and counts anew; off is Close, on again Unknown', async () => {
    const { checker, pool, listener, target } = watched();
    const change = (more: object): void => {
      pool.healthCheck = { ...pool.healthCheck, ...more };
      checker.watch(loadBalancer, listener, pool, target);
    };
    await clock.moveTo(11_000);
    works = false;
    await clock.moveTo(21_000);
    change({ IntervalTime: 10, UnHealthNum: 3 });
    await clock.moveTo(41_000);
    expect(changes).toEqual(['10100 Alive']);
    await clock.moveTo(41_200);
    expect(changes).toEqual(['10100 Alive', '41100 Dead']);
    change({ HealthSwitch: 0 });
    works = true;
    await clock.moveTo(100_000);
    change({ HealthSwitch: 1 });
    await clock.moveTo(130_000);
    expect(changes.slice(2)).toEqual(['41200 Close', '100000 Unknown', '120100 Alive']);
  });
});

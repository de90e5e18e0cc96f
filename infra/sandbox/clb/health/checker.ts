import type { SimulatedClock } from '../clock.ts';
import type { Network } from '../data-plane/network.ts';
import type { Events } from '../events.ts';
import type { Listener, LoadBalancer } from '../load-balancer.ts';
import type { HealthStatus, Target } from '../model.ts';
import type { Pool } from '../pool.ts';
import { type ClbSettings, draw } from '../settings.ts';
import { probe } from './probe.ts';
import type { ProbeOptions } from './probe-options.ts';
import { afterProbe, type HealthCount, startingCount } from './transitions.ts';

interface Watch {
  readonly loadBalancer: LoadBalancer;
  readonly listener: Listener;
  readonly pool: Pool;
  readonly target: Target;
  count: HealthCount;
  cancel: () => void;
  ended: boolean;
}

export interface HealthCheckerParts {
  readonly network: Network;
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
  readonly random: () => number;
  /** Default: a real one. */
  readonly probe?: (options: ProbeOptions) => Promise<boolean>;
}

/** Probes every watched target, whatever its weight, from the load balancer's own address or from a shared one. */
export class HealthChecker {
  readonly #network: Network;
  readonly #settings: ClbSettings;
  readonly #clock: SimulatedClock;
  readonly #events: Events;
  readonly #random: () => number;
  readonly #probeTarget: (options: ProbeOptions) => Promise<boolean>;
  readonly #watches = new Map<Target, Watch>();

  constructor(parts: HealthCheckerParts) {
    this.#network = parts.network;
    this.#settings = parts.settings;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#random = parts.random;
    this.#probeTarget = parts.probe ?? probe;
  }

  /**
   * Begins to probe, or begins anew after the health check changed: the verdict so far stays until the new
   * probes reach another; switched off it is Close, switched on again Unknown.
   */
  watch(loadBalancer: LoadBalancer, listener: Listener, pool: Pool, target: Target): void {
    this.unwatch(target);
    const off = pool.healthCheck.HealthSwitch === 0 || listener.stopped === true;
    const status = off ? 'Close' : target.health === 'Close' ? 'Unknown' : target.health;
    const watch: Watch = {
      loadBalancer,
      listener,
      pool,
      target,
      count: startingCount(status),
      cancel: () => undefined,
      ended: false,
    };
    this.#set(watch, status);
    if (off) return;
    this.#watches.set(target, watch);
    this.#schedule(watch, draw(this.#settings.firstProbeDelayMs, this.#random()));
  }

  unwatch(target: Target): void {
    const watch = this.#watches.get(target);
    if (watch === undefined) return;
    watch.ended = true;
    watch.cancel();
    this.#watches.delete(target);
  }

  close(): void {
    for (const target of [...this.#watches.keys()]) this.unwatch(target);
  }

  #schedule(watch: Watch, simulatedMs: number): void {
    watch.cancel = this.#clock.after(simulatedMs, () => void this.#probe(watch));
  }

  async #probe(watch: Watch): Promise<void> {
    const { healthCheck } = watch.pool;
    const startedMs = this.#clock.nowMs();
    const success = await this.#probeOnce(watch);
    if (watch.ended) return;
    watch.count = afterProbe(watch.count, success, healthCheck, this.#settings.aliveAfterFirstSuccess);
    this.#set(watch, watch.count.status);
    const spentMs = this.#clock.nowMs() - startedMs;
    this.#schedule(watch, Math.max(0, healthCheck.IntervalTime * 1000 - spentMs));
  }

  #probeOnce({ pool, target, listener, loadBalancer }: Watch): Promise<boolean> {
    const { healthCheck } = pool;
    const port = healthCheck.CheckPort ?? target.port;
    const socket = this.#network.socketOf(target.ip, port);
    if (socket === undefined) return Promise.resolve(false);
    return this.#probeTarget({
      transport: listener.protocol === 'UDP' ? 'udp' : 'tcp',
      socket,
      localAddress:
        healthCheck.SourceIpType === 1
          ? this.#network.sharedProbeSource(this.#random())
          : this.#network.probeSource(loadBalancer.vip),
      timeoutMs: Math.max(this.#clock.real(healthCheck.TimeOut * 1000), this.#settings.probeTimeoutFloorMs),
      endsWith: this.#settings.probeEndsWith,
      healthCheck,
    });
  }

  #set({ loadBalancer, listener, pool, target }: Watch, to: HealthStatus): void {
    const from = target.health;
    if (from === to) return;
    target.health = to;
    this.#events.emit('health', {
      loadBalancerId: loadBalancer.id,
      listenerId: listener.id,
      ...(listener.layer === 7 ? { locationId: pool.locationId } : {}),
      ip: target.ip,
      port: target.port,
      from,
      to,
    });
  }
}

import type { SimulatedClock } from './clock.ts';
import type { Network } from './data-plane/network.ts';
import { TcpFrontend } from './data-plane/tcp-frontend.ts';
import type { Events } from './events.ts';
import { HealthChecker } from './health/checker.ts';
import type { Listener, LoadBalancer } from './load-balancer.ts';
import type { Target } from './model.ts';
import type { NewTarget } from './pool.ts';
import type { ClbSettings } from './settings.ts';

/** The running side of the state: sockets that forward, probes that watch. Every change goes through it. */
export class Runtime {
  readonly #frontends = new Map<string, TcpFrontend>();
  readonly #health: HealthChecker;
  readonly #network: Network;
  readonly #settings: ClbSettings;
  readonly #clock: SimulatedClock;
  readonly #events: Events;

  constructor(parts: {
    network: Network;
    settings: ClbSettings;
    clock: SimulatedClock;
    events: Events;
    random: () => number;
  }) {
    this.#network = parts.network;
    this.#settings = parts.settings;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#health = new HealthChecker(parts);
  }

  /** Opens the listener's socket. @throws Error when its port cannot be listened on */
  async openListener(loadBalancer: LoadBalancer, listener: Listener): Promise<void> {
    if (listener.protocol === 'TCP') {
      const frontend = new TcpFrontend({
        loadBalancer,
        listener,
        network: this.#network,
        settings: this.#settings,
        clock: this.#clock,
        events: this.#events,
      });
      await frontend.open();
      this.#frontends.set(listener.id, frontend);
    }
    loadBalancer.listeners.set(listener.id, listener);
    this.#events.emit('listener', {
      loadBalancerId: loadBalancer.id,
      listenerId: listener.id,
      change: 'created',
    });
  }

  /** Closes the listener's socket, cuts its connections and unbinds its targets. */
  closeListener(loadBalancer: LoadBalancer, listener: Listener): void {
    loadBalancer.listeners.delete(listener.id);
    this.#frontends.get(listener.id)?.close();
    this.#frontends.delete(listener.id);
    for (const target of listener.pool.targets) this.#health.unwatch(target);
    this.#events.emit('listener', {
      loadBalancerId: loadBalancer.id,
      listenerId: listener.id,
      change: 'deleted',
    });
  }

  register(loadBalancer: LoadBalancer, listener: Listener, target: NewTarget): void {
    const bound = listener.pool.find(target.ip, target.port);
    if (bound !== undefined) {
      if (this.#settings.reRegisterUpdatesWeight)
        this.setWeight(loadBalancer, listener, bound, target.weight);
      return;
    }
    const added = listener.pool.add(target, new Date());
    this.#health.watch(loadBalancer, listener, listener.pool, added);
    this.#emitTarget(loadBalancer, listener, added, 'registered');
  }

  deregister(loadBalancer: LoadBalancer, listener: Listener, target: Target): void {
    listener.pool.remove(target);
    this.#health.unwatch(target);
    for (const connection of target.connections) {
      connection.stop(listener.deregisterTargetRst ? 'rst' : this.#settings.deregisterWithoutRst);
    }
    this.#emitTarget(loadBalancer, listener, target, 'deregistered');
  }

  setWeight(loadBalancer: LoadBalancer, listener: Listener, target: Target, weight: number): void {
    if (target.weight === weight) return;
    target.weight = weight;
    this.#emitTarget(loadBalancer, listener, target, 'weight');
  }

  /** After the listener's health check changed. */
  healthCheckChanged(loadBalancer: LoadBalancer, listener: Listener): void {
    for (const target of listener.pool.targets) {
      this.#health.watch(loadBalancer, listener, listener.pool, target);
    }
  }

  close(): void {
    this.#health.close();
    for (const frontend of this.#frontends.values()) frontend.close();
    this.#frontends.clear();
  }

  #emitTarget(
    loadBalancer: LoadBalancer,
    listener: Listener,
    { ip, port, weight }: Target,
    change: 'registered' | 'deregistered' | 'weight',
  ): void {
    this.#events.emit('target', {
      loadBalancerId: loadBalancer.id,
      listenerId: listener.id,
      locationId: listener.pool.locationId,
      ip,
      port,
      weight,
      change,
    });
  }
}

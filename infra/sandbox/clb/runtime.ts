import type { Certificates } from './certificates.ts';
import type { SimulatedClock } from './clock.ts';
import { HttpFrontend } from './data-plane/http-frontend.ts';
import type { Network } from './data-plane/network.ts';
import { RangeFrontend } from './data-plane/range-frontend.ts';
import { TcpFrontend } from './data-plane/tcp-frontend.ts';
import { UdpFrontend } from './data-plane/udp-frontend.ts';
import type { Events } from './events.ts';
import { HealthChecker } from './health/checker.ts';
import {
  type Layer7Listener,
  type Listener,
  type LoadBalancer,
  poolsOf,
  type Rule,
} from './load-balancer.ts';
import type { Target } from './model.ts';
import type { NewTarget, Pool } from './pool.ts';
import type { ClbSettings } from './settings.ts';

/** Where a target is bound: a layer-4 listener's own pool, or that of one of its rules. */
export interface Place {
  readonly loadBalancer: LoadBalancer;
  readonly listener: Listener;
  readonly pool: Pool;
}

type Frontend = TcpFrontend | UdpFrontend | HttpFrontend | RangeFrontend;

/** The running side of the state: sockets that forward, probes that watch. Every change goes through it. */
export class Runtime {
  readonly #frontends = new Map<string, Frontend>();
  readonly #health: HealthChecker;
  readonly #network: Network;
  readonly #settings: ClbSettings;
  readonly #clock: SimulatedClock;
  readonly #events: Events;
  readonly #certificates: Certificates;

  constructor(parts: {
    network: Network;
    settings: ClbSettings;
    clock: SimulatedClock;
    events: Events;
    random: () => number;
    certificates: Certificates;
  }) {
    this.#network = parts.network;
    this.#settings = parts.settings;
    this.#clock = parts.clock;
    this.#events = parts.events;
    this.#certificates = parts.certificates;
    this.#health = new HealthChecker(parts);
  }

  /** Opens the listener's socket. @throws Error when its port cannot be listened on */
  async openListener(loadBalancer: LoadBalancer, listener: Listener): Promise<void> {
    await this.#openFrontend(loadBalancer, listener);
    loadBalancer.listeners.set(listener.id, listener);
    this.#events.emit('listener', {
      loadBalancerId: loadBalancer.id,
      listenerId: listener.id,
      change: 'created',
    });
  }

  async #openFrontend(loadBalancer: LoadBalancer, listener: Listener): Promise<void> {
    const frontend = this.#frontendOf(loadBalancer, listener);
    await frontend.open();
    this.#frontends.set(listener.id, frontend);
  }

  #closeFrontend({ id }: Listener): void {
    this.#frontends.get(id)?.close();
    this.#frontends.delete(id);
  }

  /** Closes the listener's socket and cuts its connections; what is bound stays bound, and is not probed. */
  stopListener(loadBalancer: LoadBalancer, listener: Listener): void {
    listener.stopped = true;
    this.#closeFrontend(listener);
    this.#watchAnew(loadBalancer, listener);
  }

  /** Undoes {@link stopListener}. @throws Error when its port cannot be listened on */
  async startListener(loadBalancer: LoadBalancer, listener: Listener): Promise<void> {
    if (listener.stopped !== true) return;
    await this.#openFrontend(loadBalancer, listener);
    listener.stopped = false;
    this.#watchAnew(loadBalancer, listener);
  }

  /** Closes every socket and cuts all connections; what is bound stays bound, and keeps its last verdict unprobed. */
  isolate(loadBalancer: LoadBalancer): void {
    if (loadBalancer.isolatedAt !== undefined) return;
    loadBalancer.isolatedAt = new Date();
    for (const listener of loadBalancer.listeners.values()) {
      this.#closeFrontend(listener);
      for (const pool of poolsOf(listener)) this.#unwatch(pool);
    }
    this.#events.emit('loadBalancer', { loadBalancerId: loadBalancer.id, change: 'modified' });
  }

  /** Undoes {@link isolate}. @throws Error when a port cannot be listened on; then it stays isolated */
  async restore(loadBalancer: LoadBalancer): Promise<void> {
    if (loadBalancer.isolatedAt === undefined) return;
    const listeners = [...loadBalancer.listeners.values()];
    try {
      for (const listener of listeners) {
        if (listener.stopped !== true) await this.#openFrontend(loadBalancer, listener);
      }
    } catch (error) {
      for (const listener of listeners) this.#closeFrontend(listener);
      throw error;
    }
    delete loadBalancer.isolatedAt;
    for (const listener of listeners) this.#watchAnew(loadBalancer, listener);
    this.#events.emit('loadBalancer', { loadBalancerId: loadBalancer.id, change: 'modified' });
  }

  #watchAnew(loadBalancer: LoadBalancer, listener: Listener): void {
    for (const pool of poolsOf(listener)) this.healthCheckChanged({ loadBalancer, listener, pool });
    this.listenerChanged(loadBalancer, listener);
  }

  #frontendOf(loadBalancer: LoadBalancer, listener: Listener): Frontend {
    const parts = {
      loadBalancer,
      network: this.#network,
      settings: this.#settings,
      clock: this.#clock,
      events: this.#events,
      certificates: this.#certificates,
    };
    if (listener.layer === 7) return new HttpFrontend({ ...parts, listener });
    const onPort = (port: number): TcpFrontend | UdpFrontend =>
      listener.protocol === 'UDP'
        ? new UdpFrontend({ ...parts, listener, port })
        : new TcpFrontend({ ...parts, listener, port });
    return listener.endPort === undefined ? onPort(listener.port) : new RangeFrontend(listener, onPort);
  }

  /** After a change of the listener itself: its name, its certificates. */
  listenerChanged({ id: loadBalancerId }: LoadBalancer, { id: listenerId }: Listener): void {
    this.#events.emit('listener', { loadBalancerId, listenerId, change: 'modified' });
  }

  /** Closes the listener's socket, cuts its connections and unbinds its targets. */
  closeListener(loadBalancer: LoadBalancer, listener: Listener): void {
    loadBalancer.listeners.delete(listener.id);
    this.#closeFrontend(listener);
    if (listener.layer === 4) this.#unwatch(listener.pool);
    else for (const rule of [...listener.rules.values()]) this.removeRule(loadBalancer, listener, rule);
    this.#events.emit('listener', {
      loadBalancerId: loadBalancer.id,
      listenerId: listener.id,
      change: 'deleted',
    });
  }

  addRule(loadBalancer: LoadBalancer, listener: Layer7Listener, rule: Rule): void {
    listener.rules.set(rule.id, rule);
    this.ruleChanged(loadBalancer, listener, rule, 'created');
  }

  /** Unbinds the rule's targets. */
  removeRule(loadBalancer: LoadBalancer, listener: Layer7Listener, rule: Rule): void {
    listener.rules.delete(rule.id);
    this.#unwatch(rule.pool);
    for (const target of rule.pool.targets) this.#stopConnections(listener, target);
    this.ruleChanged(loadBalancer, listener, rule, 'deleted');
  }

  /** After a change of a rule or its domain. */
  ruleChanged(
    { id: loadBalancerId }: LoadBalancer,
    { id: listenerId }: Layer7Listener,
    { id: locationId, domains, url }: Rule,
    change: 'created' | 'modified' | 'deleted',
  ): void {
    const domain = domains[0] ?? '';
    const frontend = this.#frontends.get(listenerId);
    if (frontend instanceof HttpFrontend) frontend.rulesChanged();
    this.#events.emit('rule', { loadBalancerId, listenerId, locationId, domain, url, change });
  }

  register(place: Place, target: NewTarget): void {
    const { loadBalancer, listener, pool } = place;
    const bound = pool.find(target.ip, target.port);
    if (bound !== undefined) {
      if (this.#settings.reRegisterUpdatesWeight) this.setWeight(place, bound, target.weight);
      return;
    }
    const added = pool.add(target, new Date());
    this.#health.watch(loadBalancer, listener, pool, added);
    this.#emitTarget(place, added, 'registered');
  }

  deregister(place: Place, target: Target): void {
    place.pool.remove(target);
    this.#health.unwatch(target);
    this.#stopConnections(place.listener, target);
    this.#emitTarget(place, target, 'deregistered');
  }

  setWeight(place: Place, target: Target, weight: number): void {
    if (target.weight === weight) return;
    target.weight = weight;
    this.#emitTarget(place, target, 'weight');
  }

  /** After the pool's health check changed. */
  healthCheckChanged({ loadBalancer, listener, pool }: Place): void {
    for (const target of pool.targets) this.#health.watch(loadBalancer, listener, pool, target);
  }

  #unwatch(pool: Pool): void {
    for (const target of pool.targets) this.#health.unwatch(target);
  }

  #stopConnections(listener: Listener, target: Target): void {
    const { deregisterWithoutRst, layer7Deregistered } = this.#settings;
    if (listener.layer === 7 && layer7Deregistered === 'finish') return;
    const how = listener.layer === 7 ? 'cut' : listener.deregisterTargetRst ? 'rst' : deregisterWithoutRst;
    for (const connection of target.connections) connection.stop(how);
  }

  close(): void {
    this.#health.close();
    for (const frontend of this.#frontends.values()) frontend.close();
    this.#frontends.clear();
  }

  #emitTarget(
    { loadBalancer, listener, pool }: Place,
    { ip, port, weight }: Target,
    change: 'registered' | 'deregistered' | 'weight',
  ): void {
    this.#events.emit('target', {
      loadBalancerId: loadBalancer.id,
      listenerId: listener.id,
      ...(listener.layer === 7 ? { locationId: pool.locationId } : {}),
      ip,
      port,
      weight,
      change,
    });
  }
}

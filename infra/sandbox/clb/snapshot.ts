import type { Locks } from './engine/locks.ts';
import { type Listener, poolsOf, type Rule } from './load-balancer.ts';
import type { HealthStatus, Tag, Target } from './model.ts';
import type { Store } from './store.ts';

export interface TargetSnapshot {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly health: HealthStatus;
  /** Established connections. */
  readonly connections: number;
  /** Connections ever forwarded. */
  readonly totalConnections: number;
  readonly refusedConnections: number;
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
}

export interface RuleSnapshot {
  readonly id: string;
  readonly domains: readonly string[];
  readonly url: string;
  /** Its domain takes what no domain matches. */
  readonly isDefault: boolean;
  readonly targets: readonly TargetSnapshot[];
}

export interface ListenerSnapshot {
  readonly id: string;
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  /** Only of a layer-7 listener. */
  readonly rules?: readonly RuleSnapshot[];
  /** Those of all its rules, where it has rules. */
  readonly targets: readonly TargetSnapshot[];
}

export interface LoadBalancerSnapshot {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly status: 0 | 1;
  /** It carries nothing and takes no write. */
  readonly isolated?: true;
  readonly vip: string;
  readonly tags: readonly Tag[];
  /** A write holds its lock, or its tail does. */
  readonly locked: boolean;
  readonly listeners: readonly ListenerSnapshot[];
}

export interface ClbSnapshot {
  readonly loadBalancers: readonly LoadBalancerSnapshot[];
  /** Writes that were refused because of the lock. */
  readonly lockConflicts: number;
}

const targetSnapshot = (target: Target): TargetSnapshot => {
  let { bytesToTarget, bytesToClient } = target.traffic;
  for (const connection of target.connections) {
    bytesToTarget += connection.bytesToTarget;
    bytesToClient += connection.bytesToClient;
  }
  return {
    ip: target.ip,
    port: target.port,
    weight: target.weight,
    health: target.health,
    connections: target.connections.size,
    totalConnections: target.traffic.total,
    refusedConnections: target.traffic.refused,
    bytesToTarget,
    bytesToClient,
  };
};

const ruleSnapshot = ({ id, domains, url, pool }: Rule, defaultDomain: string | undefined): RuleSnapshot => ({
  id,
  domains,
  url,
  isDefault: defaultDomain !== undefined && domains.includes(defaultDomain),
  targets: [...pool.targets].map(targetSnapshot),
});

const listenerSnapshot = (listener: Listener): ListenerSnapshot => ({
  id: listener.id,
  name: listener.name,
  protocol: listener.protocol,
  port: listener.port,
  ...(listener.layer === 4
    ? {}
    : { rules: [...listener.rules.values()].map((rule) => ruleSnapshot(rule, listener.defaultDomain)) }),
  targets: poolsOf(listener).flatMap((pool) => [...pool.targets].map(targetSnapshot)),
});

/** A copy of the whole state at this moment. */
export const takeSnapshot = (store: Store, locks: Locks): ClbSnapshot => ({
  lockConflicts: locks.conflicts,
  loadBalancers: [...store.all].map((lb) => ({
    id: lb.id,
    name: lb.name,
    region: lb.region,
    status: lb.status,
    ...(lb.isolatedAt === undefined ? {} : { isolated: true }),
    vip: lb.vip,
    tags: lb.tags,
    locked: locks.isTaken(lb.id),
    listeners: [...lb.listeners.values()].map(listenerSnapshot),
  })),
});

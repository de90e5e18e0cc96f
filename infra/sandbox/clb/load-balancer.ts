import type { Layer4Protocol, Layer7Protocol, Tag, Tls } from './model.ts';
import type { Pool } from './pool.ts';

interface AnyListener {
  readonly id: string;
  readonly port: number;
  readonly createdAt: Date;
  name: string;
  /** It takes no connection, and probes nothing. */
  stopped?: boolean;
}

export interface Layer4Listener extends AnyListener {
  readonly layer: 4;
  readonly protocol: Layer4Protocol;
  /** Of a listener of all ports from its port to this one. */
  readonly endPort?: number;
  sessionType: string;
  deregisterTargetRst: boolean;
  /** Of a TCP_SSL listener. */
  tls?: Tls;
  idleConnectTimeoutSeconds: number;
  /** Its own targets. */
  readonly pool: Pool;
}

/** A forwarding rule: what is asked of any of its domains under its URL goes to its own targets. */
export interface Rule {
  /** The pool's location. */
  readonly id: string;
  readonly createdAt: Date;
  /** One, or all of a rule with several; rules share all of them or none. */
  domains: readonly string[];
  url: string;
  /** Of the cookie that keeps a session; empty: the load balancer's own name for it. */
  cookieName: string;
  /** Of the rule's domain, where its listener has SNI; all rules of a domain have the same. */
  tls?: Tls;
  /** Of the rule's domain: clients may speak HTTP/2. Only shown so far. */
  http2?: boolean;
  readonly pool: Pool;
}

export interface Layer7Listener extends AnyListener {
  readonly layer: 7;
  readonly protocol: Layer7Protocol;
  /** Of a HTTPS listener without SNI. */
  tls?: Tls;
  /** Each domain has its own certificate; cannot be taken back. */
  sni?: boolean;
  /** Connections to targets are kept, too. */
  keepalive: boolean;
  /** By id, oldest first. */
  readonly rules: Map<string, Rule>;
  /** The rules of this domain take what no domain matches; undefined only while there are no rules. */
  defaultDomain: string | undefined;
}

export type Listener = Layer4Listener | Layer7Listener;

/** The ports that a listener listens on: its own, up to the end of its range. */
export const portsOf = ({ port, endPort = port }: { port: number; endPort?: number }): readonly number[] =>
  Array.from({ length: endPort - port + 1 }, (_, at) => port + at);

/** As the API shows it: 0 where there is no range. */
export const endPortOf = (listener: Listener): number => (listener.layer === 4 ? (listener.endPort ?? 0) : 0);

/** All pools of a listener: its own one, or those of its rules. */
export const poolsOf = (listener: Listener): readonly Pool[] =>
  listener.layer === 4 ? [listener.pool] : [...listener.rules.values()].map(({ pool }) => pool);

export interface LoadBalancer {
  readonly id: string;
  readonly region: string;
  readonly type: 'OPEN' | 'INTERNAL';
  readonly vip: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly projectId: number;
  readonly slaType: string;
  readonly tags: readonly Tag[];
  readonly createdAt: Date;
  readonly chargeType: string;
  internetChargeType: string;
  maxBandwidthMbps: number;
  name: string;
  status: 0 | 1;
  statusAt: Date;
  /** Since when it is isolated, for arrears or because it expired: it carries nothing and takes no write. */
  isolatedAt?: Date;
  passToTarget: boolean;
  deleteProtect: boolean;
  snatPro: boolean;
  /** Ids, as they are shown; no packet is filtered by them. */
  securityGroups?: readonly string[];
  readonly listeners: Map<string, Listener>;
}

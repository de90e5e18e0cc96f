/** `Close`: the health check is off. `Unknown`: not enough probes yet. */
export type HealthStatus = 'Unknown' | 'Alive' | 'Dead' | 'Close';

export type Layer4Protocol = 'TCP' | 'UDP' | 'TCP_SSL';
/** Of listeners whose targets are behind rules. */
export type Layer7Protocol = 'HTTP' | 'HTTPS';
export type Protocol = Layer4Protocol | Layer7Protocol;

export type Scheduler = 'WRR' | 'LEAST_CONN' | 'IP_HASH';

/** What a TLS listener, or with SNI a rule's domain, shows to clients; ids are those of {@link Certificates}. */
export interface Tls {
  /** MUTUAL: a client must show a certificate of `caId`. */
  readonly mode: 'UNIDIRECTIONAL' | 'MUTUAL';
  /** One, or two of different key algorithms. */
  readonly certIds: readonly string[];
  readonly caId?: string;
  /** In MUTUAL mode: a client without a certificate is refused (ON, also when absent) or let in (OPTIONAL). */
  readonly verifyClient?: 'ON' | 'OPTIONAL';
}

export interface Tag {
  readonly TagKey: string;
  readonly TagValue: string;
}

/** The API's own object (its names, its units: seconds), with every default filled in. */
export interface HealthCheck {
  readonly HealthSwitch: number;
  readonly TimeOut: number;
  readonly IntervalTime: number;
  readonly HealthNum: number;
  readonly UnHealthNum: number;
  readonly CheckPort: number | null;
  readonly CheckType: string;
  readonly HttpCheckDomain: string | null;
  readonly HttpCheckPath: string | null;
  readonly HttpCheckMethod: string | null;
  readonly HttpVersion: string | null;
  readonly HttpCode: number | null;
  readonly ContextType: string | null;
  readonly SendContext: string | null;
  readonly RecvContext: string | null;
  readonly ExtendedCode: string | null;
  readonly SourceIpType: number;
}

/** A client's connection that goes through a target. */
export interface ForwardedConnection {
  /** The client's ordinary address. */
  readonly client: string;
  readonly bytesToTarget: number;
  readonly bytesToClient: number;
  /** Ends the forwarding at once: reset, closed, or left open without a byte going through any more. */
  stop(how: 'rst' | 'cut' | 'stall'): void;
}

/** What went through one target. */
export interface Traffic {
  /** Connections ever forwarded. */
  total: number;
  /** Of closed connections; add those of {@link Target.connections} for all. */
  bytesToTarget: number;
  bytesToClient: number;
  /** Connections that the target refused. */
  refused: number;
}

/** A target and all that the load balancer knows about it. Known by address and port within its pool. */
export interface Target {
  readonly ip: string;
  readonly port: number;
  /** Empty for an IP target. */
  readonly instanceId: string;
  readonly eniId: string;
  readonly registeredAt: Date;
  weight: number;
  tag: string;
  health: HealthStatus;
  /** Credit of the smooth weighted round robin. */
  credit: number;
  readonly connections: Set<ForwardedConnection>;
  readonly traffic: Traffic;
}

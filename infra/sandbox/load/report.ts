import type { SocketAddress } from '../addresses.ts';

/**
 * How a client talks: a new TCP connection for each request (`session` the same, from an address that is looked at for
 * session persistence), several kept connections, slow answers on kept connections, or long TCP connections with
 * echoed lines.
 */
export type ClientKind = 'new-connections' | 'keep-alive' | 'slow' | 'session' | 'tcp';

/** What a client process is told; it knows nothing of ordinary addresses. */
export interface ClientSettings {
  readonly name: string;
  readonly kind: ClientKind;
  readonly target: SocketAddress;
  /** The local address to connect from. */
  readonly source?: string;
  /** The Host header. */
  readonly host: string;
  readonly path: string;
  readonly ratePerSecond: number;
  /** Kept connections, or for the other kinds the most requests in flight. */
  readonly connections: number;
  readonly timeoutMs: number;
  readonly reportEveryMs: number;
  readonly failuresKept: number;
}

/**
 * How a request failed: connection refused, reset (RST), closed before the answer began, answer cut off in its middle,
 * another status than 200, no end within the time-out, anything else.
 */
export type FailureKind = 'refused' | 'reset' | 'closed' | 'truncated' | 'status' | 'timeout' | 'other';

export interface Failure {
  /** Milliseconds since 1970, when it was noticed. */
  readonly atMs: number;
  readonly kind: FailureKind;
  readonly detail: string;
  /** Whether the request was written to a connection that had served another one before. */
  readonly reusedConnection: boolean;
  /** How long the request had been under way. */
  readonly afterMs: number;
}

/** All numbers count from the client's start. */
export interface ClientReport {
  readonly name: string;
  readonly kind: ClientKind;
  readonly atMs: number;
  /** The last one: nothing is in flight any more. */
  readonly final: boolean;
  /** Requests that have ended, well or not. */
  readonly total: number;
  readonly ok: number;
  readonly failed: number;
  /** Those of the failed whose connection was reset (RST), wherever it was noticed. */
  readonly reset: number;
  readonly inFlight: number;
  /** Requests that were due but not sent, because too many were in flight. */
  readonly skipped: number;
  readonly connectionsOpened: number;
  /** Connections that the server ended in order, so that nothing was lost. */
  readonly connectionsClosedByServer: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly pods: Readonly<Record<string, number>>;
  readonly versions: Readonly<Record<string, number>>;
  /** The address that Pods saw this client come from, and how often. */
  readonly seenAs: Readonly<Record<string, number>>;
  /** How often an answer came from another Pod than the one before. */
  readonly podChanges: number;
  /** The first ones. */
  readonly failures: readonly Failure[];
}

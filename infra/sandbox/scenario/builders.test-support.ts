import type { ClientReport } from '../load/report.ts';
import type { PodSeen } from './history.ts';

/** A Pod that has just come to life. */
export const aPod = (name: string, more: Partial<PodSeen> = {}): PodSeen => ({
  name: `nginx-deployment-eni-59fcc84b94-${name}`,
  uid: `uid-${name}`,
  ip: undefined,
  version: 'v1',
  phase: 'Pending',
  containersReady: false,
  ready: false,
  gate: 'closed',
  gateMessage: '',
  terminating: false,
  ...more,
});

/** A client that lost nothing. */
export const aReport = (name: string, more: Partial<ClientReport> = {}): ClientReport => ({
  name,
  kind: 'new-connections',
  atMs: 1_000,
  final: true,
  total: 100,
  ok: 100,
  failed: 0,
  reset: 0,
  inFlight: 0,
  skipped: 0,
  connectionsOpened: 100,
  connectionsClosedByServer: 0,
  p50Ms: 5,
  p99Ms: 20,
  maxMs: 30,
  pods: { a: 50, b: 50 },
  versions: { v1: 100 },
  seenAs: { '10.1.192.1': 100 },
  podChanges: 1,
  failures: [],
  ...more,
});

import type { ClusterKind } from '../cluster/cluster.ts';
import type { ClientReport } from '../load/report.ts';
import type { Platform } from '../system/system.ts';
import type { PodTimeline } from './pod-timeline.ts';

/** How long each step of a Pod took, ms; absent: it did not take that step in this run. */
export interface PodSummary {
  readonly name: string;
  readonly version: string;
  readonly ip?: string;
  readonly readyToBoundMs?: number;
  readonly boundToHealthyMs?: number;
  readonly healthyToGateOpenMs?: number;
  readonly deletionToWeightZeroMs?: number;
  readonly weightZeroToGoneMs?: number;
}

export interface ClientSummary {
  readonly name: string;
  readonly ip: string;
  readonly requests: number;
  readonly failed: number;
  readonly reset: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The addresses that the Pods saw it come from. */
  readonly seenAs: readonly string[];
}

/** What `--json` prints. */
export interface Summary {
  /** By all clients, while they ran: from before the rollout until after its last old Pod was gone. */
  readonly requests: number;
  readonly failed: number;
  readonly reset: number;
  /** Of `requests`, those that ended between the rollout's begin and the end of its last old Pod. */
  readonly requestsDuringRollout: number;
  /** From the change of the Deployment until it was complete. */
  readonly rolloutSeconds: number;
  /** From there until the last old Pod was gone. */
  readonly drainSeconds: number;
  readonly version: string;
  readonly gate: boolean;
  readonly queue: 'memory' | 'redis';
  /** Where the functions ran. */
  readonly platform: Platform;
  /** Invocations of each function; none in one process with the forwarder. */
  readonly invocations: Readonly<Record<string, number>>;
  /** Whose API server and controllers it ran on. */
  readonly cluster: ClusterKind;
  readonly speed: number;
  readonly pods: readonly PodSummary[];
  readonly clients: readonly ClientSummary[];
  /** Calls to the CLB API by action, those answered with an error included. */
  readonly clbCalls: Readonly<Record<string, number>>;
  /** Null: this machine cannot show it, because all clients share one address. */
  readonly clientAddressKept: boolean | null;
  /** Null: there was no answer to judge by. */
  readonly sessionKept: boolean | null;
  /**
   * New connections before the rollout: those that the most asked Pod had, by those that the least asked one had. Null:
   * not every Pod had one.
   */
  readonly mostToLeast: number | null;
  /** Pods that answered one client whose session the load balancer is to keep. Absent: not looked at. */
  readonly podsOfOneSession?: number;
}

export interface SummaryInput {
  readonly version: string;
  readonly gate: boolean;
  readonly platform: Platform;
  readonly cluster: ClusterKind;
  readonly invocations: Readonly<Record<string, number>>;
  readonly speed: number;
  readonly canShowClientAddress: boolean;
  /** Name of the client whose session is looked at. */
  readonly sessionClient: string;
  readonly rolledFromMs: number;
  readonly rolledMs: number;
  readonly drainedMs: number;
  readonly requestsBeforeRollout: number;
  readonly requestsAtDrained: number;
  /** New connections that each Pod had before the rollout. */
  readonly steadyPods: Readonly<Record<string, number>>;
  readonly timelines: readonly PodTimeline[];
  readonly clbCalls: Readonly<Record<string, number>>;
  /** The last reports, each with its client's own address. */
  readonly clients: readonly { readonly ip: string; readonly report: ClientReport }[];
}

const between = (fromMs: number | undefined, toMs: number | undefined): number | undefined =>
  fromMs === undefined || toMs === undefined ? undefined : toMs - fromMs;

const present = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } => {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {};
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined) Object.assign(kept, { [key]: value });
  }
  return kept;
};

const podSummary = (pod: PodTimeline): PodSummary => ({
  name: pod.name,
  version: pod.version,
  ...present({
    ip: pod.ip,
    readyToBoundMs: between(pod.containersReadyMs, pod.boundMs),
    boundToHealthyMs: between(pod.boundMs, pod.healthyMs),
    healthyToGateOpenMs: between(pod.healthyMs, pod.gateOpenMs),
    deletionToWeightZeroMs: between(pod.deletedMs, pod.weightZeroMs),
    weightZeroToGoneMs: between(pod.weightZeroMs, pod.goneMs),
  }),
});

/**
 * A session was kept when its answers came from one Pod until that Pod left, then from the next: no Pod twice with
 * another in between.
 */
const isSessionKept = (report: ClientReport | undefined): boolean | null =>
  report === undefined || report.ok === 0 ? null : report.podChanges === Object.keys(report.pods).length - 1;

const isAddressKept = (clients: SummaryInput['clients']): boolean =>
  clients.every(({ ip, report }) => Object.keys(report.seenAs).every((seen) => seen === ip));

const mostToLeast = (counts: readonly number[]): number | null => {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return counts.length < 2 || least === 0 ? null : most / least;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Counts a rollout under load. Pure. */
export const summarize = (input: SummaryInput): Summary => {
  const reports = input.clients.map(({ report }) => report);
  return {
    requests: sum(reports.map(({ total }) => total)),
    failed: sum(reports.map(({ failed }) => failed)),
    reset: sum(reports.map(({ reset }) => reset)),
    requestsDuringRollout: input.requestsAtDrained - input.requestsBeforeRollout,
    rolloutSeconds: (input.rolledMs - input.rolledFromMs) / 1000,
    drainSeconds: (input.drainedMs - input.rolledMs) / 1000,
    version: input.version,
    gate: input.gate,
    queue: input.platform === 'standalone' ? 'memory' : 'redis',
    platform: input.platform,
    invocations: input.invocations,
    cluster: input.cluster,
    speed: input.speed,
    pods: input.timelines.map(podSummary),
    clients: input.clients.map(({ ip, report }) => ({
      name: report.name,
      ip,
      requests: report.total,
      failed: report.failed,
      reset: report.reset,
      p50Ms: report.p50Ms,
      p99Ms: report.p99Ms,
      maxMs: report.maxMs,
      seenAs: Object.keys(report.seenAs),
    })),
    clbCalls: input.clbCalls,
    clientAddressKept: input.canShowClientAddress ? isAddressKept(input.clients) : null,
    mostToLeast: mostToLeast(Object.values(input.steadyPods)),
    sessionKept: isSessionKept(reports.find(({ name }) => name === input.sessionClient)),
  };
};

/** Whether everything was kept that this project promises. */
export const isLossless = (summary: Summary): boolean =>
  summary.requests > 0 &&
  summary.failed === 0 &&
  summary.reset === 0 &&
  summary.clientAddressKept !== false &&
  summary.sessionKept !== false;

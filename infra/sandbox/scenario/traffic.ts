import type { Addresses } from '../addresses.ts';
import { type ClientSpec, type Clients, startClients } from '../load/clients.ts';
import type { ClientReport } from '../load/report.ts';
import type { History } from './history.ts';

/** The one whose answers come from one Pod for as long as that Pod stays: a single kept connection. */
export const sessionClient = 'one session';

/** The one that shows how connections spread over Pods. */
export const newConnectionsClient = 'new connections';

/** Who asks, and how often: about 330 requests a second, which leaves two cores room. */
const specs = (ip: string, share: number): ClientSpec[] => {
  const target = { ip, port: 80 };
  return [
    { target, name: newConnectionsClient, kind: 'new-connections', ratePerSecond: 120 * share },
    { target, name: 'kept connections', kind: 'keep-alive', ratePerSecond: 180 * share, connections: 8 },
    { target, name: 'slow answers', kind: 'slow', ratePerSecond: 4 * share },
    { target, name: sessionClient, kind: 'keep-alive', ratePerSecond: 25 * share, connections: 1 },
  ];
};

export interface TrafficOptions {
  /** Of the usual rate; default 1. */
  readonly share?: number;
  readonly programsDir?: string;
}

export interface Traffic {
  /** Requests that have ended so far, by the newest reports. */
  total(): number;
  /** Ends it in order. */
  stop(): Promise<readonly { readonly ip: string; readonly report: ClientReport }[]>;
  /** Ends it at once. */
  close(): void;
}

/** Starts the clients as processes; their reports and failures go into the history. */
export const startTraffic = (
  addresses: Addresses,
  ip: string,
  history: History,
  { share = 1, programsDir }: TrafficOptions = {},
): Traffic => {
  const told = new Map<string, number>();
  const onReport = (report: ClientReport): void => {
    const before = told.get(report.name) ?? 0;
    for (const failure of report.failures.slice(before)) {
      history.add({ type: 'failure', client: report.name, failure }, failure.atMs);
    }
    told.set(report.name, report.failures.length);
    history.add({ type: 'client', report }, report.atMs);
  };
  const clients: Clients = startClients({
    addresses,
    clients: specs(ip, share),
    onReport,
    ...(programsDir === undefined ? {} : { programsDir }),
  });
  return {
    total: () => clients.reports().reduce((sum, { total }) => sum + total, 0),
    stop: async () => {
      const reports = await clients.stop();
      return reports.map((report, at) => ({ ip: clients.ips[at] ?? '', report }));
    },
    close: clients.close,
  };
};

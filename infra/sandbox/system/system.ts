import type { Addresses } from '../addresses.ts';
import type { ClbSimulator } from '../clb/simulator.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { namespaces } from '../cluster/objects.ts';
import {
  clbEnvironment,
  commonEnvironment,
  hostPort,
  type Replica,
  watcherEnvironment,
} from './environment.ts';
import { type KeptProcess, keepProcess } from './kept-process.ts';
import { ownNamespace, webhookConfigurations, webhookObject } from './webhook-object.ts';

/** A process of this project began or ended. */
export interface ProcessChange {
  readonly name: string;
  readonly change: 'started' | 'ended';
  readonly pid: number;
  readonly detail: string;
}

export interface SystemOptions {
  readonly addresses: Addresses;
  readonly clb: ClbSimulator;
  readonly cluster: Cluster;
  readonly kubeconfigFile: string;
  /** Whether new Pods get the readiness gate of this project. */
  readonly gate: boolean;
  /** More settings, over the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  readonly programsDir?: string;
  /** Each line that a process writes. */
  readonly onLine?: (line: string, from: string) => void;
  readonly onProcess?: (change: ProcessChange) => void;
}

/** This project, as it runs in a sandbox. */
export interface System {
  readonly processes: readonly KeptProcess[];
  /** The process that leads now; the first one while nobody does. */
  leader(): Promise<KeptProcess>;
  close(): Promise<void>;
}

const readyTimeoutMs = 30_000;

/** A replica has an address of its own, so that its ports are nobody else's. */
const replicaOf = (name: string, entry: string, { addresses, gate }: SystemOptions): Replica => {
  const ip = addresses.allocate('node');
  const listen = addresses.socketOf(ip, 9443);
  return {
    name,
    health: addresses.socketOf(ip, 8080),
    webhook: gate ? { entry, listen, url: `https://${hostPort(listen)}/mutate` } : undefined,
  };
};

/** What the cluster's administrator prepares: our namespace, and whom the API server asks about new Pods. */
const prepareCluster = async (cluster: Cluster, replicas: readonly Replica[]): Promise<void> => {
  await cluster.client.create(namespaces, '', { metadata: { name: ownNamespace } });
  const entries = replicas.flatMap(({ webhook }) => webhook ?? []);
  if (entries.length > 0) await cluster.client.create(webhookConfigurations, '', webhookObject(entries));
};

/** Starts everything in one process; resolves when it is ready. */
export const startSystem = async (options: SystemOptions): Promise<System> => {
  const { clb, cluster, kubeconfigFile } = options;
  const replica = replicaOf('standalone', 'pods.clb-direct.io', options);
  await prepareCluster(cluster, [replica]);
  const standalone = keepProcess({
    name: replica.name,
    program: 'functions/platform/standalone',
    env: {
      ...commonEnvironment(),
      ...clbEnvironment(clb),
      ...watcherEnvironment(kubeconfigFile, replica),
      ...options.env,
    },
    health: replica.health,
    ...(options.programsDir === undefined ? {} : { programsDir: options.programsDir }),
    onLine: (line) => options.onLine?.(line, replica.name),
    onStarted: (pid) => options.onProcess?.({ name: replica.name, change: 'started', pid, detail: '' }),
    onEnded: (pid, detail) => options.onProcess?.({ name: replica.name, change: 'ended', pid, detail }),
  });
  const processes = [standalone];
  const close = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.close()));
  };
  try {
    await Promise.all(processes.map((process) => process.ready(readyTimeoutMs)));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    processes,
    leader: async () => {
      for (const process of processes) if ((await process.readyz()).includes('leading')) return process;
      return standalone;
    },
    close,
  };
};

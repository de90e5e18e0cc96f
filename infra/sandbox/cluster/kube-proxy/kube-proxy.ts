import { setTimeout as sleep } from 'node:timers/promises';
import type { Addresses } from '../../addresses.ts';
import type { Informer } from '../informer.ts';
import type { EndpointSlice, Service } from '../objects.ts';
import type { NodePortRefusal } from './node-port.ts';
import { NodeProxy } from './node-proxy.ts';
import { type NodeRules, rulesOf } from './rules.ts';
import { createSyncTimer, type SyncTimer } from './sync-timer.ts';

/** How the kube-proxy stand-in lags behind; milliseconds. */
export interface KubeProxyTimes {
  /** The least time between two syncs of a node (kube-proxy's minSyncPeriod). */
  readonly minSyncPeriodMs: number;
  /** How long a sync takes until new connections meet its rules, at random in between. */
  readonly syncMs: readonly [number, number];
}

export const usualKubeProxyTimes: KubeProxyTimes = { minSyncPeriodMs: 1000, syncMs: [20, 100] };

export interface KubeProxyOptions {
  readonly addresses: Addresses;
  readonly nodes: readonly { readonly name: string; readonly ip: string }[];
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;
  readonly times?: Partial<KubeProxyTimes>;
  /** 0 to 1, for the choice of endpoints and the times of syncs. Default: Math.random. */
  readonly random?: () => number;
  /** An endpoint of a rule did not take a connection. */
  readonly onRefused?: (refusal: NodePortRefusal) => void;
  /** Something that a person should see: a port that cannot be had. Default: a process warning. */
  readonly onWarning?: (text: string) => void;
}

/** What one node's kube-proxy does at this moment. */
export interface NodeProxyState extends NodeRules {
  readonly node: string;
  /** Open connections through it. */
  readonly connections: number;
}

/** The kube-proxies of all nodes, in one process. */
export interface KubeProxy {
  state(): NodeProxyState[];
  /**
   * The node dies with its connections, or with `keep` only loses the API server: then it goes on by the rules that it
   * had.
   */
  stopNode(name: string, processes?: 'kill' | 'keep'): void;
  /** Ends every listener and every connection. */
  close(): void;
}

/**
 * Runs kube-proxy on every node: each node port of each Service is a socket of the node, and every new connection goes
 * to one of the Service's endpoints. Each node follows in its own time, as real ones do. TCP only.
 */
export const startKubeProxy = async (options: KubeProxyOptions): Promise<KubeProxy> => {
  const { addresses, services, endpointSlices, random = Math.random, onRefused } = options;
  const onWarning = options.onWarning ?? ((text: string): void => process.emitWarning(text));
  const { minSyncPeriodMs, syncMs } = { ...usualKubeProxyTimes, ...options.times };
  const [leastMs, mostMs] = syncMs;
  await Promise.all([services.synced, endpointSlices.synced]);

  const ended = new AbortController();
  const nodes = new Map<string, { proxy: NodeProxy; timer: SyncTimer }>();
  for (const { name, ip } of options.nodes) {
    const proxy = new NodeProxy({
      addresses,
      nodeIp: ip,
      random,
      onRefused: (refusal) => onRefused?.(refusal),
      onWarning,
    });
    const run = async (): Promise<void> => {
      // What a sync writes is what was known when it began.
      const rules = rulesOf(name, services.list(), endpointSlices.list());
      await sleep(leastMs + random() * (mostMs - leastMs), undefined, { signal: ended.signal }).catch(
        () => undefined,
      );
      await proxy.apply(rules);
    };
    nodes.set(name, { proxy, timer: createSyncTimer({ run, minPeriodMs: minSyncPeriodMs }) });
  }
  const askAll = (): void => {
    for (const { timer } of nodes.values()) timer.ask();
  };
  services.onChange(askAll);
  endpointSlices.onChange(askAll);
  askAll();

  const stopNode = (name: string, processes: 'kill' | 'keep' = 'kill'): void => {
    const node = nodes.get(name);
    node?.timer.close();
    if (processes === 'kill') node?.proxy.close();
  };

  return {
    state: () =>
      [...nodes].map(([node, { proxy }]) => ({ node, ...proxy.rules, connections: proxy.connections })),
    stopNode,
    close: () => {
      for (const name of nodes.keys()) stopNode(name);
      ended.abort();
    },
  };
};

import type { Addresses } from '../addresses.ts';
import { type Client, createClient } from './client.ts';
import type { ControllerTimes } from './controllers/controller.ts';
import { type ControllerName, startControllers } from './controllers/controllers.ts';
import { createSources, type Sources } from './controllers/sources.ts';
import { type KubeProxy, type KubeProxyOptions, startKubeProxy } from './kube-proxy/kube-proxy.ts';
import type { KubeletTimes } from './kubelet/container-runner.ts';
import { type Kubelet, startKubelet } from './kubelet/kubelet.ts';
import { instanceIdOf, type NodeSettings } from './kubelet/node.ts';
import type { ClusterAccess } from './transport.ts';

export interface AttachOptions {
  readonly access: ClusterAccess;
  readonly addresses: Addresses;
  /** How many nodes, or which; default 3. */
  readonly nodes?: number | readonly Partial<NodeSettings>[];
  readonly kubeletTimes?: Partial<KubeletTimes>;
  readonly controllerTimes?: Partial<ControllerTimes>;
  /** Controllers to leave out; `'all'` where a real controller-manager and scheduler run. */
  readonly withoutControllers?: readonly ControllerName[] | 'all';
  /** Runs kube-proxy on every node, for Services that are reached through node ports; direct mode needs none. */
  readonly kubeProxy?: boolean | Pick<KubeProxyOptions, 'times' | 'random' | 'onRefused' | 'onWarning'>;
  readonly programsDir?: string;
}

/** A node as it was registered. */
export interface ClusterNode extends NodeSettings {
  /** What a load balancer that has nodes for targets calls it. */
  readonly instanceId: string;
}

/** Everything around an API server: kubelets with their nodes, and the controllers. */
export interface AttachedCluster {
  readonly client: Client;
  readonly sources: Sources;
  readonly kubelet: Kubelet;
  readonly nodes: readonly ClusterNode[];
  /** Absent where it was not asked for. */
  readonly kubeProxy?: KubeProxy;
  /** Stops them and kills every container; objects stay in the API server. */
  close(): void;
}

const nodeSettings = (
  asked: number | readonly Partial<NodeSettings>[],
  addresses: Addresses,
): ClusterNode[] => {
  const list = typeof asked === 'number' ? Array.from({ length: asked }, () => ({})) : asked;
  return list.map((settings: Partial<NodeSettings>) => {
    const ip = settings.ip ?? addresses.allocate('node');
    const name = settings.name ?? ip;
    return { ...settings, name, ip, instanceId: settings.instanceId ?? instanceIdOf(name) };
  });
};

/** Attaches kubelets and controllers to any API server, the in-process one or a real one. */
export const attachCluster = async (options: AttachOptions): Promise<AttachedCluster> => {
  const { addresses, access, withoutControllers = [] } = options;
  const client = createClient(access);
  const ended = new AbortController();
  const sources = createSources(client, ended.signal);
  const nodes = nodeSettings(options.nodes ?? 3, addresses);
  const running: { close(): void }[] = [];
  const close = (): void => {
    for (const part of running.reverse()) part.close();
    ended.abort();
    client.close();
    for (const { ip } of nodes) addresses.free(ip);
  };
  try {
    await sources.pods.synced;
    const kubelet = await startKubelet({
      client,
      addresses,
      nodes,
      pods: sources.pods,
      ...(options.kubeletTimes === undefined ? {} : { times: options.kubeletTimes }),
      ...(options.programsDir === undefined ? {} : { programsDir: options.programsDir }),
    });
    running.push(kubelet);
    if (withoutControllers !== 'all') {
      const times = options.controllerTimes ?? {};
      running.push(await startControllers({ client, sources, times, without: withoutControllers }));
    }
    const attached = { client, sources, nodes, close };
    if (options.kubeProxy === undefined || options.kubeProxy === false) return { ...attached, kubelet };
    const { services, endpointSlices } = sources;
    const settings = options.kubeProxy === true ? {} : options.kubeProxy;
    const kubeProxy = await startKubeProxy({ addresses, nodes, services, endpointSlices, ...settings });
    running.push(kubeProxy);
    return {
      ...attached,
      kubeProxy,
      kubelet: {
        ...kubelet,
        // The machine dies as a whole.
        stopNode: (name, processes) => {
          kubelet.stopNode(name, processes);
          kubeProxy.stopNode(name, processes);
        },
      },
    };
  } catch (error) {
    close();
    throw error;
  }
};

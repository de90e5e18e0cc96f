import type { Addresses } from '../addresses.ts';
import { type Client, createClient } from './client.ts';
import type { ControllerTimes } from './controllers/controller.ts';
import { type ControllerName, startControllers } from './controllers/controllers.ts';
import { createSources, type Sources } from './controllers/sources.ts';
import type { KubeletTimes } from './kubelet/container-runner.ts';
import { type Kubelet, startKubelet } from './kubelet/kubelet.ts';
import type { NodeSettings } from './kubelet/node.ts';
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
  readonly programsDir?: string;
}

/** Everything around an API server: kubelets with their nodes, and the controllers. */
export interface AttachedCluster {
  readonly client: Client;
  readonly sources: Sources;
  readonly kubelet: Kubelet;
  readonly nodes: readonly NodeSettings[];
  /** Stops them and kills every container; objects stay in the API server. */
  close(): void;
}

const nodeSettings = (
  asked: number | readonly Partial<NodeSettings>[],
  addresses: Addresses,
): NodeSettings[] => {
  const list = typeof asked === 'number' ? Array.from({ length: asked }, () => ({})) : asked;
  return list.map((settings: Partial<NodeSettings>) => {
    const ip = settings.ip ?? addresses.allocate('node');
    return { name: ip, ...settings, ip };
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
    return { client, sources, kubelet, nodes, close };
  } catch (error) {
    close();
    throw error;
  }
};

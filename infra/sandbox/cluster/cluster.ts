import { type ApiServer, type ApiServerOptions, startApiServer } from './api-server/server.ts';
import { type AttachedCluster, type AttachOptions, attachCluster } from './attach.ts';
import type { ClusterAccess } from './transport.ts';

export interface ClusterOptions extends Omit<AttachOptions, 'access'> {
  /** Settings of the in-process API server. */
  readonly api?: Omit<ApiServerOptions, 'podLog'>;
}

/** A whole cluster in this process: API server, controllers and kubelets; only containers are processes. */
export interface Cluster extends Omit<AttachedCluster, 'close'> {
  readonly api: ApiServer;
  /** How an administrator reaches it. */
  readonly access: ClusterAccess;
  /** Kills every container and ends the API server. */
  close(): Promise<void>;
}

/**
 * Starts the cluster; resolves when its nodes are Ready and its controllers run. The stand-ins use a user of their own
 * (`system:kube-controller-manager`), so that faults for one's own clients can spare them.
 */
export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  let attached: AttachedCluster | undefined;
  const api = await startApiServer({
    ...options.api,
    podLog: (pod, container) =>
      attached?.kubelet.logs(pod.metadata.namespace ?? '', pod.metadata.name ?? '', container),
  });
  const ca = api.caPem === '' ? {} : { ca: api.caPem };
  const token = api.addToken({ name: 'system:kube-controller-manager', groups: ['system:masters'] });
  try {
    attached = await attachCluster({ ...options, access: { url: api.url, ...ca, token } });
  } catch (error) {
    await api.close();
    throw error;
  }
  const running = attached;
  return {
    ...running,
    api,
    access: { url: api.url, ...ca, token: api.adminToken },
    close: async () => {
      running.close();
      await api.close();
    },
  };
};

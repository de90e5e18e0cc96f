import type { Assets } from '../control-plane/assets.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../control-plane/control-plane.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from './api-server/server.ts';
import { type AttachedCluster, type AttachOptions, attachCluster } from './attach.ts';
import type { ClusterAccess } from './transport.ts';

/** `in-process`: our API server and controllers. `control-plane`: Kubernetes' own. The kubelets are ours in both. */
export type ClusterKind = 'in-process' | 'control-plane';

export const clusterKinds: readonly ClusterKind[] = ['in-process', 'control-plane'];

/** A whole cluster on this machine, whoever its API server is. */
export interface RunningCluster extends Omit<AttachedCluster, 'close'> {
  readonly kind: ClusterKind;
  /** How an administrator reaches it. */
  readonly access: ClusterAccess;
  /** A kubeconfig for the administrator, as YAML. */
  kubeconfig(): string;
  /** Kills every container and ends the API server. */
  close(): Promise<void>;
}

export interface ClusterOptions extends Omit<AttachOptions, 'access'> {
  /** Settings of the in-process API server. */
  readonly api?: Omit<ApiServerOptions, 'podLog'>;
}

/** API server, controllers and kubelets in this process; only containers are processes. */
export interface Cluster extends RunningCluster {
  readonly kind: 'in-process';
  readonly api: ApiServer;
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
    kind: 'in-process',
    api,
    access: { url: api.url, ...ca, token: api.adminToken },
    kubeconfig: api.kubeconfig,
    close: async () => {
      running.close();
      await api.close();
    },
  };
};

export interface ControlPlaneClusterOptions extends Omit<AttachOptions, 'access' | 'withoutControllers'> {
  readonly assets: Assets;
  /** More flags of the controller-manager, without their dashes. */
  readonly controllerFlags?: ControlPlaneOptions['controllerFlags'];
}

/** Kubernetes' own programs with our kubelets. */
export interface ControlPlaneCluster extends RunningCluster {
  readonly kind: 'control-plane';
  readonly controlPlane: ControlPlane;
}

/**
 * Starts a cluster on a real control plane; resolves when its nodes are Ready. Where the assets have no controllers, our
 * stand-ins of them run.
 */
export const startControlPlaneCluster = async (
  options: ControlPlaneClusterOptions,
): Promise<ControlPlaneCluster> => {
  const { assets, programsDir, controllerFlags } = options;
  const controlPlane = await startControlPlane({
    assets,
    ...(controllerFlags === undefined ? {} : { controllerFlags }),
    ...(programsDir === undefined ? {} : { programsDir }),
  });
  try {
    const attached = await attachCluster({
      ...options,
      access: controlPlane.standIns,
      withoutControllers: controlPlane.hasControllers ? 'all' : [],
    });
    return {
      ...attached,
      kind: 'control-plane',
      controlPlane,
      access: { url: controlPlane.url, ca: controlPlane.caPem, token: controlPlane.adminToken },
      kubeconfig: controlPlane.kubeconfig,
      close: async () => {
        attached.close();
        await controlPlane.close();
      },
    };
  } catch (error) {
    await controlPlane.close();
    throw error;
  }
};

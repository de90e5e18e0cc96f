import type { Client } from '../client.ts';
import type { Informer } from '../informer.ts';
import {
  controllerOf,
  type Deployment,
  deployments,
  type EndpointSlice,
  endpointSlices,
  type KubernetesObject,
  type Lease,
  leases,
  type Node,
  nodes,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  pods,
  type ReplicaSet,
  type Resource,
  replicaSets,
  type Service,
  type StatefulSet,
  services,
  statefulSets,
} from '../objects.ts';

/** One cache for each resource, shared by the controllers and the kubelet of a process. */
export interface Sources {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly leases: Informer<Lease>;
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;
  readonly deployments: Informer<Deployment>;
  readonly replicaSets: Informer<ReplicaSet>;
  readonly statefulSets: Informer<StatefulSet>;
  readonly podDisruptionBudgets: Informer<PodDisruptionBudget>;
}

/** Index of objects by the UID of the owner that controls them. */
export const byController = 'controller';
/** Index of Pods by node. */
export const byNode = 'node';

/** What {@link byController} holds for the objects of a namespace that nobody controls. */
export const orphansOf = (namespace: string): string => `nobody in ${namespace}`;

const controllerUid = (object: KubernetesObject): readonly string[] => [
  controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace ?? ''),
];

/** The caches; each starts when it is first asked for, and all end with the signal. */
export const createSources = (client: Client, signal: AbortSignal): Sources => {
  const lazily = <T extends KubernetesObject>(
    of: Resource<T>,
    indexes: Readonly<Record<string, (object: T) => readonly string[]>> = {},
  ): (() => Informer<T>) => {
    let informer: Informer<T> | undefined;
    return () => {
      informer ??= client.watch(of, { indexes, signal });
      return informer;
    };
  };
  const owned = { [byController]: controllerUid };
  const all = {
    pods: lazily(pods, { ...owned, [byNode]: (pod: Pod) => [pod.spec.nodeName ?? ''] }),
    nodes: lazily(nodes),
    leases: lazily(leases),
    services: lazily(services),
    endpointSlices: lazily(endpointSlices),
    deployments: lazily(deployments),
    replicaSets: lazily(replicaSets, owned),
    statefulSets: lazily(statefulSets, owned),
    podDisruptionBudgets: lazily(podDisruptionBudgets),
  };
  return {
    get pods() {
      return all.pods();
    },
    get nodes() {
      return all.nodes();
    },
    get leases() {
      return all.leases();
    },
    get services() {
      return all.services();
    },
    get endpointSlices() {
      return all.endpointSlices();
    },
    get deployments() {
      return all.deployments();
    },
    get replicaSets() {
      return all.replicaSets();
    },
    get statefulSets() {
      return all.statefulSets();
    },
    get podDisruptionBudgets() {
      return all.podDisruptionBudgets();
    },
  };
};

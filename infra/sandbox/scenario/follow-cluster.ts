import type { Client } from '../cluster/client.ts';
import {
  type Deployment,
  deployments,
  events,
  type KubernetesObject,
  pods,
  type Service,
  services,
} from '../cluster/objects.ts';
import type { History, PodSeen, RolloutSeen } from './history.ts';
import { podChanges, podSeen, versionOf } from './pod-seen.ts';

interface KubernetesEvent extends KubernetesObject {
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly source?: { readonly component?: string };
  readonly reportingComponent?: string;
}

interface ServiceWithStatus extends Service {
  readonly status?: {
    readonly loadBalancer?: {
      readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[];
    };
  };
}

export interface Followed {
  readonly namespace: string;
  readonly deployment: string;
  readonly service: string;
}

/** The rollout as `kubectl rollout status` judges it. */
export const rolloutSeen = (deployment: Deployment): RolloutSeen => {
  const { spec, status, metadata } = deployment;
  const wanted = spec.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const total = status?.replicas ?? 0;
  const available = status?.availableReplicas ?? 0;
  return {
    version: versionOf(spec.template.spec.containers[0]?.image ?? ''),
    wanted,
    updated,
    ready: status?.readyReplicas ?? 0,
    available,
    total,
    complete:
      (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
      updated >= wanted &&
      total <= updated &&
      available >= updated,
  };
};

/** The first address in a Service's status. */
export const addressOf = (service: Service | undefined): string | undefined => {
  const of: ServiceWithStatus | undefined = service;
  const first = of?.status?.loadBalancer?.ingress?.[0];
  return first?.ip ?? first?.hostname;
};

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * Writes what a watch of the API server shows into the history: Pods, the rollout, the Service's address, and Events
 * about any of them.
 *
 * @returns resolves once everything that exists is in it; `close` ends the watches
 */
export const followCluster = async (
  client: Client,
  { namespace, deployment, service }: Followed,
  history: History,
): Promise<{ close(): void }> => {
  const seen = new Map<string, PodSeen>();
  const podWatch = client.watch(pods, { namespace });
  podWatch.onChange(({ type, object }) => {
    const { uid } = object.metadata;
    const now = podSeen(object);
    const before = seen.get(uid);
    if (type === 'deleted') {
      seen.delete(uid);
      history.add({ type: 'pod', change: 'gone', pod: now });
      return;
    }
    seen.set(uid, now);
    const changes = podChanges(before, now);
    for (const change of changes) history.add({ type: 'pod', change, pod: now });
    if (changes.length === 0 && !isSame(before, now)) history.add({ type: 'pod-status', pod: now });
  });

  let rollout: RolloutSeen | undefined;
  const deploymentWatch = client.watch(deployments, {
    namespace,
    fieldSelector: `metadata.name=${deployment}`,
  });
  deploymentWatch.onChange(({ type, object }) => {
    const now = rolloutSeen(object);
    if (type === 'deleted' || isSame(rollout, now)) return;
    rollout = now;
    history.add({ type: 'rollout', rollout: now });
  });

  let address: string | undefined;
  const serviceWatch = client.watch(services, { namespace, fieldSelector: `metadata.name=${service}` });
  serviceWatch.onChange(({ type, object }) => {
    const now = type === 'deleted' ? undefined : addressOf(object);
    if (now === address) return;
    address = now;
    history.add({ type: 'service', name: service, address: now });
  });

  const eventWatch = client.watch<KubernetesEvent>(events, { namespace });
  eventWatch.onChange(({ type, object }) => {
    if (type === 'deleted') return;
    const { involvedObject, reason = '', message = '' } = object;
    history.add({
      type: 'kubernetes-event',
      about: `${involvedObject?.kind ?? '?'} ${involvedObject?.name ?? '?'}`,
      warning: object.type === 'Warning',
      reason,
      message,
    });
  });

  const watches = [podWatch, deploymentWatch, serviceWatch, eventWatch];
  await Promise.all(watches.map((watch) => watch.synced));
  return {
    close: () => {
      for (const watch of watches) watch.close();
    },
  };
};

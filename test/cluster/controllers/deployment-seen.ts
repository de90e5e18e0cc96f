import {
  conditionOf,
  type Deployment,
  isPodActive,
  isPodReady,
  type Pod,
} from '../../../infra/sandbox/cluster/objects.ts';
import { endpointsAt, type Moment } from './history.ts';

/** The sizes that the Deployment asks of its ReplicaSets, oldest first. */
export const sizesOf = (moment: Moment): string =>
  [...moment.replicaSets.values()].map((set) => set.spec.replicas ?? 1).join(' ');

export const activePods = (moment: Moment): Pod[] => [...moment.pods.values()].filter(isPodActive);

export const deploymentAt = (moment: Moment): Deployment | undefined => moment.deployments.get('web');

export const reasonOf = (moment: Moment, type: string): string | undefined =>
  conditionOf(deploymentAt(moment)?.status?.conditions, type)?.reason;

export const containersReady = (pod: Pod): boolean =>
  conditionOf(pod.status?.conditions, 'ContainersReady')?.status === 'True';

/** Nobody has anything left to do until somebody changes something. */
export const isSettled = (moment: Moment): boolean => {
  const sets = [...moment.replicaSets.values()];
  const all = [...moment.pods.values()];
  const ready = all.filter(isPodReady).length;
  const status = deploymentAt(moment)?.status;
  return (
    sets.every(({ metadata, spec, status: of }) => {
      const count = all.filter((pod) => pod.metadata.ownerReferences?.[0]?.uid === metadata.uid).length;
      return (
        of?.observedGeneration === metadata.generation &&
        of?.replicas === spec.replicas &&
        count === of?.replicas
      );
    }) &&
    all.every((pod) => isPodActive(pod) && containersReady(pod)) &&
    all.length === (status?.replicas ?? 0) &&
    status?.terminatingReplicas === 0 &&
    ready === (status?.readyReplicas ?? 0) &&
    status?.observedGeneration === deploymentAt(moment)?.metadata.generation &&
    endpointsAt(moment).length === all.length &&
    endpointsAt(moment).filter(({ conditions }) => conditions.ready).length === ready
  );
};

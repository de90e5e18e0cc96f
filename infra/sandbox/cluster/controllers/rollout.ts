import type { Deployment, IntOrString, ReplicaSet } from '../objects.ts';

/** On a ReplicaSet: the wanted size of its Deployment when it got its own, and that size with the surge. */
export const desiredKey = 'deployment.kubernetes.io/desired-replicas';
export const maxKey = 'deployment.kubernetes.io/max-replicas';

const amount = (value: IntOrString, of: number, round: (value: number) => number): number => {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(value);
  return percent === null ? Number(value) || 0 : round((Number(percent[1]) * of) / 100);
};

/** How many Pods a rollout may add and may miss: surge rounds up, unavailable down, and never are both 0. */
export const rolloutBounds = (deployment: Deployment): { maxSurge: number; maxUnavailable: number } => {
  if (deployment.spec.strategy?.type === 'Recreate') return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = deployment.spec.replicas ?? 1;
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = amount(maxSurge, replicas, Math.ceil);
  const unavailable = amount(maxUnavailable, replicas, Math.floor);
  return {
    maxSurge: surge,
    maxUnavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, replicas),
  };
};

export const replicasOf = (set: ReplicaSet): number => set.spec.replicas ?? 1;

/** Available Pods that will stay: the status of a ReplicaSet that was just made smaller still counts the others. */
const availableOf = (set: ReplicaSet): number =>
  Math.min(set.status?.availableReplicas ?? 0, replicasOf(set));
const sum = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0);

/** The size of the new ReplicaSet that a rolling update asks for next (kubernetes NewRSNewReplicas). */
export const newReplicas = (
  deployment: Deployment,
  newSet: ReplicaSet,
  old: readonly ReplicaSet[],
): number => {
  const wanted = deployment.spec.replicas ?? 1;
  const now = replicasOf(newSet);
  if (now >= wanted) return wanted;
  const total = now + sum(old, replicasOf);
  const most = wanted + rolloutBounds(deployment).maxSurge;
  return total >= most ? now : now + Math.min(most - total, wanted - now);
};

/**
 * The sizes of the old ReplicaSets that a rolling update asks for next, oldest first (kubernetes
 * reconcileOldReplicaSets): first what is not available anyway, then what the available ones can spare.
 */
export const oldReplicas = (
  deployment: Deployment,
  newSet: ReplicaSet,
  old: readonly ReplicaSet[],
): ReadonlyMap<string, number> => {
  const sizes = new Map(old.map((set) => [set.metadata.name, replicasOf(set)]));
  const wanted = deployment.spec.replicas ?? 1;
  const least = wanted - rolloutBounds(deployment).maxUnavailable;
  const newUnavailable = replicasOf(newSet) - availableOf(newSet);
  const total = replicasOf(newSet) + sum(old, replicasOf);
  const most = total - least - newUnavailable;
  if (most <= 0 || sum(old, replicasOf) === 0) return sizes;

  let cleaned = 0;
  for (const set of old) {
    const size = sizes.get(set.metadata.name) ?? 0;
    const less = Math.min(most - cleaned, Math.max(0, size - availableOf(set)));
    if (less <= 0) continue;
    cleaned += less;
    sizes.set(set.metadata.name, size - less);
  }

  let spare = availableOf(newSet) + sum(old, availableOf) - least;
  for (const set of old) {
    if (spare <= 0) break;
    const size = sizes.get(set.metadata.name) ?? 0;
    const less = Math.min(size, spare);
    spare -= less;
    sizes.set(set.metadata.name, size - less);
  }
  return sizes;
};

const annotated = (set: ReplicaSet, key: string): number | undefined => {
  const value = Number(set.metadata.annotations?.[key] ?? Number.NaN);
  return Number.isInteger(value) ? value : undefined;
};

const isActive = (set: ReplicaSet): boolean => replicasOf(set) > 0;

/** Whether the wanted size of the Deployment is another than the one its ReplicaSets were made for. */
export const isResized = (deployment: Deployment, all: readonly ReplicaSet[]): boolean =>
  all.some((set) => {
    const desired = annotated(set, desiredKey);
    return isActive(set) && desired !== undefined && desired !== (deployment.spec.replicas ?? 1);
  });

/** The share of one ReplicaSet in a change of size: it keeps its part of all Pods. */
const shareOf = (set: ReplicaSet, deployment: Deployment, most: number): number => {
  const size = replicasOf(set);
  if ((deployment.spec.replicas ?? 1) === 0) return -size;
  const before = annotated(set, maxKey) || (deployment.status?.replicas ?? 0);
  return before === 0 ? 0 : Math.round((size * most) / before) - size;
};

/**
 * The sizes of the ReplicaSets of a Deployment whose wanted size changed (kubernetes `deployment/sync.go`, scale), in
 * the order in which they are to be written. One alone gets all; of several, as in the middle of a rollout, each gets
 * its share, and the largest what rounding leaves over.
 *
 * @param all oldest first
 */
export const resizedReplicas = (
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
): ReadonlyMap<string, number> => {
  const wanted = deployment.spec.replicas ?? 1;
  const active = all.filter(isActive);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? all.at(-1);
    return new Map(only === undefined ? [] : [[only.metadata.name, wanted]]);
  }
  const isSaturated =
    newSet !== undefined &&
    replicasOf(newSet) === wanted &&
    annotated(newSet, desiredKey) === wanted &&
    (newSet.status?.availableReplicas ?? 0) === wanted;
  if (isSaturated)
    return new Map(active.filter((set) => set !== newSet).map((set) => [set.metadata.name, 0]));
  if (deployment.spec.strategy?.type === 'Recreate') return new Map();
  const most = wanted === 0 ? 0 : wanted + rolloutBounds(deployment).maxSurge;
  const change = most - sum(active, replicasOf);
  const newestFirst = change > 0 ? [...active].reverse() : active;
  const ordered = newestFirst.sort((a, b) => replicasOf(b) - replicasOf(a));
  let given = 0;
  const sizes = ordered.map((set): [string, number] => {
    const share = change === 0 ? 0 : shareOf(set, deployment, most);
    const left = change - given;
    const own = change > 0 ? Math.min(share, left) : Math.max(share, left);
    given += own;
    return [set.metadata.name, replicasOf(set) + own];
  });
  const [largest] = sizes;
  if (largest !== undefined) largest[1] = Math.max(0, largest[1] + change - given);
  return new Map(sizes);
};

/** Whether every Pod is of the new template and available. */
export const isComplete = (deployment: Deployment, status: NonNullable<Deployment['status']>): boolean => {
  const wanted = deployment.spec.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted
  );
};

/** The sums over all ReplicaSets that the status of a Deployment shows. */
export const deploymentCounts = (
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
): Required<
  Pick<
    NonNullable<Deployment['status']>,
    | 'replicas'
    | 'updatedReplicas'
    | 'readyReplicas'
    | 'availableReplicas'
    | 'unavailableReplicas'
    | 'terminatingReplicas'
    | 'observedGeneration'
  >
> => {
  const available = sum(all, (set) => set.status?.availableReplicas ?? 0);
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas: sum(all, (set) => set.status?.replicas ?? 0),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(all, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(all, replicasOf) - available),
    terminatingReplicas: sum(all, (set) => set.status?.terminatingReplicas ?? 0),
  };
};

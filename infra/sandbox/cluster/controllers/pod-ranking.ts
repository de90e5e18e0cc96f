import { conditionOf, isPodReady, type Pod } from '../objects.ts';

const phaseRank = (pod: Pod): number => {
  if (pod.status?.phase === 'Running') return 2;
  return pod.status?.phase === 'Unknown' ? 1 : 0;
};

const deletionCost = (pod: Pod): number =>
  Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0;

const readySince = (pod: Pod): number =>
  Date.parse(conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime ?? '') || 0;

const restarts = (pod: Pod): number =>
  Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));

/** Ages are compared in powers of two, so that one of Pods of about the same age is taken at random. */
const ageBucket = (sinceMs: number, nowMs: number): number =>
  Math.floor(Math.log2(Math.max(1, (nowMs - sinceMs) / 1000)));

/**
 * The order in which a ReplicaSet deletes its Pods, first to go first (kubernetes `pkg/controller`,
 * ActivePodsWithRanks): unassigned, Pending, not ready, low deletion cost, on a node with many of them, ready for a
 * short time, often restarted, young.
 *
 * @param related the Pods that make a node crowded: the active ones of all ReplicaSets of the same owner
 */
export const inDeletionOrder = (pods: readonly Pod[], related: readonly Pod[], nowMs: number): Pod[] => {
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec.nodeName ?? '';
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const rank = (pod: Pod): number => onNode.get(pod.spec.nodeName ?? '') ?? 0;
  const created = (pod: Pod): number => Date.parse(pod.metadata.creationTimestamp);
  const comparisons: ((a: Pod, b: Pod) => number)[] = [
    (a, b) => Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName)),
    (a, b) => phaseRank(a) - phaseRank(b),
    (a, b) => Number(isPodReady(a)) - Number(isPodReady(b)),
    (a, b) => deletionCost(a) - deletionCost(b),
    (a, b) => rank(b) - rank(a),
    (a, b) =>
      isPodReady(a) && isPodReady(b) ? ageBucket(readySince(a), nowMs) - ageBucket(readySince(b), nowMs) : 0,
    (a, b) => restarts(b) - restarts(a),
    (a, b) => ageBucket(created(a), nowMs) - ageBucket(created(b), nowMs),
    (a, b) => (a.metadata.uid < b.metadata.uid ? -1 : 1),
  ];
  return [...pods].sort((a, b) => {
    for (const compare of comparisons) {
      const order = compare(a, b);
      if (order !== 0) return order;
    }
    return 0;
  });
};

/** Milliseconds until a Pod counts as available: 0 now, undefined while it is not ready. */
export const availableInMs = (pod: Pod, minReadySeconds: number, nowMs: number): number | undefined => {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds <= 0) return 0;
  return Math.max(0, readySince(pod) + minReadySeconds * 1000 - nowMs);
};

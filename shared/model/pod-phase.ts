import type { PodState } from './desired-state.ts';

/**
 * What a Pod is to a load balancer.
 *
 * - `serving`: Ready, or not Ready only through our own gate.
 * - `waiting-for-others`: its containers are ready, but a foreign gate is closed: bound at weight 0, so that it is
 *   probed and two gate owners cannot wait for each other.
 * - `not-ready`: kept at weight 0 if bound, never newly bound.
 * - `terminating`: deletion began. `ended`: nothing listens any more, or its deadline passed.
 */
export type PodPhase = 'serving' | 'waiting-for-others' | 'not-ready' | 'terminating' | 'ended';

/**
 * Our gate is all that keeps the Pod from being Ready: it is closed, or it was opened no earlier than Ready last
 * changed (the kubelet lags). On a dead node Ready changes later than the gate: that Pod is not ready.
 */
const onlyOurGateMissing = (pod: PodState): boolean => {
  if (!pod.containersReady || !pod.foreignGatesOpen || pod.gate === undefined) return false;
  if (pod.gate.status !== 'True') return true;
  return (pod.gate.changedAt ?? 0) >= (pod.readyChangedAt ?? 0);
};

/** Unix ms when a terminating Pod that never ends is given up. */
export const terminationDeadline = (pod: PodState, drainSlackSeconds: number): number | undefined =>
  pod.terminatingAt === undefined ? undefined : pod.terminatingAt + drainSlackSeconds * 1000;

export const podPhase = (
  pod: PodState,
  options: { readonly now: number; readonly drainSlackSeconds: number; readonly publishNotReady: boolean },
): PodPhase => {
  if (pod.ended) return 'ended';
  const deadline = terminationDeadline(pod, options.drainSlackSeconds);
  if (deadline !== undefined) return options.now >= deadline ? 'ended' : 'terminating';
  if (options.publishNotReady || pod.ready || onlyOurGateMissing(pod)) return 'serving';
  return pod.containersReady ? 'waiting-for-others' : 'not-ready';
};

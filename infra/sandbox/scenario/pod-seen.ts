import { conditionOf, isPodReady, type Pod } from '../cluster/objects.ts';
import type { PodChange, PodSeen } from './history.ts';

/** Condition type of the readiness gate that this project adds (the one that TKE's users know). */
export const gateType = 'cloud.tencent.com/load-balancer-backendgroup-ready';

/** `latest` for an image without a tag. */
export const versionOf = (image: string): string => {
  const last = image.slice(image.lastIndexOf('/') + 1);
  return last.includes(':') ? last.slice(last.indexOf(':') + 1) : 'latest';
};

/** A Pod as the history keeps it. */
export const podSeen = (pod: Pod): PodSeen => {
  const conditions = pod.status?.conditions;
  const gated = pod.spec.readinessGates?.some((gate) => gate.conditionType === gateType) === true;
  const gate = conditionOf(conditions, gateType);
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid,
    ip: pod.status?.podIP,
    version: versionOf(pod.spec.containers[0]?.image ?? ''),
    phase: pod.status?.phase ?? 'Pending',
    containersReady: conditionOf(conditions, 'ContainersReady')?.status === 'True',
    ready: isPodReady(pod),
    gate: gated ? (gate?.status === 'True' ? 'open' : 'closed') : 'none',
    gateMessage: gate?.message ?? '',
    terminating: pod.metadata.deletionTimestamp !== undefined,
  };
};

/** What is new about a Pod since it was seen last, in the order in which it comes about. */
export const podChanges = (before: PodSeen | undefined, now: PodSeen): readonly PodChange[] => {
  const changes: PodChange[] = [];
  if (before === undefined) changes.push('created');
  if (now.ip !== undefined && before?.ip === undefined) changes.push('addressed');
  if (now.containersReady && before?.containersReady !== true) changes.push('containers-ready');
  if (now.gate === 'open' && before?.gate !== 'open') changes.push('gate-open');
  if (now.ready && before?.ready !== true) changes.push('ready');
  if (now.terminating && before?.terminating !== true) changes.push('deleting');
  return changes;
};

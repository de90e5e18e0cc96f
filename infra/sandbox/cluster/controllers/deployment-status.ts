import { type Condition, conditionOf, type Deployment, type ReplicaSet, timestamp } from '../objects.ts';
import { deploymentCounts, isComplete, rolloutBounds } from './rollout.ts';

type Status = NonNullable<Deployment['status']>;
type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

const defaultDeadlineSeconds = 600;

const hasProgressed = (before: Status, now: Status): boolean =>
  (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
  (now.replicas ?? 0) - (now.updatedReplicas ?? 0) < (before.replicas ?? 0) - (before.updatedReplicas ?? 0) ||
  (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
  (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0);

const deadlineMs = (deployment: Deployment): number =>
  (deployment.spec.progressDeadlineSeconds ?? defaultDeadlineSeconds) * 1000;

/** Milliseconds until a rollout that makes no progress is called failed; undefined when none is under way. */
export const deadlineInMs = (deployment: Deployment, nowMs: number): number | undefined => {
  const progressing = conditionOf(deployment.status?.conditions, 'Progressing');
  if (progressing === undefined || progressing.status === 'False') return undefined;
  if (progressing.reason === 'NewReplicaSetAvailable') return undefined;
  return Math.max(0, Date.parse(progressing.lastUpdateTime ?? '') + deadlineMs(deployment) - nowMs);
};

const progressing = (
  deployment: Deployment,
  counts: Status,
  newSet: ReplicaSet | undefined,
  created: boolean,
  nowMs: number,
): { verdict: Verdict; moved: boolean } | undefined => {
  const before = conditionOf(deployment.status?.conditions, 'Progressing');
  const set = `ReplicaSet "${newSet?.metadata.name ?? ''}"`;
  if (created) {
    const message = `Created new replica set "${newSet?.metadata.name ?? ''}"`;
    return { verdict: { status: 'True', reason: 'NewReplicaSetCreated', message }, moved: true };
  }
  if (counts.replicas === counts.updatedReplicas && before?.reason === 'NewReplicaSetAvailable')
    return undefined;
  if (isComplete(deployment, counts)) {
    const message = `${set} has successfully progressed.`;
    return { verdict: { status: 'True', reason: 'NewReplicaSetAvailable', message }, moved: true };
  }
  if (before === undefined || hasProgressed(deployment.status ?? {}, counts)) {
    return {
      verdict: { status: 'True', reason: 'ReplicaSetUpdated', message: `${set} is progressing.` },
      moved: true,
    };
  }
  if (deadlineInMs(deployment, nowMs) === 0) {
    const message = `${set} has timed out progressing.`;
    return { verdict: { status: 'False', reason: 'ProgressDeadlineExceeded', message }, moved: false };
  }
  return undefined;
};

const available = (deployment: Deployment, counts: Status): Verdict =>
  (counts.availableReplicas ?? 0) >=
  (deployment.spec.replicas ?? 1) - rolloutBounds(deployment).maxUnavailable
    ? { status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };

const withVerdict = (
  before: Condition | undefined,
  type: string,
  verdict: Verdict,
  moved: boolean,
  now: string,
): Condition => {
  if (
    before !== undefined &&
    before.status === verdict.status &&
    before.reason === verdict.reason &&
    !moved
  ) {
    return before;
  }
  return {
    type,
    ...verdict,
    lastUpdateTime: now,
    lastTransitionTime: before?.status === verdict.status ? (before.lastTransitionTime ?? now) : now,
  };
};

/** The whole status of a Deployment from its ReplicaSets, conditions as upstream's deployment controller writes them. */
export const deploymentStatus = (
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  created: boolean,
  nowMs: number,
): Status => {
  const counts = deploymentCounts(deployment, newSet, all);
  const now = timestamp(nowMs);
  const before = deployment.status?.conditions;
  const conditions = [
    withVerdict(conditionOf(before, 'Available'), 'Available', available(deployment, counts), false, now),
  ];
  const progress = progressing(deployment, counts, newSet, created, nowMs);
  const kept = conditionOf(before, 'Progressing');
  if (progress !== undefined) {
    conditions.push(withVerdict(kept, 'Progressing', progress.verdict, progress.moved, now));
  } else if (kept !== undefined) {
    conditions.push(kept);
  }
  return { ...counts, conditions };
};

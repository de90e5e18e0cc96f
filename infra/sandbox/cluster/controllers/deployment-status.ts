import { type Condition, conditionOf, type Deployment, type ReplicaSet, timestamp } from '../objects.ts';
import { deploymentCounts, isComplete, rolloutBounds } from './rollout.ts';

type Status = NonNullable<Deployment['status']>;
type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

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
  if (progressing === undefined || progressing.status === 'False' || deployment.spec.paused === true)
    return undefined;
  if (progressing.reason === 'NewReplicaSetAvailable') return undefined;
  return Math.max(0, Date.parse(progressing.lastUpdateTime ?? '') + deadlineMs(deployment) - nowMs);
};

/**
 * The conditions with one verdict in them. One that says nothing new stays as and where it is; one that does comes
 * last, as `kubectl describe` then shows it.
 *
 * @param moved the same verdict is news: progress was made
 */
const withVerdict = (
  conditions: readonly Condition[],
  verdict: Verdict,
  now: string,
  moved = false,
): readonly Condition[] => {
  const before = conditionOf(conditions, verdict.type);
  const isSame = before?.status === verdict.status && before.reason === verdict.reason;
  if (isSame && !moved) return conditions;
  const since = before?.status === verdict.status ? before.lastTransitionTime : undefined;
  return [
    ...conditions.filter(({ type }) => type !== verdict.type),
    { ...verdict, lastUpdateTime: now, lastTransitionTime: since ?? now },
  ];
};

const inMessage = (set: ReplicaSet | undefined): string => `ReplicaSet "${set?.metadata.name ?? ''}"`;

const withProgress = (
  conditions: readonly Condition[],
  deployment: Deployment,
  counts: Status,
  newSet: ReplicaSet | undefined,
  nowMs: number,
): readonly Condition[] => {
  const now = timestamp(nowMs);
  const type = 'Progressing';
  const before = conditionOf(conditions, type);
  if (counts.replicas === counts.updatedReplicas && before?.reason === 'NewReplicaSetAvailable')
    return conditions;
  if (isComplete(deployment, counts)) {
    const message = `${inMessage(newSet)} has successfully progressed.`;
    return withVerdict(conditions, { type, status: 'True', reason: 'NewReplicaSetAvailable', message }, now);
  }
  if (hasProgressed(deployment.status ?? {}, counts)) {
    const message = `${inMessage(newSet)} is progressing.`;
    return withVerdict(conditions, { type, status: 'True', reason: 'ReplicaSetUpdated', message }, now, true);
  }
  if (deadlineInMs(deployment, nowMs) === 0) {
    const message = `${inMessage(newSet)} has timed out progressing.`;
    return withVerdict(
      conditions,
      { type, status: 'False', reason: 'ProgressDeadlineExceeded', message },
      now,
    );
  }
  return conditions;
};

const availability = (deployment: Deployment, counts: Status): Verdict => {
  const type = 'Available';
  const least = (deployment.spec.replicas ?? 1) - rolloutBounds(deployment).maxUnavailable;
  return (counts.availableReplicas ?? 0) >= least
    ? {
        type,
        status: 'True',
        reason: 'MinimumReplicasAvailable',
        message: 'Deployment has minimum availability.',
      }
    : {
        type,
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
};

/** What is told of a new ReplicaSet before anything else of the rollout is. */
export const conditionsOfNewSet = (
  deployment: Deployment,
  newSet: ReplicaSet,
  nowMs: number,
): readonly Condition[] => {
  const message = `Created new replica set "${newSet.metadata.name}"`;
  const verdict = { type: 'Progressing', status: 'True', reason: 'NewReplicaSetCreated', message } as const;
  return withVerdict(deployment.status?.conditions ?? [], verdict, timestamp(nowMs));
};

/**
 * What is told of a Deployment that was paused or goes on; undefined where that is known already. A rollout that was
 * called failed stays so.
 */
export const conditionsOfPause = (
  deployment: Deployment,
  nowMs: number,
): readonly Condition[] | undefined => {
  const conditions = deployment.status?.conditions ?? [];
  const reason = conditionOf(conditions, 'Progressing')?.reason;
  const isPaused = deployment.spec.paused === true;
  if (reason === 'ProgressDeadlineExceeded' || isPaused === (reason === 'DeploymentPaused')) return undefined;
  const verdict = isPaused
    ? ({ reason: 'DeploymentPaused', message: 'Deployment is paused' } as const)
    : ({ reason: 'DeploymentResumed', message: 'Deployment is resumed' } as const);
  return withVerdict(conditions, { type: 'Progressing', status: 'Unknown', ...verdict }, timestamp(nowMs));
};

/**
 * The whole status of a Deployment from its ReplicaSets, conditions as upstream's deployment controller writes them.
 *
 * @param rolling false while it is only made larger or smaller: that is neither progress nor the lack of it
 */
export const deploymentStatus = (
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
  rolling: boolean,
  nowMs: number,
): Status => {
  const counts = deploymentCounts(deployment, newSet, all);
  const now = timestamp(nowMs);
  const before = deployment.status?.conditions ?? [];
  const conditions = withVerdict(before, availability(deployment, counts), now);
  return {
    ...counts,
    conditions: rolling ? withProgress(conditions, deployment, counts, newSet, nowMs) : conditions,
  };
};

import {
  type Condition,
  type ContainerStatus,
  conditionOf,
  type Pod,
  type PodPhase,
  type PodStatus,
} from '../objects.ts';

/** What the kubelet knows of a Pod's containers at one moment. */
export interface PodObservation {
  readonly initContainers: readonly ContainerStatus[];
  readonly containers: readonly ContainerStatus[];
  /** Whether the Pod has its address and its containers may start. */
  readonly sandboxReady: boolean;
  /** Being deleted and every container has ended: nothing is started again. */
  readonly ended: boolean;
}

const names = (statuses: readonly ContainerStatus[]): string =>
  `[${statuses.map((status) => status.name).join(' ')}]`;

const hasEnded = (status: ContainerStatus): boolean =>
  status.state.terminated !== undefined ||
  (status.state.waiting !== undefined && status.lastState.terminated !== undefined);

const succeeded = (status: ContainerStatus): boolean => status.state.terminated?.exitCode === 0;

/** The phase as the kubelet derives it from container states (kubernetes `pkg/kubelet/kubelet_pods.go`, getPhase). */
export const podPhase = (pod: Pod, seen: PodObservation): PodPhase => {
  const policy = pod.spec.restartPolicy ?? 'Always';
  const initFailed = seen.initContainers.some((status) => (status.state.terminated?.exitCode ?? 0) !== 0);
  if (initFailed && policy === 'Never') return 'Failed';
  const pending =
    !seen.initContainers.every(succeeded) ||
    seen.containers.some((status) => status.state.waiting !== undefined && !hasEnded(status));
  if (seen.ended) return !pending && seen.containers.every(succeeded) ? 'Succeeded' : 'Failed';
  if (pending) return 'Pending';
  if (seen.containers.some((status) => status.state.running !== undefined)) return 'Running';
  if (policy === 'Always') return 'Running';
  if (seen.containers.every(succeeded)) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
};

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

const containersReady = (phase: PodPhase, seen: PodObservation): Verdict => {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = seen.containers.filter((status) => !status.ready);
  if (unready.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: ${names(unready)}`,
  };
};

/** Ready only when the containers are and every readiness gate's condition is True, in the kubelet's words. */
const ready = (pod: Pod, containers: Verdict): Verdict => {
  if (containers.status !== 'True') return containers;
  const missing: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const gate = conditionOf(pod.status?.conditions, conditionType);
    if (gate === undefined) {
      missing.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    } else if (gate.status !== 'True') {
      missing.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
    }
  }
  if (missing.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
};

const initialized = (phase: PodPhase, seen: PodObservation): Verdict => {
  const incomplete = seen.initContainers.filter((status) => !succeeded(status));
  if (incomplete.length === 0) {
    return phase === 'Succeeded' ? { status: 'True', reason: 'PodCompleted' } : { status: 'True' };
  }
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: ${names(incomplete)}`,
  };
};

/**
 * The conditions that belong to the kubelet; those of others are left out, so that a strategic merge keeps them.
 * `lastTransitionTime` moves only when the status does.
 */
export const podConditions = (
  pod: Pod,
  phase: PodPhase,
  seen: PodObservation,
  now: string,
): readonly Condition[] => {
  const containers = containersReady(phase, seen);
  const verdicts: readonly (readonly [string, Verdict])[] = [
    ['PodReadyToStartContainers', { status: seen.sandboxReady ? 'True' : 'False' }],
    ['Initialized', initialized(phase, seen)],
    ['Ready', ready(pod, containers)],
    ['ContainersReady', containers],
    ['PodScheduled', { status: 'True' }],
  ];
  return verdicts.map(([type, verdict]) => {
    const before = conditionOf(pod.status?.conditions, type);
    const since = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return { type, ...verdict, lastTransitionTime: since ?? now };
  });
};

/** The sum of it: what the kubelet writes for a Pod. */
export const podStatus = (
  pod: Pod,
  seen: PodObservation,
  now: string,
): Required<Pick<PodStatus, 'phase' | 'conditions' | 'containerStatuses'>> &
  Pick<PodStatus, 'initContainerStatuses'> => {
  const phase = podPhase(pod, seen);
  return {
    phase,
    conditions: podConditions(pod, phase, seen, now),
    containerStatuses: seen.containers,
    ...(seen.initContainers.length === 0 ? {} : { initContainerStatuses: seen.initContainers }),
  };
};

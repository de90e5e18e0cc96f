import { describe, expect, it } from 'vitest';
import { type ContainerStatus, conditionOf, type Pod, type PodSpec } from '../objects.ts';
import { type PodObservation, podConditions, podPhase, podStatus } from './status.ts';

const gate = 'cloud.tencent.com/load-balancer-backendgroup-ready';

const aPod = (
  spec: Partial<PodSpec> = {},
  conditions: NonNullable<Pod['status']>['conditions'] = [],
): Pod => ({
  metadata: { name: 'web', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [{ name: 'nginx', image: 'nginx' }], ...spec },
  status: { conditions },
});

const container = (
  state: ContainerStatus['state'],
  more: Partial<ContainerStatus> = {},
): ContainerStatus => ({
  name: 'nginx',
  image: 'nginx',
  imageID: '',
  ready: false,
  started: false,
  restartCount: 0,
  state,
  lastState: {},
  ...more,
});
const running = container({ running: { startedAt: 't' } }, { ready: true, started: true });
const ended = (exitCode: number): ContainerStatus => container({ terminated: { exitCode } });
const waiting = container({ waiting: { reason: 'ContainerCreating' } });
const seen = (containers: ContainerStatus[], more: Partial<PodObservation> = {}): PodObservation => ({
  initContainers: [],
  containers,
  sandboxReady: true,
  ended: false,
  ...more,
});

describe('the phase of a Pod', () => {
  it.each([
    ['Pending', 'Always', [waiting], false],
    ['Running', 'Always', [running], false],
    ['Running', 'Always', [ended(1)], false],
    [
      'Running',
      'Always',
      [container({ waiting: { reason: 'CrashLoopBackOff' } }, { lastState: ended(1).state })],
      false,
    ],
    ['Succeeded', 'Never', [ended(0)], false],
    ['Failed', 'Never', [ended(1)], false],
    ['Running', 'OnFailure', [ended(1)], false],
    ['Succeeded', 'Always', [ended(0)], true],
    ['Failed', 'Always', [ended(137)], true],
    ['Failed', 'Always', [waiting], true],
  ] as const)('is %s with restartPolicy %s', (phase, restartPolicy, containers, over) => {
    expect(podPhase(aPod({ restartPolicy }), seen([...containers], { ended: over }))).toBe(phase);
  });
});

describe('the Ready condition', () => {
  const readyOf = (pod: Pod, containers: ContainerStatus[]) =>
    conditionOf(podConditions(pod, 'Running', seen(containers), 'now'), 'Ready');

  it('is False while a container is not ready', () => {
    expect(readyOf(aPod(), [waiting])).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [nginx]',
    });
  });

  it('is False while a gate has no condition, or one that is not True, and says which', () => {
    const gated = { readinessGates: [{ conditionType: gate }] };
    expect(readyOf(aPod(gated), [running])).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: `corresponding condition of pod readiness gate "${gate}" does not exist.`,
    });
    expect(readyOf(aPod(gated, [{ type: gate, status: 'False' }]), [running])).toMatchObject({
      message: `the status of pod readiness gate "${gate}" is not "True", but False`,
    });
    expect(readyOf(aPod(gated, [{ type: gate, status: 'True' }]), [running])?.status).toBe('True');
  });

  it('moves its lastTransitionTime only with its status', () => {
    const before = [{ type: 'Ready', status: 'True' as const, lastTransitionTime: 'before' }];
    expect(readyOf(aPod({}, before), [running])?.lastTransitionTime).toBe('before');
    expect(readyOf(aPod({}, before), [waiting])?.lastTransitionTime).toBe('now');
  });

  it('is not among the others’ conditions: what is not the kubelet’s is left out', () => {
    const status = podStatus(aPod({}, [{ type: gate, status: 'True' }]), seen([running]), 'now');
    expect(status.conditions.map(({ type }) => type)).toEqual([
      'PodReadyToStartContainers',
      'Initialized',
      'Ready',
      'ContainersReady',
      'PodScheduled',
    ]);
  });

  it('says that a Pod has completed or failed', () => {
    const of = (phase: 'Succeeded' | 'Failed') =>
      conditionOf(podConditions(aPod(), phase, seen([ended(0)]), 'now'), 'Ready');
    expect(of('Succeeded')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
    expect(of('Failed')).toMatchObject({ status: 'False', reason: 'PodFailed' });
  });
});

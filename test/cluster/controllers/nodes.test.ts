import { describe, expect, it } from 'vitest';
import {
  type Condition,
  conditionOf,
  isPodActive,
  nodes,
  type Pod,
} from '../../../infra/sandbox/cluster/objects.ts';
import { gate, until } from '../../integration/sandbox-cluster-fixture.ts';
import { changesOf, endpointAt, endpointsAt, type Moment } from './history.ts';
import { useHistories, useWorld } from './world.ts';

const fixture = useWorld({
  nodes: [{ name: 'dies' }, { name: 'lives' }],
  kubeletTimes: { heartbeatMs: 1_000 },
  nodeMonitorGraceMs: 8_000,
  orphanedPodMs: 500,
});
const newHistory = useHistories(fixture);
const on = (name: string) => ({ nodeSelector: { 'kubernetes.io/hostname': name } });

const conditionsOf = (pod: Pod | undefined, ...types: string[]): (Condition['status'] | 'none')[] =>
  types.map((type) => conditionOf(pod?.status?.conditions, type)?.status ?? 'none');

describe('a node that dies', () => {
  it('takes Ready from its Pods and nothing else, evicts those that may not stay, and leaves the slices with its object', async () => {
    const { namespace, history } = await newHistory('dead');
    const { client, kubelet } = fixture.cluster;
    const unreachable = 'node.kubernetes.io/unreachable';
    const leaves = [{ key: unreachable, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 }];
    await fixture.expose(namespace);
    for (const [name, spec] of Object.entries({
      gated: on('dies'),
      leaves: { ...on('dies'), tolerations: leaves },
      other: on('lives'),
    })) {
      await fixture.pod(namespace, name, { ...spec, readinessGates: [{ conditionType: gate }] });
    }
    const all = await history.until(
      ({ pods }) =>
        pods.size === 3 &&
        [...pods.values()].every((pod) => conditionsOf(pod, 'ContainersReady')[0] === 'True'),
      'their containers are ready',
    );
    for (const pod of all.pods.values()) await fixture.setGate(pod, 'True');
    const serves = (moment: Moment, name: string): boolean =>
      endpointAt(moment, name)?.conditions.ready === true;
    await history.until(
      (moment) => [...moment.pods.keys()].every((name) => serves(moment, name)),
      'all serve',
    );
    const from = history.now().version;
    const before = history.now().pods.get('gated')?.status;

    kubelet.stopNode('dies');
    await history.until(
      (moment) => !serves(moment, 'gated') && !serves(moment, 'leaves'),
      'they serve no longer',
    );
    const gated = history.now().pods.get('gated');
    expect(conditionsOf(gated, 'Ready', 'ContainersReady', gate)).toEqual(['False', 'True', 'True']);
    expect(gated?.status?.phase).toBe('Running');
    expect(gated?.status?.containerStatuses).toEqual(before?.containerStatuses);
    expect(endpointAt(history.now(), 'gated')?.conditions).toEqual({
      ready: false,
      serving: false,
      terminating: false,
    });
    const node = await client.waitFor(
      nodes,
      '',
      'dies',
      (one) => (one?.spec?.taints ?? []).filter(({ key }) => key === unreachable).length === 2,
    );
    expect(conditionOf(node?.status?.conditions, 'Ready')?.status).toBe('Unknown');
    expect((node?.spec?.taints ?? []).map(({ effect }) => effect).sort()).toEqual([
      'NoExecute',
      'NoSchedule',
    ]);

    const evicted = await history.until(
      ({ pods }) => pods.get('leaves')?.metadata.deletionTimestamp !== undefined,
      'the Pod that does not tolerate it is being deleted',
    );
    expect(conditionOf(evicted.pods.get('leaves')?.status?.conditions, 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'DeletionByTaintManager',
    });
    expect(isPodActive(evicted.pods.get('gated') ?? never())).toBe(true);

    // Nobody stands for the node any more: whatever is written about its Pods brings the slices up to date.
    await client.delete(nodes, '', 'dies');
    const other = history.now().pods.get('other') ?? never();
    await fixture.setGate(other, 'False');
    const after = await history.until(
      (moment) => endpointAt(moment, 'other')?.conditions.ready === false,
      'the slices follow',
    );
    expect(endpointsAt(after).map(({ targetRef }) => targetRef?.name)).toEqual(['other']);
    expect([...after.pods.keys()].sort()).toEqual(['gated', 'leaves', 'other']);

    await until(() => history.now().pods.size === 1, 'its Pods are collected', 100_000);
    const fate = (name: string): string[] =>
      changesOf(history.moments(from), (moment) => {
        const pod = moment.pods.get(name);
        if (pod === undefined) return 'gone';
        const target = conditionOf(pod.status?.conditions, 'DisruptionTarget')?.reason ?? '';
        return `${pod.status?.phase} ${target} ${isPodActive(pod) ? '' : (pod.metadata.deletionGracePeriodSeconds ?? '')}`.trim();
      });
    expect(fate('gated')).toEqual(['Running', 'Failed DeletionByPodGC', 'Failed DeletionByPodGC 0', 'gone']);
    expect(fate('leaves')).toEqual([
      'Running',
      'Running DeletionByTaintManager',
      'Running DeletionByTaintManager 10',
      'Failed DeletionByPodGC 10',
      'Failed DeletionByPodGC 0',
      'gone',
    ]);
    expect(fate('other')).toEqual(['Running']);
  }, 180_000);
});

const never = (): never => {
  throw new Error('there is none');
};

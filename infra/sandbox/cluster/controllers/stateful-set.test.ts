import { describe, expect, it } from 'vitest';
import type { Pod, StatefulSet } from '../objects.ts';
import { nextStep, revisionOf } from './stateful-set.ts';

const aSet = (replicas: number, image = 'nginx:1', more: Partial<StatefulSet['spec']> = {}): StatefulSet => ({
  metadata: { name: 'db', namespace: 'default', uid: 's', resourceVersion: '1', creationTimestamp: '' },
  spec: { replicas, selector: {}, template: { spec: { containers: [{ name: 'c', image }] } }, ...more },
});

const aPod = (
  ordinal: number,
  of: StatefulSet,
  traits: { ready?: boolean; terminating?: boolean } = {},
): Pod => ({
  metadata: {
    name: `db-${ordinal}`,
    uid: `${ordinal}`,
    resourceVersion: '1',
    creationTimestamp: '',
    labels: { 'controller-revision-hash': revisionOf(of) },
    ...(traits.terminating === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: { containers: [] },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: (traits.ready ?? true) ? 'True' : 'False' }],
  },
});

const step = (set: StatefulSet, pods: Pod[]): { create: readonly number[]; remove: string[] } => {
  const { create, remove } = nextStep(set, pods, 0);
  return { create, remove: remove.map((pod) => pod.metadata.name) };
};

describe('a StatefulSet', () => {
  const set = aSet(3);

  it('starts one Pod after the other', () => {
    expect(step(set, [])).toEqual({ create: [0], remove: [] });
    expect(step(set, [aPod(0, set, { ready: false })])).toEqual({ create: [], remove: [] });
    expect(step(set, [aPod(0, set)])).toEqual({ create: [1], remove: [] });
  });

  it('starts all at once where it may', () => {
    expect(step(aSet(3, 'nginx:1', { podManagementPolicy: 'Parallel' }), [])).toEqual({
      create: [0, 1, 2],
      remove: [],
    });
  });

  it('removes the last Pod first', () => {
    const pods = [0, 1, 2].map((ordinal) => aPod(ordinal, set));
    expect(step(aSet(1), pods)).toEqual({ create: [], remove: ['db-2'] });
    expect(step(aSet(1), [aPod(0, set), aPod(1, set), aPod(2, set, { terminating: true })])).toEqual({
      create: [],
      remove: [],
    });
  });

  it('replaces Pods from the last to the partition, each after the one before is ready', () => {
    const next = aSet(3, 'nginx:2');
    const [p0, p1, p2] = [aPod(0, set), aPod(1, set), aPod(2, set)];
    expect(step(next, [p0, p1, p2])).toEqual({ create: [], remove: ['db-2'] });
    expect(step(next, [p0, p1])).toEqual({ create: [2], remove: [] });
    expect(step(next, [p0, p1, aPod(2, next, { ready: false })])).toEqual({ create: [], remove: [] });
    expect(step(next, [p0, p1, aPod(2, next)])).toEqual({ create: [], remove: ['db-1'] });
    const partitioned = aSet(3, 'nginx:2', {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } },
    });
    expect(step(partitioned, [p0, p1, aPod(2, partitioned)])).toEqual({ create: [], remove: [] });
  });
});

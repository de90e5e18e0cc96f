import { describe, expect, it } from 'vitest';
import type { Pod } from '../objects.ts';
import { availableInMs, inDeletionOrder } from './pod-ranking.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');

interface Traits {
  node?: string;
  phase?: 'Pending' | 'Running';
  readySince?: string;
  cost?: string;
  restarts?: number;
  created?: string;
}

const aPod = (name: string, traits: Traits = {}): Pod => {
  const { node = 'n1', phase = 'Running', readySince = '2026-01-01T00:00:00Z', cost, restarts = 0 } = traits;
  const ready = readySince !== '';
  return {
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp: traits.created ?? '2026-01-01T00:00:00Z',
      ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { containers: [], ...(node === '' ? {} : { nodeName: node }) },
    status: {
      phase,
      conditions: [
        {
          type: 'Ready',
          status: ready ? 'True' : 'False',
          lastTransitionTime: ready ? readySince : '2026-01-01T00:00:00Z',
        },
      ],
      containerStatuses: [
        {
          name: 'c',
          image: '',
          imageID: '',
          ready,
          started: ready,
          restartCount: restarts,
          state: {},
          lastState: {},
        },
      ],
    },
  };
};

const order = (...pods: Pod[]): string[] =>
  inDeletionOrder(pods, pods, nowMs).map((pod) => pod.metadata.name);

describe('a ReplicaSet deletes', () => {
  it('unassigned before Pending before not ready before ready Pods', () => {
    const ready = aPod('ready', { node: 'n1' });
    const unready = aPod('unready', { node: 'n2', readySince: '' });
    const pending = aPod('pending', { node: 'n3', phase: 'Pending', readySince: '' });
    const unassigned = aPod('unassigned', { node: '', phase: 'Pending', readySince: '' });
    expect(order(ready, unready, pending, unassigned)).toEqual(['unassigned', 'pending', 'unready', 'ready']);
  });

  it('the cheapest before others', () => {
    expect(order(aPod('a'), aPod('b', { cost: '-5' }), aPod('c', { cost: '10' }))).toEqual(['b', 'a', 'c']);
  });

  it('Pods of a crowded node before others', () => {
    expect(order(aPod('a', { node: 'n2' }), aPod('b'), aPod('c'))[2]).toBe('a');
    // Those of another ReplicaSet of the same owner crowd it, too.
    const pods = [aPod('a'), aPod('b', { node: 'n2' }), aPod('c', { node: 'n2' })];
    const others = [aPod('d'), aPod('e')];
    expect(inDeletionOrder(pods, [...pods, ...others], nowMs)[0]?.metadata.name).toBe('a');
  });

  it('what became ready a short time ago, crashed or is young first', () => {
    const spread = (name: string, traits: Traits): Pod => aPod(name, { node: name, ...traits });
    expect(order(spread('old', {}), spread('fresh', { readySince: '2026-01-01T00:59:50Z' }))).toEqual([
      'fresh',
      'old',
    ]);
    expect(order(spread('calm', {}), spread('crashy', { restarts: 3 }))).toEqual(['crashy', 'calm']);
    expect(order(spread('old', {}), spread('young', { created: '2026-01-01T00:59:00Z' }))).toEqual([
      'young',
      'old',
    ]);
  });
});

describe('a Pod is available', () => {
  it('after it was ready for minReadySeconds', () => {
    const pod = aPod('a', { readySince: '2026-01-01T00:59:50Z' });
    expect(availableInMs(pod, 0, nowMs)).toBe(0);
    expect(availableInMs(pod, 30, nowMs)).toBe(20_000);
    expect(availableInMs(pod, 10, nowMs)).toBe(0);
    expect(availableInMs(aPod('b', { readySince: '' }), 0, nowMs)).toBeUndefined();
  });
});

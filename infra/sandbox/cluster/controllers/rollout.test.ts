import { describe, expect, it } from 'vitest';
import type { Deployment, IntOrString, ReplicaSet } from '../objects.ts';
import { newReplicas, oldReplicas, rolloutBounds } from './rollout.ts';

const aDeployment = (
  replicas: number,
  maxSurge: IntOrString = '25%',
  maxUnavailable: IntOrString = '25%',
): Deployment => ({
  metadata: { name: 'web', uid: 'd', resourceVersion: '1', creationTimestamp: '' },
  spec: {
    replicas,
    selector: {},
    template: { spec: { containers: [] } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  },
});

const aSet = (name: string, replicas: number, availableReplicas = replicas): ReplicaSet => ({
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '' },
  spec: { replicas, selector: {}, template: { spec: { containers: [] } } },
  status: { availableReplicas },
});

/** Rolls until nothing moves; new Pods become available only when `opens` says so. */
const rollOut = (
  deployment: Deployment,
  opens: boolean,
): { steps: string[]; leastAvailable: number; mostPods: number } => {
  const steps: string[] = [];
  let newSize = 0;
  let newAvailable = 0;
  let oldSize = deployment.spec.replicas ?? 1;
  let leastAvailable = oldSize;
  let mostPods = oldSize;
  for (let round = 0; round < 100; round += 1) {
    const before = `${newSize}/${oldSize}`;
    const old = aSet('old', oldSize);
    newSize = newReplicas(deployment, aSet('new', newSize, newAvailable), [old]);
    oldSize = oldReplicas(deployment, aSet('new', newSize, newAvailable), [old]).get('old') ?? -1;
    leastAvailable = Math.min(leastAvailable, oldSize + newAvailable);
    mostPods = Math.max(mostPods, newSize + oldSize);
    if (`${newSize}/${oldSize}` !== before) steps.push(`${newSize}/${oldSize}`);
    else if (!opens || newAvailable === newSize) break;
    if (opens && newAvailable < newSize) newAvailable += 1;
  }
  return { steps, leastAvailable, mostPods };
};

describe('rolling update', () => {
  it.each([
    [4, '25%', '25%', 1, 1],
    [3, '25%', '25%', 1, 0],
    [10, '25%', '25%', 3, 2],
    [1, '25%', '25%', 1, 0],
    [5, 0, 0, 0, 1],
    [3, 0, '100%', 0, 3],
  ])(
    'of %i replicas with maxSurge %s and maxUnavailable %s: %i and %i',
    (replicas, surge, unavailable, s, u) => {
      expect(rolloutBounds(aDeployment(replicas, surge, unavailable))).toEqual({
        maxSurge: s,
        maxUnavailable: u,
      });
    },
  );

  it.each([1, 2, 3, 4, 5, 8, 10, 33])('of %i replicas ends complete and keeps its bounds', (replicas) => {
    const deployment = aDeployment(replicas);
    const { maxSurge, maxUnavailable } = rolloutBounds(deployment);
    const { steps, leastAvailable, mostPods } = rollOut(deployment, true);
    expect(steps.at(-1)).toBe(`${replicas}/0`);
    expect(leastAvailable).toBeGreaterThanOrEqual(replicas - maxUnavailable);
    expect(mostPods).toBeLessThanOrEqual(replicas + maxSurge);
  });

  it('takes one old Pod of four and stops while the new ones are not ready', () => {
    expect(rollOut(aDeployment(4), false)).toEqual({ steps: ['1/3', '2/3'], leastAvailable: 3, mostPods: 5 });
  });

  it('takes no old Pod of three and stops while the new one is not ready', () => {
    expect(rollOut(aDeployment(3), false)).toEqual({ steps: ['1/3'], leastAvailable: 3, mostPods: 4 });
  });

  it('does not count Pods as available that it has given up already', () => {
    const sizes = oldReplicas(aDeployment(4), aSet('new', 2, 1), [aSet('old', 3, 4)]);
    expect(sizes.get('old')).toBe(2);
  });

  it('takes old Pods that are not available first, oldest ReplicaSet first', () => {
    const sizes = oldReplicas(aDeployment(4), aSet('new', 1, 1), [aSet('older', 2, 0), aSet('old', 2, 2)]);
    expect([...sizes]).toEqual([
      ['older', 0],
      ['old', 2],
    ]);
  });
});

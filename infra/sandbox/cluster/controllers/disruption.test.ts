import { describe, expect, it } from 'vitest';
import type { Pod, PodDisruptionBudget } from '../objects.ts';
import { budgetStatus } from './disruption.ts';

const aBudget = (
  spec: PodDisruptionBudget['spec'],
  disruptedPods?: Record<string, string>,
): PodDisruptionBudget => ({
  metadata: { name: 'web', uid: 'b', resourceVersion: '1', creationTimestamp: '', generation: 1 },
  spec,
  ...(disruptedPods === undefined ? {} : { status: { disruptedPods } }),
});

const pods = (ready: number, unready = 0): Pod[] =>
  Array.from({ length: ready + unready }, (_, at) => ({
    metadata: { name: `p${at}`, uid: `p${at}`, resourceVersion: '1', creationTimestamp: '' },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: at < ready ? 'True' : 'False' }] },
  }));

describe('a disruption budget', () => {
  it.each([
    [{ maxUnavailable: 1 }, 4, 0, 1],
    [{ maxUnavailable: 1 }, 3, 1, 0],
    [{ maxUnavailable: '50%' }, 4, 0, 2],
    [{ minAvailable: 2 }, 3, 1, 1],
    [{ minAvailable: '100%' }, 4, 0, 0],
  ])('of %j with %i ready and %i other Pods of 4 allows %i', (spec, ready, unready, allowed) => {
    expect(budgetStatus(aBudget(spec), pods(ready, unready), [4], 0).disruptionsAllowed).toBe(allowed);
  });

  it('counts a Pod that is being evicted as lost, until two minutes have passed', () => {
    const budget = aBudget({ maxUnavailable: 1 }, { p0: new Date(0).toISOString() });
    expect(budgetStatus(budget, pods(4), [4], 1000)).toMatchObject({
      currentHealthy: 3,
      disruptionsAllowed: 0,
    });
    expect(budgetStatus(budget, pods(4), [4], 200_000)).toMatchObject({
      currentHealthy: 4,
      disruptedPods: {},
    });
  });
});

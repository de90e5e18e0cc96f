import { afterEach, beforeEach, expect, test } from 'vitest';
import { paceUntil } from '../../functions/platform/deadline.ts';
import type { ReconcileDeps } from '../../functions/reconcile/deps.ts';
import { reconcile } from '../../functions/reconcile/reconcile.ts';
import { createClb } from '../../shared/clb/clb.ts';
import { createClbApi } from '../../shared/clb/clb-api.ts';
import { aPod, aState, testPolicy } from '../../shared/model/builders.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type ReconcileWorld, startReconcileWorld } from '../support/reconcile-world.ts';

let world: ReconcileWorld;

beforeEach(async () => {
  world = await startReconcileWorld();
});

afterEach(() => world.close());

const pods = (count: number) => Array.from({ length: count }, (_, n) => aPod(`pod#${n}`, `10.99.0.${n + 1}`));
const writes = (): readonly string[] =>
  world.script().flatMap((line) => (line.startsWith('Describe') ? [] : [line.split(' ')[0] ?? '']));

/** An invocation in which each call of the CLB takes so long, by the clock that it is ended by. */
const anInvocation = (lastsMs: number, callMs: number): ReconcileDeps => {
  const { clb, clock, store, deps } = world;
  const deadlineAt = clock.now() + lastsMs;
  const pace = paceUntil(store.budget.ask, deadlineAt, clock);
  const api = createClbApi({
    region: clb.region,
    endpoint: new URL(clb.url).host,
    protocol: 'http:',
    credentials: () => ({ secretId: clb.secretId, secretKey: clb.secretKey }),
    clock: systemClock,
  });
  return {
    ...deps,
    deadlineAt,
    clb: createClb({
      api: {
        ...api,
        call: async (action, request, gate) => {
          const answer = await api.call(action, request, gate);
          await clock.advance(callMs);
          return answer;
        },
      },
      pace,
      clock: systemClock,
      clusterId: testPolicy.clusterId,
      vpcId: clb.vpcId,
      batchTargets: 10,
    }),
  };
};

const settled = async (): Promise<void> => {
  const shown = { addresses: [] };
  const loadBalancer = { source: 'created', network: { type: 'public' } } as const;
  await world.put(aState(pods(1), { finalizer: false, loadBalancer, shown }));
  await world.settle();
  world.script();
};

test('a step of many calls stops in time, its hold is handed back, and the next invocation goes on with the rest (L4)', async () => {
  world.endLocksWithWrites();
  await settled();
  await world.put(aState(pods(50)));
  const [first] = (
    await reconcile({ invocationId: 'short', loadBalancerKeys: ['uid-web'] }, anInvocation(27_000, 4_000))
  ).results;
  expect(first).toMatchObject({ outcome: 'retry', detail: expect.stringContaining('ends soon') });
  // 49 targets in calls of ten; the fifth would begin with 11 s left, and a call may take 10 s.
  expect(writes()).toHaveLength(4);
  // It is due at once, and was let go of, not left behind.
  expect((await world.store.due(10)).due.map(({ loadBalancerKey }) => loadBalancerKey)).toEqual(['uid-web']);
  const hold = await world.store.take('uid-web', 'next');
  if (typeof hold === 'string') throw new Error(hold);
  expect(hold.inherited).toBe('released');
  await hold.retry(0, 'the test had a look');
  const rest = await reconcile(
    { invocationId: 'next', loadBalancerKeys: ['uid-web'] },
    anInvocation(600_000, 0),
  );
  expect(rest.results[0]?.outcome).toBe('done');
  expect(writes()).toHaveLength(1);
  expect(world.clb.state().loadBalancers[0]?.listeners[0]?.targets).toHaveLength(50);
});

test('an invocation without time takes nothing', async () => {
  await settled();
  await world.put(aState(pods(2)));
  const { results } = await reconcile(
    { invocationId: 'late', loadBalancerKeys: ['uid-web'] },
    anInvocation(10_000, 0),
  );
  expect(results[0]).toMatchObject({ outcome: 'held', detail: 'the invocation ends soon' });
  expect(world.script()).toEqual([]);
  expect(typeof (await world.store.take('uid-web', 'next'))).toBe('object');
});

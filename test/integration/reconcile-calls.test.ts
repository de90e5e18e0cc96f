import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aGate, aPod, aState } from '../../shared/model/builders.ts';
import type { DesiredState, PodState } from '../../shared/model/desired-state.ts';
import { type ReconcileWorld, startReconcileWorld } from '../support/reconcile-world.ts';

let world: ReconcileWorld;

beforeEach(async () => {
  world = await startReconcileWorld();
});

afterEach(() => world.close());

const pod = (n: number, more: Partial<PodState> = {}): PodState => aPod(`pod#${n}`, `10.99.0.${n}`, more);
const starting = (n: number): PodState => pod(n, { ready: false, gate: aGate('False') });
const terminating = (n: number, more: Partial<PodState> = {}): PodState =>
  pod(n, { ready: false, terminatingAt: world.clock.now() + 300_000, ...more });

/** The Service as it is after its first pass: finalizer on, id and address shown. */
const web = (pods: readonly PodState[], more: Partial<DesiredState> = {}): DesiredState => aState(pods, more);

const fresh = (pods: readonly PodState[]): DesiredState =>
  web(pods, {
    finalizer: false,
    loadBalancer: { source: 'created', network: { type: 'public' } },
    shown: { addresses: [] },
  });

describe('the calls of a Service’s life (L10)', () => {
  // A write that meets a lock is made again in another pass, which reads once more: another question than these.
  beforeEach(() => world.endLocksWithWrites());

  test('a new Service: finalizer, create, id on the object, and only then listener and targets', async () => {
    await world.put(fresh([pod(1), pod(2)]));
    await world.settle();
    const script = world.script().filter((line) => !line.startsWith('DescribeLoadBalancers'));
    expect(script).toEqual([
      'CreateLoadBalancer',
      'DescribeTargets lb#1',
      'DescribeListeners lb#1',
      'CreateListener lb#1 TCP:80',
      'BatchRegisterTargets lb#1 lbl#1 +pod#1 w10 lbl#1 +pod#2 w10',
      'DescribeTargets lb#1',
      // The first hold of a store generation: one more read after a late call could have landed (L4).
      'DescribeTargets lb#1',
    ]);
    // The status is written again until the object is seen to show it.
    expect([...new Set(world.writer.lines)]).toEqual([
      'claim web life 1',
      'id on web',
      'status of web: 1 address(es)',
    ]);
    expect(world.writer.events.map(({ reason }) => reason)).toEqual(['EnsureServiceSuccess']);
  });

  describe('a rolling update of three, one at a time', () => {
    beforeEach(async () => {
      await world.put(fresh([pod(1), pod(2), pod(3)]));
      await world.settle();
      world.script();
    });

    test('the writes of the whole rollout, each with one read-back', async () => {
      const steps: readonly (readonly PodState[])[] = [
        [pod(1), pod(2), pod(3), starting(4)],
        [terminating(1), pod(2), pod(3), pod(4), starting(5)],
        [terminating(1), terminating(2), pod(3), pod(4), pod(5), starting(6)],
        [terminating(1), terminating(2), terminating(3), pod(4), pod(5), pod(6)],
        [terminating(1, { ended: true }), terminating(2), terminating(3), pod(4), pod(5), pod(6)],
        [pod(4), pod(5), pod(6)],
      ];
      const gone = (n: number) =>
        ({ ip: `10.99.0.${n}`, port: 80, podUid: `uid-pod#${n}`, cause: 'pod-deleted', since: 0 }) as const;
      for (const [at, pods] of steps.entries()) {
        await world.put(
          web(pods, at === steps.length - 1 ? aState(pods, { leaving: [gone(2), gone(3)] }) : {}),
        );
        await world.settle();
      }
      expect(world.script()).toEqual([
        'BatchRegisterTargets lb#1 lbl#1 +pod#4 w10',
        'DescribeTargets lb#1',
        'BatchModifyTargetWeight lb#1 lbl#1 pod#1 w0',
        'BatchRegisterTargets lb#1 lbl#1 +pod#5 w10',
        'DescribeTargets lb#1',
        'BatchModifyTargetWeight lb#1 lbl#1 pod#2 w0',
        'BatchRegisterTargets lb#1 lbl#1 +pod#6 w10',
        'DescribeTargets lb#1',
        'BatchModifyTargetWeight lb#1 lbl#1 pod#3 w0',
        'DescribeTargets lb#1',
        'BatchDeregisterTargets lb#1 lbl#1 -pod#1',
        'DescribeTargets lb#1',
        'BatchDeregisterTargets lb#1 lbl#1 -pod#2 lbl#1 -pod#3',
        'DescribeTargets lb#1',
      ]);
    });

    test('unchanged state makes no call at all (L10)', async () => {
      const before = world.clb.statistics();
      await world.put(web([pod(1), pod(2), pod(3)]));
      expect(await world.pass()).toBe('done');
      expect(world.clb.statistics()).toEqual(before);
    });

    test('a read-back that is throttled repeats no write: the next pass reads first (L10)', async () => {
      world.clb.faults.inject({
        action: 'DescribeTargets',
        times: 1,
        effect: { kind: 'throttle' },
      });
      await world.put(web([terminating(1, { ended: true }), pod(2), pod(3)]));
      await world.settle();
      expect(world.script()).toEqual([
        'BatchDeregisterTargets lb#1 lbl#1 -pod#1',
        'DescribeTargets lb#1 (RequestLimitExceeded)',
        'DescribeTargets lb#1',
      ]);
    });

    test('a gate opens by one health read made after the binding was recorded (L7)', async () => {
      await world.put(web([pod(1), pod(2), pod(3), starting(4)]));
      await world.pass();
      world.script();
      await world.clock.advance(1_000);
      const answer = await world.readiness();
      expect(world.script()).toEqual(['DescribeTargetHealth lb#1 lbl#1']);
      expect(answer).toMatchObject({ waiting: 1, opened: 0 });
      expect(world.writer.gates.at(-1)?.message).toMatch(/10\.99\.0\.4:80 is (Unknown|Dead)$/);
    });

    test('deleted: the load balancer goes, and only then the finalizer', async () => {
      await world.put({ ...web([]), intent: 'release', deleting: true, listeners: [] });
      await world.settle();
      expect(world.script().filter((line) => !line.startsWith('Describe'))).toEqual([
        'DeleteLoadBalancer lb#1',
      ]);
      expect(world.clb.state().loadBalancers).toEqual([]);
      expect(world.writer.lines.at(-1)).toBe('release web, cleared');
      expect(await world.store.loadBalancers()).toEqual([]);
    });
  });
});

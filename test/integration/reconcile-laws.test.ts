import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aGate, aPod, aState } from '../../shared/model/builders.ts';
import type {
  DesiredState,
  LeavingEndpoint,
  ListenerWant,
  PodState,
} from '../../shared/model/desired-state.ts';
import { type ReconcileWorld, startReconcileWorld } from '../support/reconcile-world.ts';

let world: ReconcileWorld;

beforeEach(async () => {
  world = await startReconcileWorld();
});

afterEach(() => world.close());

const pod = (n: number, more: Partial<PodState> = {}): PodState => aPod(`pod#${n}`, `10.99.0.${n}`, more);

const fresh = (pods: readonly PodState[], more: Partial<DesiredState> = {}): DesiredState =>
  aState(pods, {
    finalizer: false,
    loadBalancer: { source: 'created', network: { type: 'public' } },
    shown: { addresses: [] },
    ...more,
  });

const onPort = (state: DesiredState, port: number, targetPort = port): ListenerWant => {
  const [listener] = state.listeners;
  if (listener === undefined) throw new Error('no listener');
  const { backends } = listener;
  const endpoints = backends.endpoints.map((endpoint) => ({ ...endpoint, port: targetPort }));
  return { ...listener, port, backends: { ...backends, endpoints } };
};

/** What is bound, as `port: ip=weight …`, one line a listener. */
const bound = (): readonly string[] =>
  world.clb.state().loadBalancers.flatMap((loadBalancer) =>
    loadBalancer.listeners.map(
      (listener) =>
        `${listener.port}: ${listener.targets
          .map((target) => `${target.ip}=${target.weight}`)
          .sort()
          .join(' ')}`,
    ),
  );

const theLoadBalancer = (): string => {
  const [loadBalancer] = world.clb.state().loadBalancers;
  if (loadBalancer === undefined) throw new Error('no load balancer');
  return loadBalancer.id;
};

const codes = (): readonly string[] => world.writer.events.map(({ message }) => message.slice(0, 5));

describe('after a crash', () => {
  test('between create and the id on the object, the same load balancer is found by its tags (L8)', async () => {
    await world.put(fresh([pod(1)]));
    world.clb.faults.inject({
      action: 'CreateLoadBalancer',
      times: 1,
      effect: { kind: 'drop-after-effect' },
    });
    await world.settle();
    expect(world.clb.state().loadBalancers).toHaveLength(1);
    expect(bound()).toEqual(['80: 10.99.0.1=10']);
  });

  test('of a pass in the middle of its writes, the next one finishes them', async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    world.clb.faults.inject({
      action: 'BatchRegisterTargets',
      times: 1,
      effect: { kind: 'drop-after-effect' },
    });
    await world.put(aState([pod(1), pod(2)]));
    expect(await world.pass()).toBe('retry');
    world.script();
    await world.settle();
    // It took effect: the next pass reads first and writes nothing twice.
    expect(world.writes()).toEqual([]);
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10']);
  });

  test('the store is gone: everything is adopted, nothing is made or bound twice (L3, L7)', async () => {
    await world.put(fresh([pod(1), pod(2)]));
    await world.settle();
    const again = await startReconcileWorld({ clb: world.clb });
    world.script();
    await again.put(aState([pod(1), pod(2)]));
    await again.settle();
    expect(world.writes()).toEqual([]);
    expect(world.clb.state().loadBalancers).toHaveLength(1);
    await again.close();
  });
});

describe('no evidence, no removal (L5)', () => {
  beforeEach(async () => {
    await world.put(fresh([pod(1), pod(2)]));
    await world.settle();
    world.script();
  });

  test('a state that forgot a Pod takes nothing away; evidence is asked for (L5)', async () => {
    await world.put(aState([pod(1)]));
    await world.settle();
    expect(world.writes()).toEqual([]);
    expect(await world.store.evidenceWanted()).toMatchObject([
      {
        objectUid: 'uid-web',
        wanted: [{ protocol: 'TCP', port: 80, targets: [{ ip: '10.99.0.2', port: 80 }] }],
      },
    ]);
    const left: LeavingEndpoint = { ip: '10.99.0.2', port: 80, cause: 'absent', since: 0 };
    await world.put(aState([pod(1)], { leaving: [left] }));
    await world.settle();
    expect(world.writes()).toEqual(['BatchDeregisterTargets lb#1 lbl#1 -pod#2']);
    expect(await world.store.evidenceWanted()).toEqual([]);
  });

  test('an empty state takes nothing away (L5)', async () => {
    await world.put(aState([]));
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10']);
  });
});

describe('the gate tells the truth (L7)', () => {
  test('an address that another Pod had is deregistered and registered anew for its new Pod', async () => {
    await world.put(fresh([pod(1), pod(2)]));
    await world.settle();
    world.script();
    const reborn = pod(2, {
      ref: { ...pod(2).ref, name: 'pod#9', uid: 'uid-pod#9' },
      ready: false,
      gate: aGate('False'),
    });
    await world.put(aState([pod(1), reborn]));
    await world.settle();
    expect(world.writes()).toEqual([
      'BatchDeregisterTargets lb#1 lbl#1 -pod#9',
      'BatchRegisterTargets lb#1 lbl#1 +pod#9 w10',
    ]);
  });

  test('success without effect is caught by the read-back: nothing is recorded as bound', async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    world.clb.faults.inject({ action: 'BatchRegisterTargets', times: 1, effect: { kind: 'no-effect' } });
    await world.put(aState([pod(1), pod(2, { ready: false, gate: aGate('False') })]));
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10']);
    expect(world.script().filter((line) => line.startsWith('BatchRegister'))).toHaveLength(3);
  });
});

describe('only ours (L8)', () => {
  test('a listener that somebody else made on our load balancer is not touched', async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    const loadBalancerId = theLoadBalancer();
    await world.foreign.createListener(loadBalancerId, 8080, '10.99.7.7');
    world.script();
    const state = aState([pod(1), pod(2)]);
    await world.put({ ...state, listeners: [onPort(state, 80), onPort(state, 8080)] });
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10', '8080: 10.99.7.7=10']);
    expect(codes()).toContain('D1005');
  });
});

describe('one bad thing stays alone (L12)', () => {
  test('a listener that the CLB refuses is told on its object, the others are made', async () => {
    world.clb.faults.inject({
      action: 'CreateListener',
      when: ({ parameters }) => Array.isArray(parameters.Ports) && parameters.Ports.includes(81),
      effect: {
        kind: 'error',
        code: 'InvalidParameter.PortCheckFailed',
        message: 'port 81 is not to be had',
      },
    });
    const state = fresh([pod(1)]);
    await world.put({ ...state, listeners: [onPort(state, 80), onPort(state, 81), onPort(state, 82)] });
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10', '82: 10.99.0.1=10']);
    expect(world.writer.events.map(({ message }) => message).join()).toMatch(/81.*port 81 is not to be had/);
  });

  test.each([
    ['LimitExceeded', 'E4004'],
    ['InvalidParameterValue', 'E4005'],
    ['FailedOperation.InsufficientBalance', 'E4009'],
  ])(
    'a load balancer that the CLB will not make (%s) is told, holds no gate, and is tried again (%s)',
    async (code, told) => {
      const remove = world.clb.faults.inject({
        action: 'CreateLoadBalancer',
        effect: { kind: 'error', code, message: 'not today' },
      });
      await world.put(fresh([pod(1, { ready: false, gate: aGate('False') })]));
      expect(await world.pass()).toBe('retry');
      expect(world.writer.events.map(({ message }) => message)).toEqual([
        expect.stringMatching(`^${told}.*not today`),
      ]);
      await world.readiness();
      expect(world.writer.gates).toMatchObject([{ open: true }]);
      remove();
      await world.clock.advance(30_000);
      await world.settle();
      expect(bound()).toEqual(['80: 10.99.0.1=10']);
    },
  );

  test('a permission that is missing is told on the object', async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    const code = 'UnauthorizedOperation';
    world.clb.faults.inject({
      action: 'DescribeTargets',
      effect: { kind: 'error', code, message: 'no right' },
    });
    await world.store.markDue('uid-web', 'sweep', true);
    expect(await world.pass()).toBe('retry');
    expect(world.writer.events.at(-1)?.message).toMatch(/^D1009.*UnauthorizedOperation.*no right/);
  });

  test('a Pod that the CLB refuses keeps no other from being bound', async () => {
    world.clb.faults.inject({
      action: 'BatchRegisterTargets',
      when: ({ parameters }) => JSON.stringify(parameters).includes('10.99.0.3'),
      effect: { kind: 'error', code: 'InvalidParameter.FormatError', message: 'no such address' },
    });
    await world.put(fresh([pod(1), pod(2), pod(3), pod(4)]));
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10 10.99.0.4=10']);
    expect(codes()).toContain('D1009');
  });

  test('a listener that the CLB will not delete is asked for once a pass, and keeps nothing else waiting', async () => {
    const state = fresh([pod(1)]);
    await world.put({ ...state, listeners: [onPort(state, 80), onPort(state, 81), onPort(state, 82)] });
    await world.settle();
    world.clb.faults.inject({
      action: 'DeleteLoadBalancerListeners',
      effect: { kind: 'error', code: 'OperationDenied', message: 'a redirection points at it' },
    });
    world.script();
    await world.put(aState([pod(1), pod(2)]));
    expect(await world.pass()).toBe('retry');
    expect(world.writes().filter((line) => line.startsWith('DeleteLoadBalancerListeners'))).toHaveLength(3);
    expect(bound()[0]).toBe('80: 10.99.0.1=10 10.99.0.2=10');
  });

  test('a quota that is reached binds what fits, and is told (E4054)', async () => {
    world.clb.settings.quotaTargets = 3;
    await world.put(fresh([1, 2, 3, 4, 5].map((n) => pod(n))));
    await world.settle();
    expect(bound()[0]?.split(' ')).toHaveLength(4);
    expect(codes()).toContain('E4054');
  });

  test('what left makes room for what a quota refused (L6)', async () => {
    world.clb.settings.quotaTargets = 2;
    await world.put(fresh([pod(1), pod(2)]));
    await world.settle();
    const left: LeavingEndpoint = {
      ip: '10.99.0.1',
      port: 80,
      backendUid: 'uid-pod#1',
      cause: 'pod-deleted',
      since: 0,
    };
    await world.put(aState([pod(2), pod(3)], { leaving: [left] }));
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.2=10 10.99.0.3=10']);
  });

  test('listeners that fail within a batch are tried again, the others are applied', async () => {
    const state = fresh([pod(1)]);
    const both = (from: DesiredState) => ({ ...from, listeners: [onPort(from, 80), onPort(from, 81)] });
    await world.put(both(state));
    await world.settle();
    world.clb.faults.inject({
      action: 'BatchRegisterTargets',
      times: 1,
      effect: { kind: 'fail-listeners', listenerIds: 'first' },
    });
    await world.put(both(aState([pod(1), pod(2)])));
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10', '81: 10.99.0.1=10 10.99.0.2=10']);
  });
});

test('a task that the CLB does not know any more is no refusal: the next pass reads what became of it (L7)', async () => {
  world.clb.settings.taskLifeMs = -1;
  await world.put(fresh([pod(1), pod(2)]));
  await world.settle();
  const leaving = pod(2, { ready: false, terminatingAt: world.clock.now() + 600_000 });
  await world.put(aState([pod(1), leaving]));
  await world.settle();
  expect(world.writes()).toEqual([
    'CreateLoadBalancer',
    'CreateListener lb#1 TCP:80',
    'BatchRegisterTargets lb#1 lbl#1 +pod#1 w10 lbl#1 +pod#2 w10',
    'BatchModifyTargetWeight lb#1 lbl#1 pod#2 w0',
  ]);
  expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=0']);
  expect(world.writer.events.filter(({ type }) => type === 'Warning')).toEqual([]);
});

describe('make before break (L6)', () => {
  test('a terminating Pod goes to weight 0 before new Pods are bound', async () => {
    await world.put(fresh([pod(1), pod(2)]));
    await world.settle();
    world.script();
    const leaving = pod(2, { ready: false, terminatingAt: world.clock.now() + 300_000 });
    await world.put(aState([pod(1), leaving, pod(3, { ready: false, gate: aGate('False') })]));
    await world.settle();
    expect(world.writes()).toEqual([
      'BatchModifyTargetWeight lb#1 lbl#1 pod#2 w0',
      'BatchRegisterTargets lb#1 lbl#1 +pod#3 w10',
    ]);
  });

  test('the last Pod that serves keeps its weight though it terminates', async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    const leaving = pod(1, { ready: false, terminatingAt: world.clock.now() + 300_000 });
    await world.put(aState([leaving, pod(2, { ready: false, gate: aGate('False') })]));
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10']);
    await world.put(aState([leaving, pod(2, { gate: aGate('True') })]));
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=0 10.99.0.2=10']);
  });
});

describe('one writer (L4)', () => {
  beforeEach(async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    world.script();
  });

  test('a pass whose hold expired under it writes nothing more and records nothing (L4)', async () => {
    world.clb.faults.inject({
      action: 'BatchRegisterTargets',
      times: 1,
      effect: { kind: 'latency', ms: 400 },
    });
    await world.put(aState([pod(1), pod(2)]));
    const late = world.pass('late');
    await world.callUnderWay('BatchRegisterTargets');
    await world.clock.advance(21_000);
    const taken = await world.store.take('uid-web', 'next');
    if (typeof taken === 'string') throw new Error(`not taken: ${taken}`);
    expect(taken.inherited).toBe('expired');
    expect(await late).toBe('lost');
    expect(taken.recorded.bindings.map(({ ip }) => ip)).toEqual(['10.99.0.1']);
    await taken.retry(0, 'test');
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10']);
  });

  test('who inherits an expired hold reads back once more after a late call could have landed (L4)', async () => {
    const dead = await world.store.take('uid-web', 'dead');
    if (typeof dead === 'string') throw new Error(`not taken: ${dead}`);
    await world.store.expire('dead');
    expect(await world.pass('next')).toBe('done');
    // The late call of the dead one: it undoes what was right.
    const loadBalancerId = theLoadBalancer();
    await world.foreign.setWeight(loadBalancerId, '10.99.0.1', 0);
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10']);
  });

  test('a busy load balancer is let go of, and taken again half a second later (L4)', async () => {
    world.endLocksWithWrites();
    world.clb.faults.inject({
      action: 'BatchRegisterTargets',
      times: 2,
      effect: { kind: 'error', code: 'FailedOperation.ResourceInOperating' },
    });
    await world.put(aState([pod(1), pod(2)]));
    expect(await world.pass()).toBe('retry');
    expect((await world.store.due(1)).due).toEqual([]);
    await world.clock.advance(500);
    expect((await world.store.due(1)).due).toHaveLength(1);
    await world.settle();
    expect(bound()).toEqual(['80: 10.99.0.1=10 10.99.0.2=10']);
  });
});

test('newer states that arrive during a pass are applied by it: a drain does not wait (L2, L6)', async () => {
  world.endLocksWithWrites();
  await world.put(fresh([pod(1), pod(2)]));
  await world.settle();
  world.script();
  const many = Array.from({ length: 40 }, (_, at) => pod(at + 10, { ready: false, gate: aGate('False') }));
  world.clb.faults.inject({ action: 'BatchRegisterTargets', times: 1, effect: { kind: 'latency', ms: 200 } });
  await world.put(aState([pod(1), pod(2), ...many]));
  const pass = world.pass();
  await world.callUnderWay('BatchRegisterTargets');
  const leaving = pod(2, { ready: false, terminatingAt: world.clock.now() + 300_000 });
  await world.put(aState([pod(1), leaving, ...many]));
  expect(await pass).toBe('done');
  expect(world.writes().map((line) => line.split(' ')[0])).toEqual([
    'BatchRegisterTargets',
    'BatchModifyTargetWeight',
  ]);
});

test('a load balancer with more targets than its guard allows is deleted with its object all the same', async () => {
  await world.put(fresh(Array.from({ length: 25 }, (_, at) => pod(at + 1))));
  await world.settle();
  await world.put({ ...aState([]), intent: 'release', deleting: true, listeners: [] });
  await world.settle();
  expect(world.clb.state().loadBalancers).toEqual([]);
});

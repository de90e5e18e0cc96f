import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aGate, aNodeState, aPod, aState, serviceRef } from '../../shared/model/builders.ts';
import type {
  DesiredState,
  LeavingEndpoint,
  ListenerWant,
  PodState,
} from '../../shared/model/desired-state.ts';
import { type ReconcileWorld, startReconcileWorld } from '../support/reconcile-world.ts';

let world: ReconcileWorld;
let loadBalancerId: string;

beforeEach(async () => {
  world = await startReconcileWorld();
  loadBalancerId = await world.foreign.createLoadBalancer();
});

afterEach(() => world.close());

const pod = (n: number, more: Partial<PodState> = {}): PodState => aPod(`pod#${n}`, `10.99.0.${n}`, more);

const onPort = (listener: ListenerWant, port: number): ListenerWant => ({ ...listener, port });

/** A Service that names the load balancer, as it is before its first pass. */
const service = (
  name: string,
  port: number,
  pods: readonly PodState[],
  more: Partial<DesiredState> = {},
): DesiredState => {
  const state = aState(pods, {
    object: serviceRef(name),
    loadBalancerKey: loadBalancerId,
    loadBalancer: { source: 'existing', loadBalancerId },
    finalizer: false,
    shown: { addresses: [] },
  });
  return { ...state, listeners: state.listeners.map((listener) => onPort(listener, port)), ...more };
};
const released = (name: string): DesiredState =>
  service(name, 80, [], { intent: 'release', listeners: [], finalizer: true });

/** A Service that gets a load balancer of its own, before its first pass. */
const fresh = (pods: readonly PodState[]): DesiredState =>
  aState(pods, {
    finalizer: false,
    loadBalancer: { source: 'created', network: { type: 'public' } },
    shown: { addresses: [] },
  });
/** That load balancer. */
const madeId = (): string =>
  world.clb.state().loadBalancers.find(({ id }) => id !== loadBalancerId)?.id ?? '';

/** What is bound, as `port (owner): ip=weight …`, one line a listener. */
const bound = (): readonly string[] =>
  world.clb
    .state()
    .loadBalancers.flatMap(({ listeners }) =>
      listeners.map(
        ({ port, name, targets }) =>
          `${port} (${name.slice(name.lastIndexOf('/') + 1)}): ${targets
            .map((target) => `${target.ip}=${target.weight}`)
            .sort()
            .join(' ')}`,
      ),
    )
    .sort();

describe('a load balancer that a user made', () => {
  test('is shared by Services; what others have on it stays to the byte (L8)', async () => {
    await world.foreign.createListener(loadBalancerId, 9090, '10.99.7.7');
    const foreign = () =>
      world.clb
        .state()
        .loadBalancers[0]?.listeners.filter(({ port }) => port === 9090)
        .map(({ id, name, protocol, targets }) => [
          id,
          name,
          protocol,
          targets.map(({ ip, port, weight }) => [ip, port, weight]),
        ]);
    const before = foreign();
    world.script();
    await world.put(service('one', 80, [pod(1)]));
    await world.settle();
    await world.put(service('two', 81, [pod(2)]));
    await world.settle();
    expect(world.script()).toEqual([
      // Looked at once before its first use, with its addresses.
      'DescribeLoadBalancers lb#1',
      'DescribeTargets lb#1',
      'DescribeListeners lb#1',
      'CreateListener lb#1 TCP:80',
      'BatchRegisterTargets lb#1 lbl#2 +pod#1 w10',
      'DescribeTargets lb#1',
      'DescribeTargets lb#1',
      'CreateListener lb#1 TCP:81',
      'BatchRegisterTargets lb#1 lbl#3 +pod#2 w10',
      'DescribeTargets lb#1',
    ]);
    expect([...new Set(world.writer.lines)]).toEqual([
      `claim one for ${loadBalancerId}`,
      'id on one',
      'status of one: 1 address(es)',
      `claim two for ${loadBalancerId}`,
      'id on two',
      'status of two: 1 address(es)',
    ]);

    await world.put(released('one'));
    await world.settle();
    expect(world.writes()).toEqual(['DeleteLoadBalancerListeners lb#1 lbl#2']);
    expect(bound()).toEqual(['81 (uid-two): 10.99.0.2=10', '9090 (by-hand): 10.99.7.7=10']);
    expect(world.writer.lines.at(-1)).toBe('release one, cleared');

    await world.put(released('two'));
    await world.settle();
    expect(world.writes()).toEqual(['DeleteLoadBalancerListeners lb#1 lbl#3']);
    expect(world.writer.lines.at(-1)).toBe('release two, cleared');
    // Never deleted, and nothing is kept of it.
    expect(foreign()).toEqual(before);
    expect(before).toHaveLength(1);
    expect(await world.store.loadBalancers()).toEqual([]);
  });

  test('of two that want one port the younger is told, holds no gate, and gets it when the other goes', async () => {
    await world.put(service('one', 80, [pod(1)], { createdAt: 1 }));
    const waiting = pod(2, { ready: false, gate: aGate('False'), heldBy: ['uid-two'] });
    await world.put(service('two', 80, [waiting], { createdAt: 2 }));
    await world.settle();
    expect(world.told()).toContain('two E4014');
    expect(world.writer.lines.filter((line) => line.startsWith('status of two'))).toEqual([]);
    await world.readiness();
    expect(world.writer.gates).toMatchObject([{ pod: { name: 'pod#2' }, open: true }]);
    world.script();
    await world.put(released('one'));
    await world.settle();
    expect(world.writes()).toEqual([
      'DeleteLoadBalancerListeners lb#1 lbl#1',
      'CreateListener lb#1 TCP:80',
      'BatchRegisterTargets lb#1 lbl#2 +pod#2 w10',
    ]);
  });

  test('a foreign listener in the way is told with TKE’s code and not touched (L8)', async () => {
    await world.foreign.createListener(loadBalancerId, 80, '10.99.7.7');
    world.script();
    await world.put(service('one', 80, [pod(1)]));
    await world.settle();
    expect(world.writes()).toEqual([]);
    expect(world.told()).toEqual(['one E4014']);
  });

  test('a skipped object is let go of; what it has stays while others are served', async () => {
    await world.put(service('one', 80, [pod(1)]));
    await world.put(service('two', 81, [pod(2)]));
    await world.settle();
    world.script();
    await world.put(service('one', 80, [], { intent: 'skip', listeners: [], finalizer: true }));
    await world.put(service('two', 81, [pod(2), pod(3)]));
    await world.settle();
    expect(world.writer.lines).toContain('release one');
    expect(bound()).toEqual(['80 (uid-one): 10.99.0.1=10', '81 (uid-two): 10.99.0.2=10 10.99.0.3=10']);
  });

  test('an object is let go of only when nothing of it is left', async () => {
    await world.put(service('one', 80, [pod(1)]));
    await world.settle();
    const allow = world.clb.faults.inject({
      action: 'DeleteLoadBalancerListeners',
      effect: { kind: 'error', code: 'OperationDenied', message: 'a redirection points at it' },
    });
    await world.put(released('one'));
    expect(await world.pass()).toBe('retry');
    expect(world.writer.lines.join()).not.toContain('release');
    allow();
    await world.clock.advance(30_000);
    await world.settle();
    expect(bound()).toEqual([]);
    expect(world.writer.lines.at(-1)).toBe('release one, cleared');
  });

  test('that must not be used any more is still rid of what we had on it (L8)', async () => {
    await world.put(service('one', 80, [pod(1)]));
    await world.put(service('two', 81, [pod(2)]));
    await world.settle();
    const again = await startReconcileWorld({ clb: world.clb, vpcId: 'vpc-another0' });
    await again.put(service('two', 81, [pod(2)], { finalizer: true }));
    await again.put(released('one'));
    await again.pass();
    expect(bound()).toEqual(['81 (uid-two): 10.99.0.2=10']);
    expect(again.writer.lines).toEqual(['release one, cleared']);
    expect(again.writer.events.map(({ object, message }) => `${object.name} ${message.slice(0, 5)}`)).toEqual(
      ['two E4011'],
    );
    await again.close();
  });

  test('an object that cannot be claimed gets no listener', async () => {
    const { claim } = world.writer;
    world.writer.claim = async () => ({ outcome: 'conflict' });
    await world.put(service('one', 80, [pod(1)]));
    expect(await world.pass()).toBe('retry');
    expect(bound()).toEqual([]);
    world.writer.claim = claim;
    await world.settle();
    expect(bound()).toEqual(['80 (uid-one): 10.99.0.1=10']);
  });
});

describe('one that must not be used (L8)', () => {
  const refused = async (code: string, gone = false): Promise<void> => {
    world.script();
    await world.put(
      service('one', 80, [pod(1, { ready: false, gate: aGate('False'), heldBy: ['uid-one'] })]),
    );
    expect(await world.pass()).toBe('done');
    expect(world.script()).toEqual([`DescribeLoadBalancers lb#${gone ? 2 : 1}`]);
    expect(world.told()).toEqual([`one ${code}`]);
    expect(world.writer.lines).toEqual([]);
    // It holds no gate (L7).
    await world.readiness();
    expect(world.writer.gates).toMatchObject([{ open: true }]);
    // Looked at again after half a minute, told once.
    await world.clock.advance(29_000);
    expect((await world.store.due(1)).due).toEqual([]);
    await world.clock.advance(1_000);
    expect((await world.store.due(1)).due).toHaveLength(1);
    await world.pass();
    expect(world.told()).toEqual([`one ${code}`]);
    await world.put(released('one'));
    await world.pass();
    expect(world.writer.lines.at(-1)).toBe('release one, cleared');
    expect(await world.store.loadBalancers()).toEqual([]);
  };

  test('one that does not exist: E4011', async () => {
    loadBalancerId = 'lb-nowhere0';
    await refused('E4011');
  });

  test.each([
    ['one that TKE made', { 'tke-createdBy-flag': 'yes' }, 'E4012'],
    ['one of another cluster of TKE', { 'tke-clusterId': 'cls-other' }, 'E4013'],
    ['one of another cluster of ours', { 'clb-direct-cluster': 'cls-other' }, 'E4013'],
    [
      'one that we made for another object',
      { 'clb-direct-cluster': 'cls-test', 'clb-direct-object': 'uid-other' },
      'D1023',
    ],
  ])('%s (%o): %s', async (_, tags, code) => {
    loadBalancerId = await world.foreign.createLoadBalancer(tags);
    await refused(code);
  });

  test('one that vanishes under us is told, and its objects can go', async () => {
    await world.put(service('one', 80, [pod(1)]));
    await world.settle();
    await world.foreign.deleteLoadBalancer(loadBalancerId);
    await world.put(service('one', 80, [pod(1), pod(2)]));
    await world.pass();
    // A write found nothing; the read that follows tells what is missing.
    await world.clock.advance(1_000);
    await world.pass();
    expect(world.told()).toContain('one E4011');
    await world.put(released('one'));
    await world.settle();
    expect(world.writer.lines.at(-1)).toBe('release one, cleared');
  });
});

describe('after the store was lost (L3)', () => {
  test('listeners are known by their names: nothing is made or bound twice', async () => {
    await world.put(service('one', 80, [pod(1)]));
    await world.put(service('two', 81, [pod(2)]));
    await world.settle();
    const again = await startReconcileWorld({ clb: world.clb });
    world.script();
    const shown = { finalizer: true, shown: { loadBalancerId, addresses: [] } };
    await again.put(service('two', 81, [pod(2)], shown));
    await again.put(service('one', 80, [pod(1)], shown));
    await again.settle();
    expect(world.writes()).toEqual([]);
    await again.close();
  });

  test('the listener of a dead UID is adopted by who wants its port, the others are removed', async () => {
    world.endLocksWithWrites();
    await world.put(service('one', 80, [pod(1)]));
    await world.put(service('two', 81, [pod(2)]));
    await world.settle();
    const again = await startReconcileWorld({ clb: world.clb });
    world.script();
    await again.put(service('three', 80, [pod(1), pod(3)]));
    await again.settle();
    expect(world.writes()).toEqual([
      'ModifyListener lb#1 lbl#1 as uid-three',
      'BatchRegisterTargets lb#1 lbl#1 +10.99.0.3 w10',
      'DeleteLoadBalancerListeners lb#1 lbl#2',
    ]);
    expect(bound()).toEqual(['80 (uid-three): 10.99.0.1=10 10.99.0.3=10']);
    await again.close();
  });
});

describe('nodes', () => {
  test('are bound by the id of their CVM, drained and taken away by it', async () => {
    world.clb.instances.set('ins-00000001', '10.99.1.1');
    world.clb.instances.set('ins-00000002', '10.99.1.2');
    const nodes = [1, 2].map((n) => aNodeState(`n${n}`, `10.99.1.${n}`));
    const endpoints = [1, 2].map((n) => ({
      ip: `10.99.1.${n}`,
      port: 30080,
      backendUid: `uid-n${n}`,
      instanceId: `ins-0000000${n}`,
    }));
    const onNodes = (count: number, leaving: readonly LeavingEndpoint[] = []): DesiredState => {
      const state = service('one', 80, [], { nodes: nodes.slice(0, count) });
      const listeners = state.listeners.map((listener) => ({
        ...listener,
        backends: { ...listener.backends, endpoints: endpoints.slice(0, count), leaving },
      }));
      return { ...state, listeners };
    };
    world.script();
    await world.put(onNodes(2));
    await world.settle();
    expect(world.writes()).toEqual([
      'CreateListener lb#1 TCP:80',
      'BatchRegisterTargets lb#1 lbl#1 +ins-00000001 w10 lbl#1 +ins-00000002 w10',
    ]);
    await world.put(onNodes(2));
    await world.settle();
    expect(world.writes()).toEqual([]);
    const left: LeavingEndpoint = {
      ip: '10.99.1.2',
      port: 30080,
      backendUid: 'uid-n2',
      cause: 'node-deleted',
      since: 0,
    };
    await world.put(onNodes(1, [left]));
    await world.settle();
    expect(world.writes()).toEqual(['BatchDeregisterTargets lb#1 lbl#1 -ins-00000002']);
  });
});

describe('a load balancer that is isolated', () => {
  const isolatedText = 'D1021 error: Isolation 1: the load balancer is isolated';
  const byHand = (action: 'Isolate' | 'Restore', id = loadBalancerId) =>
    world.clb.byHand(action, { LoadBalancerId: id });
  const texts = (): readonly string[] =>
    world.writer.events.map(({ object, message }) => `${object.name} ${message}`);

  /** A failed pass was the last for half a minute; then there is another. */
  const restsForHalfAMinute = async (): Promise<void> => {
    await world.clock.advance(29_000);
    expect((await world.store.due(1)).due).toEqual([]);
    await world.clock.advance(1_000);
    expect((await world.store.due(1)).due).toHaveLength(1);
  };

  test.each(['FailedOperation', 'FailedOperation.InvalidLBStatus'])(
    'and refuses with %s is told on its owner and left alone for half a minute; paid for, it is brought up (L12)',
    async (isolatedCode) => {
      world.clb.settings.isolatedCode = isolatedCode;
      await world.put(service('one', 80, [pod(1)]));
      await world.settle();
      await byHand('Isolate');
      await world.put(service('one', 80, [pod(1), pod(2)]));
      world.script();
      expect(await world.pass()).toBe('retry');
      const look = isolatedCode === 'FailedOperation' ? ['DescribeLoadBalancers lb#1'] : [];
      expect(world.script().filter((line) => !line.startsWith('DescribeTargets'))).toEqual([
        `BatchRegisterTargets lb#1 lbl#1 +pod#2 w10 (${isolatedCode})`,
        ...look,
      ]);
      expect(world.told().filter((line) => line === 'one D1021')).toHaveLength(1);
      expect(texts().some((line) => line.includes(isolatedText))).toBe(look.length > 0);
      await restsForHalfAMinute();
      expect(await world.pass()).toBe('retry');
      expect(world.told().filter((line) => line === 'one D1021')).toHaveLength(1);
      expect(bound()).toEqual(['80 (uid-one): 10.99.0.1=10']);
      await byHand('Restore');
      await world.clock.advance(30_000);
      await world.settle();
      expect(bound()).toEqual(['80 (uid-one): 10.99.0.1=10 10.99.0.2=10']);
    },
  );

  test('is told before anything is tried, where nothing is known of it', async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    const made = madeId();
    await byHand('Isolate', made);
    const later = await startReconcileWorld({ clb: world.clb });
    await later.put(aState([pod(1), pod(2)], { shown: { loadBalancerId: made, addresses: [] } }));
    later.script();
    expect(await later.pass()).toBe('retry');
    expect(later.script()).toEqual(['DescribeLoadBalancers', 'DescribeLoadBalancers lb#1']);
    expect(later.writer.events.map(({ message }) => message)).toEqual([
      expect.stringContaining(isolatedText),
    ]);
    await later.close();
  });

  test('is not deleted with its owner, which keeps its finalizer and is told; paid for, it goes (L3)', async () => {
    await world.put(fresh([pod(1)]));
    await world.settle();
    const made = madeId();
    await byHand('Isolate', made);
    await world.put(aState([], { intent: 'release', listeners: [], finalizer: true }));
    expect(await world.pass()).toBe('retry');
    expect(texts()).toContainEqual(expect.stringContaining(isolatedText));
    expect(world.writer.lines.filter((line) => line.startsWith('release'))).toEqual([]);
    await restsForHalfAMinute();
    await byHand('Restore', made);
    await world.settle();
    expect(world.clb.state().loadBalancers.map(({ id }) => id)).toEqual([loadBalancerId]);
    expect(world.writer.lines.some((line) => line.startsWith('release web'))).toBe(true);
  });
});

test('what nobody understands is tried ever more seldom, a newer state at once, and is over when it is over (L11)', async () => {
  await world.put(service('one', 80, [pod(1)]));
  await world.settle();
  const end = world.clb.faults.inject({
    action: 'BatchRegisterTargets',
    effect: { kind: 'error', code: 'FailedOperation', message: '' },
  });
  await world.put(service('one', 80, [pod(1), pod(2)]));
  const isDue = async (): Promise<boolean> => (await world.store.due(1)).due.length > 0;
  const triedAt: number[] = [];
  for (let second = 0; second < 80; second += 1) {
    if (await isDue()) {
      await world.pass();
      if (world.writes().some((line) => line.endsWith('(FailedOperation)'))) triedAt.push(second);
    }
    await world.clock.advance(1_000);
  }
  const waits = triedAt.slice(1).map((second, at) => second - (triedAt[at] ?? 0));
  expect(waits.slice(0, 2)).toEqual([1, 1]);
  expect(waits).toEqual(waits.toSorted((one, other) => one - other));
  expect(waits.at(-1)).toBe(15);
  expect(await isDue()).toBe(false);
  await world.put(service('one', 80, [pod(1), pod(3)]));
  expect(await isDue()).toBe(true);
  end();
  await world.settle();
  expect(world.clb.state().loadBalancers[0]?.listeners[0]?.targets.map(({ ip }) => ip)).toHaveLength(2);
  expect(world.told()).not.toContain('one D1009');
});

test('a load balancer that we made and somebody deleted is made anew, as another life (L3)', async () => {
  await world.put(fresh([pod(1)]));
  await world.settle();
  await world.foreign.deleteLoadBalancer(madeId());
  world.script();
  await world.put(aState([pod(1), pod(2)]));
  await world.settle();
  expect(world.writes().filter((line) => line.startsWith('Create'))).toEqual([
    'CreateLoadBalancer',
    'CreateListener lb#2 TCP:80',
  ]);
  expect(world.writer.lines).toContain('claim web life 2');
  expect(bound()).toEqual(['80 (uid-web): 10.99.0.1=10 10.99.0.2=10']);
});

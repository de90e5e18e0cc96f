import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aGate, anIngress, aPod, aRuleWant } from '../../shared/model/builders.ts';
import type {
  DesiredState,
  LeavingEndpoint,
  ListenerWant,
  PodState,
} from '../../shared/model/desired-state.ts';
import { createLayer7Api, type Layer7Api } from '../support/layer7-api.ts';
import { type ReconcileWorld, startReconcileWorld } from '../support/reconcile-world.ts';

let api: Layer7Api;
let world: ReconcileWorld;

beforeEach(async () => {
  api = createLayer7Api();
  world = await startReconcileWorld({ api });
});

afterEach(() => world.close());

const pod = (n: number, more: Partial<PodState> = {}): PodState =>
  aPod(`pod#${n}`, `10.99.0.${n}`, { heldBy: ['uid-one'], ...more });
const starting = (n: number): PodState => pod(n, { ready: false, gate: aGate('False') });
const terminating = (n: number, more: Partial<PodState> = {}): PodState =>
  pod(n, { ready: false, terminatingAt: world.clock.now() + 300_000, ...more });

const ingress = (
  name: string,
  listeners: readonly ListenerWant[],
  pods: readonly PodState[],
  more: Partial<DesiredState> = {},
): DesiredState => ({
  ...anIngress(name, listeners, pods, { finalizer: false, shown: { addresses: [] }, ...more }),
  loadBalancerKey: api.loadBalancerId,
  loadBalancer: { source: 'existing', loadBalancerId: api.loadBalancerId },
});
const released = (name: string): DesiredState =>
  ingress(name, [], [], { intent: 'release', finalizer: true });
const writes = (): readonly string[] => world.script().filter((line) => !line.startsWith('Describe'));
const told = (): readonly string[] =>
  world.writer.events.map(({ object, message }) => `${object.name} ${message.slice(0, 5)}`);

describe('an Ingress', () => {
  test('gets its listener, then its rules in one call, then their targets in one call', async () => {
    const wants = [aRuleWant('', '/', [pod(1), pod(2)]), aRuleWant('a.example.com', '/b', [pod(1)])];
    await world.put(ingress('one', wants, [pod(1), pod(2)]));
    await world.settle();
    expect(world.script()).toEqual([
      'DescribeLoadBalancers lb#1',
      'DescribeTargets lb#1',
      'CreateListener lb#1 HTTP:80',
      'CreateRule lb#1 lbl#1 203.0.113.9/ a.example.com/b',
      'BatchRegisterTargets lb#1 lbl#1/loc#1 +pod#1 w10 lbl#1/loc#1 +pod#2 w10 lbl#1/loc#2 +pod#1 w10',
      'DescribeTargets lb#1',
      // The first hold of a store generation: one more read after a late call could have landed (L4).
      'DescribeTargets lb#1',
    ]);
    expect(world.writer.events.map(({ reason }) => reason)).toEqual(['EnsuredIngress']);
    await world.put(ingress('one', wants, [pod(1), pod(2)], { finalizer: true }));
    await world.settle();
    expect(world.script()).toEqual([]);
  });

  test('a rolling update behind a rule: each write with one read-back, as in layer 4 (L6, L10)', async () => {
    const behind = (pods: readonly PodState[], leaving: readonly LeavingEndpoint[] = []) =>
      ingress('one', [aRuleWant('a.example.com', '/', pods, leaving)], pods);
    await world.put(behind([pod(1), pod(2)]));
    await world.settle();
    world.script();
    const gone: LeavingEndpoint = {
      ip: '10.99.0.2',
      port: 80,
      backendUid: 'uid-pod#2',
      cause: 'pod-deleted',
      since: 0,
    };
    const steps = [
      behind([pod(1), pod(2), starting(3)]),
      behind([terminating(1), pod(2), pod(3), starting(4)]),
      behind([terminating(1), terminating(2), pod(3), pod(4)]),
      behind([terminating(1, { ended: true }), pod(3), pod(4)], [gone]),
    ];
    for (const step of steps) {
      await world.put(step);
      await world.settle();
    }
    expect(world.script()).toEqual([
      'BatchRegisterTargets lb#1 lbl#1/loc#1 +pod#3 w10',
      'DescribeTargets lb#1',
      'BatchModifyTargetWeight lb#1 lbl#1/loc#1 pod#1 w0',
      'BatchRegisterTargets lb#1 lbl#1/loc#1 +pod#4 w10',
      'DescribeTargets lb#1',
      'BatchModifyTargetWeight lb#1 lbl#1/loc#1 pod#2 w0',
      'DescribeTargets lb#1',
      'BatchDeregisterTargets lb#1 lbl#1/loc#1 -pod#1 lbl#1/loc#1 -pod#2',
      'DescribeTargets lb#1',
    ]);
  });

  test('a gate opens when its target is Alive behind every rule where the Pod belongs (L7)', async () => {
    const wants = [aRuleWant('a.example.com', '/', [starting(1)]), aRuleWant('b.example.com', '/', [pod(2)])];
    await world.put(ingress('one', wants, [starting(1), pod(2)]));
    await world.settle();
    await world.readiness();
    expect(world.writer.gates).toMatchObject([{ pod: { name: 'pod#1' }, open: true }]);
  });

  test('a rule without its Pod is not emptied: evidence is asked for by rule (L5)', async () => {
    const both = [pod(1), pod(2)];
    await world.put(ingress('one', [aRuleWant('a.example.com', '/', both)], both));
    await world.settle();
    world.script();
    await world.put(ingress('one', [aRuleWant('a.example.com', '/', [pod(1)])], [pod(1)]));
    await world.settle();
    expect(writes()).toEqual([]);
    expect(await world.store.evidenceWanted()).toMatchObject([
      {
        objectUid: 'uid-one',
        wanted: [
          {
            protocol: 'HTTP',
            port: 80,
            rule: { domain: 'a.example.com', url: '/' },
            targets: [{ ip: '10.99.0.2', port: 80 }],
          },
        ],
      },
    ]);
  });

  test('a rule that the CLB refuses keeps no other from being made, and holds no gate (L12)', async () => {
    api.refuse('CreateRule', 'InvalidParameterValue', (request) => request.includes('bad.example.com'));
    const wants = ['a', 'bad', 'c', 'd'].map((name) => aRuleWant(`${name}.example.com`, '/', [starting(1)]));
    await world.put(ingress('one', wants, [starting(1)]));
    await world.settle();
    expect(api.bound()).toEqual(
      ['a', 'c', 'd'].map((name) => `HTTP:80 ${name}.example.com/ (uid-one): 10.99.0.1=10`),
    );
    expect(told()).toContain('one D1009');
    expect(world.writer.events.map(({ message }) => message).join()).toContain('HTTP:80 bad.example.com/');
    await world.readiness();
    expect(world.writer.gates.at(-1)).toMatchObject({ open: true });
  });

  test('a quota of rules makes as many as fit, and is told', async () => {
    api.refuse('CreateRule', 'LimitExceeded', (request) => request.includes('c.example.com'));
    const wants = ['a', 'c'].map((name) => aRuleWant(`${name}.example.com`, '/', [pod(1)]));
    await world.put(ingress('one', wants, [pod(1)]));
    await world.settle();
    expect(api.bound()).toHaveLength(1);
    expect(told()).toContain('one D1022');
  });
});

describe('two Ingresses on one listener', () => {
  const one = () => ingress('one', [aRuleWant('a.example.com', '/', [pod(1)])], [pod(1)], { createdAt: 1 });
  const two = (domain = 'b.example.com') =>
    ingress('two', [aRuleWant(domain, '/', [pod(2)])], [pod(2)], { createdAt: 2 });

  test('share it; when its maker goes the listener stays under the name of the other (L8)', async () => {
    await world.put(one());
    await world.settle();
    await world.put(two());
    await world.settle();
    expect(writes()).toEqual([
      'CreateListener lb#1 HTTP:80',
      'CreateRule lb#1 lbl#1 a.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#1 +pod#1 w10',
      'CreateRule lb#1 lbl#1 b.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#2 +pod#2 w10',
    ]);
    await world.put(released('one'));
    await world.settle();
    expect(writes()).toEqual(['ModifyListener lb#1 lbl#1 as uid-two', 'DeleteRule lb#1 lbl#1 loc#1']);
    expect(api.bound()).toEqual(['HTTP:80 b.example.com/ (uid-two): 10.99.0.2=10']);
    expect(world.writer.lines.at(-1)).toBe('release one, cleared');
    await world.put(released('two'));
    await world.settle();
    expect(writes()).toEqual(['DeleteLoadBalancerListeners lb#1 lbl#1']);
    expect(api.bound()).toEqual([]);
    expect(await world.store.loadBalancers()).toEqual([]);
  });

  test('that want one rule: the holder keeps it, the other is told and served when it goes', async () => {
    await world.put(two('a.example.com'));
    await world.settle();
    await world.put(one());
    await world.settle();
    expect(told()).toContain('one D1020');
    expect(api.bound()).toEqual(['HTTP:80 a.example.com/ (uid-two): 10.99.0.2=10']);
    world.script();
    await world.put(released('two'));
    await world.settle();
    // Nothing of the one that went is served to the other's clients.
    expect(writes()).toEqual([
      'ModifyListener lb#1 lbl#1 as uid-one',
      'DeleteRule lb#1 lbl#1 loc#1',
      'CreateRule lb#1 lbl#1 a.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#2 +pod#1 w10',
    ]);
    expect(api.bound()).toEqual(['HTTP:80 a.example.com/ (uid-one): 10.99.0.1=10']);
  });

  test('with the store lost, nothing is made, bound or given away (L3)', async () => {
    await world.put(two('a.example.com'));
    await world.settle();
    await world.put(one());
    await world.settle();
    const again = await startReconcileWorld({ api });
    world.script();
    const shown = { finalizer: true, shown: { loadBalancerId: api.loadBalancerId, addresses: [] } };
    // The older comes first, but what is bound there is the younger's.
    await again.put({ ...one(), ...shown });
    await again.put({ ...two('a.example.com'), ...shown });
    await again.settle();
    expect(writes()).toEqual([]);
    expect(
      again.writer.events.map(({ object, message }) => `${object.name} ${message.slice(0, 5)}`),
    ).toContain('one D1020');
    await again.close();
  });
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { aGate, anIngress, aPod, aRuleWant } from '../../shared/model/builders.ts';
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
  world.script();
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
  loadBalancerKey: loadBalancerId,
  loadBalancer: { source: 'existing', loadBalancerId },
});
const released = (name: string): DesiredState =>
  ingress(name, [], [], { intent: 'release', finalizer: true });

/** What is bound, as `HTTP:80 a.example.com/ (owner of the listener): ip=weight …`, one line a rule. */
const bound = (): readonly string[] =>
  world.clb
    .state()
    .loadBalancers.flatMap(({ listeners }) =>
      listeners.flatMap(({ name, protocol, port, rules = [] }) =>
        rules.map(
          ({ domains, url, targets }) =>
            `${protocol}:${port} ${domains.join()}${url} (${name.slice(name.lastIndexOf('/') + 1)}): ${targets
              .map(({ ip, weight }) => `${ip}=${weight}`)
              .sort()
              .join(' ')}`,
        ),
      ),
    )
    .sort();

/** Resolves when every target that is bound is in this state of health. */
const allAre = (health: 'Alive' | 'Dead'): Promise<void> =>
  vi.waitFor(
    () => {
      const targets = world.clb
        .state()
        .loadBalancers.flatMap(({ listeners }) => listeners.flatMap((one) => one.targets));
      expect(targets.map((target) => target.health)).toEqual(targets.map(() => health));
    },
    { timeout: 30_000, interval: 20 },
  );

/** A Pod that answers, with a closed gate. */
const answering = async (n: number): Promise<PodState> =>
  aPod(`pod#${n}`, await world.startPod(), { heldBy: ['uid-one'], ready: false, gate: aGate('False') });

describe('an Ingress', () => {
  test('gets its listener, then its rules in one call, then their targets in one call', async () => {
    const wants = [aRuleWant('', '/', [pod(1), pod(2)]), aRuleWant('a.example.com', '/b', [pod(1)])];
    await world.put(ingress('one', wants, [pod(1), pod(2)]));
    await world.settle();
    expect(world.script()).toEqual([
      'DescribeLoadBalancers lb#1',
      'DescribeTargets lb#1',
      'CreateListener lb#1 HTTP:80',
      `CreateRule lb#1 lbl#1 ${world.clb.state().loadBalancers[0]?.vip}/ a.example.com/b`,
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
    const [one, two] = [await answering(1), pod(2)];
    const seconds = new Map([
      ['a.example.com', 0],
      ['*.example.com', 0],
    ]);
    const put = async (): Promise<void> => {
      const own = [...seconds].map(([domain, sessionExpireSeconds]) => {
        const want = aRuleWant(domain, '/', [one]);
        return { ...want, settings: { ...want.settings, sessionExpireSeconds } };
      });
      const state = ingress('one', [...own, aRuleWant('b.example.com', '/', [two])], [one, two]);
      await world.put(state);
      await world.settle();
    };
    /** A change of a rule has its health check begin anew, by what the CLB is set to then. */
    const probed = async (domain: string): Promise<void> => {
      seconds.set(domain, 60);
      await put();
      await vi.waitFor(() => expect(healthOf(domain)).toEqual(['Alive']), { timeout: 30_000, interval: 20 });
      await world.readiness();
    };
    const healthOf = (domain: string) =>
      world.clb
        .state()
        .loadBalancers[0]?.listeners[0]?.rules?.find(({ domains }) => domains.includes(domain))
        ?.targets.map(({ health }) => health);

    world.clb.settings.firstProbeDelayMs = [3_600_000, 3_600_000];
    await put();
    world.clb.settings.firstProbeDelayMs = [0, 0];
    await probed('a.example.com');
    expect(healthOf('*.example.com')).toEqual(['Unknown']);
    expect(world.writer.gates.filter(({ open }) => open)).toEqual([]);
    expect(world.writer.gates.at(-1)?.message).toContain(
      `HTTP:80 *.example.com/: ${one.ips[0]}:80 is Unknown`,
    );
    await probed('*.example.com');
    expect(world.writer.gates.at(-1)).toMatchObject({ pod: { name: 'pod#1' }, open: true });
  });

  test('a rule without its Pod is not emptied: evidence is asked for by rule (L5)', async () => {
    const both = [pod(1), pod(2)];
    await world.put(ingress('one', [aRuleWant('a.example.com', '/', both)], both));
    await world.settle();
    world.script();
    await world.put(ingress('one', [aRuleWant('a.example.com', '/', [pod(1)])], [pod(1)]));
    await world.settle();
    expect(world.writes()).toEqual([]);
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
    const one = await answering(1);
    const wants = ['a', '_bad', 'c', 'd'].map((name) => aRuleWant(`${name}.example.com`, '/', [one]));
    await world.put(ingress('one', wants, [one]));
    await world.settle();
    expect(bound()).toEqual(
      ['a', 'c', 'd'].map((name) => `HTTP:80 ${name}.example.com/ (uid-one): ${one.ips[0]}=10`),
    );
    expect(world.told()).toContain('one D1009');
    expect(world.writer.events.map(({ message }) => message).join()).toContain('HTTP:80 _bad.example.com/');
    await allAre('Alive');
    await world.readiness();
    expect(world.writer.gates.at(-1)).toMatchObject({ open: true });
  });

  test('a quota of rules makes as many as fit, and is told', async () => {
    world.clb.settings.quotaRules = 1;
    const wants = ['a', 'c'].map((name) => aRuleWant(`${name}.example.com`, '/', [pod(1)]));
    await world.put(ingress('one', wants, [pod(1)]));
    await world.settle();
    expect(bound()).toHaveLength(1);
    expect(world.told()).toContain('one D1022');
  });

  test('a rule for a wildcard is made and modified with a name for its probes', async () => {
    const want = aRuleWant('*.example.com', '/', [pod(1)]);
    await world.put(ingress('one', [want], [pod(1)]));
    await world.settle();
    const settings = { ...want.settings, sessionExpireSeconds: 60 };
    await world.put(ingress('one', [{ ...want, settings }], [pod(1)], { finalizer: true }));
    await world.settle();
    expect(world.writes()).toEqual([
      'CreateListener lb#1 HTTP:80',
      'CreateRule lb#1 lbl#1 *.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#1 +pod#1 w10',
      'ModifyRule lb#1 lbl#1 loc#1',
    ]);
    expect(bound()).toEqual(['HTTP:80 *.example.com/ (uid-one): 10.99.0.1=10']);
    expect(world.writer.events.filter(({ type }) => type === 'Warning')).toEqual([]);
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
    expect(world.writes()).toEqual([
      'CreateListener lb#1 HTTP:80',
      'CreateRule lb#1 lbl#1 a.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#1 +pod#1 w10',
      'CreateRule lb#1 lbl#1 b.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#2 +pod#2 w10',
    ]);
    await world.put(released('one'));
    await world.settle();
    expect(world.writes()).toEqual(['ModifyListener lb#1 lbl#1 as uid-two', 'DeleteRule lb#1 lbl#1 loc#1']);
    expect(bound()).toEqual(['HTTP:80 b.example.com/ (uid-two): 10.99.0.2=10']);
    expect(world.writer.lines.at(-1)).toBe('release one, cleared');
    await world.put(released('two'));
    await world.settle();
    expect(world.writes()).toEqual(['DeleteLoadBalancerListeners lb#1 lbl#1']);
    expect(bound()).toEqual([]);
    expect(await world.store.loadBalancers()).toEqual([]);
  });

  test('that want one rule: the holder keeps it, the other is told and served when it goes', async () => {
    await world.put(two('a.example.com'));
    await world.settle();
    await world.put(one());
    await world.settle();
    expect(world.told()).toContain('one D1020');
    expect(bound()).toEqual(['HTTP:80 a.example.com/ (uid-two): 10.99.0.2=10']);
    world.script();
    await world.put(released('two'));
    await world.settle();
    // Nothing of the one that went is served to the other's clients.
    expect(world.writes()).toEqual([
      'ModifyListener lb#1 lbl#1 as uid-one',
      'DeleteRule lb#1 lbl#1 loc#1',
      'CreateRule lb#1 lbl#1 a.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#2 +pod#1 w10',
    ]);
    expect(bound()).toEqual(['HTTP:80 a.example.com/ (uid-one): 10.99.0.1=10']);
  });

  test('what was changed before the load balancer got busy is not changed again: it ends (L10)', async () => {
    world.endLocksWithWrites();
    await world.put(two('a.example.com'));
    await world.settle();
    await world.put(one());
    await world.settle();
    world.script();
    world.clb.faults.inject({
      action: 'DeleteRule',
      times: 3,
      effect: { kind: 'error', code: 'FailedOperation.ResourceInOperating' },
    });
    await world.put(released('two'));
    await world.settle();
    expect(world.writes().filter((line) => !line.includes('(FailedOperation'))).toEqual([
      'ModifyListener lb#1 lbl#1 as uid-one',
      'DeleteRule lb#1 lbl#1 loc#1',
      'CreateRule lb#1 lbl#1 a.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#2 +pod#1 w10',
    ]);
  });

  test('what was changed by a task that nobody saw end is read, not changed again (L10)', async () => {
    world.endLocksWithWrites();
    await world.put(two('a.example.com'));
    await world.settle();
    await world.put(one());
    await world.settle();
    world.script();
    world.clb.faults.inject({ action: 'DescribeTaskStatus', times: 24, effect: { kind: 'throttle' } });
    await world.put(released('two'));
    expect(await world.pass()).toBe('retry');
    expect(world.writes()).toEqual(['ModifyListener lb#1 lbl#1 as uid-one']);
    await world.settle();
    expect(world.writes()).toEqual([
      'DeleteRule lb#1 lbl#1 loc#1',
      'CreateRule lb#1 lbl#1 a.example.com/',
      'BatchRegisterTargets lb#1 lbl#1/loc#2 +pod#1 w10',
    ]);
  });

  test('with the store lost, nothing is made, bound or given away (L3)', async () => {
    await world.put(two('a.example.com'));
    await world.settle();
    await world.put(one());
    await world.settle();
    const again = await startReconcileWorld({ clb: world.clb });
    world.script();
    const shown = { finalizer: true, shown: { loadBalancerId, addresses: [] } };
    // The older comes first, but what is bound there is the younger's.
    await again.put({ ...one(), ...shown });
    await again.put({ ...two('a.example.com'), ...shown });
    await again.settle();
    expect(world.writes()).toEqual([]);
    expect(
      again.writer.events.map(({ object, message }) => `${object.name} ${message.slice(0, 5)}`),
    ).toContain('one D1020');
    await again.close();
  });
});

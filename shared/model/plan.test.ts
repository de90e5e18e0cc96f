import { describe, expect, test } from 'vitest';
import {
  aBinding,
  aGate,
  aListener,
  aLoadBalancer,
  aNodeState,
  aPod,
  aState,
  aTarget,
  endpointOf,
  kept,
  serviceRef,
  testPolicy,
} from './builders.ts';
import type { DesiredState, LeavingEndpoint } from './desired-state.ts';
import { listenerName } from './names.ts';
import type { Binding, ObservedLoadBalancer } from './observed.ts';
import { claimsOf, hasLeft, type PlanInput, plan } from './plan.ts';
import type { Plan } from './plan-types.ts';

const now = 1_000_000;

/** Plans for one state and gives each write as a short line. */
const lines = (planned: Plan): readonly string[] =>
  planned.steps.flatMap((step): string[] => {
    switch (step.do) {
      case 'create-listeners':
        return step.listeners.map(({ protocol, port }) => `create ${protocol}:${port}`);
      case 'modify-listener':
        return [`modify ${step.listenerId}`];
      case 'delete-listeners':
        return step.listenerIds.map((listenerId) => `delete ${listenerId}`);
      case 'create-rules':
        return step.rules.map(({ domain, url }) => `create rule ${domain}${url} of ${step.listenerId}`);
      case 'modify-rule':
        return [`modify rule ${step.locationId}`];
      case 'delete-rules':
        return step.locationIds.map((locationId) => `delete rule ${locationId}`);
      default:
        return step.targets.map(
          ({ ip, port, weight }) =>
            `${step.do} ${ip}:${port}${step.do === 'deregister' ? '' : ` w${weight}`} (${step.lane})`,
        );
    }
  });

const planFor = (
  state: DesiredState,
  observed: ObservedLoadBalancer,
  bindings: readonly Binding[],
  more: Partial<PlanInput> = {},
): Plan =>
  plan({
    states: [kept(state)],
    complete: true,
    observed,
    bindings,
    ruleOwners: [],
    registered: [],
    refused: [],
    policy: testPolicy,
    now,
    ...more,
  });

const a = aPod('a', '10.0.0.1');
const b = aPod('b', '10.0.0.2');
const terminating = { terminatingAt: now + 20_000, ready: false };

describe('listeners', () => {
  test('a port without a listener gets one, named after cluster and object', () => {
    const planned = planFor(aState([a]), aLoadBalancer([]), []);
    expect(planned.steps).toMatchObject([
      {
        do: 'create-listeners',
        listeners: [{ protocol: 'TCP', port: 80, name: 'clb-direct/cls-test/uid-web' }],
      },
    ]);
  });

  test('a foreign listener in the way is not touched; the conflict is told (L8)', () => {
    const foreign = aListener([aTarget('10.9.9.9')], { ours: false, name: 'of-a-human' });
    const { ownerUid: _, ...withoutOwner } = foreign;
    const planned = planFor(aState([a]), aLoadBalancer([withoutOwner]), []);
    expect(planned.steps).toEqual([]);
    expect(planned.unexplained).toEqual([]);
    expect(planned.problems.map(({ problem }) => problem.code)).toEqual(['D1005']);
  });

  test('a foreign listener at another port is neither changed nor emptied nor deleted (L8)', () => {
    const { ownerUid: _, ...foreign } = aListener([aTarget('10.9.9.9')], {
      listenerId: 'lbl-foreign1',
      ours: false,
      name: 'x',
      port: 443,
    });
    const planned = planFor(aState([a]), aLoadBalancer([aListener([aTarget(a.ips[0] ?? '')]), foreign]), [
      aBinding(a),
    ]);
    expect(planned.steps).toEqual([]);
  });

  test('a port that the Service no longer has loses its listener', () => {
    const old = aListener([], { listenerId: 'lbl-00000002', port: 81 });
    const planned = planFor(aState([a]), aLoadBalancer([aListener([aTarget('10.0.0.1')]), old]), [
      aBinding(a),
    ]);
    expect(lines(planned)).toEqual(['delete lbl-00000002']);
  });

  test('a listener of an object that nobody put goes only when the set is complete (L5)', () => {
    const dead = aListener([], {
      listenerId: 'lbl-00000002',
      port: 81,
      ownerUid: 'uid-dead',
      name: listenerName('cls-test', 'uid-dead'),
    });
    const observed = aLoadBalancer([aListener([aTarget('10.0.0.1')]), dead]);
    expect(lines(planFor(aState([a]), observed, [aBinding(a)], { complete: false }))).toEqual([]);
    expect(lines(planFor(aState([a]), observed, [aBinding(a)]))).toEqual(['delete lbl-00000002']);
  });

  test('changed settings modify the listener and keep its targets', () => {
    const listener = aListener([aTarget('10.0.0.1')]);
    const changed = { ...listener, settings: { ...listener.settings, sessionExpireSeconds: 60 } };
    expect(lines(planFor(aState([a]), aLoadBalancer([changed]), [aBinding(a)]))).toEqual([
      'modify lbl-00000001',
    ]);
  });

  test('a Pod that the CLB refused keeps no settings from being changed (L12)', () => {
    const listener = aListener([aTarget('10.0.0.1')]);
    const changed = { ...listener, settings: { ...listener.settings, sessionExpireSeconds: 60 } };
    const refused = [
      {
        objectUid: 'uid-web',
        code: 'D1009' as const,
        listener: { protocol: 'TCP', port: 80 },
        podUid: 'uid-b',
      },
    ];
    expect(lines(planFor(aState([a]), aLoadBalancer([changed]), [aBinding(a)], { refused }))).toEqual([
      'modify lbl-00000001',
    ]);
  });

  test('of two objects that want one port the older gets it, the other is told', () => {
    const younger = aState([b], { object: serviceRef('late'), createdAt: 5 });
    const planned = plan({
      states: [kept(younger), kept(aState([a]))],
      complete: true,
      observed: aLoadBalancer([]),
      bindings: [],
      ruleOwners: [],
      registered: [],
      refused: [],
      policy: testPolicy,
      now,
    });
    expect(planned.steps).toMatchObject([{ listeners: [{ name: 'clb-direct/cls-test/uid-web' }] }]);
    expect(planned.problems).toMatchObject([{ object: { name: 'late' }, problem: { code: 'D1005' } }]);
  });
});

describe('targets', () => {
  test('a Pod that is not Ready only through our gate is bound at its weight', () => {
    const gated = aPod('c', '10.0.0.3', { ready: false, gate: aGate('False') });
    const planned = planFor(aState([a, gated]), aLoadBalancer([aListener([aTarget('10.0.0.1')])]), [
      aBinding(a),
    ]);
    expect(lines(planned)).toEqual(['register 10.0.0.3:80 w10 (ready)']);
  });

  test('the kubelet lags: a gate opened no earlier than Ready last changed still serves', () => {
    const gate = aGate('True', { changedAt: 5_000 });
    const lagging = aPod('c', '10.0.0.3', { ready: false, readyChangedAt: 5_000, gate });
    const observed = aLoadBalancer([aListener([aTarget('10.0.0.1'), aTarget('10.0.0.3')])]);
    const bindings = [aBinding(a), aBinding(lagging)];
    expect(lines(planFor(aState([a, lagging]), observed, bindings))).toEqual([]);
    const deadNode = aPod('c', '10.0.0.3', { ready: false, readyChangedAt: 9_000, gate });
    expect(lines(planFor(aState([a, deadNode]), observed, bindings))).toEqual([
      'set-weights 10.0.0.3:80 w0 (rest)',
    ]);
  });

  test('a Pod that waits for a foreign gate is bound at weight 0', () => {
    const foreign = aPod('c', '10.0.0.3', { ready: false, foreignGatesOpen: false, gate: aGate('False') });
    const planned = planFor(aState([foreign]), aLoadBalancer([aListener([])]), []);
    expect(lines(planned)).toEqual(['register 10.0.0.3:80 w0 (ready)']);
  });

  test('a Pod whose containers are not ready is never newly bound, and kept at weight 0', () => {
    const broken = aPod('b', '10.0.0.2', { ready: false, containersReady: false });
    const bound = aLoadBalancer([aListener([aTarget('10.0.0.1'), aTarget('10.0.0.2')])]);
    expect(lines(planFor(aState([a, broken]), bound, [aBinding(a), aBinding(broken)]))).toEqual([
      'set-weights 10.0.0.2:80 w0 (rest)',
    ]);
    expect(
      lines(planFor(aState([a, broken]), aLoadBalancer([aListener([aTarget('10.0.0.1')])]), [aBinding(a)])),
    ).toEqual([]);
  });

  test('panic: with no serving Pod left, those not ready keep their weight, and it is told', () => {
    const broken = aPod('b', '10.0.0.2', { ready: false, containersReady: false });
    const planned = planFor(aState([broken]), aLoadBalancer([aListener([aTarget('10.0.0.2')])]), [
      aBinding(broken),
    ]);
    expect(planned.steps).toEqual([]);
    expect(planned.problems.map(({ problem }) => problem.code)).toEqual(['D1008']);
  });

  test('publishNotReadyAddresses: every endpoint that is not terminating serves', () => {
    const broken = aPod('b', '10.0.0.2', { ready: false, containersReady: false });
    const state = aState([broken], { publishNotReadyAddresses: true });
    expect(lines(planFor(state, aLoadBalancer([aListener([])]), []))).toEqual([
      'register 10.0.0.2:80 w10 (ready)',
    ]);
  });

  test('a weight-only change never re-registers', () => {
    const heavy = aPod('a', '10.0.0.1', { customWeight: 50 });
    const planned = planFor(aState([heavy]), aLoadBalancer([aListener([aTarget('10.0.0.1')])]), [
      aBinding(heavy),
    ]);
    expect(lines(planned)).toEqual(['set-weights 10.0.0.1:80 w50 (rest)']);
  });

  test('the same address in two TCP listeners of one load balancer is a conflict and told (E4036)', () => {
    const state = aState([a]);
    const [listener] = state.listeners;
    if (listener === undefined) throw new Error('no listener');
    const both = { ...state, listeners: [listener, { ...listener, port: 81 }] };
    const observed = aLoadBalancer([aListener([]), aListener([], { listenerId: 'lbl-00000002', port: 81 })]);
    const planned = planFor(both, observed, []);
    expect(lines(planned)).toEqual(['register 10.0.0.1:80 w10 (ready)']);
    expect(planned.problems.map(({ problem }) => problem.code)).toEqual(['E4036']);
  });

  test('a target recorded for another UID is deregistered and registered anew (L7)', () => {
    const planned = planFor(aState([a]), aLoadBalancer([aListener([aTarget('10.0.0.1')])]), [
      aBinding(a, { backendUid: 'uid-before' }),
    ]);
    expect(lines(planned)).toEqual(['deregister 10.0.0.1:80 (ready)', 'register 10.0.0.1:80 w10 (ready)']);
  });
});

test('a target registered in this pass is not registered again before it is read back', () => {
  const observed = aLoadBalancer([aListener([aTarget('10.0.0.1')])]);
  const registered = [{ listenerId: 'lbl-00000001', ip: '10.0.0.1', port: 80, backendUid: 'uid-a' }];
  expect(lines(planFor(aState([a]), observed, [], { registered }))).toEqual([]);
});

describe('leaving', () => {
  const both = aLoadBalancer([aListener([aTarget('10.0.0.1'), aTarget('10.0.0.2')])]);
  const records = [aBinding(a), aBinding(b)];

  test('a terminating Pod goes to weight 0 first of all, while another target serves (L6)', () => {
    const leaving = aPod('b', '10.0.0.2', terminating);
    const fresh = aPod('c', '10.0.0.3', { ready: false, gate: aGate('False') });
    const planned = planFor(aState([a, leaving, fresh]), both, records);
    expect(lines(planned)).toEqual([
      'set-weights 10.0.0.2:80 w0 (drain)',
      'register 10.0.0.3:80 w10 (ready)',
    ]);
  });

  test('the last serving target keeps its weight while it terminates (L6)', () => {
    const leaving = aPod('b', '10.0.0.2', terminating);
    const fresh = aPod('c', '10.0.0.3', { ready: false, gate: aGate('False') });
    const observed = aLoadBalancer([aListener([aTarget('10.0.0.2'), aTarget('10.0.0.3')])]);
    const planned = planFor(aState([leaving, fresh]), observed, [aBinding(b), aBinding(fresh)]);
    expect(planned.steps).toEqual([]);
  });

  test('a target that was registered but not read back serves nobody yet (L6)', () => {
    const leaving = aPod('b', '10.0.0.2', terminating);
    expect(lines(planFor(aState([a, leaving]), both, [aBinding(b)], {}))).not.toContain(
      'set-weights 10.0.0.2:80 w0 (drain)',
    );
  });

  test('a terminating Pod stays bound until it has ended or its drain deadline passed', () => {
    const drained = aLoadBalancer([aListener([aTarget('10.0.0.1'), aTarget('10.0.0.2', 0)])]);
    const leaving = aPod('b', '10.0.0.2', terminating);
    const planned = planFor(aState([a, leaving]), drained, records);
    expect(planned.steps).toEqual([]);
    expect(planned.nextAt).toBe(now + 50_000);
    expect(lines(planFor(aState([a, leaving]), drained, records, { now: now + 50_000 }))).toEqual([
      'deregister 10.0.0.2:80 (rest)',
    ]);
    const ended = aPod('b', '10.0.0.2', { ...terminating, ended: true });
    expect(lines(planFor(aState([a, ended]), drained, records))).toEqual(['deregister 10.0.0.2:80 (rest)']);
  });

  test('no evidence, no removal: a target that nobody explains stays and is asked about (L5)', () => {
    const planned = planFor(aState([a]), both, records);
    expect(planned.steps).toEqual([]);
    expect(planned.unexplained).toEqual([
      {
        objectUid: 'uid-web',
        wanted: [{ protocol: 'TCP', port: 80, targets: [{ ip: '10.0.0.2', port: 80 }] }],
      },
    ]);
  });

  test('an empty list takes nothing away (L5)', () => {
    const planned = planFor(aState([]), both, records);
    expect(planned.steps).toEqual([]);
    expect(planned.unexplained[0]?.wanted[0]?.targets).toHaveLength(2);
  });

  test.each(['pod-deleted', 'pod-ended', 'absent', 'address-changed', 'other-pod'] as const)(
    'a cause takes it away: %s',
    (cause) => {
      const left: LeavingEndpoint = { ip: '10.0.0.2', port: 80, backendUid: 'uid-b', cause, since: now };
      expect(lines(planFor(aState([a], { leaving: [left] }), both, records))).toEqual([
        'deregister 10.0.0.2:80 (rest)',
      ]);
    },
  );

  test('what we want always beats what we remove on the same address (L6)', () => {
    const left: LeavingEndpoint = {
      ip: '10.0.0.2',
      port: 80,
      backendUid: 'uid-x',
      cause: 'pod-deleted',
      since: now,
    };
    expect(lines(planFor(aState([a, b], { leaving: [left] }), both, records))).toEqual([]);
  });

  describe('blue/green: the Pod lives and was relabelled', () => {
    const left: LeavingEndpoint = {
      ip: '10.0.0.2',
      port: 80,
      backendUid: 'uid-b',
      cause: 'unselected',
      since: now,
    };
    const state = aState([a], { leaving: [left] });
    const health = (value: 'Alive' | 'Unknown') =>
      [{ listenerId: 'lbl-00000001', ip: '10.0.0.1', port: 80, health: value }] as const;

    test('the old one keeps its weight until a new one is seen Alive', () => {
      const unread = planFor(state, both, records);
      expect(unread.needsHealth).toBe(true);
      expect(unread.steps).toEqual([]);
      expect(planFor(state, both, records, { health: health('Unknown') }).steps).toEqual([]);
      expect(lines(planFor(state, both, records, { health: health('Alive') }))).toEqual([
        'set-weights 10.0.0.2:80 w0 (drain)',
      ]);
    });

    test('it is deregistered drainSeconds after its weight became 0', () => {
      const zero = aLoadBalancer([aListener([aTarget('10.0.0.1'), aTarget('10.0.0.2', 0)])]);
      const bindings = [aBinding(a), aBinding(b, { weight: 0, weightAt: now })];
      expect(planFor(state, zero, bindings).nextAt).toBe(now + 30_000);
      expect(planFor(state, zero, bindings).steps).toEqual([]);
      expect(lines(planFor(state, zero, bindings, { now: now + 30_000 }))).toEqual([
        'deregister 10.0.0.2:80 (rest)',
      ]);
    });

    test('nobody else serves: it stays', () => {
      const alone = aLoadBalancer([aListener([aTarget('10.0.0.2')])]);
      expect(planFor(aState([], { leaving: [left] }), alone, [aBinding(b)]).steps).toEqual([]);
    });

    test('a state is fully applied only when its leaving Pods are gone from the load balancer', () => {
      const claims = (observed: ObservedLoadBalancer) =>
        claimsOf({ states: [kept(state)], complete: true, ruleOwners: [] }, observed);
      expect(hasLeft(state, claims(both), records)).toBe(false);
      const gone = aLoadBalancer([aListener([aTarget('10.0.0.1')])]);
      expect(hasLeft(state, claims(gone), [aBinding(a)])).toBe(true);
    });
  });
});

test('of two Pods that claim one address, the one that is not on its way out has it', () => {
  const old = aPod('old', '10.0.0.1', terminating);
  const fresh = aPod('new', '10.0.0.1');
  const state = aState([old, fresh], { endpoints: [endpointOf(old), endpointOf(fresh)] });
  const planned = planFor(state, aLoadBalancer([aListener([aTarget('10.0.0.1')])]), [aBinding(old)]);
  expect(lines(planned)).toEqual(['deregister 10.0.0.1:80 (ready)', 'register 10.0.0.1:80 w10 (ready)']);
});

test('release: every listener of the object goes; report and skip: nothing is touched', () => {
  const observed = aLoadBalancer([aListener([aTarget('10.0.0.1')])]);
  const without = (intent: DesiredState['intent']): DesiredState => ({
    ...aState([]),
    listeners: [],
    intent,
  });
  expect(lines(planFor(without('release'), observed, [aBinding(a)]))).toEqual(['delete lbl-00000001']);
  expect(planFor(without('report'), observed, [aBinding(a)]).steps).toEqual([]);
  expect(planFor(without('skip'), observed, [aBinding(a)]).steps).toEqual([]);
});

describe('nodes', () => {
  const n1 = aNodeState('n1', '10.1.0.1');
  const n2 = aNodeState('n2', '10.1.0.2', { weight: 3 });
  const at = (ip: string, backendUid: string, instanceId?: string) => ({
    ip,
    port: 30080,
    backendUid,
    ...(instanceId === undefined ? {} : { instanceId }),
  });
  const both = [at('10.1.0.1', n1.uid, 'ins-1'), at('10.1.0.2', n2.uid)];
  const onNodes = (more: Parameters<typeof aState>[1] = {}): DesiredState =>
    aState([], { endpoints: both, nodes: [n1, n2], ...more });
  const bound = aLoadBalancer([
    aListener([{ ...aTarget('10.1.0.1', 10, 30080), instanceId: 'ins-1' }, aTarget('10.1.0.2', 3, 30080)]),
  ]);
  const record = (ip: string, backendUid: string, weight: number): Binding => ({
    ...aBinding(a),
    ip,
    port: 30080,
    backendUid,
    weight,
  });
  const records = [record('10.1.0.1', n1.uid, 10), record('10.1.0.2', n2.uid, 3)];

  test('are bound by the id of their CVM where they have one, at the weight asked for or the default', () => {
    const planned = planFor(onNodes(), aLoadBalancer([aListener([])]), []);
    expect(planned.steps).toMatchObject([
      {
        do: 'register',
        targets: [
          { ip: '10.1.0.1', port: 30080, weight: 10, instanceId: 'ins-1' },
          { ip: '10.1.0.2', port: 30080, weight: 3 },
        ],
      },
    ]);
    expect(planFor(onNodes(), bound, records).steps).toEqual([]);
  });

  test('a target is spoken of as it was bound, whatever the endpoint says by now', () => {
    const left: LeavingEndpoint = {
      ip: '10.1.0.1',
      port: 30080,
      backendUid: n1.uid,
      cause: 'node-deleted',
      since: 0,
    };
    const state = onNodes({ endpoints: [at('10.1.0.2', n2.uid, 'ins-2')], nodes: [n2], leaving: [left] });
    const heavier = { ...state, nodes: [{ ...n2, weight: 5 }] };
    const planned = planFor(heavier, bound, records);
    expect(planned.steps).toMatchObject([
      { do: 'set-weights', targets: [{ ip: '10.1.0.2', weight: 5 }] },
      { do: 'deregister', targets: [{ ip: '10.1.0.1', instanceId: 'ins-1' }] },
    ]);
    expect(JSON.stringify(planned.steps)).not.toContain('ins-2');
  });

  test.each(['unselected', 'mode-changed'] as const)(
    'a living one that left (%s) is drained: the others Alive first, then weight 0 (L6)',
    (cause) => {
      const left: LeavingEndpoint = { ip: '10.1.0.1', port: 30080, backendUid: n1.uid, cause, since: 0 };
      const state = onNodes({ endpoints: both.slice(1), nodes: [n2], leaving: [left] });
      expect(planFor(state, bound, records)).toMatchObject({ steps: [], needsHealth: true });
      const alive = [{ listenerId: 'lbl-00000001', ip: '10.1.0.2', port: 30080, health: 'Alive' as const }];
      expect(lines(planFor(state, bound, records, { health: alive }))).toEqual([
        'set-weights 10.1.0.1:30080 w0 (drain)',
      ]);
    },
  );

  test('from Pods to nodes: the nodes are bound, and only then the Pods drained (L6)', () => {
    const left: LeavingEndpoint = {
      ip: '10.0.0.1',
      port: 80,
      backendUid: 'uid-a',
      cause: 'mode-changed',
      since: 0,
    };
    const state = onNodes({ leaving: [left], pods: [a] });
    const before = aLoadBalancer([aListener([aTarget('10.0.0.1')])]);
    expect(lines(planFor(state, before, [aBinding(a)]))).toEqual([
      'register 10.1.0.1:30080 w10 (ready)',
      'register 10.1.0.2:30080 w3 (ready)',
    ]);
  });
});

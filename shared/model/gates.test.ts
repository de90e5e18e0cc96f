import { describe, expect, test } from 'vitest';
import {
  aBinding,
  aGate,
  aListener,
  aLoadBalancer,
  anHttpListener,
  anIngress,
  aPod,
  aRule,
  aRuleWant,
  aState,
  aTarget,
  kept,
  serviceRef,
} from './builders.ts';
import type { DesiredState, PodState } from './desired-state.ts';
import { decideGates, type HealthRead, healthWanted, type WaitingView } from './gates.ts';
import { type Binding, nothingRecorded, type Recorded } from './observed.ts';
import { problem } from './problems.ts';

const gated = (more: Partial<PodState> = {}): PodState =>
  aPod('c', '10.0.0.3', { ready: false, gate: aGate('False'), resourceVersion: '77', ...more });

const view = (
  state: DesiredState,
  bindings: readonly Binding[],
  more: Partial<Recorded> = {},
): WaitingView => ({
  loadBalancerKey: state.loadBalancerKey,
  states: [kept(state)],
  recorded: {
    ...nothingRecorded,
    loadBalancer: aLoadBalancer([aListener([aTarget('10.0.0.3')])]),
    bindings,
    ...more,
  },
});

const read = (more: Partial<HealthRead> = {}): HealthRead => ({
  loadBalancerId: 'lb-00000001',
  listenerId: 'lbl-00000001',
  ip: '10.0.0.3',
  port: 80,
  health: 'Alive',
  begunAt: 2_000,
  ...more,
});

const verdict = (views: readonly WaitingView[], reads: readonly HealthRead[]) =>
  decideGates(views, reads, 10).decisions[0];

describe('a gate opens', () => {
  test('when its own target is bound and seen Alive in a read after the record (L7)', () => {
    const pod = gated();
    expect(verdict([view(aState([pod]), [aBinding(pod)])], [read()])).toMatchObject({
      open: true,
      reason: 'LoadBalancerNetworkGroupReady',
      pod: { uid: 'uid-c' },
    });
  });

  test('when its health check is off (Close)', () => {
    const pod = gated();
    expect(verdict([view(aState([pod]), [aBinding(pod)])], [read({ health: 'Close' })])?.open).toBe(true);
  });

  test('at weight 0 only if 0 is asked for', () => {
    const pod = gated();
    const zero = [aBinding(pod, { weight: 0 })];
    expect(verdict([view(aState([pod]), zero)], [read()])?.open).toBe(false);
    const asked = gated({ customWeight: 0 });
    expect(verdict([view(aState([asked]), zero)], [read()])?.open).toBe(true);
    const foreign = gated({ foreignGatesOpen: false });
    expect(verdict([view(aState([foreign]), zero)], [read()])?.open).toBe(true);
  });

  test('for a Pod that is refused for a configuration error: it holds no gate', () => {
    const pod = gated();
    const state = aState([pod], {
      endpoints: [],
      problems: [problem('E4033', 'no ENI address', { about: { podUid: 'uid-c' } })],
    });
    expect(verdict([view(state, [])], [])?.open).toBe(true);
  });

  test('for a listener that the CLB refused: it holds no gate', () => {
    const pod = gated();
    const refusals = [
      { objectUid: 'uid-web', code: 'D1005', listener: { protocol: 'TCP', port: 80 } },
    ] as const;
    expect(verdict([view(aState([pod]), [], { refusals })], [])?.open).toBe(true);
  });
});

describe('a gate stays closed', () => {
  test.each(['Unknown', 'Dead'] as const)('while the target is %s, and says so (L7)', (health) => {
    const pod = gated();
    expect(verdict([view(aState([pod]), [aBinding(pod)])], [read({ health })])).toMatchObject({
      open: false,
      message: `Waiting for lb-00000001 TCP:80: 10.0.0.3:80 is ${health}`,
      resourceVersion: '77',
    });
  });

  test('when the health read began before the binding was recorded (L7)', () => {
    const pod = gated();
    expect(verdict([view(aState([pod]), [aBinding(pod)])], [read({ begunAt: 1_000 })])?.open).toBe(false);
  });

  test('when the address is bound for another UID (L7)', () => {
    const pod = gated();
    expect(
      verdict([view(aState([pod]), [aBinding(pod, { backendUid: 'uid-old' })])], [read()]),
    ).toMatchObject({
      open: false,
      message: 'Waiting for lb-00000001 TCP:80: 10.0.0.3:80 being bound',
    });
  });

  test('while one of two load balancers is still Unknown (L7)', () => {
    const pod = gated({ heldBy: ['uid-web', 'uid-other'] });
    const other = aState([pod], { object: serviceRef('other'), loadBalancerKey: 'uid-other' });
    const second = view(other, [aBinding(pod, { listenerId: 'lbl-00000002' })], {
      loadBalancer: {
        ...aLoadBalancer([aListener([aTarget('10.0.0.3')], { listenerId: 'lbl-00000002' })]),
        loadBalancerId: 'lb-00000002',
      },
    });
    const views = [view(aState([pod]), [aBinding(pod)]), second];
    expect(verdict(views, [read()])).toMatchObject({
      open: false,
      message: 'Waiting for lb-00000002 TCP:80: 10.0.0.3:80 is Unknown',
    });
    const alive = read({ loadBalancerId: 'lb-00000002', listenerId: 'lbl-00000002' });
    expect(verdict(views, [read(), alive])?.open).toBe(true);
  });

  test('while one listener of the same object still lacks the Pod (L7)', () => {
    const pod = gated();
    const state = aState([pod]);
    const [listener] = state.listeners;
    if (listener === undefined) throw new Error('no listener');
    const both = { ...state, listeners: [listener, { ...listener, port: 443 }] };
    expect(verdict([view(both, [aBinding(pod)])], [read()])).toMatchObject({
      open: false,
      message: 'Waiting for lb-00000001 TCP:443: 10.0.0.3:80 being bound',
    });
  });

  test('while an object that holds it is not in the store (L7)', () => {
    const pod = gated({ heldBy: ['uid-web', 'uid-unknown'] });
    expect(verdict([view(aState([pod]), [aBinding(pod)])], [read()])?.open).toBe(false);
  });

  test('while its endpoint is not in a slice yet, or the load balancer is being made', () => {
    const pod = gated();
    expect(verdict([view(aState([pod], { endpoints: [] }), [])], [])?.message).toBe(
      'Waiting for lb-00000001 TCP:80: its endpoint',
    );
    const { loadBalancer: _, ...making } = view(aState([pod]), []).recorded;
    expect(verdict([{ ...view(aState([pod]), []), recorded: making }], [])?.message).toBe(
      'Waiting for load balancer of web is being made',
    );
  });
});

test('a closed gate is not written again with the same message', () => {
  const message = 'Waiting for lb-00000001 TCP:80: 10.0.0.3:80 is Unknown';
  const pod = gated({ gate: aGate('False', { message }) });
  const decided = decideGates([view(aState([pod]), [aBinding(pod)])], [read({ health: 'Unknown' })], 10);
  expect(decided).toEqual({ decisions: [], waiting: 1, onlyDead: false });
});

test('only Dead targets are waited for: asked again at the health check’s pace', () => {
  const pod = gated();
  expect(decideGates([view(aState([pod]), [aBinding(pod)])], [read({ health: 'Dead' })], 10).onlyDead).toBe(
    true,
  );
});

test('True is never taken back: a Pod with an open gate gets no verdict (L7)', () => {
  const pod = gated({ gate: aGate('True') });
  expect(decideGates([view(aState([pod]), [])], [], 10)).toEqual({
    decisions: [],
    waiting: 0,
    onlyDead: false,
  });
});

test('a Pod whose containers are not ready gets no verdict, but is waited for', () => {
  const pod = gated({ containersReady: false });
  expect(decideGates([view(aState([pod]), [])], [], 10)).toMatchObject({ decisions: [], waiting: 1 });
});

test('a health read covers only listeners that hold a waiting Pod (L10)', () => {
  const pod = gated();
  expect(healthWanted([view(aState([pod]), [aBinding(pod)])])).toEqual([
    { loadBalancerId: 'lb-00000001', listenerIds: ['lbl-00000001'] },
  ]);
  expect(healthWanted([view(aState([pod]), [])])).toEqual([]);
  const open = gated({ gate: aGate('True') });
  expect(healthWanted([view(aState([open]), [aBinding(open)])])).toEqual([]);
});

describe('behind the rules of an Ingress', () => {
  const pod = gated({ heldBy: ['uid-one'] });
  const other = aPod('d', '10.0.0.4', { heldBy: ['uid-one'] });
  const wants = [aRuleWant('a.example.com', '/', [pod]), aRuleWant('a.example.com', '/b', [pod])];
  const rules = [
    aRule('loc-1', 'a.example.com', '/', [aTarget('10.0.0.3')]),
    aRule('loc-2', 'a.example.com', '/b', [aTarget('10.0.0.3')]),
  ];
  const loadBalancer = aLoadBalancer([anHttpListener('one', rules)]);
  const boundAt = (locationId: string, url: string): Binding =>
    aBinding(pod, {
      listenerId: 'lbl-0000http',
      locationId,
      place: { protocol: 'HTTP', port: 80, rule: { domain: 'a.example.com', url } },
    });
  const bindings = [boundAt('loc-1', '/'), boundAt('loc-2', '/b')];
  const ingress = anIngress('one', wants, [pod, other]);
  const at = (locationId: string, more: Partial<HealthRead> = {}): HealthRead =>
    read({ listenerId: 'lbl-0000http', locationId, ...more });

  test('a Pod waits for every rule that it is behind, and the message names the rule (L7)', () => {
    const view_ = view(ingress, bindings, { loadBalancer });
    const waiting = verdict([view_], [at('loc-1')]);
    expect(waiting).toMatchObject({
      open: false,
      message: 'Waiting for lb-00000001 HTTP:80 a.example.com/b: 10.0.0.3:80 is Unknown',
    });
    expect(verdict([view_], [at('loc-1'), at('loc-2')])?.open).toBe(true);
  });

  test('a read of one rule proves nothing of another (L7)', () => {
    const reads = [at('loc-1'), at('loc-1'), at('loc-2', { health: 'Dead' })];
    expect(verdict([view(ingress, bindings, { loadBalancer })], reads)?.open).toBe(false);
  });

  test('but not for rules where it does not belong (L7)', () => {
    const elsewhere = { ...ingress, listeners: [...wants, aRuleWant('a.example.com', '/d', [other])] };
    expect(verdict([view(elsewhere, bindings, { loadBalancer })], [at('loc-1'), at('loc-2')])?.open).toBe(
      true,
    );
    const everywhere = elsewhere.listeners.map((want) => {
      const { podUids: _, ...backends } = want.backends;
      return { ...want, backends };
    });
    const all = { ...elsewhere, listeners: everywhere };
    expect(verdict([view(all, bindings, { loadBalancer })], [at('loc-1'), at('loc-2')])?.message).toBe(
      'Waiting for lb-00000001 HTTP:80 a.example.com/d: its endpoint',
    );
  });

  test('a rule that another object has holds no gate', () => {
    const refusals = [
      {
        objectUid: 'uid-one',
        code: 'D1020' as const,
        listener: { protocol: 'HTTP', port: 80, rule: { domain: 'a.example.com', url: '/b' } },
      },
    ];
    expect(verdict([view(ingress, bindings, { loadBalancer, refusals })], [at('loc-1')])?.open).toBe(true);
  });

  test('objects on two load balancers: both must say yes (L7)', () => {
    const both = gated({ heldBy: ['uid-one', 'uid-web'] });
    const views = [
      view(anIngress('one', [aRuleWant('a.example.com', '/', [both])], [both]), [boundAt('loc-1', '/')], {
        loadBalancer: { ...loadBalancer, loadBalancerId: 'lb-00000002' },
      }),
      view(aState([both]), [aBinding(both)]),
    ];
    const ingressRead = at('loc-1', { loadBalancerId: 'lb-00000002' });
    expect(verdict(views, [ingressRead])?.message).toBe(
      'Waiting for lb-00000001 TCP:80: 10.0.0.3:80 is Unknown',
    );
    expect(verdict(views, [ingressRead, read()])?.open).toBe(true);
  });
});

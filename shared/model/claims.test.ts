import { describe, expect, test } from 'vitest';
import {
  aBinding,
  aListener,
  aLoadBalancer,
  anHttpListener,
  anIngress,
  aPod,
  aRule,
  aRuleWant,
  aState,
  aTarget,
  ingressRef,
  kept,
  serviceRef,
  sharing,
  testPolicy,
} from './builders.ts';
import type { DesiredState } from './desired-state.ts';
import { listenerName } from './names.ts';
import type { ObservedLoadBalancer } from './observed.ts';
import { type PlanInput, plan } from './plan.ts';
import type { Plan } from './plan-types.ts';

const a = aPod('a', '10.0.0.1', { heldBy: ['uid-one'] });
const b = aPod('b', '10.0.0.2', { heldBy: ['uid-two'] });

const one = anIngress('one', [aRuleWant('a.example.com', '/', [a])], [a], { createdAt: 1 });
const two = anIngress('two', [aRuleWant('b.example.com', '/', [b])], [b], { createdAt: 2 });
const twin = anIngress('twin', [aRuleWant('a.example.com', '/', [b])], [b], { createdAt: 0 });

const leaving = (state: DesiredState, intent: DesiredState['intent'] = 'release'): DesiredState => ({
  ...state,
  intent,
  listeners: [],
  pods: [],
});

const planOf = (
  states: readonly DesiredState[],
  observed: ObservedLoadBalancer,
  more: Partial<PlanInput> = {},
): Plan =>
  plan({
    states: states.map((state) => kept(state)),
    complete: true,
    observed,
    bindings: [],
    ruleOwners: [],
    registered: [],
    refused: [],
    policy: testPolicy,
    now: 1_000_000,
    ...more,
  });

/** Writes but those of targets. */
const steps = ({ steps: all }: Plan): readonly string[] =>
  all.flatMap((step): string[] => {
    switch (step.do) {
      case 'create-listeners':
        return step.listeners.map(({ protocol, port, name }) => `create ${protocol}:${port} as ${name}`);
      case 'modify-listener':
        return [`modify ${step.listenerId} as ${step.name}`];
      case 'create-rules':
        return step.rules.map(
          ({ domain, url, ownerUid }) => `create ${step.listenerId} ${domain}${url} for ${ownerUid}`,
        );
      case 'modify-rule':
        return [`modify ${step.locationId}`];
      case 'delete-rules':
        return step.locationIds.map((id) => `delete ${step.listenerId} ${id}`);
      case 'delete-listeners':
        return step.listenerIds.map((id) => `delete ${id}`);
      default:
        return [];
    }
  });
const told = ({ problems }: Plan): readonly string[] =>
  problems.map(({ object, problem }) => `${object.name} ${problem.code}`);

const named = (uid: string): string => listenerName(testPolicy.clusterId, uid);
const owned = (locationId: string, ownerUid: string) => ({
  listenerId: 'lbl-0000http',
  locationId,
  ownerUid,
});

describe('rules of several objects on one listener', () => {
  test('the listener comes first, named after the oldest', () => {
    expect(steps(planOf([two, one], aLoadBalancer([])))).toEqual([
      'create HTTP:80 as clb-direct/cls-test/uid-one',
    ]);
  });

  test('then the rules of all, in one step, each for its object', () => {
    expect(steps(planOf([two, one], aLoadBalancer([anHttpListener('one', [])])))).toEqual([
      'create lbl-0000http a.example.com/ for uid-one',
      'create lbl-0000http b.example.com/ for uid-two',
    ]);
  });

  test('a rule that two want is its recorded owner’s, however young that is', () => {
    const observed = aLoadBalancer([anHttpListener('one', [aRule('loc-1', 'a.example.com', '/')])]);
    const planned = planOf([twin, one], observed, { ruleOwners: [owned('loc-1', 'uid-one')] });
    expect(steps(planned)).toEqual([]);
    expect(told(planned)).toEqual(['twin D1020']);
    expect(planned.problems[0]?.problem.message).toMatch(/a\.example\.com\/.*Ingress default\/one/);
    expect(planned.steps).toMatchObject([
      { do: 'register', targets: [{ ip: '10.0.0.1', locationId: 'loc-1' }] },
    ]);
  });

  test('with the store lost it is his who has his endpoints bound there (L3)', () => {
    const observed = aLoadBalancer([
      anHttpListener('one', [aRule('loc-1', 'a.example.com', '/', [aTarget('10.0.0.1')])]),
    ]);
    const planned = planOf([twin, one], observed);
    expect(planned.ruleOwners).toEqual([owned('loc-1', 'uid-one')]);
    expect(told(planned)).toEqual(['twin D1020']);
  });

  test('and nobody’s while he may still be put (L3)', () => {
    const observed = aLoadBalancer([
      anHttpListener('one', [aRule('loc-1', 'a.example.com', '/', [aTarget('10.0.0.1')])]),
    ]);
    for (const ruleOwners of [[], [owned('loc-1', 'uid-one')]]) {
      const early = planOf([twin], observed, { complete: false, ruleOwners });
      expect(early.steps).toEqual([]);
      expect(told(early)).toEqual([]);
    }
    expect(planOf([twin], observed).ruleOwners).toEqual([owned('loc-1', 'uid-twin')]);
  });

  test('else the oldest’s, then by UID', () => {
    const observed = aLoadBalancer([anHttpListener('one', [])]);
    const planned = planOf([one, twin], observed);
    expect(steps(planned)).toEqual(['create lbl-0000http a.example.com/ for uid-twin']);
    expect(told(planned)).toEqual(['one D1020']);
    const same = { ...twin, createdAt: 1 };
    expect(steps(planOf([same, one], observed))).toEqual(['create lbl-0000http a.example.com/ for uid-one']);
  });

  test('a rule whose owner no longer wants it goes, those of others stay', () => {
    const observed = aLoadBalancer([
      anHttpListener('two', [aRule('loc-1', 'a.example.com', '/'), aRule('loc-2', 'b.example.com', '/')]),
    ]);
    const ruleOwners = [owned('loc-1', 'uid-one'), owned('loc-2', 'uid-two')];
    const planned = planOf([leaving(one), two], observed, { ruleOwners, complete: false });
    expect(steps(planned)).toEqual(['delete lbl-0000http loc-1']);
  });

  test('and the next one who wants it makes it anew: nothing of the other is served by it', () => {
    const ruleOwners = [owned('loc-1', 'uid-one')];
    const there = aLoadBalancer([
      anHttpListener('twin', [aRule('loc-1', 'a.example.com', '/', [aTarget('10.0.0.1')])]),
    ]);
    expect(steps(planOf([leaving(one), twin], there, { ruleOwners }))).toEqual(['delete lbl-0000http loc-1']);
    const gone = aLoadBalancer([anHttpListener('twin', [])]);
    expect(steps(planOf([leaving(one), twin], gone, { ruleOwners }))).toEqual([
      'create lbl-0000http a.example.com/ for uid-twin',
    ]);
  });

  test('a rule that nobody knows goes only when every object was put (L5)', () => {
    const observed = aLoadBalancer([
      anHttpListener('two', [aRule('loc-1', 'a.example.com', '/'), aRule('loc-2', 'b.example.com', '/')]),
    ]);
    for (const ruleOwners of [[], [owned('loc-1', 'uid-dead')]]) {
      expect(steps(planOf([two], observed, { ruleOwners, complete: false }))).toEqual([]);
      expect(steps(planOf([two], observed, { ruleOwners }))).toEqual(['delete lbl-0000http loc-1']);
    }
  });

  test('what an object has that is only reported or skipped stays, and is nobody else’s', () => {
    const observed = aLoadBalancer([anHttpListener('one', [aRule('loc-1', 'a.example.com', '/')])]);
    const ruleOwners = [owned('loc-1', 'uid-one')];
    for (const intent of ['report', 'skip'] as const) {
      const planned = planOf([leaving(one, intent), twin], observed, { ruleOwners });
      expect(steps(planned)).toEqual([]);
      expect(told(planned)).toEqual(['twin D1020']);
      expect(steps(planOf([leaving(one, intent)], observed, { ruleOwners }))).toEqual([]);
    }
  });

  test('a listener whose maker is gone stays for those who use it, under the name of one that lives', () => {
    const observed = aLoadBalancer([anHttpListener('one', [aRule('loc-2', 'b.example.com', '/')])]);
    const ruleOwners = [owned('loc-2', 'uid-two')];
    const renamed = [`modify lbl-0000http as ${named('uid-two')}`];
    expect(steps(planOf([two], observed, { ruleOwners }))).toEqual(renamed);
    expect(steps(planOf([leaving(one), two], observed, { ruleOwners, complete: false }))).toEqual(renamed);
    expect(steps(planOf([two], observed, { ruleOwners, complete: false }))).toEqual([]);
  });

  test('a listener that nobody wants goes with all its rules, but not while one of them may be wanted (L5)', () => {
    const observed = aLoadBalancer([anHttpListener('one', [aRule('loc-2', 'b.example.com', '/')])]);
    const ruleOwners = [owned('loc-2', 'uid-two')];
    const maker = leaving(one);
    expect(steps(planOf([maker], observed, { ruleOwners, complete: false }))).toEqual([]);
    expect(steps(planOf([maker], observed, { ruleOwners }))).toEqual(['delete lbl-0000http']);
  });

  test('one target stands behind several rules, and nothing says that it may not', () => {
    const wants = [aRuleWant('a.example.com', '/', [a]), aRuleWant('a.example.com', '/b', [a])];
    const observed = aLoadBalancer([
      anHttpListener('one', [aRule('loc-1', 'a.example.com', '/'), aRule('loc-2', 'a.example.com', '/b')]),
    ]);
    const planned = planOf([{ ...one, listeners: wants }], observed);
    expect(told(planned)).toEqual([]);
    expect(planned.steps).toMatchObject([
      { do: 'register', targets: [{ locationId: 'loc-1' }, { locationId: 'loc-2' }] },
    ]);
  });

  test('changed settings modify the rule, never the listener', () => {
    const rule = aRule('loc-1', 'a.example.com', '/', [aTarget('10.0.0.1')]);
    const changed = { ...rule, settings: { ...rule.settings, sessionExpireSeconds: 60 } };
    expect(steps(planOf([one], aLoadBalancer([anHttpListener('one', [changed])])))).toEqual(['modify loc-1']);
  });

  test('a rule that the CLB refused is left out, the others go on (L12)', () => {
    const both = { ...one, listeners: [...one.listeners, aRuleWant('a.example.com', '/b', [a])] };
    const refused = [
      {
        objectUid: 'uid-one',
        code: 'D1009' as const,
        listener: { protocol: 'HTTP', port: 80, rule: { domain: 'a.example.com', url: '/' } },
      },
    ];
    expect(steps(planOf([both], aLoadBalancer([anHttpListener('one', [])]), { refused }))).toEqual([
      'create lbl-0000http a.example.com/b for uid-one',
    ]);
  });
});

describe('ports that several objects want', () => {
  const web = sharing(aState([a], { createdAt: 5 }));
  const older = sharing(aState([b], { object: serviceRef('older'), createdAt: 1 }));

  test('the present holder has it, the loser is told with TKE’s code', () => {
    const planned = planOf([older, web], aLoadBalancer([aListener([])]));
    expect(steps(planned)).toEqual([]);
    expect(told(planned)).toEqual(['older E4014']);
    expect(planned.problems[0]?.problem.message).toMatch(/Service default\/web/);
  });

  test('a foreign listener in the way is told with TKE’s code for Services and for Ingresses (L8)', () => {
    const { ownerUid: _, ...foreign } = aListener([aTarget('10.9.9.9')], { ours: false, name: 'by-hand' });
    const planned = planOf([older, one], aLoadBalancer([foreign]));
    expect(planned.steps).toEqual([]);
    expect(told(planned)).toEqual(['older E4014', 'one E4101']);
  });

  test('when the holder lets go its listener is deleted, then the other makes its own', () => {
    const released = leaving(web);
    expect(steps(planOf([older, released], aLoadBalancer([aListener([])])))).toEqual(['delete lbl-00000001']);
    expect(steps(planOf([older, released], aLoadBalancer([])))).toEqual([
      `create TCP:80 as ${named('uid-older')}`,
    ]);
  });

  const orphan = aListener([aTarget('10.0.0.2')], { ownerUid: 'uid-dead', name: named('uid-dead') });

  test('the listener of a dead UID is adopted by who wants its port, with what is bound there', () => {
    const planned = planOf([older], aLoadBalancer([orphan]), {
      bindings: [aBinding(b)],
    });
    expect(steps(planned)).toEqual([`modify lbl-00000001 as ${named('uid-older')}`]);
    expect(planned.steps).toHaveLength(1);
  });

  test('but not while it may live (L5)', () => {
    const planned = planOf([older], aLoadBalancer([orphan]), { complete: false });
    expect(planned.steps).toEqual([]);
    // Nor is anybody told, and so let through a gate: its owner may be put any moment.
    expect(told(planned)).toEqual([]);
  });

  test('with another protocol it is deleted first, and that is said', () => {
    const planned = planOf([one], aLoadBalancer([orphan]));
    expect(steps(planned)).toEqual(['delete lbl-00000001']);
    expect(told(planned)).toEqual(['one D1024']);
  });

  test('TCP and HTTP share the ports, UDP has its own', () => {
    const udp = sharing(aState([b], { object: serviceRef('dns'), createdAt: 9 }));
    const [want] = udp.listeners;
    if (want === undefined) throw new Error('no listener');
    const dns = { ...udp, listeners: [{ ...want, protocol: 'UDP' as const }] };
    const planned = planOf([older, one, dns], aLoadBalancer([]));
    expect(steps(planned)).toEqual([
      `create TCP:80 as ${named('uid-older')}`,
      `create UDP:80 as ${named('uid-dns')}`,
    ]);
    expect(told(planned)).toEqual(['one E4101']);
  });

  test('an owner keeps its port when it changes the protocol', () => {
    const http = { ...one, object: ingressRef('web') };
    const planned = planOf([older, http], aLoadBalancer([aListener([])]));
    expect(steps(planned)).toEqual(['delete lbl-00000001']);
    expect(told(planned)).toEqual(['older E4014', 'web D1024']);
  });
});

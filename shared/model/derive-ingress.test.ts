import { describe, expect, test } from 'vitest';
import { aGate, aNodeFact, anIngressFact, aPodFact, aServiceFact, aSlice, aView } from './builders.ts';
import { belongsBehind, type DeriveOptions, holdersOf } from './claim.ts';
import { desiredState, type Previous } from './derive.ts';
import type { DesiredState } from './desired-state.ts';
import { withEvidence } from './evidence.ts';
import { defaultGateType } from './names.ts';

const options: DeriveOptions = { claim: 'annotation', gateType: defaultGateType, requireEni: false };
const now = 50_000;

type Facts = Parameters<typeof aView>[0];

const derive = (
  facts: Facts,
  uid: string,
  previous?: Previous,
  more: Partial<DeriveOptions> = {},
): DesiredState => {
  const state = desiredState(aView(facts), uid, previous, { ...options, ...more }, now);
  if (state === undefined) throw new Error('nothing to put');
  return state;
};

const applied = (state: DesiredState): Previous => ({ state, applied: true });
const codes = ({ problems }: DesiredState): string[] => problems.map(({ code }) => code);
const web = aServiceFact({ type: 'ClusterIP' });
const pod = aPodFact('a', '10.0.0.1', { gates: [aGate('False')] });
const ruleOf = (domain: string, url: string, service = 'web', port: number | string = 80) => ({
  rule: { domain, url },
  service,
  port,
});

describe('an Ingress', () => {
  const facts: Facts = {
    services: [web],
    ingresses: [anIngressFact()],
    pods: [pod],
    slices: [aSlice([pod])],
  };

  test('wants an HTTP listener with a rule for each path, and the Pods of its Service behind it', () => {
    const state = derive(facts, 'uid-site');
    expect(state).toMatchObject({ intent: 'serve', loadBalancerKey: 'uid-site', problems: [] });
    expect(state.listeners).toMatchObject([
      {
        protocol: 'HTTP',
        port: 80,
        rule: { domain: 'a.example.com', url: '/' },
        backends: { endpoints: [{ ip: '10.0.0.1', port: 8080, backendUid: 'uid-a' }], podUids: ['uid-a'] },
      },
    ]);
    expect(state.pods.map(({ ref }) => ref.name)).toEqual(['a']);
  });

  test('holds the gates of the Pods behind its Services, though the Service itself is none of ours (L7)', () => {
    expect(holdersOf(aView(facts), pod, options)).toEqual(['uid-site']);
    expect(derive(facts, 'uid-site').pods[0]?.heldBy).toEqual(['uid-site']);
    const shared = { ...facts, services: [aServiceFact()] };
    expect(holdersOf(aView(shared), pod, options)).toEqual(['uid-site', 'uid-web']);
  });

  test('one that is not ours, is deleted or in NodePort mode holds no gate', () => {
    for (const more of [
      { className: 'nginx' },
      { deleting: true },
      { mode: 'node-port' as const },
      { mode: 'skip' as const },
    ]) {
      const view = aView({ ...facts, ingresses: [anIngressFact(more)] });
      expect(holdersOf(view, pod, options)).toEqual([]);
    }
  });

  test('by class: whose IngressClass names our controller; none without a class, ever', () => {
    const of = (className: string | undefined, claim: DeriveOptions['claim']) => {
      const { className: _, ...rest } = anIngressFact();
      const ingress = className === undefined ? rest : { ...rest, className };
      const classes = { own: 'clb-direct.io/ingress', other: 'example.com/other' };
      return desiredState(
        aView({ ...facts, ingresses: [ingress], classes }),
        'uid-site',
        undefined,
        {
          ...options,
          claim,
        },
        now,
      );
    };
    expect(of('own', 'class')?.intent).toBe('serve');
    for (const className of ['other', 'unknown', 'qcloud', undefined])
      expect(of(className, 'class')).toBeUndefined();
    expect(of('qcloud', 'annotation')?.intent).toBe('serve');
    for (const className of ['own', 'nginx', undefined]) expect(of(className, 'annotation')).toBeUndefined();
  });

  test("a rule whose Service is missing is told, the others go on; the guide's own Ingress begins so (L12)", () => {
    const ingress = anIngressFact({
      rules: [
        ruleOf('', '/', 'nginx'),
        ruleOf('a.example.com', '/x'),
        ruleOf('a.example.com', '/y', 'web', 81),
      ],
    });
    const state = derive({ ...facts, ingresses: [ingress] }, 'uid-site');
    expect(state.listeners.map(({ rule }) => rule?.url)).toEqual(['/x']);
    expect(state.problems).toMatchObject([
      {
        code: 'E4041',
        severity: 'error',
        about: { listener: { protocol: 'HTTP', port: 80, rule: { domain: '', url: '/' } } },
      },
      { code: 'E4042' },
    ]);
    const alone = derive(
      { ...facts, ingresses: [anIngressFact({ rules: [ruleOf('', '/', 'nginx')] })] },
      'uid-site',
    );
    expect(alone).toMatchObject({ intent: 'serve', listeners: [] });
    expect(codes(alone)).toEqual(['E4041']);
  });

  test('a named port is found; a Service without selector, or without node port, is told', () => {
    const named = derive(
      { ...facts, ingresses: [anIngressFact({ rules: [ruleOf('', '/', 'web', 'http')] })] },
      'uid-site',
    );
    expect(named.listeners).toHaveLength(1);
    const { selector: _, ...blind } = web;
    expect(codes(derive({ ...facts, services: [blind] }, 'uid-site'))).toEqual(['E4082']);
    const byNodes = { ...facts, ingresses: [anIngressFact({ mode: 'node-port' })] };
    expect(codes(derive(byNodes, 'uid-site'))).toEqual(['E4047']);
  });

  test('each rule has its own Pods, also those without an address yet', () => {
    const api = aServiceFact({
      ref: { ...web.ref, name: 'api', uid: 'uid-api' },
      type: 'ClusterIP',
      selector: { app: 'api' },
    });
    const coming = aPodFact('b', undefined, { labels: { app: 'api' } });
    const ingress = anIngressFact({ rules: [ruleOf('', '/'), ruleOf('', '/api', 'api')] });
    const state = derive(
      { ...facts, services: [web, api], ingresses: [ingress], pods: [pod, coming] },
      'uid-site',
    );
    expect(state.listeners.map(({ backends }) => backends.podUids)).toEqual([['uid-a'], ['uid-b']]);
    expect(state.pods.map(({ ref }) => ref.uid)).toEqual(['uid-a', 'uid-b']);
  });

  test('targets that a planner asks about are explained by the Service of their rule (L5)', () => {
    const state = derive(facts, 'uid-site');
    const stranger = aPodFact('x', '10.0.0.9', { labels: { app: 'other' } });
    const place = { protocol: 'HTTP', port: 80, rule: { domain: 'a.example.com', url: '/' } };
    const asked = [
      {
        ...place,
        targets: [
          { ip: '10.0.0.9', port: 8080 },
          { ip: '10.0.0.8', port: 8080 },
        ],
      },
    ];
    const answered = withEvidence(
      state,
      asked,
      [stranger, pod],
      belongsBehind(aView(facts), 'uid-site'),
      now,
    );
    expect(answered.listeners[0]?.backends.leaving).toMatchObject([
      { ip: '10.0.0.9', cause: 'unselected' },
      { ip: '10.0.0.8', cause: 'absent' },
    ]);
  });
});

describe('an existing load balancer', () => {
  const asking = aServiceFact({ existingLoadBalancerId: 'lb-old' });
  const on = (loadBalancerId: string) => ({ finalizer: true, source: { loadBalancerId } });

  test('is the key of all who name it', () => {
    expect(derive({ services: [asking] }, 'uid-web')).toMatchObject({
      loadBalancerKey: 'lb-old',
      loadBalancer: { source: 'existing', loadBalancerId: 'lb-old' },
      problems: [],
    });
  });

  test('once an object has a load balancer it stays there, and is told so', () => {
    const cases: [Parameters<typeof aServiceFact>[0], string][] = [
      [{ finalizer: true, existingLoadBalancerId: 'lb-old' }, 'uid-web'],
      [{ finalizer: true, source: 'created', existingLoadBalancerId: 'lb-old' }, 'uid-web'],
      [{ ...on('lb-old'), existingLoadBalancerId: 'lb-new' }, 'lb-old'],
      [on('lb-old'), 'lb-old'],
    ];
    for (const [more, key] of cases) {
      const state = derive({ services: [aServiceFact(more)] }, 'uid-web');
      expect(state).toMatchObject({ loadBalancerKey: key, intent: 'serve' });
      expect(codes(state)).toEqual(['D1010']);
    }
    expect(
      codes(
        derive(
          { services: [aServiceFact({ ...on('lb-old'), existingLoadBalancerId: 'lb-old' })] },
          'uid-web',
        ),
      ),
    ).toEqual([]);
  });

  test('is given up under the same key', () => {
    const previous = applied(derive({ services: [aServiceFact({ ...asking, ...on('lb-old') })] }, 'uid-web'));
    const released = derive(
      { services: [aServiceFact({ type: 'ClusterIP', ...on('lb-old') })] },
      'uid-web',
      previous,
    );
    expect(released).toMatchObject({ intent: 'release', loadBalancerKey: 'lb-old', listeners: [] });
  });

  test('an object that comes back for another one first gives up the old one', () => {
    const previous: Previous = {
      state: derive({ services: [aServiceFact({ ...asking, ...on('lb-old') })] }, 'uid-web'),
      applied: true,
    };
    const back = { services: [aServiceFact()] };
    expect(derive(back, 'uid-web', previous)).toMatchObject({ intent: 'release', loadBalancerKey: 'lb-old' });
    const given = { state: { ...previous.state, intent: 'release' as const }, applied: true };
    expect(derive(back, 'uid-web', given)).toMatchObject({ intent: 'serve', loadBalancerKey: 'uid-web' });
  });
});

describe('NodePort mode', () => {
  const service = (more: Parameters<typeof aServiceFact>[0] = {}) =>
    aServiceFact({
      mode: 'node-port',
      ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080, nodePort: 30_080 }],
      ...more,
    });
  const [one, two] = [aNodeFact('n1', '10.1.0.1'), aNodeFact('n2', '10.1.0.2', { labels: { group: 'b' } })];
  const endpoints = (facts: Facts) => derive(facts, 'uid-web').listeners[0]?.backends.endpoints ?? [];
  const local = { local: true, onlyWithPods: false, byPods: false };

  test('every node that takes traffic stands behind it, by its CVM; no gate is held', () => {
    const away = aNodeFact('n3', '10.1.0.3', { takesTraffic: false });
    const state = derive(
      { services: [service()], nodes: [one, two, away], pods: [pod], slices: [aSlice([pod])] },
      'uid-web',
    );
    expect(state.listeners[0]?.backends.endpoints).toEqual([
      { ip: '10.1.0.1', port: 30_080, backendUid: 'uid-n1', instanceId: 'ins-n1' },
      { ip: '10.1.0.2', port: 30_080, backendUid: 'uid-n2', instanceId: 'ins-n2' },
    ]);
    expect(state.nodes).toMatchObject([{ uid: 'uid-n1' }, { uid: 'uid-n2' }]);
    expect(state.pods).toEqual([]);
    expect(holdersOf(aView({ services: [service()] }), pod, options)).toEqual([]);
  });

  test('only nodes with the labels asked for; none of them: nothing, and a warning', () => {
    const labelled = (group: string) => service({ nodes: { ...local, local: false, labels: { group } } });
    expect(endpoints({ services: [labelled('b')], nodes: [one, two] })).toMatchObject([
      { backendUid: 'uid-n2' },
    ]);
    const none = derive({ services: [labelled('c')], nodes: [one, two] }, 'uid-web');
    expect(none.listeners[0]?.backends.endpoints).toEqual([]);
    expect(codes(none)).toEqual(['D1011']);
  });

  test('with Local: all nodes; only those with a ready Pod where asked; weighed by their Pods where asked', () => {
    const pods = ['a', 'b', 'c'].map((name, at) =>
      aPodFact(name, `10.0.0.${at + 1}`, { nodeName: at < 2 ? 'n1' : 'n3' }),
    );
    const nodes = [one, two, aNodeFact('n3', '10.1.0.3')];
    const names = (more: object) => {
      const state = derive({ services: [service({ nodes: { ...local, ...more } })], nodes, pods }, 'uid-web');
      return state.nodes?.map(({ name, weight }) => `${name} ${weight ?? '-'}`);
    };
    expect(names({})).toEqual(['n1 -', 'n2 -', 'n3 -']);
    expect(names({ byPods: true })).toEqual(['n1 -', 'n2 -', 'n3 -']);
    expect(names({ onlyWithPods: true })).toEqual(['n1 -', 'n3 -']);
    expect(names({ onlyWithPods: true, byPods: true })).toEqual(['n1 2', 'n3 1']);
  });

  test('without a node port nothing stands behind it yet', () => {
    expect(
      endpoints({
        services: [service({ ports: [{ name: '', protocol: 'TCP', port: 80, targetPort: 80 }] })],
        nodes: [one],
      }),
    ).toEqual([]);
  });

  test('a node that is cordoned, not ready or labelled away leaves drained; a deleted one at once; an unseen one stays (L5)', () => {
    const before = applied(derive({ services: [service()], nodes: [one, two] }, 'uid-web'));
    const leaving = (facts: Facts) =>
      derive({ services: [service()], ...facts }, 'uid-web', before).listeners[0]?.backends.leaving;
    expect(leaving({ nodes: [one, { ...two, takesTraffic: false }] })).toMatchObject([
      { backendUid: 'uid-n2', cause: 'unselected' },
    ]);
    expect(leaving({ nodes: [one], goneNodes: ['uid-n2'] })).toMatchObject([
      { backendUid: 'uid-n2', cause: 'node-deleted' },
    ]);
    expect(leaving({ nodes: [one] })).toEqual([]);
  });

  test('from Pods to nodes and back: what stood there leaves because the mode changed', () => {
    const both: Facts = { pods: [pod], slices: [aSlice([pod])], nodes: [one] };
    const direct = derive({ ...both, services: [service({ mode: 'direct' })] }, 'uid-web');
    const nodes = derive({ ...both, services: [service()] }, 'uid-web', applied(direct));
    expect(nodes.listeners[0]?.backends).toMatchObject({
      endpoints: [{ backendUid: 'uid-n1' }],
      leaving: [{ backendUid: 'uid-a', cause: 'mode-changed' }],
    });
    const again = derive({ ...both, services: [service({ mode: 'direct' })] }, 'uid-web', applied(nodes));
    expect(again.listeners[0]?.backends).toMatchObject({
      endpoints: [{ backendUid: 'uid-a' }],
      leaving: [{ backendUid: 'uid-n1', cause: 'mode-changed' }],
    });
  });
});

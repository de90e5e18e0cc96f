import { describe, expect, it } from 'vitest';
import { makeDesiredStateEvent } from '../../../shared/events/make-event.ts';
import { anIngress, aPod, aRuleWant, aState, testPolicy } from '../../../shared/model/builders.ts';
import type { DesiredState, LeavingEndpoint, PodState } from '../../../shared/model/desired-state.ts';
import { listenerName } from '../../../shared/model/names.ts';
import type { Happening, HistoryEvent, PodSeen } from '../../sandbox/scenario/history.ts';
import type { RecordedRun } from './read-history.ts';
import { type StoryFilter, tellStory } from './story.ts';
import { storyText } from './story-text.ts';

const startedMs = 1_000_000;
const a = aPod('web-aaaaa', '10.0.0.1');
const b = aPod('web-bbbbb', '10.0.0.2');

const at = (ms: number, happening: Happening): HistoryEvent => ({ ...happening, timeMs: startedMs + ms });

const put = (ms: number, counter: number, state: DesiredState): HistoryEvent => {
  const sequence = `0000000001.${String(counter).padStart(10, '0')}`;
  const event = makeDesiredStateEvent({ source: 'demo', sequence, timeMs: startedMs + ms, state });
  const line = JSON.stringify({ level: 'DEBUG', message: 'desired state put', event });
  const said = { type: 'log', from: 'forwarder', line } as const;
  return at(ms, said);
};

/** The load balancer with one listener of the object's and these targets. */
const lb = (
  ms: number,
  targets: readonly (readonly [string, number, 'Alive' | 'Unknown'])[],
  listener = true,
) =>
  at(ms, {
    type: 'clb-state',
    loadBalancer: {
      id: 'lb-1',
      name: 'x',
      region: 'r',
      status: 1,
      vip: '10.0.240.1',
      tags: [{ TagKey: 'clb-direct-object', TagValue: 'uid-web' }],
      locked: false,
      listeners: listener
        ? [
            {
              id: 'lbl-1',
              name: listenerName(testPolicy.clusterId, 'uid-web'),
              protocol: 'TCP',
              port: 80,
              targets: targets.map(([ip, weight, health]) => ({
                ip,
                port: 80,
                weight,
                health,
                connections: 0,
                totalConnections: 0,
                refusedConnections: 0,
                bytesToTarget: 0,
                bytesToClient: 0,
              })),
            },
          ]
        : [],
    },
  });

const seen = (name: string, ip: string, more: Partial<PodSeen> = {}): PodSeen => ({
  name,
  uid: `uid-${name}`,
  ip,
  version: 'v1',
  phase: 'Running',
  containersReady: true,
  ready: true,
  gate: 'open',
  gateMessage: '',
  terminating: false,
  ...more,
});

const pod = (ms: number, change: 'created' | 'deleting', of: PodSeen): HistoryEvent =>
  at(ms, { type: 'pod', change, pod: of });
const target = { loadBalancerId: 'lb-1', listenerId: 'lbl-1', port: 80 };

const terminating = { ...a, ready: false, terminatingAt: startedMs + 60_000 };

/** Two Pods are bound; one is deleted while it serves, and a request fails. */
const events: HistoryEvent[] = [
  pod(10, 'created', seen('web-aaaaa', '10.0.0.1')),
  pod(20, 'created', seen('web-bbbbb', '10.0.0.2')),
  put(100, 1, aState([a, b])),
  lb(200, [], false),
  lb(300, []),
  lb(400, [
    ['10.0.0.1', 10, 'Unknown'],
    ['10.0.0.2', 10, 'Unknown'],
  ]),
  at(400, { type: 'target', ...target, ip: '10.0.0.1', change: 'registered', weight: 10 }),
  at(400, { type: 'target', ...target, ip: '10.0.0.2', change: 'registered', weight: 10 }),
  at(500, { type: 'health', ...target, ip: '10.0.0.1', from: 'Unknown', to: 'Alive' }),
  at(500, { type: 'health', ...target, ip: '10.0.0.2', from: 'Unknown', to: 'Alive' }),
  pod(1000, 'deleting', seen('web-aaaaa', '10.0.0.1', { terminating: true })),
  put(1010, 2, aState([terminating, b])),
  at(2500, {
    type: 'failure',
    client: 'new',
    failure: {
      atMs: startedMs + 2500,
      kind: 'reset',
      detail: 'ECONNRESET',
      reusedConnection: false,
      afterMs: 3,
    },
  }),
  at(2600, {
    type: 'call',
    action: 'BatchModifyTargetWeight',
    code: 'OK',
    ms: 12,
    parameters: { x: '10.0.0.1' },
  }),
  lb(2700, [
    ['10.0.0.1', 0, 'Alive'],
    ['10.0.0.2', 10, 'Alive'],
  ]),
  at(2700, { type: 'target', ...target, ip: '10.0.0.1', change: 'weight', weight: 0 }),
];

const recorded = (of: readonly HistoryEvent[]): RecordedRun => ({
  header: {
    type: 'header',
    format: 1,
    version: '0',
    startedMs,
    command: 'start',
    options: { once: true },
    seed: 7,
    node: 'v',
    platform: 'p',
  },
  events: of,
  notes: [],
});

const tell = (of: readonly HistoryEvent[] = events, filter: StoryFilter = {}) =>
  tellStory(recorded(of), testPolicy, filter);

const core = (of?: readonly HistoryEvent[]) =>
  tell(of)
    .entries.filter(({ kind }) => kind === 'core')
    .map(({ atMs, details }) => [atMs, ...details]);

describe('the pure core, fed with a recorded run', () => {
  it('answers at each point what it would do then, and is asked again only when that changes', () => {
    expect(core()).toEqual([
      [100, 'make the load balancer'],
      [200, 'create-listeners TCP:80 [ready]'],
      [300, 'register 10.0.0.1:80 w10 (Pod aaaaa), 10.0.0.2:80 w10 (Pod bbbbb) [ready]'],
      [400, 'nothing to do'],
      [1010, 'set-weights 10.0.0.1:80 w0 (Pod aaaaa) [drain]'],
      [2700, 'nothing to do'],
    ]);
  });

  it('ignores an older state that comes late, as the store does (L2)', () => {
    const late = [...events.slice(0, 13), put(1500, 1, aState([a, b])), ...events.slice(13)];
    expect(core(late)).toEqual(core());
  });

  it('knows the load balancer of a state that came after it', () => {
    const [first, second, state, ...rest] = events;
    if (first === undefined || second === undefined || state === undefined) throw new Error('no events');
    const after = [
      first,
      second,
      ...rest.slice(0, 3),
      { ...state, timeMs: startedMs + 450 },
      ...rest.slice(3),
    ];
    expect(core(after)[0]).toEqual([450, 'nothing to do']);
  });

  it('leaves listeners of others alone, whatever was written into the history', () => {
    const foreign = events.map((event): HistoryEvent => {
      if (event.type !== 'clb-state') return event;
      const listeners = event.loadBalancer.listeners.map((one) => ({ ...one, name: 'theirs' }));
      return { ...event, loadBalancer: { ...event.loadBalancer, listeners } };
    });
    const [, , conflict] = core(foreign);
    expect(conflict?.[1]).toMatch(/^D1005: Port 80/);
  });
});

describe('rules of an Ingress', () => {
  const domain = 'a.example.com';
  const wants = (pods: readonly PodState[]) => [aRuleWant('', '/', pods), aRuleWant(domain, '/b', pods)];
  const ingress = (pods: readonly PodState[]): DesiredState => ({
    ...anIngress('shop', wants(pods), pods),
    loadBalancerKey: 'lb-7',
    loadBalancer: { source: 'existing', loadBalancerId: 'lb-7' },
  });
  const counted = {
    connections: 0,
    totalConnections: 0,
    refusedConnections: 0,
    bytesToTarget: 0,
    bytesToClient: 0,
  };
  type Rule = readonly [id: string, domain: string, url: string, ...weights: number[]];
  const shared = (ms: number, rules?: readonly Rule[]) => {
    const seen = (rules ?? []).map(([id, host, url, ...weights]) => ({
      id,
      domains: [host],
      url,
      isDefault: false,
      targets: weights.map((weight, n) => ({
        ip: `10.0.0.${n + 1}`,
        port: 80,
        weight,
        health: 'Alive' as const,
        ...counted,
      })),
    }));
    const listener = {
      id: 'lbl-7',
      name: listenerName(testPolicy.clusterId, 'uid-shop'),
      protocol: 'HTTP',
      port: 80,
      rules: seen,
      targets: seen.flatMap(({ targets }) => targets),
    };
    return at(ms, {
      type: 'clb-state',
      loadBalancer: {
        id: 'lb-7',
        name: 'x',
        region: 'r',
        status: 1,
        vip: '10.0.240.7',
        tags: [],
        locked: false,
        listeners: rules === undefined ? [] : [listener],
      },
    });
  };
  const [own, other] = [
    ['loc-1', '10.0.240.7', '/'],
    ['loc-2', domain, '/b'],
  ] as const;
  const rule = { loadBalancerId: 'lb-7', listenerId: 'lbl-7' };
  const happened: HistoryEvent[] = [
    pod(10, 'created', seen('web-aaaaa', '10.0.0.1')),
    pod(20, 'created', seen('web-bbbbb', '10.0.0.2')),
    shared(50),
    put(100, 1, ingress([a, b])),
    shared(200, []),
    at(300, { type: 'rule', ...rule, locationId: 'loc-2', domain, url: '/b', change: 'created' }),
    shared(300, [own, other]),
    at(400, {
      type: 'target',
      ...rule,
      locationId: 'loc-2',
      ip: '10.0.0.1',
      port: 80,
      change: 'registered',
      weight: 10,
    }),
    shared(400, [
      [...own, 10, 10],
      [...other, 10, 10],
    ]),
    put(1000, 2, ingress([terminating, b])),
    shared(1100, [
      [...own, 0, 10],
      [...other, 0, 10],
    ]),
    put(2000, 3, { ...ingress([]), intent: 'release', listeners: [] }),
    shared(2100),
  ];

  it('are made, filled and drained as the pure core wants it, step by step', () => {
    expect(core(happened)).toEqual([
      [100, 'create-listeners HTTP:80 [ready]'],
      [200, 'create-rules HTTP:80 /, HTTP:80 a.example.com/b [ready]'],
      [
        300,
        'register 10.0.0.1:80 w10 (Pod aaaaa) behind /, 10.0.0.2:80 w10 (Pod bbbbb) behind /, 10.0.0.1:80 w10 (Pod aaaaa) behind a.example.com/b, 10.0.0.2:80 w10 (Pod bbbbb) behind a.example.com/b [ready]',
      ],
      [400, 'nothing to do'],
      [
        1000,
        'set-weights 10.0.0.1:80 w0 (Pod aaaaa) behind /, 10.0.0.1:80 w0 (Pod aaaaa) behind a.example.com/b [drain]',
      ],
      [1100, 'nothing to do'],
      [2000, 'delete-listeners lbl-7 [rest]'],
      [2100, 'nothing to do'],
    ]);
  });

  it('that nobody wants any more are deleted under their names', () => {
    const [first] = ingress([a, b]).listeners;
    const fewer = { ...ingress([a, b]), listeners: first === undefined ? [] : [first] };
    expect(core([...happened.slice(0, 9), put(1000, 2, fewer)]).at(-1)).toEqual([
      1000,
      'delete-rules a.example.com/b [rest]',
    ]);
  });

  it('each have the health of their own targets: what left is drained where its successor is Alive', () => {
    const left: LeavingEndpoint = {
      ip: '10.0.0.1',
      port: 80,
      backendUid: a.ref.uid,
      cause: 'unselected',
      since: 0,
    };
    const moved = ingress([a, b]).listeners.map((want) => ({
      ...want,
      backends: {
        ...want.backends,
        endpoints: want.backends.endpoints.filter(({ ip }) => ip !== left.ip),
        leaving: [left],
      },
    }));
    const feel = (ms: number, from: string, to: string) =>
      at(ms, { type: 'health', ...rule, locationId: 'loc-2', ip: '10.0.0.2', port: 80, from, to });
    const told = core([
      ...happened.slice(0, 9),
      feel(500, 'Alive', 'Dead'),
      put(1000, 2, { ...ingress([a, b]), listeners: moved }),
      feel(2000, 'Dead', 'Alive'),
    ]);
    const drained = '10.0.0.1:80 w0 (Pod aaaaa) behind';
    expect(told.slice(-2)).toEqual([
      [1000, `set-weights ${drained} / [drain]`],
      [2000, `set-weights ${drained} /, ${drained} a.example.com/b [drain]`],
    ]);
  });

  it('are told with their targets', () => {
    const told = tell(happened)
      .entries.filter(({ kind }) => kind === 'event')
      .map(({ text }) => text);
    expect(told).toContain('lb-7: rule a.example.com/b created');
    expect(told).toContain('Pod aaaaa behind a.example.com/b: bound, weight 10');
  });
});

describe('the time line', () => {
  it('shows each Pod as it was when a request failed', () => {
    const [failure] = tell().entries.filter(({ kind }) => kind === 'failure');
    expect(failure).toMatchObject({ atMs: 2500, text: 'new: reset, ECONNRESET (after 3 ms)' });
    expect(failure?.details).toEqual([
      'Pod aaaaa v1 10.0.0.1: Terminating for 1.5 s, gate open, weight 10 Alive',
      'Pod bbbbb v1 10.0.0.2: Running Ready, gate open, weight 10 Alive',
    ]);
  });

  it('tells the lives of the Pods and the calls by their answers', () => {
    const { pods, calls, failures, points } = tell();
    expect(pods).toMatchObject([
      {
        name: 'web-aaaaa',
        boundMs: startedMs + 400,
        deletedMs: startedMs + 1000,
        weightZeroMs: startedMs + 2700,
      },
      { name: 'web-bbbbb', boundMs: startedMs + 400, healthyMs: startedMs + 500 },
    ]);
    expect({ calls, failures, points }).toEqual({
      calls: { 'BatchModifyTargetWeight OK': 1 },
      failures: 1,
      points: 6,
    });
  });

  it('keeps to one Pod and to a span of time where it is asked to', () => {
    const only = tell(events, { pod: 'bbbbb' });
    expect(only.pods.map(({ name }) => name)).toEqual(['web-bbbbb']);
    expect(only.entries.map(({ kind, atMs }) => [kind, atMs])).toEqual([
      ['event', 20],
      ['core', 300],
      ['event', 400],
      ['event', 500],
      ['failure', 2500],
    ]);
    expect(only.entries.at(-1)?.details).toHaveLength(1);
    const span = tell(events, { fromMs: 1000, toMs: 2000 });
    expect(span.entries.map(({ atMs }) => atMs)).toEqual([1000, 1010]);
  });

  it('is text that a person can read, and says when nothing could be fed to the core', () => {
    const run = recorded(events);
    const text = storyText(run, tell());
    expect(text).toContain('A run of start on 1970-01-01T00:16:40.000Z, version 0, seed 7 (once true)');
    expect(text).toContain('    1.010 -> desired-state Service default/web 0000000001.0000000002\n');
    expect(text).toContain('    2.500 !! new: reset, ECONNRESET (after 3 ms)\n');
    expect(text).toMatch(/aaaaa +v1 +0\.01 +- +0\.40 +0\.50 +- +1\.00 +2\.70 +- +-/);
    expect(storyText(run, tell([]))).toContain('nothing could be fed to the core');
  });
});

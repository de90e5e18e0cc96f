import { describe, expect, it } from 'vitest';
import type { EndpointSliceFact, PodFact, ServiceFact } from '../model/facts.ts';
import type { Change } from './change.ts';
import { GonePods } from './gone-pods.ts';
import { createView } from './view.ts';

const aPod = (uid: string, more: Partial<PodFact> = {}): PodFact => ({
  ref: { kind: 'Pod', namespace: 'shop', name: `pod-${uid}`, uid },
  resourceVersion: '1',
  labels: { app: 'nginx' },
  ips: ['10.0.0.1'],
  hostNetwork: false,
  eni: true,
  containersReady: true,
  ready: true,
  gates: [],
  ended: false,
  problems: [],
  ...more,
});

const aService = (uid: string, more: Partial<ServiceFact> = {}): ServiceFact => ({
  ref: { kind: 'Service', namespace: 'shop', name: `svc-${uid}`, uid },
  resourceVersion: '1',
  createdAt: 0,
  type: 'LoadBalancer',
  selector: { app: 'nginx' },
  ports: [],
  publishNotReadyAddresses: false,
  nodes: { local: false, onlyWithPods: false, byPods: false },
  deleting: false,
  finalizer: false,
  statusAddresses: [],
  mode: 'direct',
  problems: [],
  ...more,
});

const aSlice = (uid: string, service: string, podUids: readonly string[]): EndpointSliceFact => ({
  ref: { kind: 'EndpointSlice', namespace: 'shop', name: `slice-${uid}`, uid },
  serviceName: `svc-${service}`,
  addressType: 'IPv4',
  ports: [],
  endpoints: podUids.map((podUid) => ({
    addresses: ['10.0.0.1'],
    ready: true,
    serving: true,
    terminating: false,
    target: { kind: 'Pod', namespace: 'shop', name: `pod-${podUid}`, uid: podUid },
  })),
});

const set = <T>(fact: T): Change<T> => ({ type: 'set', fact });
const gone = <T extends { ref: { uid: string } }>(fact: T): Change<T> => ({
  type: 'gone',
  uid: fact.ref.uid,
  fact,
  consistent: true,
});

const uids = (facts: readonly { ref: { uid: string } }[]): string[] => facts.map(({ ref }) => ref.uid).sort();

describe('view', () => {
  it('selects Pods by all labels of a selector, within the namespace; an empty selector selects nothing', () => {
    const view = createView(() => 0);
    view.applyPod(set(aPod('a', { labels: { app: 'nginx', tier: 'front' } })));
    view.applyPod(set(aPod('b')));
    const elsewhere = { kind: 'Pod', namespace: 'other', name: 'c', uid: 'c' } as const;
    view.applyPod(set(aPod('c', { ref: elsewhere })));
    expect(uids(view.podsSelectedBy('shop', { app: 'nginx' }))).toEqual(['a', 'b']);
    expect(uids(view.podsSelectedBy('shop', { app: 'nginx', tier: 'front' }))).toEqual(['a']);
    expect(view.podsSelectedBy('shop', { app: 'nginx', tier: 'back' })).toEqual([]);
    expect(view.podsSelectedBy('shop', {})).toEqual([]);
  });

  it('names the Services that a Pod concerns: by its labels now and before, and by the slices that name it', () => {
    const view = createView(() => 0);
    view.applyService(set(aService('s1')));
    view.applyService(set(aService('s2', { selector: { app: 'blue' } })));
    view.applyService(set(aService('s3', { selector: { app: 'red' } })));
    expect(view.applyPod(set(aPod('a')))).toEqual(new Set(['s1']));
    expect(view.applyPod(set(aPod('a', { labels: { app: 'blue' } })))).toEqual(new Set(['s1', 's2']));
    view.applyEndpointSlice(set(aSlice('e', 's3', ['a'])));
    expect(view.applyPod(set(aPod('a', { labels: { app: 'blue' }, ready: false })))).toEqual(
      new Set(['s2', 's3']),
    );
    view.applyEndpointSlice(set(aSlice('e', 's3', [])));
    expect(view.applyPod(gone(aPod('a', { labels: { app: 'blue' } })))).toEqual(new Set(['s2']));
    expect(view.podsSelectedBy('shop', { app: 'blue' })).toEqual([]);
  });

  it('names the Services that share Pods when one comes to hold them or ceases to (their gates are held together)', () => {
    const view = createView(() => 0);
    view.applyPod(set(aPod('a')));
    view.applyService(set(aService('s1')));
    expect(view.applyService(set(aService('s2')))).toEqual(new Set(['s1', 's2']));
    expect(view.applyService(set(aService('s2', { statusAddresses: ['1.1.1.1'] })))).toEqual(new Set(['s2']));
    expect(view.applyService(set(aService('s2', { finalizer: true })))).toEqual(new Set(['s1', 's2']));
    expect(view.applyService(set(aService('s2', { mode: 'skip' })))).toEqual(new Set(['s1', 's2']));
    expect(view.applyService(set(aService('s2', { selector: { app: 'x' } })))).toEqual(new Set(['s1', 's2']));
    expect(view.applyService(gone(aService('s1')))).toEqual(new Set(['s1']));
    expect(view.service('s1')).toBeUndefined();
    expect(uids(view.servicesSelecting(aPod('a')))).toEqual([]);
    expect(uids([...view.services()])).toEqual(['s2']);
  });

  it('names the Service of a slice, also when the slice moves to another', () => {
    const view = createView(() => 0);
    expect(view.applyEndpointSlice(set(aSlice('e', 's1', ['a'])))).toEqual(new Set());
    view.applyService(set(aService('s1')));
    view.applyService(set(aService('s2')));
    expect(uids(view.slicesOf('shop', 'svc-s1'))).toEqual(['e']);
    expect(view.applyEndpointSlice(set(aSlice('e', 's2', ['a'])))).toEqual(new Set(['s1', 's2']));
    expect(view.slicesOf('shop', 'svc-s1')).toEqual([]);
    expect(view.applyEndpointSlice(gone(aSlice('e', 's2', ['a'])))).toEqual(new Set(['s2']));
    expect(view.slicesOf('shop', 'svc-s2')).toEqual([]);
  });

  it('keeps the name of a Service for the newer UID when the older one goes late', () => {
    const view = createView(() => 0);
    const name = { kind: 'Service', namespace: 'shop', name: 'svc-s1' } as const;
    view.applyService(set(aService('old', { ref: { ...name, uid: 'old' } })));
    view.applyService(set(aService('new', { ref: { ...name, uid: 'new' } })));
    view.applyService(gone(aService('old', { ref: { ...name, uid: 'old' } })));
    expect(view.applyEndpointSlice(set(aSlice('e', 's1', [])))).toEqual(new Set(['new']));
  });

  it('knows who has an address now: the living one, not one that ended or is on its way out', () => {
    const view = createView(() => 0);
    expect(view.podAt('10.0.0.1')).toBeUndefined();
    view.applyPod(set(aPod('done', { ended: true })));
    expect(view.podAt('10.0.0.1')).toBeUndefined();
    view.applyPod(set(aPod('new')));
    view.applyPod(set(aPod('leaving', { terminatingAt: 5 })));
    expect(view.podAt('10.0.0.1')?.ref.uid).toBe('new');
    view.applyPod(set(aPod('new', { ips: ['10.0.0.2'] })));
    expect(view.podAt('10.0.0.1')?.ref.uid).toBe('leaving');
    expect(view.podAt('10.0.0.2')?.ref.uid).toBe('new');
    view.applyPod(gone(aPod('leaving')));
    view.applyPod(set(aPod('host', { hostNetwork: true })));
    expect(view.podAt('10.0.0.1')).toBeUndefined();
  });

  it('remembers a deletion that it saw for ten minutes, with the last addresses (L5)', () => {
    let now = 1_000;
    const view = createView(() => now);
    view.applyPod(set(aPod('a')));
    expect(view.gonePod('a')).toBeUndefined();
    view.applyPod(gone(aPod('a', { ips: ['10.0.0.7'] })));
    expect(view.pod('a')).toBeUndefined();
    now += 10 * 60_000;
    view.applyPod(set(aPod('b')));
    view.applyPod(gone(aPod('b')));
    expect(view.gonePod('a')).toEqual({ uid: 'a', namespace: 'shop', ips: ['10.0.0.7'], at: 1_000 });
    expect(view.sizes()).toMatchObject({ pods: 0, services: 0, endpointSlices: 0 });
  });

  it('takes a Pod that is seen again as not gone', () => {
    const view = createView(() => 0);
    view.applyPod(gone(aPod('a')));
    view.applyPod(set(aPod('a')));
    expect(view.gonePod('a')).toBeUndefined();
  });

  it('keeps up with 10 000 Pods behind 1 000 Services, each change at the price of what it concerns', () => {
    const view = createView(() => 0);
    for (let s = 0; s < 1_000; s += 1)
      view.applyService(set(aService(`s${s}`, { selector: { app: `a${s}` } })));
    const pods = Array.from({ length: 10_000 }, (_, p) =>
      aPod(`p${p}`, { labels: { app: `a${p % 1_000}`, common: 'yes' }, ips: [`10.0.${p >> 8}.${p & 255}`] }),
    );
    for (const pod of pods) view.applyPod(set(pod));
    const began = performance.now();
    for (const pod of pods) {
      expect(view.applyPod(set({ ...pod, ready: false })).size).toBe(1);
      expect(view.podsSelectedBy('shop', { app: pod.labels['app'] ?? '', common: 'yes' }).length).toBe(10);
    }
    // Visiting every Pod for each would take minutes.
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('gone Pods', () => {
  it('forgets the old and, above its bound, the oldest', () => {
    const pods = new GonePods(2);
    for (const [i, uid] of ['a', 'b', 'c'].entries()) pods.add(aPod(uid), i);
    expect(pods.get('a')).toBeUndefined();
    expect(pods.get('b')?.at).toBe(1);
    pods.add(aPod('d'), 60 * 60_000);
    expect(pods.get('c')).toBeUndefined();
    expect(pods.get('d')).toBeDefined();
  });
});

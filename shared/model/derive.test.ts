import { describe, expect, test } from 'vitest';
import { aGate, aPodFact, aServiceFact, aSlice, aView, podRef } from './builders.ts';
import { laneOf, sameContent } from './changes.ts';
import type { DeriveOptions } from './claim.ts';
import { desiredState, type Previous } from './derive.ts';
import type { DesiredState } from './desired-state.ts';
import { withEvidence } from './evidence.ts';
import type { EndpointSliceFact, PodFact, ServiceFact } from './facts.ts';
import { defaultGateType } from './names.ts';
import { problem } from './problems.ts';

const options: DeriveOptions = { claim: 'annotation', gateType: defaultGateType, requireEni: true };
const now = 50_000;

const derive = (
  facts: {
    readonly services?: readonly ServiceFact[];
    readonly pods?: readonly PodFact[];
    readonly slices?: readonly EndpointSliceFact[];
    readonly gone?: readonly PodFact[];
  },
  previous?: Previous,
  more: Partial<DeriveOptions> = {},
): DesiredState => {
  const state = desiredState(
    aView({ services: [aServiceFact()], ...facts }),
    'uid-web',
    previous,
    { ...options, ...more },
    now,
  );
  if (state === undefined) throw new Error('nothing to put');
  return state;
};

const intent = (
  service: ServiceFact,
  more: Partial<DeriveOptions> = {},
  previous?: Previous,
): string | undefined =>
  desiredState(aView({ services: [service] }), 'uid-web', previous, { ...options, ...more }, now)?.intent;

const a = aPodFact('a', '10.0.0.1');
const b = aPodFact('b', '10.0.0.2');
const endpoints = (state: DesiredState) =>
  state.listeners[0]?.backends.endpoints.map(({ ip, port }) => `${ip}:${port}`);
const leaving = (state: DesiredState) =>
  state.listeners[0]?.backends.leaving.map(({ ip, cause }) => `${ip} ${cause}`);
const codes = (state: DesiredState) => state.problems.map(({ code }) => code);
const was = (applied = false): Previous => ({
  state: derive({ pods: [a, b], slices: [aSlice([a, b])] }),
  applied,
});

describe('which objects', () => {
  test('a direct LoadBalancer Service without a class is served under claim annotation', () => {
    expect(intent(aServiceFact())).toBe('serve');
    expect(intent(aServiceFact({ type: 'ClusterIP' }))).toBeUndefined();
    expect(intent(aServiceFact({ loadBalancerClass: 'other/class' }))).toBeUndefined();
  });

  test('claim class takes only our class', () => {
    expect(intent(aServiceFact(), { claim: 'class' })).toBeUndefined();
    expect(intent(aServiceFact({ loadBalancerClass: 'clb-direct.io/clb' }), { claim: 'class' })).toBe(
      'serve',
    );
  });

  test('deleted or unclaimed with our finalizer: put, wanting nothing, until it is released', () => {
    expect(intent(aServiceFact({ deleting: true, finalizer: true }))).toBe('release');
    expect(intent(aServiceFact({ type: 'ClusterIP', finalizer: true }))).toBe('release');
    expect(intent(aServiceFact({ deleting: true }))).toBeUndefined();
  });

  test('gone though we made something for it: release, once', () => {
    const gone = desiredState(aView({}), 'uid-web', was(), options, now);
    expect(gone).toMatchObject({ intent: 'release', finalizer: false });
    if (gone === undefined) throw new Error('nothing put');
    expect(desiredState(aView({}), 'uid-web', { state: gone, applied: true }, options, now)).toBeUndefined();
  });

  test('mode skip touches nothing and lets go of the finalizer', () => {
    expect(intent(aServiceFact({ mode: 'skip' }))).toBeUndefined();
    expect(intent(aServiceFact({ mode: 'skip', finalizer: true }))).toBe('skip');
  });

  test('without a selector: reported with E4082, nothing touched', () => {
    const { selector: _, ...service } = aServiceFact();
    expect(codes(derive({ services: [service] }))).toEqual(['E4082']);
    expect(intent(service)).toBe('report');
  });

  test('a bad annotation is reported; an object that is served goes on (L12)', () => {
    const { mode: _, ...service } = aServiceFact({ problems: [problem('D1001', 'direct-access is "yes"')] });
    expect(intent(service)).toBe('report');
    expect(codes(derive({ services: [service] }))).toEqual(['D1001']);
    expect(intent({ ...service, finalizer: true })).toBe('serve');
  });

  test('what cannot be read is not guessed: nothing is made', () => {
    const { mode: _, ...service } = aServiceFact({
      loadBalancerClass: 'clb-direct.io/clb',
      problems: [problem('D1001', 'the subnet cannot be read')],
    });
    expect(intent(service, { claim: 'class' })).toBe('report');
  });

  test('a port of another protocol is reported, the others go on (L12)', () => {
    const service = aServiceFact({
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
        { name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 },
      ],
    });
    const state = derive({ services: [service], pods: [a], slices: [aSlice([a])] });
    expect(codes(state)).toEqual(['D1004']);
    expect(endpoints(state)).toEqual(['10.0.0.1:8080']);
  });
});

describe('only Pods (L9)', () => {
  const forged = (
    target: EndpointSliceFact['endpoints'][number]['target'],
    ip = '10.0.0.1',
  ): EndpointSliceFact => ({
    ...aSlice([]),
    endpoints: [
      {
        addresses: [ip],
        ready: true,
        serving: true,
        terminating: false,
        ...(target === undefined ? {} : { target }),
      },
    ],
  });

  test('an address that is not its Pod’s is not bound and told (L9)', () => {
    const state = derive({ pods: [a], slices: [forged({ ...podRef('a') }, '10.0.0.99')] });
    expect(endpoints(state)).toEqual([]);
    expect(codes(state)).toEqual(['D1002']);
  });

  test('an endpoint that names a Pod of another namespace is not bound (L9)', () => {
    const elsewhere = aPodFact('a', '10.0.0.1', { ref: { ...podRef('a'), namespace: 'victim' } });
    const state = derive({ pods: [elsewhere], slices: [forged({ ...podRef('a'), namespace: 'victim' })] });
    expect(endpoints(state)).toEqual([]);
    expect(codes(state)).toEqual(['D1002']);
  });

  test('an endpoint that names no Pod is not bound (L9)', () => {
    expect(codes(derive({ pods: [a], slices: [forged(undefined)] }))).toEqual(['D1002']);
  });

  test('a slice ahead of its Pod is not yet, and no problem (L9)', () => {
    const state = derive({ pods: [], slices: [aSlice([a])] });
    expect(endpoints(state)).toEqual([]);
    expect(codes(state)).toEqual([]);
  });

  test('a Pod without an ENI address, or on the host network, is reported and not bound (E4033)', () => {
    const plain = aPodFact('a', '10.0.0.1', { eni: false });
    expect(codes(derive({ pods: [plain], slices: [aSlice([plain])] }))).toEqual(['E4033']);
    expect(
      endpoints(derive({ pods: [plain], slices: [aSlice([plain])] }, undefined, { requireEni: false })),
    ).toEqual(['10.0.0.1:8080']);
    const host = aPodFact('a', '10.0.0.1', { hostNetwork: true });
    expect(codes(derive({ pods: [host], slices: [aSlice([host])] }))).toEqual(['E4033']);
  });
});

describe('what left, and why (L5)', () => {
  test('a deletion that was seen is a cause', () => {
    const state = derive({ pods: [a], slices: [aSlice([a])], gone: [b] }, was());
    expect(leaving(state)).toEqual(['10.0.0.2 pod-deleted']);
  });

  test('a missing cache entry is none (L5)', () => {
    const state = derive({ pods: [a], slices: [aSlice([a])] }, was());
    expect(leaving(state)).toEqual([]);
    expect(endpoints(state)).toEqual(['10.0.0.1:8080']);
  });

  test('an empty slice takes nothing away while the Pods live and match (L5)', () => {
    const state = derive({ pods: [a, b], slices: [] }, was());
    expect(endpoints(state)).toEqual(['10.0.0.1:8080', '10.0.0.2:8080']);
    expect(leaving(state)).toEqual([]);
  });

  test('ended, relabelled, moved, other port, other Pod', () => {
    const ended = { ...b, ended: true };
    expect(leaving(derive({ pods: [a, ended], slices: [aSlice([a])] }, was()))).toEqual([
      '10.0.0.2 pod-ended',
    ]);
    const relabelled = { ...b, labels: { app: 'other' } };
    expect(leaving(derive({ pods: [a, relabelled], slices: [aSlice([a])] }, was()))).toEqual([
      '10.0.0.2 unselected',
    ]);
    const moved = { ...b, ips: ['10.0.0.9'] };
    expect(leaving(derive({ pods: [a, moved], slices: [aSlice([a, moved])] }, was()))).toEqual([
      '10.0.0.2 address-changed',
    ]);
    const ported = aSlice([a, b], { ports: [{ name: 'http', protocol: 'TCP', port: 9090 }] });
    expect(leaving(derive({ pods: [a, b], slices: [ported] }, was()))).toEqual([
      '10.0.0.1 port-changed',
      '10.0.0.2 port-changed',
    ]);
    const other = aPodFact('c', '10.0.0.2');
    expect(leaving(derive({ pods: [a, other], slices: [aSlice([a])] }, was()))).toEqual([
      '10.0.0.2 other-pod',
    ]);
  });

  test('it is listed until applied, and the cause grows worse with its Pod', () => {
    const relabelled = { ...b, labels: { app: 'other' } };
    const first = derive({ pods: [a, relabelled], slices: [aSlice([a])] }, was());
    const again = derive({ pods: [a, relabelled], slices: [aSlice([a])] }, { state: first, applied: false });
    expect(leaving(again)).toEqual(['10.0.0.2 unselected']);
    const died = derive({ pods: [a], slices: [aSlice([a])], gone: [b] }, { state: again, applied: false });
    expect(leaving(died)).toEqual(['10.0.0.2 pod-deleted']);
    expect(leaving(derive({ pods: [a], slices: [aSlice([a])] }, { state: died, applied: true }))).toEqual([]);
  });

  test('what is wanted again is no longer leaving', () => {
    const first = derive({ pods: [a], slices: [aSlice([a])], gone: [b] }, was());
    const fresh = aPodFact('b', '10.0.0.2');
    const state = derive(
      { pods: [a, fresh], slices: [aSlice([a, fresh])] },
      { state: first, applied: false },
    );
    expect(leaving(state)).toEqual([]);
  });

  test('evidence of a consistent list: nobody has the address', () => {
    const state = derive({ pods: [a], slices: [aSlice([a])] });
    const wanted = [
      {
        protocol: 'TCP',
        port: 80,
        targets: [
          { ip: '10.0.0.7', port: 8080 },
          { ip: '10.0.0.1', port: 8080 },
        ],
      },
    ];
    expect(leaving(withEvidence(state, wanted, [a], () => true, now))).toEqual(['10.0.0.7 absent']);
    const foreign = aPodFact('x', '10.0.0.7', { labels: { app: 'x' } });
    expect(
      leaving(withEvidence(state, wanted, [a, foreign], ({ labels }) => labels.app === 'web', now)),
    ).toEqual(['10.0.0.7 unselected']);
  });
});

describe('lanes and equality', () => {
  const state = derive({ pods: [a, b], slices: [aSlice([a, b])] });

  test('a resourceVersion alone is not worth sending, except of a Pod whose gate is closed', () => {
    const newer = { ...b, resourceVersion: '9' };
    expect(sameContent(state, derive({ pods: [a, newer], slices: [aSlice([a, newer])] }))).toBe(true);
    const gated = { ...b, gates: [aGate('False')] };
    const one = derive({ pods: [gated] });
    expect(sameContent(one, derive({ pods: [{ ...gated, resourceVersion: '9' }] }))).toBe(false);
  });

  test('a Pod that starts terminating goes in the drain lane, one that became ready in the ready lane', () => {
    const terminating = { ...b, terminatingAt: now };
    expect(laneOf(state, derive({ pods: [a, terminating], slices: [aSlice([a, b])] }))).toBe('drain');
    const c = aPodFact('c', '10.0.0.3', { ready: false });
    expect(laneOf(state, derive({ pods: [a, b, c], slices: [aSlice([a, b, c])] }))).toBe('ready');
    expect(laneOf(state, state)).toBe('rest');
  });
});

describe('an older fact undoes nothing (L2)', () => {
  const then = (pod: PodFact): Previous => ({
    state: derive({ pods: [pod], slices: [aSlice([pod])] }),
    applied: true,
  });

  test('of one Pod the newer resourceVersion is believed, whichever comes later (L2)', () => {
    const newer = { ...a, resourceVersion: '100', ready: false };
    const state = derive({ pods: [{ ...a, resourceVersion: '99' }], slices: [aSlice([a])] }, then(newer));
    expect(state.pods).toMatchObject([{ resourceVersion: '100', ready: false }]);
  });

  test('terminating is one-way for a UID (L2)', () => {
    const leaving = { ...a, terminatingAt: now };
    const state = derive({ pods: [{ ...a, resourceVersion: '2' }], slices: [aSlice([a])] }, then(leaving));
    expect(state.pods).toMatchObject([{ resourceVersion: '2', terminatingAt: now }]);
  });
});

test('belonging is decided by selectors, never by slices: a Pod without an address is held', () => {
  const gated = aPodFact('c', undefined, { ready: false, containersReady: false, gates: [aGate('absent')] });
  expect(derive({ pods: [gated] }).pods).toMatchObject([{ heldBy: ['uid-web'], ips: [] }]);
});

import { describe, expect, it } from 'vitest';
import type { Endpoint, EndpointPort, EndpointSlice, Pod, PodPhase, Service } from '../objects.ts';
import {
  endpointConditions,
  endpointOf,
  endpointPorts,
  endpointSubsets,
  isEndpoint,
  planSlices,
} from './endpoints.ts';

const aService = (spec: Partial<Service['spec']> = {}): Service => ({
  metadata: { name: 'web', namespace: 'default', uid: 's', resourceVersion: '1', creationTimestamp: '' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
});

const aPod = (
  name: string,
  traits: { ip?: string; ready?: boolean; terminating?: boolean; phase?: PodPhase } = {},
): Pod => ({
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    resourceVersion: '1',
    creationTimestamp: '',
    ...(traits.terminating === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  },
  spec: {
    nodeName: 'n1',
    containers: [{ name: 'c', image: 'nginx', ports: [{ name: 'web', containerPort: 8081 }] }],
  },
  status: {
    phase: traits.phase ?? 'Running',
    podIP: traits.ip ?? '10.0.0.1',
    conditions: [{ type: 'Ready', status: (traits.ready ?? true) ? 'True' : 'False' }],
  },
});

describe('an endpoint', () => {
  it.each([
    ['Ready', { ready: true }, { ready: true, serving: true, terminating: false }],
    ['with its gate closed', { ready: false }, { ready: false, serving: false, terminating: false }],
    ['terminating and Ready', { terminating: true }, { ready: false, serving: true, terminating: true }],
    [
      'terminating and never Ready',
      { terminating: true, ready: false },
      { ready: false, serving: false, terminating: true },
    ],
  ])('%s has the conditions that a real control plane gives it', (_name, traits, conditions) => {
    expect(endpointConditions(aService(), aPod('a', traits))).toEqual(conditions);
  });

  it('stays ready with publishNotReadyAddresses, even terminating', () => {
    const service = aService({ publishNotReadyAddresses: true });
    expect(endpointConditions(service, aPod('a', { ready: false }))).toMatchObject({ ready: true });
    expect(endpointConditions(service, aPod('a', { terminating: true }))).toMatchObject({
      ready: true,
      terminating: true,
    });
  });

  it('is no Pod without an address or in a terminal phase', () => {
    expect(isEndpoint(aPod('a', { ip: '' }))).toBe(false);
    expect(isEndpoint(aPod('a', { phase: 'Succeeded' }))).toBe(false);
    expect(isEndpoint(aPod('a', { phase: 'Failed' }))).toBe(false);
    expect(isEndpoint(aPod('a', { ready: false, terminating: true }))).toBe(true);
  });

  it('names its Pod, node and zone', () => {
    const node = {
      metadata: {
        name: 'n1',
        uid: 'n',
        resourceVersion: '1',
        creationTimestamp: '',
        labels: { 'topology.kubernetes.io/zone': 'z' },
      },
    };
    expect(endpointOf(aService(), aPod('a'), node)).toEqual({
      addresses: ['10.0.0.1'],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: 'n1',
      zone: 'z',
      targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
    });
  });

  it('resolves named target ports, and has none where the name is unknown', () => {
    const named = aService({ ports: [{ name: 'http', port: 80, targetPort: 'web' }] });
    expect(endpointPorts(named, aPod('a'))).toEqual([{ name: 'http', port: 8081, protocol: 'TCP' }]);
    const unknown = aService({ ports: [{ name: 'http', port: 80, targetPort: 'nope' }] });
    expect(endpointPorts(unknown, aPod('a'))).toEqual([]);
  });
});

describe('an Endpoints object', () => {
  it('holds ready and other Pods apart, and none that terminates', () => {
    const of = (name: string, traits: Parameters<typeof aPod>[1]) => {
      const pod = aPod(name, traits);
      return { ports: endpointPorts(aService(), pod), endpoint: endpointOf(aService(), pod, undefined) };
    };
    const subsets = endpointSubsets(aService(), [
      of('a', { ip: '10.0.0.1' }),
      of('b', { ip: '10.0.0.2', ready: false }),
      of('c', { ip: '10.0.0.3', terminating: true }),
    ]);
    expect(subsets).toMatchObject([
      {
        addresses: [{ ip: '10.0.0.1', nodeName: 'n1', targetRef: { name: 'a' } }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      },
    ]);
  });
});

const ports: EndpointPort[] = [{ name: 'http', port: 8080, protocol: 'TCP' }];
const endpoint = (name: string, ready = true): Endpoint =>
  endpointOf(aService(), aPod(name, { ready }), undefined);
const aSlice = (name: string, endpoints: Endpoint[], of: EndpointPort[] = ports): EndpointSlice => ({
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '' },
  addressType: 'IPv4',
  endpoints,
  ports: of,
});
const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `p${at}`);
const wantAll = (list: readonly string[]): { ports: EndpointPort[]; endpoint: Endpoint }[] =>
  list.map((name) => ({ ports, endpoint: endpoint(name) }));

describe('the slices of a Service', () => {
  it('hold at most 100 endpoints each', () => {
    const { create } = planSlices(wantAll(names(250)), []);
    expect(create.map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 50]);
  });

  it('are not written while nothing changes', () => {
    const existing = [aSlice('a', [endpoint('p0'), endpoint('p1')])];
    expect(planSlices(wantAll(names(2)), existing)).toEqual({ create: [], update: [], remove: [] });
  });

  it('keep endpoints where they are and fill up what has room', () => {
    const existing = [aSlice('a', [endpoint('p0', false), endpoint('gone')])];
    const { create, update, remove } = planSlices(wantAll(['p0', 'p1']), existing);
    expect({ create, remove }).toEqual({ create: [], remove: [] });
    expect(update.map((slice) => slice.endpoints)).toEqual([[endpoint('p0'), endpoint('p1')]]);
  });

  it('leave one without endpoints and ports when the last Pod went', () => {
    const { create, update, remove } = planSlices(
      [],
      [aSlice('a', [endpoint('p0')]), aSlice('b', [endpoint('p1')])],
    );
    expect(create).toEqual([]);
    expect(update).toEqual([{ ...aSlice('a', []), ports: [] }]);
    expect(remove.map((slice) => slice.metadata.name)).toEqual(['b']);
    expect(planSlices([], update)).toEqual({ create: [], update: [], remove: [] });
  });

  it('are one for each set of ports', () => {
    const wanted = [
      { ports, endpoint: endpoint('p0') },
      { ports: [], endpoint: endpoint('p1') },
    ];
    expect(planSlices(wanted, []).create).toEqual([
      { ports, endpoints: [endpoint('p0')] },
      { ports: [], endpoints: [endpoint('p1')] },
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Endpoint, EndpointSlice, Service } from '../objects.ts';
import { rulesOf } from './rules.ts';

const meta = { uid: 'u', resourceVersion: '1', creationTimestamp: '', namespace: 'default' };

const aService = (spec: Partial<Service['spec']> = {}, labels: Record<string, string> = {}): Service => ({
  metadata: { ...meta, name: 'web', labels },
  spec: {
    type: 'NodePort',
    externalTrafficPolicy: 'Cluster',
    ports: [{ name: 'http', port: 80, nodePort: 30_080, protocol: 'TCP' }],
    ...spec,
  },
});

type State = 'ready' | 'not ready' | 'draining' | 'dying';
const conditions: Record<State, Endpoint['conditions']> = {
  ready: { ready: true, serving: true, terminating: false },
  'not ready': { ready: false, serving: false, terminating: false },
  draining: { ready: false, serving: true, terminating: true },
  dying: { ready: false, serving: false, terminating: true },
};

const anEndpoint = (ip: string, nodeName: string, state: State = 'ready'): Endpoint => ({
  addresses: [ip],
  nodeName,
  conditions: conditions[state],
});

const aSlice = (endpoints: Endpoint[], ports = [{ name: 'http', port: 8080, protocol: 'TCP' }]) =>
  ({
    metadata: { ...meta, name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints,
    ports,
  }) satisfies EndpointSlice;

const addresses = (service: Service, slices: EndpointSlice[], node = 'one'): string[] | undefined =>
  rulesOf(node, [service], slices).nodePorts[0]?.endpoints.map(({ ip, port }) => `${ip}:${port}`);

const spread = [anEndpoint('10.0.0.1', 'one'), anEndpoint('10.0.0.2', 'two'), anEndpoint('10.0.0.3', 'two')];

describe('a node port of policy Cluster', () => {
  it('goes to the ready endpoints of all nodes, whichever slices hold them, and shows the node', () => {
    const [first, ...others] = spread;
    const slices = [aSlice(others), aSlice(first === undefined ? [] : [first])];
    expect(addresses(aService(), slices)).toEqual(['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080']);
    expect(rulesOf('one', [aService()], slices).nodePorts[0]).toMatchObject({
      nodePort: 30_080,
      keepsClient: false,
      affinitySeconds: undefined,
    });
  });

  it('goes to what still serves while it terminates only where nothing is ready', () => {
    const leaving = [anEndpoint('10.0.0.8', 'one', 'draining'), anEndpoint('10.0.0.9', 'one', 'dying')];
    expect(addresses(aService(), [aSlice([...leaving, ...spread.slice(0, 1)])])).toEqual(['10.0.0.1:8080']);
    expect(addresses(aService(), [aSlice([...leaving, anEndpoint('10.0.0.7', 'two', 'not ready')])])).toEqual(
      ['10.0.0.8:8080'],
    );
    expect(addresses(aService(), [aSlice([anEndpoint('10.0.0.9', 'one', 'dying')])])).toEqual([]);
  });

  it('takes an endpoint in two slices once, ready if one of them says so', () => {
    const slices = [aSlice([anEndpoint('10.0.0.1', 'one', 'not ready')]), aSlice(spread.slice(0, 1))];
    expect(addresses(aService(), slices)).toEqual(['10.0.0.1:8080']);
    expect(addresses(aService(), slices.toReversed())).toEqual(['10.0.0.1:8080']);
  });
});

describe('a node port of policy Local', () => {
  const local = aService({
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 31_000,
  });

  it('goes to the endpoints of its own node only, and keeps the client', () => {
    expect(addresses(local, [aSlice(spread)], 'two')).toEqual(['10.0.0.2:8080', '10.0.0.3:8080']);
    expect(addresses(local, [aSlice(spread)], 'three')).toEqual([]);
    expect(rulesOf('two', [local], [aSlice(spread)]).nodePorts[0]?.keepsClient).toBe(true);
  });

  it('falls back to a draining endpoint of its node although other nodes have ready ones', () => {
    const slices = [aSlice([anEndpoint('10.0.0.1', 'one', 'draining'), ...spread.slice(1)])];
    expect(addresses(local, slices, 'one')).toEqual(['10.0.0.1:8080']);
    // The load balancer is to leave it all the same.
    expect(rulesOf('one', [local], slices).healthChecks[0]?.localEndpoints).toBe(0);
  });

  it('counts the Pods of its node for the health check, not their ports', () => {
    const twoPorts = aService({
      ...local.spec,
      ports: [
        { name: 'http', port: 80, nodePort: 30_080 },
        { name: 'admin', port: 81, nodePort: 30_081 },
      ],
    });
    const slice = aSlice(spread, [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'admin', port: 8081, protocol: 'TCP' },
    ]);
    expect(rulesOf('two', [twoPorts], [slice]).healthChecks).toEqual([
      { service: { namespace: 'default', name: 'web' }, port: 31_000, localEndpoints: 2 },
    ]);
  });
});

describe('what has no rule', () => {
  it('is a ClusterIP Service, another port of a slice, UDP, another family, and what another proxy does', () => {
    expect(rulesOf('one', [aService({ type: 'ClusterIP' })], [aSlice(spread)]).nodePorts).toEqual([]);
    expect(addresses(aService(), [aSlice(spread, [{ name: 'other', port: 1, protocol: 'TCP' }])])).toEqual(
      [],
    );
    const udp = aService({ ports: [{ name: 'http', port: 80, nodePort: 30_080, protocol: 'UDP' }] });
    expect(rulesOf('one', [udp], [aSlice(spread)]).nodePorts).toEqual([]);
    expect(addresses(aService(), [{ ...aSlice(spread), addressType: 'IPv6' }])).toEqual([]);
    const other = aService({}, { 'service.kubernetes.io/service-proxy-name': 'mine' });
    expect(rulesOf('one', [other], [aSlice(spread)]).nodePorts).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { endpointSliceFact } from './endpoint-slice-fact.ts';

const metadata = {
  namespace: 'shop',
  name: 'web-abc',
  uid: 'e1',
  resourceVersion: '3',
  labels: { 'kubernetes.io/service-name': 'web' },
};

describe('endpointSliceFact', () => {
  it('reads endpoints with the Pod that each claims to be', () => {
    expect(
      endpointSliceFact({
        metadata,
        addressType: 'IPv6',
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }, { protocol: 'SCTP', port: 1 }, { name: null }],
        endpoints: [
          {
            addresses: ['fd00::1'],
            conditions: { ready: false, serving: true, terminating: true },
            targetRef: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u1' },
          },
        ],
      }),
    ).toEqual({
      fact: {
        ref: { kind: 'EndpointSlice', namespace: 'shop', name: 'web-abc', uid: 'e1' },
        serviceName: 'web',
        addressType: 'IPv6',
        ports: [
          { name: 'http', protocol: 'TCP', port: 8080 },
          { name: '', protocol: 'TCP' },
        ],
        endpoints: [
          {
            addresses: ['fd00::1'],
            ready: false,
            serving: true,
            terminating: true,
            target: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u1' },
          },
        ],
      },
    });
  });

  it.each([
    [{}, { ready: true, serving: true, terminating: false }],
    [{ ready: false }, { ready: false, serving: false, terminating: false }],
    [
      { ready: null, serving: false },
      { ready: true, serving: false, terminating: false },
    ],
  ])('reads unset conditions %j as the API defines them', (conditions, expected) => {
    const object = { metadata, endpoints: [{ addresses: ['10.0.0.1'], conditions }] };
    expect(endpointSliceFact(object)).toMatchObject({ fact: { endpoints: [expected] } });
  });

  it('takes an empty slice', () => {
    expect(endpointSliceFact({ metadata, endpoints: null, ports: null })).toMatchObject({
      fact: { addressType: 'IPv4', endpoints: [], ports: [] },
    });
  });

  it('drops a slice that names no Service, and what has no identity', () => {
    expect(endpointSliceFact({ metadata: { ...metadata, labels: {} } })).toHaveProperty('dropped');
    expect(endpointSliceFact('x')).toHaveProperty('dropped');
  });
});

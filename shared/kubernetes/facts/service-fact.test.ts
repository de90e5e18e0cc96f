import { describe, expect, it } from 'vitest';
import type { ServiceFact } from '../../model/facts.ts';
import type { OwnerFactOptions } from './owner.ts';
import { serviceFact } from './service-fact.ts';

const directAccess = 'service.cloud.tencent.com/direct-access';
const weightsKey = 'service.cloud.tencent.com/lb-rs-weight';

const aService = (annotations: Record<string, string> = {}, spec: object = {}, more: object = {}) => ({
  metadata: {
    namespace: 'shop',
    name: 'web',
    uid: 's1',
    resourceVersion: '9',
    creationTimestamp: '2026-11-23T05:00:00Z',
    annotations,
    ...more,
  },
  spec: {
    type: 'LoadBalancer',
    selector: { app: 'nginx' },
    ports: [{ name: '80-80-no', port: 80, protocol: 'TCP', targetPort: 8080 }],
    ...spec,
  },
  status: { loadBalancer: {} },
});

const factOf = (object: unknown, options: OwnerFactOptions = {}): ServiceFact => {
  const parsed = serviceFact(object, options);
  if (!('fact' in parsed)) throw new Error(parsed.dropped);
  return parsed.fact;
};

describe('serviceFact', () => {
  it("reads the guide's Service", () => {
    expect(factOf(aService({ [directAccess]: 'true' }))).toEqual({
      ref: { kind: 'Service', namespace: 'shop', name: 'web', uid: 's1' },
      resourceVersion: '9',
      createdAt: Date.parse('2026-11-23T05:00:00Z'),
      type: 'LoadBalancer',
      selector: { app: 'nginx' },
      ports: [{ name: '80-80-no', protocol: 'TCP', port: 80, targetPort: 8080 }],
      publishNotReadyAddresses: false,
      nodes: { local: false, onlyWithPods: false, byPods: false },
      deleting: false,
      finalizer: false,
      source: 'created',
      statusAddresses: [],
      mode: 'direct',
      problems: [],
    });
  });

  it('reads what we wrote ourselves, and only our own finalizer', () => {
    const object = aService(
      { 'clb-direct.io/life': '2', 'service.kubernetes.io/loadbalance-id': 'lb-1' },
      {},
      { finalizers: ['service.k8s.tencent/resources', 'clb-direct.io/resources'] },
    );
    const status = { loadBalancer: { ingress: [{ ip: '1.2.3.4' }, { hostname: 'a.example' }] } };
    expect(factOf({ ...object, status })).toMatchObject({
      finalizer: true,
      life: 2,
      writtenLoadBalancerId: 'lb-1',
      statusAddresses: ['1.2.3.4', 'a.example'],
    });
    const foreign = aService({}, {}, { finalizers: ['service.k8s.tencent/resources'] });
    expect(factOf(foreign).finalizer).toBe(false);
  });

  it.each([
    [{}, {}, 'node-port'],
    [{}, { defaultMode: 'direct' }, 'direct'],
    [{ [directAccess]: 'false' }, { defaultMode: 'direct' }, 'node-port'],
    [{ [directAccess]: 'true' }, {}, 'direct'],
    [{ [directAccess]: 'true', 'service.cloud.tencent.com/mode': 'skip' }, {}, 'skip'],
  ] as const)('with annotations %j and settings %j the mode is %s', (annotations, options, mode) => {
    expect(factOf(aService({ ...annotations }), options)).toMatchObject({ mode, problems: [] });
  });

  it.each([
    [directAccess, 'True', '"true" or "false"'],
    [directAccess, '', '"true" or "false"'],
    ['service.cloud.tencent.com/mode', 'Skip', '"skip"'],
    ['service.kubernetes.io/tke-existed-lbid', 'my-lb', 'an id like "lb-1a2b3c4d"'],
    [
      'service.kubernetes.io/qcloud-loadbalancer-internal-subnetid',
      'subnet-A/..',
      'an id like "subnet-1a2b3c4d"',
    ],
  ])('%s: %j is an error that names what is allowed, and leaves the mode open', (key, value, allowed) => {
    const fact = factOf(aService({ [directAccess]: 'true', [key]: value }));
    expect(fact.mode).toBeUndefined();
    expect(fact.problems).toEqual([
      {
        code: 'D1001',
        severity: 'error',
        message: `Annotation ${key} is ${JSON.stringify(value)}; allowed: ${allowed}.`,
      },
    ]);
  });

  it('lets skip win over another annotation that cannot be read: nothing is touched', () => {
    const fact = factOf(aService({ [directAccess]: 'yes', 'service.cloud.tencent.com/mode': 'skip' }));
    expect(fact).toMatchObject({ mode: 'skip', problems: [{ code: 'D1001' }] });
  });

  it('reads ids', () => {
    const fact = factOf(
      aService({
        'service.kubernetes.io/tke-existed-lbid': 'lb-6swtxxxx',
        'service.kubernetes.io/qcloud-loadbalancer-internal-subnetid': 'subnet-1a2b3c4d',
      }),
    );
    expect(fact).toMatchObject({
      existingLoadBalancerId: 'lb-6swtxxxx',
      internalSubnetId: 'subnet-1a2b3c4d',
      problems: [],
    });
  });

  it('reads weights by ordinal', () => {
    const value =
      '{"defaultWeight":10,"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"nginx","weights":[{"weight":0,"podIndexes":[0,1,2,3]}]}]}]}';
    expect(factOf(aService({ [weightsKey]: value })).ordinalWeights).toEqual({
      defaultWeight: 10,
      groups: [
        {
          protocol: 'TCP',
          port: 80,
          statefulSets: [{ name: 'nginx', weights: [{ weight: 0, ordinals: [0, 1, 2, 3] }] }],
        },
      ],
    });
  });

  it.each([
    '',
    'x',
    '[]',
    '{"defaultWeight":101}',
    '{"defaultWeight":"10"}',
    '{"groups":[{"key":{"proto":"SCTP","port":80},"statefulSets":[]}]}',
    '{"groups":[{"key":{"proto":"TCP","port":80}}]}',
    '{"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"a","weights":[{"weight":-1,"podIndexes":[0]}]}]}]}',
    `{"x":"${'y'.repeat(10_000)}"`,
  ])('ignores weights that cannot be read with a short warning, and serves on: %.60j', (value) => {
    const fact = factOf(aService({ [directAccess]: 'true', [weightsKey]: value }));
    expect(fact).toMatchObject({ mode: 'direct', problems: [{ code: 'D1001', severity: 'warning' }] });
    expect(fact.ordinalWeights).toBeUndefined();
    expect(fact.problems[0]?.message).toContain(weightsKey);
    expect(fact.problems[0]?.message.length).toBeLessThan(700);
  });

  it('reports a port of a protocol that no listener speaks, and keeps the others', () => {
    const ports = [
      { port: 9999, protocol: 'SCTP' },
      { port: 53, protocol: 'UDP', targetPort: 'dns' },
      { port: 80 },
    ];
    expect(factOf(aService({}, { ports }))).toMatchObject({
      ports: [
        { name: '', protocol: 'UDP', port: 53, targetPort: 'dns' },
        { name: '', protocol: 'TCP', port: 80, targetPort: 80 },
      ],
      problems: [{ code: 'D1004', about: { listener: { protocol: 'SCTP', port: 9999 } } }],
    });
  });

  it.each([{ selector: {} }, { selector: null }, { selector: undefined }])(
    'has no selector for %j',
    (spec) => {
      expect(factOf(aService({}, spec))).not.toHaveProperty('selector');
    },
  );

  it('reads the preStop sleep that its Pods are to get, and warns of one that it cannot read', () => {
    const key = 'clb-direct.io/pre-stop-sleep-seconds';
    expect(factOf(aService({ [key]: '15' }))).toMatchObject({ preStopSleepSeconds: 15, problems: [] });
    expect(factOf(aService({ [key]: '0' }))).toMatchObject({ preStopSleepSeconds: 0 });
    const wrong = factOf(aService({ [key]: '-1' }));
    expect(wrong).not.toHaveProperty('preStopSleepSeconds');
    expect(wrong).toMatchObject({ problems: [{ code: 'D1001', severity: 'warning' }] });
  });

  it('drops what has no identity and never throws', () => {
    expect(serviceFact({ metadata: { name: 'x' } })).toHaveProperty('dropped');
    expect(serviceFact(null)).toHaveProperty('dropped');
    const metadata = { namespace: 'a', name: 'b', uid: 'c', resourceVersion: '1', annotations: { a: 1 } };
    expect(factOf({ metadata, spec: [], status: { loadBalancer: { ingress: [null, 3] } } })).toMatchObject({
      type: 'ClusterIP',
      ports: [],
      createdAt: 0,
    });
  });
});

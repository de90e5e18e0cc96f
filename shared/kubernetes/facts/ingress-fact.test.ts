import { describe, expect, it } from 'vitest';
import type { IngressFact } from '../../model/facts.ts';
import { ingressClassFact, ingressFact } from './ingress-fact.ts';
import { nodeFact } from './node-fact.ts';
import type { OwnerFactOptions } from './owner.ts';

const pathOf = (path: string, service = 'nginx', more: object = {}) => ({
  path,
  pathType: 'ImplementationSpecific',
  backend: { service: { name: service, port: { number: 80 } } },
  ...more,
});

const anIngress = (annotations: object = {}, spec: object = {}) => ({
  metadata: { namespace: 'shop', name: 'site', uid: 'i1', resourceVersion: '7', annotations },
  spec: { rules: [{ http: { paths: [pathOf('/')] } }], ...spec },
});

const factOf = (object: unknown, options: OwnerFactOptions = {}): IngressFact => {
  const parsed = ingressFact(object, options);
  if (!('fact' in parsed)) throw new Error(parsed.dropped);
  return parsed.fact;
};

describe('ingressFact', () => {
  it("reads the guide's Ingress, as the API server serves it in v1", () => {
    const fact = factOf(
      anIngress({
        'ingress.cloud.tencent.com/direct-access': 'true',
        'kubernetes.io/ingress.class': 'qcloud',
      }),
    );
    expect(fact).toMatchObject({
      ref: { kind: 'Ingress', name: 'site' },
      className: 'qcloud',
      mode: 'direct',
      ports: [80],
      rules: [{ rule: { domain: '', url: '/' }, service: 'nginx', port: 80 }],
      problems: [],
    });
  });

  it('takes the class of the annotation before that of the spec', () => {
    expect(factOf(anIngress({}, { ingressClassName: 'own' })).className).toBe('own');
    const both = anIngress({ 'kubernetes.io/ingress.class': 'qcloud' }, { ingressClassName: 'own' });
    expect(factOf(both).className).toBe('qcloud');
    expect(factOf(anIngress()).className).toBeUndefined();
  });

  it('reads the default backend as the rule for everything else', () => {
    const defaultBackend = { service: { name: 'fallback', port: { name: 'http' } } };
    expect(factOf(anIngress({}, { rules: undefined, defaultBackend })).rules).toEqual([
      { rule: { domain: '', url: '/' }, service: 'fallback', port: 'http' },
    ]);
  });

  it('leaves out a rule that is wrong, each with its own code, and keeps the others (L12)', () => {
    const rules = [
      {
        host: 'a.example.com',
        http: { paths: [pathOf('/'), pathOf('/'), pathOf('/x y'), pathOf('/e', 's', { pathType: 'Exact' })] },
      },
      { host: 'UPPER', http: { paths: [pathOf('/')] } },
      { host: 'secure.example.com', http: { paths: [pathOf('/')] } },
      { http: { paths: [pathOf('/r', 's', { backend: { resource: { kind: 'Bucket', name: 'b' } } })] } },
    ];
    const fact = factOf(anIngress({}, { rules, tls: [{ hosts: ['secure.example.com'], secretName: 's' }] }));
    expect(fact.rules).toMatchObject([{ rule: { domain: 'a.example.com', url: '/' } }]);
    expect(fact.problems.map(({ code }) => code)).toEqual([
      'D1005',
      'E4031',
      'D1013',
      'E4052',
      'D1012',
      'E4041',
    ]);
    expect(fact.problems[1]?.about?.listener).toEqual({
      protocol: 'HTTP',
      port: 80,
      rule: { domain: 'a.example.com', url: '/x y' },
    });
  });

  it('listens on the ports asked for; what is no such list is told, and ignored', () => {
    const key = 'ingress.cloud.tencent.com/listen-ports';
    expect(factOf(anIngress({ [key]: '[{"HTTP":80},{"HTTPS":443},{"HTTP":8080}]' })).ports).toEqual([
      80, 8080,
    ]);
    const wrong = factOf(anIngress({ [key]: '[{"TCP":80}]' }));
    expect(wrong).toMatchObject({ ports: [80], problems: [{ code: 'D1001', severity: 'warning' }] });
  });

  it('reads who it shares a load balancer with, and refuses to guess what it cannot read', () => {
    expect(factOf(anIngress({ 'kubernetes.io/ingress.existLbId': 'lb-12' })).existingLoadBalancerId).toBe(
      'lb-12',
    );
    const wrong = factOf(anIngress({ 'kubernetes.io/ingress.subnetId': 'vpc-1' }));
    expect(wrong.mode).toBeUndefined();
    expect(wrong.problems).toMatchObject([{ code: 'D1001', severity: 'error' }]);
  });

  it('beside TKE’s controllers only our own keys say the mode', () => {
    const options = { defaultMode: 'direct', ownKeysOnly: true } as const;
    const theirs = anIngress({
      'ingress.cloud.tencent.com/mode': 'skip',
      'ingress.cloud.tencent.com/direct-access': 'false',
    });
    expect(factOf(theirs, options).mode).toBe('direct');
    expect(factOf(theirs).mode).toBe('skip');
    expect(factOf(anIngress({ 'clb-direct.io/mode': 'skip' }), options).mode).toBe('skip');
  });

  it('drops what is no Ingress, and reads IngressClasses', () => {
    expect(ingressFact({})).toHaveProperty('dropped');
    expect(ingressClassFact({ metadata: { name: 'own', uid: 'c1' }, spec: { controller: 'x/y' } })).toEqual({
      fact: { ref: { name: 'own', uid: 'c1' }, controller: 'x/y' },
    });
  });
});

describe('nodeFact', () => {
  const aNode = (spec: object = {}, labels: object = {}, ready = 'True') => ({
    metadata: { name: 'n1', uid: 'u1', labels },
    spec: { providerID: 'qcloud:///800002/ins-1a2b3c4d', ...spec },
    status: {
      conditions: [{ type: 'Ready', status: ready }],
      addresses: [
        { type: 'InternalIP', address: '10.1.0.1' },
        { type: 'Hostname', address: 'n1' },
      ],
    },
  });

  it('reads its address and its CVM', () => {
    expect(nodeFact(aNode())).toMatchObject({
      fact: { ips: ['10.1.0.1'], instanceId: 'ins-1a2b3c4d', takesTraffic: true },
    });
    expect(nodeFact(aNode({ providerID: 'aws:///eu/i-1' }))).not.toHaveProperty('fact.instanceId');
  });

  it.each([
    ['not ready', aNode({}, {}, 'Unknown')],
    ['cordoned', aNode({ unschedulable: true })],
    ['a master', aNode({}, { 'node-role.kubernetes.io/control-plane': '' })],
    ['excluded', aNode({}, { 'node.kubernetes.io/exclude-from-external-load-balancers': '' })],
  ])('takes no traffic when it is %s', (_, node) => {
    expect(nodeFact(node)).toMatchObject({ fact: { takesTraffic: false } });
  });
});

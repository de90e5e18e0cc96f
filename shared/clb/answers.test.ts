import { describe, expect, it } from 'vitest';
import { readers, requestIdOf } from './answers.ts';
import { MalformedAnswer } from './errors.ts';

describe('DescribeLoadBalancers', () => {
  const one = (more: object) =>
    readers.DescribeLoadBalancers({
      TotalCount: 1,
      LoadBalancerSet: [{ LoadBalancerId: 'lb-1', Status: 1, ...more }],
    }).loadBalancers[0];

  it('status 1 is ready, 0 is not', () => {
    expect(one({})?.ready).toBe(true);
    expect(one({ Status: 0 })?.ready).toBe(false);
  });

  it.each([
    ['no address while it is being made', { LoadBalancerVips: null, Domain: '' }, []],
    ['a VIP', { LoadBalancerVips: ['1.2.3.4'], AddressIPv6: null }, [{ kind: 'ip', value: '1.2.3.4' }]],
    [
      'an IPv6 address beside it',
      { LoadBalancerVips: ['1.2.3.4'], AddressIPv6: '2402::1' },
      [
        { kind: 'ip', value: '1.2.3.4' },
        { kind: 'ip', value: '2402::1' },
      ],
    ],
    [
      'the name of a domain-named one, whose addresses do not last',
      { LoadBalancerVips: ['1.2.3.4'], LoadBalancerDomain: 'lb-1.example.com' },
      [{ kind: 'hostname', value: 'lb-1.example.com' }],
    ],
    [
      'the old domain where there is no VIP',
      { LoadBalancerVips: [], Domain: 'old.example.com', LoadBalancerDomain: '' },
      [{ kind: 'hostname', value: 'old.example.com' }],
    ],
  ])('%s', (_, more, addresses) => {
    expect(one(more)?.addresses).toEqual(addresses);
  });

  it('delete protection is a flag among others', () => {
    expect(one({ AttributeFlags: null })?.deleteProtected).toBe(false);
    expect(one({ AttributeFlags: ['Other', 'DeleteProtect'] })?.deleteProtected).toBe(true);
  });
});

describe('DescribeListeners', () => {
  it('reads the official example of a TCP listener', () => {
    const answer = {
      TotalCount: 1,
      Listeners: [
        {
          ListenerId: 'lbl-1',
          ListenerName: 'n',
          Protocol: 'TCP',
          Port: 80,
          Certificate: null,
          HealthCheck: {
            HealthSwitch: 1,
            TimeOut: 4,
            IntervalTime: 7,
            HealthNum: 2,
            UnHealthNum: 5,
            CheckPort: null,
            CheckType: 'TCP',
            SourceIpType: 0,
          },
          Scheduler: 'LEAST_CONN',
          SessionExpireTime: 30,
          Rules: null,
        },
      ],
    };
    expect(readers.DescribeListeners(answer).listeners).toEqual([
      {
        listenerId: 'lbl-1',
        name: 'n',
        protocol: 'TCP',
        port: 80,
        settings: {
          healthCheck: {
            enabled: true,
            intervalSeconds: 7,
            timeoutSeconds: 4,
            healthyCount: 2,
            unhealthyCount: 5,
          },
          sessionExpireSeconds: 30,
          scheduler: 'LEAST_CONN',
        },
      },
    ]);
  });

  it('nulls of layer 7 are the defaults', () => {
    const [listener] = readers.DescribeListeners({
      Listeners: [
        {
          ListenerId: 'lbl-1',
          Protocol: 'https',
          Port: 443,
          HealthCheck: null,
          Scheduler: null,
          SessionExpireTime: null,
        },
      ],
    }).listeners;
    expect(listener).toMatchObject({
      name: '',
      protocol: 'HTTPS',
      settings: {
        healthCheck: {
          enabled: true,
          intervalSeconds: 5,
          timeoutSeconds: 2,
          healthyCount: 3,
          unhealthyCount: 3,
        },
        sessionExpireSeconds: 0,
        scheduler: 'WRR',
      },
    });
  });

  it('fewer listeners than counted is no answer (L5)', () => {
    expect(() => readers.DescribeListeners({ Listeners: [], TotalCount: 2 })).toThrow(MalformedAnswer);
  });
});

describe('DescribeTargets', () => {
  it('keys targets by place, private address and port, and tells which are bound by instance', () => {
    const answer = {
      Listeners: [
        {
          ListenerId: 'lbl-1',
          Protocol: 'TCP',
          Port: 888,
          Rules: null,
          Targets: [
            {
              Type: 'ENI',
              InstanceId: '',
              Port: 7777,
              Weight: 10,
              PrivateIpAddresses: ['10.0.1.5', '10.0.1.6'],
            },
            { Type: 'cvm', InstanceId: 'ins-1', Port: 80, Weight: 0, PrivateIpAddresses: null },
            { Type: 'cvm', InstanceId: 'ins-2', Port: 30080, Weight: 5, PrivateIpAddresses: ['10.0.2.1'] },
          ],
        },
        {
          ListenerId: 'lbl-2',
          Protocol: 'HTTP',
          Port: 80,
          Targets: null,
          Rules: [
            {
              LocationId: 'loc-1',
              Domain: 'a.example.com',
              Url: '/',
              Targets: [{ Type: 'ENI', Port: 80, Weight: 10, PrivateIpAddresses: ['10.0.1.5'] }],
            },
            { LocationId: 'loc-2', Domain: 'a.example.com', Url: '/b', Targets: [] },
          ],
        },
      ],
    };
    expect(readers.DescribeTargets(answer).listeners).toEqual([
      {
        listenerId: 'lbl-1',
        targets: [
          { ip: '10.0.1.5', port: 7777, weight: 10 },
          { ip: '10.0.1.6', port: 7777, weight: 10 },
          { ip: '10.0.2.1', port: 30080, weight: 5, instanceId: 'ins-2' },
        ],
      },
      {
        listenerId: 'lbl-2',
        targets: [],
        rules: [
          { locationId: 'loc-1', targets: [{ ip: '10.0.1.5', port: 80, weight: 10 }] },
          { locationId: 'loc-2', targets: [] },
        ],
      },
    ]);
  });

  it.each([
    [{}],
    [{ Listeners: null }],
    [{ Listeners: {} }],
    [{ Listeners: [{ Targets: [] }] }],
    [null],
    ['x'],
  ])('an absent list is not an empty one (L5): %j', (answer) => {
    expect(() => readers.DescribeTargets(answer)).toThrow(MalformedAnswer);
  });

  it('a target without a weight is no answer', () => {
    const Listeners = [{ ListenerId: 'lbl-1', Targets: [{ PrivateIpAddresses: ['10.0.0.1'], Port: 80 }] }];
    expect(() => readers.DescribeTargets({ Listeners })).toThrow(/Listeners\.0\.Targets\.0\.Weight/);
  });
});

describe('DescribeTargetHealth', () => {
  const healthOf = (target: object) =>
    readers.DescribeTargetHealth({
      LoadBalancers: [
        {
          LoadBalancerId: 'lb-1',
          Listeners: [
            {
              ListenerId: 'lbl-1',
              Rules: [
                { LocationId: 'loc-1', Domain: null, Targets: [{ IP: '10.0.0.1', Port: 80, ...target }] },
              ],
            },
          ],
        },
      ],
    }).targets[0];

  it.each([
    ['the detail counts, not the boolean', { HealthStatus: true, HealthStatusDetail: 'Dead' }, 'Dead'],
    ['its misspelt name', { HealthStatus: false, HealthStatusDetial: 'Alive' }, 'Alive'],
    [
      'the right name before the misspelt one',
      { HealthStatusDetail: 'Close', HealthStatusDetial: 'x' },
      'Close',
    ],
    ['an empty detail is none', { HealthStatus: true, HealthStatusDetail: '' }, 'Alive'],
    ['without a detail true is Alive', { HealthStatus: true }, 'Alive'],
    ['without a detail false may be not yet probed', { HealthStatus: false }, 'Unknown'],
    ['a detail that nobody knows', { HealthStatus: true, HealthStatusDetail: 'Sleepy' }, 'Unknown'],
  ])('%s', (_, target, health) => {
    expect(healthOf(target)).toEqual({
      loadBalancerId: 'lb-1',
      listenerId: 'lbl-1',
      locationId: 'loc-1',
      ip: '10.0.0.1',
      port: 80,
      health,
    });
  });

  it('load balancers without listeners, listeners without rules', () => {
    const answer = {
      LoadBalancers: [
        { LoadBalancerId: 'lb-1', Listeners: null },
        { LoadBalancerId: 'lb-2', Listeners: [{ ListenerId: 'lbl-1', Rules: [] }] },
      ],
    };
    expect(readers.DescribeTargetHealth(answer).targets).toEqual([]);
  });
});

describe('the other answers', () => {
  it.each([
    [
      { Status: 0, LoadBalancerIds: ['lb-1'] },
      { status: 'done', loadBalancerIds: ['lb-1'], message: '' },
    ],
    [
      { Status: 1, LoadBalancerIds: null, Message: 'no' },
      { status: 'failed', loadBalancerIds: [], message: 'no' },
    ],
    [
      { Status: 2, LoadBalancerIds: null, Message: null },
      { status: 'running', loadBalancerIds: [], message: '' },
    ],
  ])('a task %j', (answer, read) => {
    expect(readers.DescribeTaskStatus(answer)).toEqual(read);
  });

  it('a task in no known state is no answer', () => {
    expect(() => readers.DescribeTaskStatus({ Status: 3 })).toThrow(MalformedAnswer);
    expect(() => readers.DescribeTaskStatus({})).toThrow(MalformedAnswer);
  });

  it('a batch whose set of failed listeners is null or absent failed for none', () => {
    for (const answer of [
      {},
      { FailListenerIdSet: null, Message: null },
      { FailListenerIdSet: [], Message: '' },
    ]) {
      expect(readers.BatchRegisterTargets(answer)).toEqual({ failedListenerIds: [], message: '' });
    }
    expect(readers.BatchDeregisterTargets({ FailListenerIdSet: ['lbl-1'], Message: 'm' })).toEqual({
      failedListenerIds: ['lbl-1'],
      message: 'm',
    });
  });

  it('an answer without a request id has no task', () => {
    expect(requestIdOf({ RequestId: 'r' })).toBe('r');
    expect(() => requestIdOf({})).toThrow(MalformedAnswer);
  });
});

import type { Asked, World } from './clb-simulator-codes-fixture.ts';

const change = (members: Readonly<Record<string, unknown>>) => ({ change: members });
const many = (count: number): string[] => Array.from({ length: count }, () => 'x');
const long = (length: number): string => 'x'.repeat(length);

/** Requests of load balancers and of what belongs to the account. */
const ofLoadBalancers = ({ id, empty }: World): Record<string, Asked> => ({
  CreateLoadBalancer: {
    good: { LoadBalancerType: 'OPEN' },
    wrong: {
      InvalidParameter: change({ LoadBalancerType: 7 }),
      'InvalidParameter.ClientTokenLimitExceeded': {
        change: { ClientToken: 'once' },
        settings: { clientTokenLifeMs: 0 },
      },
      InvalidParameterValue: change({ LoadBalancerType: 'PUBLIC' }),
      'InvalidParameterValue.Length': change({ LoadBalancerName: long(81) }),
      'InvalidParameterValue.Range': change({ Number: 21 }),
      LimitExceeded: { settings: { quotaOpenLoadBalancers: 1 } },
      MissingParameter: change({ LoadBalancerType: 'INTERNAL' }),
      ResourceInsufficient: { noAddressFree: true },
      UnsupportedOperation: change({ AddressIPVersion: 'IPV6' }),
    },
  },
  DescribeLoadBalancers: {
    good: {},
    wrong: {
      InvalidParameter: change({ Limit: 'all' }),
      InvalidParameterValue: change({ Filters: [] }),
      'InvalidParameterValue.InvalidFilter': change({ Filters: [{ Name: 'colour', Values: ['blue'] }] }),
      'InvalidParameterValue.Length': change({ LoadBalancerIds: many(21) }),
      'InvalidParameterValue.Range': change({ Limit: 101 }),
    },
  },
  DescribeLoadBalancersDetail: {
    good: {},
    wrong: {
      InvalidParameter: change({ Fields: ['TargetId'] }),
      InvalidParameterValue: change({ TargetType: 'ALL' }),
      'InvalidParameterValue.InvalidFilter': change({ Filters: [{ Name: 'colour', Values: ['blue'] }] }),
      'InvalidParameterValue.Range': change({ Limit: 101 }),
    },
  },
  DeleteLoadBalancer: {
    good: { LoadBalancerIds: [id] },
    wrong: {
      'FailedOperation.FrequencyCheckRisk': {
        change: { ForceDelete: true },
        settings: { maxDeletionsPerFiveMinutes: 0 },
      },
      'FailedOperation.TargetNumCheckRisk': { settings: { maxTargetsOfUnforcedDeletion: 0 } },
      'InvalidParameterValue.Length': change({ LoadBalancerIds: many(21) }),
    },
  },
  ModifyLoadBalancerAttributes: {
    good: { LoadBalancerId: id },
    wrong: {
      InvalidParameterValue: change({ SwitchFlag: 3 }),
      'InvalidParameterValue.Length': change({ LoadBalancerName: long(81) }),
    },
  },
  SetLoadBalancerSecurityGroups: {
    good: { LoadBalancerId: id, SecurityGroups: ['sg-a'] },
    wrong: { 'InvalidParameterValue.Length': change({ SecurityGroups: many(51) }) },
  },
  SetSecurityGroupForLoadbalancers: {
    good: { LoadBalancerIds: [id], SecurityGroup: 'sg-a', OperationType: 'ADD' },
    wrong: {
      InvalidParameterValue: change({ OperationType: 'SET' }),
      'InvalidParameterValue.Length': change({ LoadBalancerIds: many(21) }),
    },
  },
  SetLoadBalancerStartStatus: {
    good: { LoadBalancerId: id, OperationType: 'Stop' },
    wrong: {
      'FailedOperation.NoListenerInLB': change({ LoadBalancerId: empty }),
      'InvalidParameter.ListenerIdNotFound': change({ ListenerIds: ['lbl-00000000'] }),
      InvalidParameterValue: change({ OperationType: 'Pause' }),
      'InvalidParameterValue.Length': change({ ListenerIds: [] }),
    },
  },
  ReplaceCertForLoadBalancers: {
    good: { OldCertificateId: 'nobodys', Certificate: { CertId: 'nobodys' } },
    wrong: { FailedOperation: {}, InvalidParameter: change({ OldCertificateId: 7 }) },
  },
  DescribeTaskStatus: { good: {}, wrong: { InvalidParameter: change({ TaskId: 'nobodys' }) } },
  DescribeQuota: { good: {}, wrong: {} },
  DescribeLBListeners: {
    good: { Backends: [{ VpcId: 'vpc-1', PrivateIp: '10.0.0.1' }] },
    wrong: {
      InvalidParameter: change({ Backends: 'all' }),
      'InvalidParameterValue.Length': change({ Backends: [] }),
      MissingParameter: change({ Backends: undefined }),
    },
  },
});

const ofListeners = ({ id, tcp, http, rule }: World): Record<string, Asked> => ({
  CreateListener: {
    good: { LoadBalancerId: id, Ports: [8_000], Protocol: 'TCP' },
    wrong: {
      'InvalidParameter.PortCheckFailed': change({ Ports: [7_000] }),
      InvalidParameterValue: change({ Scheduler: 'FASTEST' }),
      'InvalidParameterValue.Length': change({ Ports: Array.from({ length: 50 }, (_, at) => 8_000 + at) }),
      LimitExceeded: { settings: { quotaListeners: 4 } },
      MissingParameter: change({ Protocol: 'HTTPS' }),
    },
  },
  DescribeListeners: {
    good: { LoadBalancerId: id },
    wrong: {
      InvalidParameterValue: change({ Protocol: 'SCTP' }),
      'InvalidParameterValue.Length': change({ ListenerIds: many(101) }),
    },
  },
  ModifyListener: {
    good: { LoadBalancerId: id, ListenerId: tcp },
    wrong: {
      InvalidParameterValue: change({ SniSwitch: 1 }),
      'InvalidParameterValue.Length': change({ ListenerName: long(81) }),
      MissingParameter: change({ HealthCheck: { CheckType: 'CUSTOM' } }),
    },
  },
  DeleteListener: { good: { LoadBalancerId: id, ListenerId: tcp }, wrong: {} },
  DeleteLoadBalancerListeners: {
    good: { LoadBalancerId: id, ListenerIds: [tcp] },
    wrong: {
      InvalidParameter: change({ ListenerIds: ['lbl-00000000'] }),
      'InvalidParameterValue.Length': change({ ListenerIds: many(21) }),
    },
  },
  CreateRule: {
    good: { LoadBalancerId: id, ListenerId: http, Rules: [{ Domain: 'b.example.com', Url: '/' }] },
    wrong: {
      InvalidParameterValue: change({ ListenerId: tcp }),
      'InvalidParameterValue.Length': change({ Rules: [] }),
      LimitExceeded: { settings: { quotaRules: 1 } },
      MissingParameter: change({ Rules: [{ Url: '/' }] }),
    },
  },
  ModifyRule: {
    good: { LoadBalancerId: id, ListenerId: http, LocationId: rule },
    wrong: {
      InvalidParameterValue: change({ Url: 'no-slash' }),
      'InvalidParameterValue.Length': change({ Url: long(201) }),
    },
  },
  ModifyDomain: {
    good: { LoadBalancerId: id, ListenerId: http, Domain: 'a.example.com', NewDomain: 'b.example.com' },
    wrong: {
      InvalidParameter: change({ Domain: 'c.example.com' }),
      InvalidParameterValue: change({ NewDomain: '_' }),
      'InvalidParameterValue.Length': change({ NewDomain: long(121) }),
    },
  },
  ModifyDomainAttributes: {
    good: { LoadBalancerId: id, ListenerId: http, Domain: 'a.example.com' },
    wrong: {
      InvalidParameterValue: change({ DefaultServer: false }),
      'InvalidParameterValue.Length': change({ NewDomains: [] }),
    },
  },
  DeleteRule: {
    good: { LoadBalancerId: id, ListenerId: http, LocationIds: [rule] },
    wrong: {
      InvalidParameter: change({ LocationIds: undefined }),
      InvalidParameterValue: change({ NewDefaultServerDomain: 'c.example.com' }),
      'InvalidParameterValue.Length': change({ LocationIds: [] }),
    },
  },
});

const ofTargets = ({ id, tcp, otherTcp, encrypted, http, ip }: World): Record<string, Asked> => {
  const target = { EniIp: ip, Port: 80 };
  const absent = { EniIp: ip, Port: 81 };
  const one = (Targets: unknown[], ListenerId = tcp) => ({ LoadBalancerId: id, ListenerId, Targets });
  const batch = (Target: object, ListenerId = tcp) => ({
    LoadBalancerId: id,
    Targets: [{ ListenerId, ...Target }],
  });
  const list = (Target: object, ListenerId = tcp) => ({
    LoadBalancerId: id,
    ModifyList: [{ ListenerId, Targets: [Target] }],
  });
  const inBatch = (targets: object) => ({
    'InvalidParameter.ListenerIdNotFound': change(batch(targets, 'lbl-00000000')),
    'InvalidParameter.LocationNotFound': change(batch({ ...targets, LocationId: 'loc-00000000' }, http)),
    'InvalidParameter.ProtocolCheckFailed': {
      change: batch(targets, encrypted),
      settings: { batchOnTcpSsl: 'refuse' },
    } as const,
    'InvalidParameterValue.Length': { settings: { maxBatchTargets: 0 } },
    MissingParameter: change(batch(targets, http)),
  });
  const inOne = {
    'InvalidParameterValue.Duplicate': change({ Targets: [target, target] }),
    'InvalidParameterValue.Length': change({ Targets: [] }),
    InvalidParameterValue: change({ Targets: [{ ...target, EniIp: 'pod' }] }),
  };
  const inList = {
    InvalidParameter: change(list(absent)),
    InvalidParameterValue: change(list({ ...target, EniIp: 'pod' })),
    'InvalidParameterValue.Length': change({ ModifyList: [] }),
  };
  return {
    RegisterTargets: {
      good: one([absent]),
      wrong: {
        ...inOne,
        InvalidParameter: change(one([target], otherTcp)),
        LimitExceeded: { settings: { quotaTargets: 1 } },
        MissingParameter: change(one([target], http)),
      },
    },
    DeregisterTargets: {
      good: one([target]),
      wrong: {
        ...inOne,
        InvalidParameter: change(one([absent])),
        MissingParameter: change(one([target], http)),
      },
    },
    ModifyTargetWeight: {
      good: one([target]),
      wrong: { ...inOne, InvalidParameter: change(one([target], http)) },
    },
    ModifyTargetPort: {
      good: { ...one([target]), NewPort: 82 },
      wrong: { ...inOne, InvalidParameter: change(one([target], http)) },
    },
    BatchRegisterTargets: {
      good: batch(absent),
      wrong: {
        ...inBatch(absent),
        'InvalidParameter.PortCheckFailed': change(batch(target, otherTcp)),
        InvalidParameterValue: change(batch({ ...absent, EniIp: 'pod' })),
        LimitExceeded: { settings: { quotaTargets: 1 } },
      },
    },
    BatchDeregisterTargets: {
      good: batch(target),
      wrong: {
        ...inBatch(target),
        InvalidParameter: change(batch({ ...target, EniIp: 'pod' })),
        'InvalidParameterValue.Duplicate': change({
          Targets: [...batch(target).Targets, ...batch(target).Targets],
        }),
        'InvalidParameterValue.Range': change(batch({ ...target, Port: 65_536 })),
      },
    },
    BatchModifyTargetWeight: { good: list(target), wrong: inList },
    BatchModifyTargetTag: { good: list(target), wrong: inList },
    DescribeTargets: {
      good: { LoadBalancerId: id },
      wrong: {
        InvalidParameter: change({ LoadBalancerId: 'lb-00000000' }),
        InvalidParameterValue: change({ Protocol: 'SCTP' }),
        'InvalidParameterValue.InvalidFilter': change({ Filters: [{ Name: 'colour', Values: ['blue'] }] }),
        'InvalidParameterValue.Length': change({ ListenerIds: many(21) }),
      },
    },
    DescribeTargetHealth: {
      good: { LoadBalancerIds: [id] },
      wrong: { 'InvalidParameterValue.Length': change({ LoadBalancerIds: many(31) }) },
    },
  };
};

/** A good request of every action, and one that is refused for each code that it can be refused with. */
export const requestsIn = (world: World): ReadonlyMap<string, Asked> =>
  new Map(Object.entries({ ...ofLoadBalancers(world), ...ofListeners(world), ...ofTargets(world) }));

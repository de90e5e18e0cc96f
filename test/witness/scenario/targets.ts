import type { Step } from './step.ts';

const lb = { LoadBalancerId: '<lb>' } as const;
const live = { EniIp: '<live>', Port: 8080 } as const;
const dead = { EniIp: '<dead>', Port: 8080 } as const;

const many = (length: number) =>
  Array.from({ length }, (_, at) => ({ ListenerId: '<second>', EniIp: '<live>', Port: 10_000 + at }));

/** Batches are not documented for listeners of this protocol, and known clients bind in batches only. */
const noBatch = { error: { code: 'InvalidParameter.ProtocolCheckFailed', message: 'TCP_SSL' } } as const;

/** Targets come, change their weight and go, in batches and one listener at a time; some live, some are dead. */
export const targets: readonly Step[] = [
  {
    name: 'a batch binds targets of a listener and of a rule',
    action: 'BatchRegisterTargets',
    parameters: {
      ...lb,
      Targets: [
        { ListenerId: '<tcp>', ...live },
        { ListenerId: '<tcp>', ...dead, Weight: 0 },
        { ListenerId: '<http>', LocationId: '<root>', ...live, Weight: 100 },
        { ListenerId: '<sni>', LocationId: '<secure>', ...live },
      ],
    },
    answer: { FailListenerIdSet: { $length: 0 } },
    capture: { batch: 'RequestId' },
  },
  {
    name: 'a batch was done when it was answered',
    action: 'DescribeTaskStatus',
    parameters: { TaskId: '<batch>' },
    answer: { Status: 0 },
  },
  {
    name: 'targets as they are described, by listener and by rule',
    action: 'DescribeTargets',
    parameters: { ...lb, ListenerIds: ['<tcp>', '<http>'] },
    answer: {
      Listeners: { $length: 2 },
      'Listeners.0.ListenerId': '<tcp>',
      'Listeners.0.Protocol': 'TCP',
      'Listeners.0.Port': 80,
      'Listeners.0.EndPort': 0,
      'Listeners.0.Rules': null,
      'Listeners.0.Targets': { $length: 2 },
      'Listeners.0.Targets.0.Type': 'ENI',
      'Listeners.0.Targets.0.Port': 8080,
      'Listeners.0.Targets.0.Weight': 10,
      'Listeners.0.Targets.0.PrivateIpAddresses': ['<live>'],
      'Listeners.0.Targets.0.PublicIpAddresses': null,
      'Listeners.0.Targets.0.RegisteredTime': { $match: '^[0-9]{4}-' },
      'Listeners.0.Targets.1.Weight': 0,
      'Listeners.1.Targets': null,
      'Listeners.1.Rules': { $length: 3 },
      'Listeners.1.Rules.0.LocationId': '<root>',
      'Listeners.1.Rules.0.Targets.0.Weight': 100,
      'Listeners.1.Rules.1.Targets': { $length: 0 },
    },
  },
  {
    name: 'only the rule that is asked for',
    action: 'DescribeTargets',
    parameters: { ...lb, Filters: [{ Name: 'location-id', Values: ['<root>'] }], ListenerIds: ['<http>'] },
    answer: { 'Listeners.0.Rules': { $length: 1 }, 'Listeners.0.Rules.0.Targets': { $length: 1 } },
  },
  {
    name: 'binding again what is bound is no error',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tcp>', ...live }] },
    answer: { FailListenerIdSet: { $length: 0 } },
  },
  {
    name: 'a target that is bound already is bound alone',
    action: 'RegisterTargets',
    parameters: { ...lb, ListenerId: '<tcp>', Targets: [live] },
    task: true,
    strict: { error: { code: 'InvalidParameter', message: 'bound' } },
  },
  {
    name: 'a batch binds a target of a TCP_SSL listener',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tls>', ...live }] },
    answer: { FailListenerIdSet: { $length: 0 } },
    strict: noBatch,
  },
  {
    name: 'a batch that fails for one listener says for which, and why',
    action: 'BatchRegisterTargets',
    parameters: {
      ...lb,
      Targets: [
        { ListenerId: '<second>', EniIp: '<live>', Port: 9999 },
        { ListenerId: '<http>', LocationId: '<other>', ...live },
      ],
    },
    answer: { FailListenerIdSet: ['<second>'], Message: 'The backend is doomed.' },
  },
  {
    name: 'what did not fail of it is bound',
    action: 'DescribeTargets',
    parameters: { ...lb, ListenerIds: ['<second>', '<http>'] },
    answer: { 'Listeners.0.Targets': { $length: 0 }, 'Listeners.1.Rules.2.Targets': { $length: 1 } },
  },
  {
    name: 'weights of a listener and of a rule change in one call',
    action: 'BatchModifyTargetWeight',
    parameters: {
      ...lb,
      ModifyList: [
        { ListenerId: '<tcp>', Targets: [{ ...dead, Weight: 20 }] },
        { ListenerId: '<http>', LocationId: '<root>', Targets: [live], Weight: 0 },
      ],
    },
    task: true,
  },
  {
    name: 'the weights are seen',
    action: 'DescribeTargets',
    parameters: { ...lb, ListenerIds: ['<tcp>', '<http>'] },
    answer: { 'Listeners.0.Targets.1.Weight': 20, 'Listeners.1.Rules.0.Targets.0.Weight': 0 },
  },
  {
    name: 'who answers is found alive, who does not is found dead',
    action: 'DescribeTargetHealth',
    parameters: { LoadBalancerIds: ['<lb>'], ListenerIds: ['<tcp>'] },
    answer: {
      LoadBalancers: { $length: 1 },
      'LoadBalancers.0.LoadBalancerId': '<lb>',
      'LoadBalancers.0.Listeners': { $length: 1 },
      'LoadBalancers.0.Listeners.0.ListenerName': 'changed',
      'LoadBalancers.0.Listeners.0.Protocol': 'TCP',
      'LoadBalancers.0.Listeners.0.Rules': { $length: 1 },
      'LoadBalancers.0.Listeners.0.Rules.0.Domain': null,
      'LoadBalancers.0.Listeners.0.Rules.0.LocationId': { $match: '^loc-' },
      'LoadBalancers.0.Listeners.0.Rules.0.Targets.0.IP': '<live>',
      'LoadBalancers.0.Listeners.0.Rules.0.Targets.0.Port': 8080,
      'LoadBalancers.0.Listeners.0.Rules.0.Targets.0.HealthStatus': true,
      'LoadBalancers.0.Listeners.0.Rules.0.Targets.0.HealthStatusDetail': 'Alive',
      'LoadBalancers.0.Listeners.0.Rules.0.Targets.1.HealthStatus': false,
      'LoadBalancers.0.Listeners.0.Rules.0.Targets.1.HealthStatusDetail': 'Dead',
    },
    until: true,
  },
  {
    name: 'a target whose weight is 0 is probed all the same',
    action: 'DescribeTargetHealth',
    parameters: { LoadBalancerIds: ['<lb>'], LocationIds: ['<root>'] },
    answer: {
      'LoadBalancers.0.Listeners': { $length: 1 },
      'LoadBalancers.0.Listeners.0.Rules.0.LocationId': '<root>',
      'LoadBalancers.0.Listeners.0.Rules.0.Domain': 'a.example.com',
      'LoadBalancers.0.Listeners.0.Rules.0.Url': '/',
      'LoadBalancers.0.Listeners.0.Rules.0.Targets.0.HealthStatusDetail': 'Alive',
    },
    until: true,
  },
  {
    name: 'the health of all listeners at once',
    action: 'DescribeTargetHealth',
    parameters: { LoadBalancerIds: ['<lb>'] },
    answer: { LoadBalancers: { $length: 1 }, 'LoadBalancers.0.Listeners': { $length: 7 } },
  },
  {
    name: 'a target of one listener is bound',
    action: 'RegisterTargets',
    parameters: { ...lb, ListenerId: '<second>', Targets: [{ EniIp: '<live>', Port: 8081, Weight: 7 }] },
    task: true,
  },
  {
    name: 'a target of one rule is bound, found by its domain and URL',
    action: 'RegisterTargets',
    parameters: { ...lb, ListenerId: '<http>', Domain: 'a.example.com', Url: '/v2', Targets: [live] },
    task: true,
  },
  {
    name: 'the weight of one listener’s target changes',
    action: 'ModifyTargetWeight',
    parameters: { ...lb, ListenerId: '<second>', Targets: [{ EniIp: '<live>', Port: 8081 }], Weight: 9 },
    task: true,
  },
  {
    name: 'both are seen',
    action: 'DescribeTargets',
    parameters: { ...lb, ListenerIds: ['<second>', '<http>'] },
    answer: { 'Listeners.0.Targets.0.Weight': 9, 'Listeners.1.Rules.1.Targets': { $length: 1 } },
  },
  {
    name: 'a target of one listener is unbound',
    action: 'DeregisterTargets',
    parameters: { ...lb, ListenerId: '<second>', Targets: [{ EniIp: '<live>', Port: 8081 }] },
    task: true,
  },
  {
    name: 'what is not bound cannot be unbound',
    action: 'DeregisterTargets',
    parameters: { ...lb, ListenerId: '<second>', Targets: [{ EniIp: '<live>', Port: 8081 }] },
    error: { code: 'InvalidParameter' },
  },
  {
    name: 'no target twice in one call',
    action: 'RegisterTargets',
    parameters: { ...lb, ListenerId: '<second>', Targets: [live, live] },
    error: { code: 'InvalidParameterValue.Duplicate' },
  },
  {
    name: 'no target twice in one batch',
    action: 'BatchRegisterTargets',
    parameters: {
      ...lb,
      Targets: [1, 2].map(() => ({ ListenerId: '<second>', EniIp: '<live>', Port: 8081 })),
    },
    error: { code: 'InvalidParameterValue' },
    strict: { error: { code: 'InvalidParameter' } },
  },
  {
    name: 'a batch of nothing',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [] },
    raw: true,
    error: { code: 'InvalidParameterValue.Length', message: 'Targets' },
    strict: { error: { code: 'MissingParameter', message: 'Targets' } },
  },
  {
    name: 'no target of two listeners of one protocol',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<second>', ...live }] },
    error: { code: 'InvalidParameter.PortCheckFailed', message: 'globally unique' },
    strict: { error: { code: 'FailedOperation', message: 'globally unique' } },
  },
  {
    name: 'more targets than the quota allows',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: many(101) },
    error: { code: 'LimitExceeded' },
    strict: { parameters: { ...lb, Targets: many(51) }, error: { code: 'LimitExceeded' } },
  },
  {
    name: 'more than twenty targets of one listener in one call',
    action: 'RegisterTargets',
    parameters: {
      ...lb,
      ListenerId: '<second>',
      Targets: Array.from({ length: 21 }, (_, at) => ({ EniIp: '<live>', Port: 10_000 + at })),
    },
    error: { code: 'InvalidParameterValue.Length', message: '^Length of \\.Targets should be less than 21$' },
  },
];

/** Everything below the load balancer goes again. */
export const clearing: readonly Step[] = [
  {
    name: 'a batch unbinds',
    action: 'BatchDeregisterTargets',
    parameters: {
      ...lb,
      Targets: [
        { ListenerId: '<tcp>', ...live },
        { ListenerId: '<tcp>', ...dead },
        { ListenerId: '<http>', LocationId: '<root>', ...live },
      ],
    },
    answer: { FailListenerIdSet: { $length: 0 } },
  },
  {
    name: 'a batch unbinds the target of the TCP_SSL listener',
    action: 'BatchDeregisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tls>', ...live }] },
    answer: { FailListenerIdSet: { $length: 0 } },
    strict: noBatch,
  },
  {
    name: 'nothing of it is bound',
    action: 'DescribeTargets',
    parameters: { ...lb, ListenerIds: ['<tcp>', '<http>'] },
    answer: { 'Listeners.0.Targets': { $length: 0 }, 'Listeners.1.Rules.0.Targets': { $length: 0 } },
  },
  {
    name: 'a rule goes by its id',
    action: 'DeleteRule',
    parameters: { ...lb, ListenerId: '<http>', LocationIds: ['<api>'] },
    task: true,
  },
  {
    name: 'a rule goes by its domain',
    action: 'DeleteRule',
    parameters: { ...lb, ListenerId: '<http>', Domain: 'c.example.com' },
    task: true,
  },
  {
    name: 'the last domain is the default one',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<http>'] },
    answer: {
      'Listeners.0.Rules': { $length: 1 },
      'Listeners.0.Rules.0.LocationId': '<root>',
      'Listeners.0.Rules.0.DefaultServer': true,
    },
  },
  {
    name: 'a listener goes',
    action: 'DeleteListener',
    parameters: { ...lb, ListenerId: '<second>' },
    task: true,
  },
  {
    name: 'of several listeners none goes when one of them is unknown',
    action: 'DeleteLoadBalancerListeners',
    parameters: { ...lb, ListenerIds: ['<udp>', 'lbl-00000000'] },
    error: { code: 'InvalidParameter', message: 'some ListenerId .*lbl-00000000.* not found' },
  },
  {
    name: 'several listeners go in one call',
    action: 'DeleteLoadBalancerListeners',
    parameters: { ...lb, ListenerIds: ['<udp>', '<http>', '<sni>'] },
    task: true,
  },
  {
    name: 'the others are there',
    action: 'DescribeListeners',
    parameters: lb,
    answer: { TotalCount: 3, Listeners: { $length: 3 } },
  },
];

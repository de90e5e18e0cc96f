import type { Step } from './step.ts';

const lb = { LoadBalancerId: '<lb>' } as const;
const tcp = { ...lb, ListenerIds: ['<tcp>'] } as const;
const nowhere = { EniIp: '<dead>', Port: 9 } as const;

const moved = (from: number, to: number) => ({
  ...lb,
  ListenerId: '<tcp>',
  Targets: [{ EniIp: '<dead>', Port: from }],
  NewPort: to,
});

/** Targets are marked, moved to another port, and found by their address. */
const marked: readonly Step[] = [
  {
    name: 'targets of a listener and of a rule are marked in one call',
    action: 'BatchModifyTargetTag',
    parameters: {
      ...lb,
      ModifyList: [
        { ListenerId: '<tcp>', Targets: [{ EniIp: '<dead>', Port: 8080, Tag: 'second' }] },
        {
          ListenerId: '<http>',
          LocationId: '<root>',
          Targets: [{ EniIp: '<live>', Port: 8080 }],
          Tag: 'first',
        },
      ],
    },
  },
  {
    name: 'a target goes to another port',
    action: 'ModifyTargetPort',
    parameters: moved(8080, 8088),
    task: true,
  },
  {
    name: 'it keeps its weight and its mark',
    action: 'DescribeTargets',
    parameters: { ...lb, ListenerIds: ['<tcp>', '<http>'] },
    answer: {
      'Listeners.0.Targets': { $length: 2 },
      'Listeners.0.Targets.0.Tag': '',
      'Listeners.0.Targets.1.PrivateIpAddresses': ['<dead>'],
      'Listeners.0.Targets.1.Port': 8088,
      'Listeners.0.Targets.1.Weight': 20,
      'Listeners.0.Targets.1.Tag': 'second',
      'Listeners.1.Rules.0.Targets.0.Tag': 'first',
    },
  },
  {
    name: 'where an address is bound',
    action: 'DescribeLBListeners',
    parameters: { Backends: [{ VpcId: '<vpc>', PrivateIp: '<dead>' }] },
    answer: {
      LoadBalancers: { $length: 1 },
      'LoadBalancers.0.LoadBalancerId': '<lb>',
      'LoadBalancers.0.Listeners': { $length: 1 },
      'LoadBalancers.0.Listeners.0.ListenerId': '<tcp>',
      'LoadBalancers.0.Listeners.0.Protocol': 'TCP',
      'LoadBalancers.0.Listeners.0.Rules': null,
      'LoadBalancers.0.Listeners.0.Targets': { $length: 1 },
      'LoadBalancers.0.Listeners.0.Targets.0.Type': 'eni',
      'LoadBalancers.0.Listeners.0.Targets.0.PrivateIp': '<dead>',
      'LoadBalancers.0.Listeners.0.Targets.0.Port': 8088,
      'LoadBalancers.0.Listeners.0.Targets.0.Weight': 20,
    },
  },
  {
    name: 'an address of another network is bound nowhere',
    action: 'DescribeLBListeners',
    parameters: { Backends: [{ VpcId: 'vpc-00000000', PrivateIp: '<dead>' }] },
    answer: { LoadBalancers: { $length: 0 } },
  },
  {
    name: 'the target goes back to its port',
    action: 'ModifyTargetPort',
    parameters: moved(8088, 8080),
    task: true,
  },
  {
    name: 'what is not bound has no other port',
    action: 'ModifyTargetPort',
    parameters: moved(8088, 8080),
    error: { code: 'InvalidParameter' },
  },
  {
    name: 'what is not bound cannot be marked',
    action: 'BatchModifyTargetTag',
    parameters: { ...lb, ModifyList: [{ ListenerId: '<tcp>', Targets: [nowhere], Tag: 'third' }] },
    error: { code: 'InvalidParameter' },
  },
];

const groups = (name: string, SecureGroups: readonly string[]): Step => ({
  name,
  action: 'DescribeLoadBalancers',
  parameters: { LoadBalancerIds: ['<lb>'] },
  answer: {
    'LoadBalancerSet.0.SecureGroups': SecureGroups.length === 0 ? { $length: 0 } : SecureGroups,
  },
});

const group = (OperationType: 'ADD' | 'DEL', SecurityGroup: string) => ({
  SecurityGroup,
  OperationType,
  LoadBalancerIds: ['<lb>'],
});

/** Who may come to the load balancer, and which of its listeners is at work. */
const guarded: readonly Step[] = [
  {
    name: 'a load balancer gets security groups',
    action: 'SetLoadBalancerSecurityGroups',
    parameters: { ...lb, SecurityGroups: ['sg-aaaaaaaa', 'sg-bbbbbbbb'] },
  },
  {
    name: 'it gets one more',
    action: 'SetSecurityGroupForLoadbalancers',
    parameters: group('ADD', 'sg-cccccccc'),
  },
  {
    name: 'it loses one',
    action: 'SetSecurityGroupForLoadbalancers',
    parameters: group('DEL', 'sg-aaaaaaaa'),
  },
  groups('the other two are left', ['sg-bbbbbbbb', 'sg-cccccccc']),
  {
    name: 'it loses all of them',
    action: 'SetLoadBalancerSecurityGroups',
    parameters: { ...lb, SecurityGroups: [] },
    raw: true,
  },
  groups('none is left', []),
  {
    name: 'a listener stops',
    action: 'SetLoadBalancerStartStatus',
    parameters: { ...tcp, OperationType: 'Stop' },
    task: true,
  },
  {
    name: 'what is stopped keeps its targets',
    action: 'DescribeTargets',
    parameters: tcp,
    answer: { 'Listeners.0.Targets': { $length: 2 } },
  },
  {
    name: 'it starts again',
    action: 'SetLoadBalancerStartStatus',
    parameters: { ...tcp, OperationType: 'Start' },
    task: true,
  },
  {
    name: 'a listener that is not there does not stop',
    action: 'SetLoadBalancerStartStatus',
    parameters: { ...lb, ListenerIds: ['lbl-00000000'], OperationType: 'Stop' },
    error: { code: 'InvalidParameter.ListenerIdNotFound' },
  },
];

/** What fewer programs call. */
export const seldom: readonly Step[] = [...marked, ...guarded];

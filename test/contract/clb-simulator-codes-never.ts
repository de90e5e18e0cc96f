interface NeverGiven {
  readonly code: string;
  readonly of: 'all' | readonly string[];
  readonly why: string;
}

/** Documented codes that the simulator gives for nothing that a client asks for; docs/clb-simulator.md tells them. */
export const neverGiven: readonly NeverGiven[] = [
  { code: 'InternalError', of: 'all', why: 'only a fault gives it' },
  {
    code: 'InvalidParameter.RegionNotFound',
    of: 'all',
    why: 'the gateway refuses a region before the action sees it',
  },
  {
    code: 'FailedOperation',
    of: [
      'CreateLoadBalancer',
      'DescribeLoadBalancers',
      'DescribeLoadBalancersDetail',
      'DescribeListeners',
      'DescribeTargets',
      'DescribeTargetHealth',
      'DescribeTaskStatus',
      'DescribeLBListeners',
    ],
    why: 'no state of anything stands in their way',
  },
  { code: 'FailedOperation.TrafficCheckRisk', of: ['DeleteLoadBalancer'], why: 'no peak of traffic is kept' },
  { code: 'FailedOperation.EipTrafficCheckRisk', of: ['DeleteLoadBalancer'], why: 'EIPs are not simulated' },
  {
    code: 'UnsupportedOperation',
    of: ['DescribeLoadBalancers', 'DescribeTargets', 'DescribeTargetHealth', 'DescribeQuota'],
    why: 'what is classic is not simulated',
  },
  {
    code: 'ResourceInsufficient',
    of: [
      'DeleteLoadBalancer',
      'ModifyLoadBalancerAttributes',
      'CreateListener',
      'CreateRule',
      'RegisterTargets',
      'BatchDeregisterTargets',
    ],
    why: 'the only stock is that of addresses for load balancers',
  },
  {
    code: 'LimitExceeded',
    of: [
      'DeleteLoadBalancer',
      'ModifyLoadBalancerAttributes',
      'ModifyDomainAttributes',
      'BatchDeregisterTargets',
      'SetLoadBalancerSecurityGroups',
      'DescribeLBListeners',
    ],
    why: 'no quota is documented that they could exceed',
  },
  {
    code: 'InvalidParameter.FormatError',
    of: [
      'CreateLoadBalancer',
      'DescribeLoadBalancers',
      'DescribeLoadBalancersDetail',
      'ReplaceCertForLoadBalancers',
      'DescribeLBListeners',
      'DescribeQuota',
    ],
    why: 'they must name nothing whose form is looked at',
  },
  { code: 'InvalidParameter.LBIdNotFound', of: ['DescribeLBListeners'], why: 'it names no load balancer' },
  { code: 'InvalidParameter.ListenerIdNotFound', of: ['DescribeLBListeners'], why: 'it names no listener' },
  { code: 'InvalidParameter.PortCheckFailed', of: ['BatchDeregisterTargets'], why: 'it binds nothing' },
  { code: 'InvalidParameterValue.InvalidFilter', of: ['DescribeListeners'], why: 'it has no filters' },
  {
    code: 'InvalidParameterValue.Duplicate',
    of: ['ModifyLoadBalancerAttributes'],
    why: 'it has no list of which a member could be there twice',
  },
  {
    code: 'InvalidParameterValue.Length',
    of: ['DescribeLoadBalancersDetail', 'DeleteListener', 'ReplaceCertForLoadBalancers'],
    why: 'no length of their parameters is documented',
  },
];

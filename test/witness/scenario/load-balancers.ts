import type { Step } from './step.ts';

const creation = {
  LoadBalancerType: 'OPEN',
  LoadBalancerName: 'witness-<run>',
  ClientToken: 'token-<run>',
  Tags: [{ TagKey: 'witness', TagValue: '<run>' }],
} as const;

const tagged = { Filters: [{ Name: 'tag:witness', Values: ['<run>'] }] };

const quotas = {
  'QuotaSet.0.QuotaId': 'TOTAL_OPEN_CLB_QUOTA',
  'QuotaSet.0.QuotaCurrent': 1,
  'QuotaSet.0.QuotaLimit': 100,
  'QuotaSet.2.QuotaId': 'TOTAL_LISTENER_QUOTA',
  'QuotaSet.2.QuotaCurrent': null,
  'QuotaSet.4.QuotaId': 'TOTAL_TARGET_BIND_QUOTA',
} as const;

/** A load balancer comes to be, once, and is found. */
export const birth: readonly Step[] = [
  {
    name: 'the account begins empty',
    action: 'DescribeLoadBalancers',
    answer: { TotalCount: 0, LoadBalancerSet: { $length: 0 } },
  },
  {
    name: 'a load balancer is created',
    action: 'CreateLoadBalancer',
    parameters: creation,
    answer: { LoadBalancerIds: [{ $match: '^lb-[0-9a-z]{8}$' }] },
    capture: { lb: 'LoadBalancerIds.0', creation: 'RequestId' },
    task: true,
  },
  {
    name: 'its ClientToken, said again, creates no second one',
    action: 'CreateLoadBalancer',
    parameters: creation,
    answer: { LoadBalancerIds: ['<lb>'] },
    task: true,
  },
  {
    name: 'the task of its creation names it',
    action: 'DescribeTaskStatus',
    parameters: { TaskId: '<creation>' },
    answer: { Status: 0, LoadBalancerIds: ['<lb>'] },
  },
  {
    name: 'it is described by its id',
    action: 'DescribeLoadBalancers',
    parameters: { LoadBalancerIds: ['<lb>'] },
    answer: {
      TotalCount: 1,
      'LoadBalancerSet.0.LoadBalancerId': '<lb>',
      'LoadBalancerSet.0.LoadBalancerName': 'witness-<run>',
      'LoadBalancerSet.0.LoadBalancerType': 'OPEN',
      'LoadBalancerSet.0.Forward': 1,
      'LoadBalancerSet.0.Domain': '',
      'LoadBalancerSet.0.LoadBalancerVips': [{ $match: '^[0-9]+(\\.[0-9]+){3}$' }],
      'LoadBalancerSet.0.Status': 1,
      'LoadBalancerSet.0.CreateTime': { $match: '^[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}$' },
      'LoadBalancerSet.0.VpcId': '<vpc>',
      'LoadBalancerSet.0.AddressIPVersion': 'ipv4',
      'LoadBalancerSet.0.AddressIPv6': null,
      'LoadBalancerSet.0.PrepaidAttributes': null,
      'LoadBalancerSet.0.ChargeType': 'POSTPAID_BY_HOUR',
      'LoadBalancerSet.0.NetworkAttributes.InternetMaxBandwidthOut': 10,
      'LoadBalancerSet.0.Tags.0.TagKey': 'witness',
      'LoadBalancerSet.0.Tags.0.TagValue': '<run>',
    },
  },
  {
    name: 'it is found by its tag, and counted whole on an empty page',
    action: 'DescribeLoadBalancers',
    parameters: { ...tagged, Offset: 1, Limit: 1 },
    answer: { TotalCount: 1, LoadBalancerSet: { $length: 0 } },
  },
  {
    name: 'an id that nobody has is absent, not an error',
    action: 'DescribeLoadBalancers',
    parameters: { LoadBalancerIds: ['lb-00000000'] },
    answer: { TotalCount: 0, LoadBalancerSet: { $length: 0 } },
  },
  {
    name: 'quotas of the account',
    action: 'DescribeQuota',
    answer: { ...quotas, 'QuotaSet.4.QuotaLimit': 100 },
    strict: { answer: { ...quotas, 'QuotaSet.4.QuotaLimit': 50 } },
  },
];

/** It changes, and is kept from being deleted. */
export const protection: readonly Step[] = [
  {
    name: 'its name and its protection change',
    action: 'ModifyLoadBalancerAttributes',
    parameters: { LoadBalancerId: '<lb>', LoadBalancerName: 'renamed-<run>', DeleteProtect: true },
    task: true,
  },
  {
    name: 'the change is seen',
    action: 'DescribeLoadBalancers',
    parameters: { LoadBalancerName: 'renamed-<run>' },
    answer: { TotalCount: 1, 'LoadBalancerSet.0.AttributeFlags': ['DeleteProtect'] },
  },
  {
    name: 'what is protected is not deleted',
    action: 'DeleteLoadBalancer',
    parameters: { LoadBalancerIds: ['<lb>'] },
    error: { code: 'FailedOperation' },
  },
  {
    name: 'the protection goes',
    action: 'ModifyLoadBalancerAttributes',
    parameters: { LoadBalancerId: '<lb>', DeleteProtect: false },
    task: true,
  },
];

/** It goes, and nothing is left. */
export const death: readonly Step[] = [
  {
    name: 'the load balancer is deleted',
    action: 'DeleteLoadBalancer',
    parameters: { LoadBalancerIds: ['<lb>'] },
    task: true,
  },
  {
    name: 'nothing is left of the account',
    action: 'DescribeLoadBalancers',
    answer: { TotalCount: 0, LoadBalancerSet: { $length: 0 } },
  },
  {
    name: 'nothing is left to be read of it',
    action: 'DescribeListeners',
    parameters: { LoadBalancerId: '<lb>' },
    error: { code: 'InvalidParameter.LBIdNotFound', message: 'not exist' },
  },
  {
    name: 'it is not deleted twice',
    action: 'DeleteLoadBalancer',
    parameters: { LoadBalancerIds: ['<lb>'] },
    error: { code: 'InvalidParameter.LBIdNotFound' },
  },
];

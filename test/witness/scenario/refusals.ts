import type { Step } from './step.ts';

const lb = { LoadBalancerId: '<lb>' } as const;
const nobody = { LoadBalancerId: 'lb-00000000' } as const;

const locked = 'is not in normal desState|^Your task is working \\([A-Za-z0-9]+\\)\\.';

/** What the gateway refuses before an action sees it. */
const gateway: readonly Step[] = [
  {
    name: 'a key that nobody has',
    action: 'DescribeLoadBalancers',
    as: 'unknown',
    error: {
      code: 'AuthFailure.SecretIdNotFound',
      message: '^The SecretId is not found, please ensure that your SecretId is correct\\.$',
    },
  },
  {
    name: 'a signature by another key',
    action: 'DescribeLoadBalancers',
    as: 'forged',
    error: {
      code: 'AuthFailure.SignatureFailure',
      message:
        '^The provided credentials could not be validated\\. Please check your signature is correct\\.$',
    },
  },
  {
    name: 'temporary keys with their token',
    action: 'DescribeLoadBalancers',
    as: 'temporary',
    answer: { TotalCount: 1 },
  },
  {
    name: 'temporary keys with another token',
    action: 'DescribeLoadBalancers',
    as: 'stolen',
    error: { code: 'AuthFailure.TokenFailure', message: '.' },
    strict: { error: { code: 'AuthFailure.TokenFailure', message: '^$' } },
  },
  {
    name: 'temporary keys whose time is over',
    action: 'DescribeLoadBalancers',
    as: 'expired',
    error: { code: 'AuthFailure.TokenFailure', message: '.' },
    strict: { error: { code: 'AuthFailure.TokenFailure', message: '^$' } },
  },
  {
    name: 'what a key is not allowed to',
    action: 'DeleteLoadBalancer',
    parameters: { LoadBalancerIds: ['<lb>'] },
    as: 'reader',
    error: {
      code: 'UnauthorizedOperation',
      message:
        '^\\[request id:[0-9a-f-]{36}\\]you are not authorized to perform operation \\(clb:DeleteLoadBalancer\\)',
    },
  },
  {
    name: 'a region that there is not',
    action: 'DescribeLoadBalancers',
    as: 'nowhere',
    error: {
      code: 'InvalidParameterValue',
      message: '^A value specified in `X-TC-Region` is not valid, is unsupported, or cannot be used\\.$',
    },
  },
  {
    name: 'another region has load balancers of its own',
    action: 'DescribeLoadBalancers',
    as: 'elsewhere',
    answer: { TotalCount: 0 },
  },
  {
    name: 'an action that there is not',
    action: 'DescribeNothing',
    raw: true,
    error: {
      code: 'InvalidAction',
      message:
        '^The request action=`DescribeNothing` is invalid or not found in service=`clb` and version=`2018-03-17`\\.$',
    },
  },
  {
    name: 'a parameter that there is not',
    action: 'DescribeLoadBalancers',
    parameters: { Colour: 'blue' },
    raw: true,
    error: { code: 'UnknownParameter', message: '^The parameter `Colour` is not recognized\\.$' },
  },
  {
    name: 'a parameter that there is not, further in',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tcp>', EniIp: '<live>', Port: 1, Colour: 'blue' }] },
    raw: true,
    error: { code: 'UnknownParameter', message: '`Targets\\.0\\.Colour`' },
  },
  {
    name: 'a parameter that is missing',
    action: 'DescribeListeners',
    error: {
      code: 'MissingParameter',
      message: '^The request is missing a required parameter `LoadBalancerId`\\.$',
    },
  },
  {
    name: 'a number as a string',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tcp>', EniIp: '<live>', Port: '80' }] },
    raw: true,
    error: {
      code: 'InvalidParameter',
      message: '^The value type of parameter `Targets\\.0\\.Port` is not valid',
    },
  },
  {
    name: 'a number where a string belongs',
    action: 'DescribeListeners',
    parameters: { LoadBalancerId: 7 },
    raw: true,
    error: { code: 'InvalidParameter', message: 'input type should be `string`' },
  },
  {
    name: 'an empty list of filters',
    action: 'DescribeLoadBalancers',
    parameters: { Filters: [] },
    raw: true,
    error: {
      code: 'InvalidParameterValue',
      message: '^The value `\\[\\]` specified in the parameter `Filters` is not valid\\.$',
    },
  },
  {
    name: 'a filter that there is not',
    action: 'DescribeLoadBalancers',
    parameters: { Filters: [{ Name: 'colour', Values: ['blue'] }] },
    error: { code: 'InvalidParameterValue.InvalidFilter' },
  },
  {
    name: 'too many ids in one call',
    action: 'DescribeLoadBalancers',
    parameters: {
      LoadBalancerIds: Array.from({ length: 21 }, (_, at) => `lb-${String(at).padStart(8, '0')}`),
    },
    error: { code: 'InvalidParameterValue.Length', message: 'LoadBalancerIds' },
  },
  {
    name: 'a page that is too long',
    action: 'DescribeLoadBalancers',
    parameters: { Limit: 101 },
    error: { code: 'InvalidParameterValue.Range' },
  },
];

/** What an action refuses: things that are not there, and values that it does not take. */
const action: readonly Step[] = [
  {
    name: 'a load balancer that is not there, read',
    action: 'DescribeTargets',
    parameters: nobody,
    error: { code: 'InvalidParameter', message: '^Invalid LoadBalancerId, LoadBalancerId: lb-00000000' },
  },
  {
    name: 'a load balancer that is not there, its health',
    action: 'DescribeTargetHealth',
    parameters: { LoadBalancerIds: ['lb-00000000'] },
    error: { code: 'InvalidParameter.LBIdNotFound' },
  },
  {
    name: 'a load balancer that is not there, written to',
    action: 'CreateListener',
    parameters: { ...nobody, Ports: [80], Protocol: 'TCP' },
    error: { code: 'InvalidParameter', message: '^Invalid LoadBalancerId, LoadBalancerId: lb-00000000' },
  },
  {
    name: 'a listener that is not there, in a batch',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: 'lbl-00000000', EniIp: '<live>', Port: 80 }] },
    error: { code: 'InvalidParameter.ListenerIdNotFound' },
  },
  {
    name: 'a rule that is not there, in a batch',
    action: 'BatchDeregisterTargets',
    parameters: {
      ...lb,
      Targets: [{ ListenerId: '<http>', LocationId: 'loc-00000000', EniIp: '<live>', Port: 80 }],
    },
    error: { code: 'InvalidParameter.LocationNotFound' },
  },
  {
    name: 'a listener that is not there, changed',
    action: 'ModifyListener',
    parameters: { ...lb, ListenerId: 'lbl-00000000', ListenerName: 'x' },
    error: { code: 'InvalidParameter' },
  },
  {
    name: 'a rule’s target without its rule',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<http>', EniIp: '<live>', Port: 80 }] },
    error: { code: 'MissingParameter', message: 'Targets\\.0\\.LocationId' },
  },
  {
    name: 'an address outside the network',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tcp>', EniIp: '192.0.2.1', Port: 80 }] },
    error: { code: 'InvalidParameterValue', message: '192\\.0\\.2\\.1' },
  },
  {
    name: 'an instance that is not there',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tcp>', InstanceId: 'ins-00000000', Port: 80 }] },
    error: { code: 'InvalidParameterValue', message: 'ins-00000000' },
  },
  {
    name: 'a weight over 100',
    action: 'BatchModifyTargetWeight',
    parameters: {
      ...lb,
      ModifyList: [{ ListenerId: '<tcp>', Targets: [{ EniIp: '<live>', Port: 8080, Weight: 101 }] }],
    },
    error: { code: 'InvalidParameterValue', message: 'Weight' },
  },
  {
    name: 'a port over 65535',
    action: 'CreateListener',
    parameters: { ...lb, Ports: [65_536], Protocol: 'TCP' },
    error: { code: 'InvalidParameterValue', message: 'Ports\\.0' },
  },
  {
    name: 'a task that is not there',
    action: 'DescribeTaskStatus',
    parameters: { TaskId: '00000000-0000-4000-8000-000000000000' },
    error: { code: 'InvalidParameter' },
  },
  {
    name: 'a write that is accepted, and fails',
    action: 'ModifyListener',
    parameters: { ...lb, ListenerId: '<udp>', ListenerName: 'doomed' },
    capture: { failure: 'RequestId' },
  },
  {
    name: 'its task says why',
    action: 'DescribeTaskStatus',
    parameters: { TaskId: '<failure>' },
    answer: { Status: 1, Message: 'The listener is doomed.' },
    until: true,
  },
  {
    name: 'nothing came of it',
    action: 'DescribeListeners',
    parameters: { ...lb, ListenerIds: ['<udp>'] },
    answer: { 'Listeners.0.ListenerName': 'udp' },
  },
  {
    name: 'an error of the API itself',
    action: 'DescribeLoadBalancers',
    parameters: { SearchKey: 'doomed' },
    error: { code: 'InternalError', message: '^An internal error has occurred\\.' },
  },
  {
    name: 'no task is named',
    action: 'DescribeTaskStatus',
    error: { code: 'InvalidParameter', message: 'TaskId' },
  },
];

/** What the same call is refused for at another moment. */
const moments: readonly Step[] = [
  {
    name: 'the twenty-first call within a second',
    action: 'DescribeQuota',
    repeat: 2_000,
    error: {
      code: 'RequestLimitExceeded',
      message:
        '^Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second\\. Please reduce the frequency of calls\\.$',
    },
  },
  {
    name: 'a second write while the first one is under way',
    action: 'ModifyListener',
    parameters: { ...lb, ListenerId: '<udp>', ListenerName: 'busy' },
    repeat: 20,
    error: { code: 'FailedOperation.ResourceInOperating', message: locked },
    strict: { error: { code: 'FailedOperation', message: locked } },
  },
];

/** Where the lock stays for a while after the answer of what took it. */
export const tails: readonly Step[] = [
  {
    name: 'a batch right after another one',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tcp>', EniIp: '<live>', Port: 8080 }] },
    repeat: 20,
    error: { code: 'FailedOperation', message: locked },
  },
  {
    name: 'the same is accepted in the end',
    action: 'BatchRegisterTargets',
    parameters: { ...lb, Targets: [{ ListenerId: '<tcp>', EniIp: '<live>', Port: 8080 }] },
    answer: { FailListenerIdSet: { $length: 0 } },
  },
];

/** Each class of refusal. */
export const refusals: readonly Step[] = [...gateway, ...action, ...moments];

/**
 * The error codes that each action's page lists, as Tencent's SDK for Go repeats them above each method. `.Name` is a
 * code of its own under the one before it: `InvalidParameter .FormatError` are `InvalidParameter` and
 * `InvalidParameter.FormatError`.
 */
const pages = {
  CreateLoadBalancer:
    'FailedOperation InternalError InvalidParameter .ClientTokenLimitExceeded .FormatError InvalidParameterValue .Length .Range LimitExceeded MissingParameter ResourceInsufficient UnauthorizedOperation UnsupportedOperation',
  DescribeLoadBalancers:
    'FailedOperation InternalError InvalidParameter .FormatError .RegionNotFound InvalidParameterValue .InvalidFilter .Length .Range UnauthorizedOperation UnsupportedOperation',
  DescribeLoadBalancersDetail:
    'FailedOperation InternalError InvalidParameter .FormatError InvalidParameterValue .InvalidFilter .Length .Range UnauthorizedOperation',
  DeleteLoadBalancer:
    'FailedOperation .EipTrafficCheckRisk .FrequencyCheckRisk .TargetNumCheckRisk .TrafficCheckRisk InternalError InvalidParameter .FormatError .LBIdNotFound InvalidParameterValue .Length LimitExceeded ResourceInsufficient UnauthorizedOperation',
  ModifyLoadBalancerAttributes:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError .LBIdNotFound .RegionNotFound InvalidParameterValue .Duplicate .Length LimitExceeded MissingParameter ResourceInsufficient UnauthorizedOperation',
  CreateListener:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError .PortCheckFailed InvalidParameterValue .Length LimitExceeded MissingParameter ResourceInsufficient UnauthorizedOperation',
  DescribeListeners:
    'FailedOperation InternalError InvalidParameter .FormatError .LBIdNotFound .RegionNotFound InvalidParameterValue .InvalidFilter .Length UnauthorizedOperation',
  ModifyListener:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length MissingParameter UnauthorizedOperation',
  DeleteListener:
    'FailedOperation InternalError InvalidParameter .FormatError InvalidParameterValue .Length UnauthorizedOperation',
  DeleteLoadBalancerListeners:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length MissingParameter UnauthorizedOperation',
  CreateRule:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length LimitExceeded MissingParameter ResourceInsufficient UnauthorizedOperation',
  ModifyRule:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length MissingParameter UnauthorizedOperation',
  ModifyDomain:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length UnauthorizedOperation',
  ModifyDomainAttributes:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length LimitExceeded MissingParameter UnauthorizedOperation',
  DeleteRule:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length UnauthorizedOperation',
  RegisterTargets:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Duplicate .Length LimitExceeded MissingParameter ResourceInsufficient UnauthorizedOperation',
  DeregisterTargets:
    'FailedOperation InternalError InvalidParameter .FormatError InvalidParameterValue .Duplicate .Length MissingParameter UnauthorizedOperation',
  ModifyTargetWeight:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Duplicate .Length UnauthorizedOperation',
  ModifyTargetPort:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Duplicate .Length UnauthorizedOperation',
  BatchRegisterTargets:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError .LBIdNotFound .ListenerIdNotFound .LocationNotFound .PortCheckFailed .ProtocolCheckFailed .RegionNotFound InvalidParameterValue .Length LimitExceeded MissingParameter UnauthorizedOperation',
  // InvalidParameterValue itself is not on the page of this one, only two codes under it.
  BatchDeregisterTargets:
    'FailedOperation InternalError InvalidParameter .FormatError .LBIdNotFound .ListenerIdNotFound .LocationNotFound .PortCheckFailed .ProtocolCheckFailed .RegionNotFound InvalidParameterValue.Duplicate InvalidParameterValue.Length InvalidParameterValue.Range LimitExceeded MissingParameter ResourceInsufficient UnauthorizedOperation',
  BatchModifyTargetWeight:
    'FailedOperation InternalError InvalidParameter .FormatError InvalidParameterValue .Length UnauthorizedOperation',
  BatchModifyTargetTag:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError InvalidParameterValue .Length UnauthorizedOperation',
  DescribeTargets:
    'FailedOperation InternalError InvalidParameter .FormatError InvalidParameterValue .InvalidFilter .Length UnauthorizedOperation UnsupportedOperation',
  DescribeTargetHealth:
    'FailedOperation InternalError InvalidParameter .FormatError .LBIdNotFound InvalidParameterValue .Length UnauthorizedOperation UnsupportedOperation',
  DescribeTaskStatus: 'FailedOperation InternalError InvalidParameter .RegionNotFound',
  DescribeLBListeners:
    'FailedOperation InternalError InvalidParameter .FormatError .LBIdNotFound .ListenerIdNotFound InvalidParameterValue.Length LimitExceeded MissingParameter UnauthorizedOperation',
  SetLoadBalancerSecurityGroups:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter.FormatError InvalidParameter.LBIdNotFound InvalidParameterValue .Length LimitExceeded UnauthorizedOperation',
  SetSecurityGroupForLoadbalancers:
    'FailedOperation .ResourceInOperating InternalError InvalidParameter .FormatError .LBIdNotFound InvalidParameterValue .Length UnauthorizedOperation',
  ReplaceCertForLoadBalancers:
    'FailedOperation InternalError InvalidParameter .FormatError InvalidParameterValue .Length',
  DescribeQuota: 'InternalError InvalidParameter.FormatError UnsupportedOperation',
  SetLoadBalancerStartStatus:
    'FailedOperation .NoListenerInLB .ResourceInOperating InternalError InvalidParameter .FormatError .ListenerIdNotFound InvalidParameterValue .Length UnauthorizedOperation',
} as const;

const codesOf = (page: string): ReadonlySet<string> => {
  let parent = '';
  return new Set(
    page.split(' ').map((word) => {
      if (word.startsWith('.')) return `${parent}${word}`;
      parent = word;
      return word;
    }),
  );
};

/** What the page of each action lists; of actions that nothing here answers for there is none. */
export const documentedCodes: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(pages).map(([action, page]) => [action, codesOf(page)]),
);

/**
 * What the gateway may say to a call of any action, before the action sees it.
 * Source: the common error codes, cloud.tencent.com/document/api/214/30667 and 1278/109059.
 */
export const gatewayCodes: ReadonlySet<string> = codesOf(
  'ActionOffline AuthFailure .InvalidAuthorization .InvalidSecretId .MFAFailure .SecretIdNotFound .SignatureExpire .SignatureFailure .TokenFailure .UnauthorizedOperation DryRunOperation InternalError InvalidAction InvalidParameter InvalidParameterValue InvalidRequest IpInBlacklist IpNotInWhitelist MissingParameter NoSuchProduct NoSuchVersion RequestLimitExceeded .GlobalRegionUinLimitExceeded .IPLimitExceeded .UinLimitExceeded RequestSizeLimitExceeded ResponseSizeLimitExceeded ServiceUnavailable UnauthorizedOperation UnknownParameter UnsupportedProtocol UnsupportedRegion',
);

/** A code that clients in production met where no page lists it. */
interface Seen {
  readonly code: string;
  readonly actions: readonly string[];
  /** Who met it, or is made for meeting it. */
  readonly source: string;
}

export const seenCodes: readonly Seen[] = [
  {
    code: 'FailedOperation.ResourceInOperating',
    actions: [
      'DeleteLoadBalancer',
      'DeleteListener',
      'DeregisterTargets',
      'BatchDeregisterTargets',
      'BatchModifyTargetWeight',
    ],
    source:
      'bk-bcs (sdkhelper.go) and the Terraform provider (service_tencentcloud_clb.go) try every write again for it',
  },
];

/** What is not simulated says so under this code, in every action: no decision of the real API. */
export const notSimulatedCode = 'UnsupportedOperation';

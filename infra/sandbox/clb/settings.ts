import { isDeepStrictEqual } from 'node:util';

/** A duration in simulated milliseconds that is drawn anew for each use. */
export type DurationRange = readonly [minMs: number, maxMs: number];

/**
 * Everything that may be switched, at run time too. Durations are simulated (divided by `speed`) unless a
 * comment says otherwise. What nobody has verified about the real API is a setting whose default is the
 * answer that is hardest on a client.
 */
export interface ClbSettings {
  // How long things take.
  apiLatencyMs: DurationRange;
  createLoadBalancerMs: DurationRange;
  deleteLoadBalancerMs: DurationRange;
  modifyLoadBalancerMs: DurationRange;
  createListenerMs: DurationRange;
  modifyListenerMs: DurationRange;
  deleteListenerMs: DurationRange;
  createRuleMs: DurationRange;
  /** ModifyRule, ModifyDomain, ModifyDomainAttributes. */
  modifyRuleMs: DurationRange;
  deleteRuleMs: DurationRange;
  /** RegisterTargets, DeregisterTargets, ModifyTargetWeight, BatchModifyTargetWeight. */
  targetTaskMs: DurationRange;
  /** A synchronous batch takes this, */
  batchBaseMs: number;
  /** and this more for each target. */
  batchPerTargetMs: number;
  /** How long the load balancer stays locked after a synchronous batch answered: none to 500 targets. */
  batchLockTailMs: DurationRange;
  /** The same after an asynchronous task ended. */
  taskLockTailMs: number;

  // Limits and quotas.
  /** Per action, access region and SecretId, in fixed windows of one real second. */
  callsPerSecond: number;
  quotaOpenLoadBalancers: number;
  quotaInternalLoadBalancers: number;
  quotaListeners: number;
  quotaRules: number;
  quotaTargets: number;
  maxBatchTargets: number;
  maxPortsPerCreateListener: number;
  /** Deletions of load balancers in five simulated minutes, and with how many targets unforced. */
  maxDeletionsPerFiveMinutes: number;
  maxTargetsOfUnforcedDeletion: number;
  clientTokenLifeMs: number;

  // The gateway.
  /** Real seconds that X-TC-Timestamp may be away. */
  timestampSkewSeconds: number;
  /** Insist on `clb` in the credential scope (the Node SDK signs the first label of its endpoint). */
  strictService: boolean;
  coerceNumericStrings: boolean;
  emptyFilters: 'refuse' | 'ignore';
  /** The code of a list that must not be empty, and is. */
  emptyListCode: string;
  /** What a call is refused with while the lock is held; the message is the known one. */
  lockedCode: string;
  /** Of refusals whose text nobody has seen: a likely one, or none. */
  unseenTexts: 'likely' | 'empty';
  /** What a throttled call is told in the Retry-After header; 0: there is none. */
  retryAfterSeconds: number;

  // Open questions about the API.
  reRegisterUpdatesWeight: boolean;
  /** Does the quota check add targets that are already bound to those that are requested? */
  quotaCountsBoundAgain: boolean;
  unboundInBatchDeregister: 'error' | 'fail-set' | 'ignore';
  unboundInDeregister: 'error' | 'ignore';
  unboundInModifyWeight: 'error' | 'ignore';
  /** What `ListenerIds: []` means to DeleteLoadBalancerListeners. */
  emptyListenerIds: 'all' | 'refuse';
  unknownTask: 'error' | 'success';
  /** How long a task that has ended is known. */
  taskLifeMs: number;
  taskOfAnotherRegion: 'unknown' | 'known';
  /** RegisterTargets (not the batch) of a target that is bound already. */
  boundInRegister: 'accept' | 'refuse';
  /** One target twice in a BatchRegisterTargets. */
  duplicateInBatchCode: string;
  /** The code of a target that another layer-4 listener of the protocol has. */
  boundTwiceCode: string;
  /** BatchRegisterTargets and BatchDeregisterTargets: their descriptions do not name TCP_SSL. */
  batchOnTcpSsl: 'accept' | 'refuse';
  unknownLoadBalancerInHealth: 'error' | 'skip';
  locationIdOnLayer4: 'refuse' | 'ignore';
  /** The code of a rule whose domain and URL another one has. */
  duplicateRuleCode: string;
  /** The code of a CertId that the account does not have. */
  unknownCertificateCode: string;
  /** A rule with a certificate, of a domain that has another one by its other rules. */
  secondCertificateOfDomain: 'refuse' | 'replace';
  /** CreateRule with DefaultServer, for another domain than the default one: does it become the default? */
  secondDefaultServer: 'replace' | 'refuse';
  /** A rule for a wildcard or a regular expression, probed, without an HttpCheckDomain. */
  patternWithoutCheckDomain: 'refuse' | 'accept';
  targetOutsideVpc: 'refuse' | 'accept';
  vipsWhileCreating: boolean;
  deleteProtectCode: string;
  invalidStatusCode: string;
  /** The code of a write to a load balancer that is isolated. */
  isolatedCode: string;
  /** How old what DescribeLoadBalancersDetail tells may be. */
  detailAgeMs: number;
  /** `TargetId` of an IP target in DescribeTargetHealth and DescribeLoadBalancersDetail. */
  ipTargetId: 'empty' | 'eni';

  // Data plane.
  /** Send traffic to all targets (weight above 0) when every one of them is Dead. */
  failOpen: boolean;
  unknownTakesTraffic: boolean;
  /** What happens to kept connections of a removed target without DeregisterTargetRst. */
  deregisterWithoutRst: 'cut' | 'stall';
  /** Which port of a target takes what comes to a port of a listener's range: as far from the first, or the target's. */
  rangeTargetPort: 'offset' | 'fixed';
  /** Does the flow of a client stay with a target that became Dead? */
  udpFlowOfDead: 'keep' | 'move';
  /** What happens to the requests in flight at a removed target of a rule. */
  layer7Deregistered: 'cut' | 'finish';
  /** Does a session cookie still lead to a healthy target whose weight is 0? */
  cookieToWeightZero: 'move' | 'keep';
  /** What is sent again, to another target, when its first one took it and closed without an answer. */
  resent: 'nothing' | 'idempotent-without-body';
  /** What a request is answered for which there is no target. */
  statusWithoutTarget: 502 | 503 | 504;
  /** Real milliseconds until a connection to a target is given up; the request then goes to the next one. */
  targetConnectTimeoutMs: number;
  /** Real milliseconds between two reads from a target. */
  targetReadTimeoutMs: number;
  /** Real milliseconds that a client's connection is kept without a request. */
  clientKeepaliveMs: number;
  /** What is longer is answered with 413. */
  maxRequestBodyBytes: number;

  // Health checks.
  firstProbeDelayMs: DurationRange;
  aliveAfterFirstSuccess: boolean;
  /** Real milliseconds below which no probe times out, so that a busy machine makes no target Dead. */
  probeTimeoutFloorMs: number;
  probeEndsWith: 'rst' | 'fin';
}

export const defaultSettings: Readonly<ClbSettings> = {
  apiLatencyMs: [30, 80],
  createLoadBalancerMs: [5_000, 12_000],
  deleteLoadBalancerMs: [2_000, 5_000],
  modifyLoadBalancerMs: [300, 1_500],
  createListenerMs: [500, 2_000],
  modifyListenerMs: [300, 1_500],
  deleteListenerMs: [500, 2_000],
  createRuleMs: [500, 2_000],
  modifyRuleMs: [300, 1_500],
  deleteRuleMs: [500, 2_000],
  targetTaskMs: [300, 1_500],
  batchBaseMs: 400,
  batchPerTargetMs: 2,
  batchLockTailMs: [200, 2_000],
  taskLockTailMs: 0,

  callsPerSecond: 20,
  quotaOpenLoadBalancers: 100,
  quotaInternalLoadBalancers: 100,
  quotaListeners: 50,
  quotaRules: 50,
  quotaTargets: 100,
  maxBatchTargets: 500,
  maxPortsPerCreateListener: 49,
  maxDeletionsPerFiveMinutes: 30,
  maxTargetsOfUnforcedDeletion: 19,
  clientTokenLifeMs: 24 * 3_600_000,

  timestampSkewSeconds: 300,
  strictService: false,
  coerceNumericStrings: false,
  emptyFilters: 'refuse',
  emptyListCode: 'InvalidParameterValue.Length',
  lockedCode: 'FailedOperation.ResourceInOperating',
  unseenTexts: 'likely',
  retryAfterSeconds: 0,

  reRegisterUpdatesWeight: false,
  quotaCountsBoundAgain: true,
  unboundInBatchDeregister: 'error',
  unboundInDeregister: 'error',
  unboundInModifyWeight: 'error',
  emptyListenerIds: 'all',
  unknownTask: 'error',
  taskLifeMs: 24 * 3_600_000,
  taskOfAnotherRegion: 'unknown',
  boundInRegister: 'accept',
  duplicateInBatchCode: 'InvalidParameterValue',
  boundTwiceCode: 'InvalidParameter.PortCheckFailed',
  batchOnTcpSsl: 'accept',
  unknownLoadBalancerInHealth: 'error',
  locationIdOnLayer4: 'refuse',
  duplicateRuleCode: 'InvalidParameterValue',
  unknownCertificateCode: 'FailedOperation',
  secondCertificateOfDomain: 'refuse',
  secondDefaultServer: 'replace',
  patternWithoutCheckDomain: 'refuse',
  targetOutsideVpc: 'refuse',
  vipsWhileCreating: false,
  deleteProtectCode: 'FailedOperation',
  // Its own code, FailedOperation.InvalidLBStatus, is only on the pages of redirections.
  invalidStatusCode: 'FailedOperation',
  isolatedCode: 'FailedOperation',
  detailAgeMs: 0,
  ipTargetId: 'empty',

  failOpen: true,
  unknownTakesTraffic: false,
  deregisterWithoutRst: 'cut',
  rangeTargetPort: 'offset',
  udpFlowOfDead: 'keep',
  layer7Deregistered: 'cut',
  cookieToWeightZero: 'move',
  resent: 'nothing',
  statusWithoutTarget: 502,
  targetConnectTimeoutMs: 4_000,
  targetReadTimeoutMs: 60_000,
  clientKeepaliveMs: 75_000,
  maxRequestBodyBytes: 60 * 1024 * 1024,

  firstProbeDelayMs: [0, 200],
  aliveAfterFirstSuccess: false,
  probeTimeoutFloorMs: 500,
  probeEndsWith: 'rst',
};

/**
 * Of everything that nobody has verified about the real API, the answer that is hardest on a client; where that is
 * the default already, it is here again, so that each open question stands in one list. Over the defaults, they are the
 * world in which this project's suites run a second time.
 */
export const strictSettings = {
  // A batch of 500 "takes long", and the lock outlives its answer: by at most 15.5 s, what a known client waits.
  batchBaseMs: 1_000,
  batchPerTargetMs: 10,
  batchLockTailMs: [2_000, 15_500],
  taskLockTailMs: 2_000,
  // What an example of the documents shows; they say 100.
  quotaTargets: 50,
  quotaCountsBoundAgain: true,
  maxBatchTargets: 500,
  maxPortsPerCreateListener: 49,
  coerceNumericStrings: false,
  emptyFilters: 'refuse',
  emptyListCode: 'MissingParameter',
  // Known clients know the lock by its message too, because it also comes under other codes.
  lockedCode: 'FailedOperation',
  unseenTexts: 'empty',
  retryAfterSeconds: 0,
  reRegisterUpdatesWeight: false,
  unboundInBatchDeregister: 'error',
  unboundInDeregister: 'error',
  unboundInModifyWeight: 'error',
  emptyListenerIds: 'all',
  unknownTask: 'error',
  taskLifeMs: 60_000,
  taskOfAnotherRegion: 'unknown',
  boundInRegister: 'refuse',
  duplicateInBatchCode: 'InvalidParameter',
  boundTwiceCode: 'FailedOperation',
  batchOnTcpSsl: 'refuse',
  unknownLoadBalancerInHealth: 'error',
  locationIdOnLayer4: 'refuse',
  duplicateRuleCode: 'FailedOperation',
  unknownCertificateCode: 'InvalidParameterValue',
  secondCertificateOfDomain: 'refuse',
  secondDefaultServer: 'refuse',
  patternWithoutCheckDomain: 'refuse',
  targetOutsideVpc: 'refuse',
  vipsWhileCreating: false,
  deleteProtectCode: 'FailedOperation',
  invalidStatusCode: 'FailedOperation',
  isolatedCode: 'FailedOperation',
  detailAgeMs: 10_000,
  ipTargetId: 'empty',
  unknownTakesTraffic: false,
  deregisterWithoutRst: 'cut',
  rangeTargetPort: 'offset',
  udpFlowOfDead: 'keep',
  layer7Deregistered: 'cut',
  cookieToWeightZero: 'move',
  resent: 'nothing',
  statusWithoutTarget: 504,
  firstProbeDelayMs: [2_000, 5_000],
  aliveAfterFirstSuccess: false,
  probeEndsWith: 'rst',
} satisfies Partial<ClbSettings>;

/**
 * What a simulator begins with: the defaults, or with CLB_SETTINGS=strict in the environment the hardest of each. So
 * any suite and any command runs in either world.
 *
 * @throws Error where CLB_SETTINGS is something else
 */
export const initialSettings = (world = process.env['CLB_SETTINGS'] ?? ''): ClbSettings => {
  if (world === '') return { ...defaultSettings };
  if (world === 'strict') return { ...defaultSettings, ...strictSettings };
  throw new Error(`CLB_SETTINGS is ${JSON.stringify(world)}; it must be "strict", or not be there.`);
};

/** Whether a simulator is as hard as it can be in everything that nobody has verified. */
export const isStrict = (settings: ClbSettings): boolean =>
  isDeepStrictEqual({ ...settings, ...strictSettings }, settings);

/** A duration drawn from a range; `random` is 0 to 1. */
export const draw = ([minMs, maxMs]: DurationRange, random: number): number =>
  minMs + (maxMs - minMs) * random;

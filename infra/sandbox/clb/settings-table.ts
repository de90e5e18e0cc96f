import { type ClbSettings, type DurationRange, defaultSettings, strictSettings } from './settings.ts';

/** What a setting takes, as a person writes it. */
interface Accepts<T> {
  readonly form: string;
  /** Undefined: it is not of that form. */
  parse(text: string): T | undefined;
}

interface Row<T> {
  readonly means: string;
  readonly accepts: Accepts<T>;
}

const number: Accepts<number> = {
  form: 'a number, 0 or more',
  parse: (text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined),
};

/** `30-80` or `50`. */
export const parseRange = (text: string): DurationRange | undefined => {
  const [, min, max = min] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (min === undefined || Number(max) < Number(min)) return undefined;
  return [Number(min), Number(max)];
};

const range: Accepts<DurationRange> = { form: 'MIN-MAX', parse: parseRange };

const flag: Accepts<boolean> = {
  form: 'true | false',
  parse: (text) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
};

const code: Accepts<string> = {
  form: "an error code, such as 'FailedOperation'",
  parse: (text) => (/^[A-Za-z]+(\.[A-Za-z]+)?$/.test(text) ? text : undefined),
};

const words = <const T extends string>(...all: readonly T[]): Accepts<T> => ({
  form: all.join(' | '),
  parse: (text) => all.find((one) => one === text),
});

const status: Accepts<502 | 503 | 504> = {
  form: '502 | 503 | 504',
  parse: (text) => ([502, 503, 504] as const).find((one) => String(one) === text),
};

const takes = (what: string): Row<DurationRange> => ({ means: `how long ${what}, ms`, accepts: range });
const counts = (means: string): Row<number> => ({ means, accepts: number });

const rows: { readonly [K in keyof ClbSettings]: Row<ClbSettings[K]> } = {
  apiLatencyMs: takes('a call takes by itself'),
  createLoadBalancerMs: takes('CreateLoadBalancer takes'),
  deleteLoadBalancerMs: takes('DeleteLoadBalancer takes'),
  modifyLoadBalancerMs: takes('a change of a load balancer takes'),
  createListenerMs: takes('CreateListener takes'),
  modifyListenerMs: takes('ModifyListener takes'),
  deleteListenerMs: takes('the deletion of listeners takes'),
  createRuleMs: takes('CreateRule takes'),
  modifyRuleMs: takes('a change of a rule or domain takes'),
  deleteRuleMs: takes('DeleteRule takes'),
  targetTaskMs: takes('asynchronous changes of targets take'),
  batchBaseMs: counts('what a synchronous batch takes, ms,'),
  batchPerTargetMs: counts('and this more for each target'),
  batchLockTailMs: takes('the lock outlives the answer of a batch, of no target to 500'),
  taskLockTailMs: counts('how long the lock outlives a task, ms'),

  callsPerSecond: counts('the limit of calls: of each action, region and key'),
  quotaOpenLoadBalancers: counts('quota of public load balancers'),
  quotaInternalLoadBalancers: counts('quota of internal load balancers'),
  quotaListeners: counts('quota of listeners of a load balancer'),
  quotaRules: counts('quota of rules of a listener'),
  quotaTargets: counts('quota of targets of a listener or rule'),
  maxBatchTargets: counts('the most targets of a batch'),
  maxPortsPerCreateListener: counts('the most ports of a CreateListener'),
  maxDeletionsPerFiveMinutes: counts('the most load balancers deleted in 5 minutes'),
  maxTargetsOfUnforcedDeletion: counts('with how many targets a load balancer is deleted unforced'),
  clientTokenLifeMs: counts('how long a ClientToken is known, ms'),

  timestampSkewSeconds: counts('how far X-TC-Timestamp may be away, s'),
  strictService: {
    means:
      'refuse another service than clb in the signature; the Node SDK signs the first part of its endpoint',
    accepts: flag,
  },
  coerceNumericStrings: { means: 'take "80" where 80 is meant', accepts: flag },
  emptyFilters: { means: 'what `Filters: []` is', accepts: words('refuse', 'ignore') },
  emptyListCode: { means: 'the code of a list that must not be empty', accepts: code },
  lockedCode: { means: 'the code of a write while the lock is held', accepts: code },
  unseenTexts: {
    means: 'the message of refusals whose text nobody has published',
    accepts: words('likely', 'empty'),
  },
  retryAfterSeconds: counts('the Retry-After of a throttled call; 0: none'),

  reRegisterUpdatesWeight: { means: 'registering a bound target again sets its weight', accepts: flag },
  quotaCountsBoundAgain: { means: 'the quota counts targets that are bound already', accepts: flag },
  unboundInBatchDeregister: {
    means: 'BatchDeregisterTargets of a target that is not bound',
    accepts: words('error', 'fail-set', 'ignore'),
  },
  unboundInDeregister: {
    means: 'DeregisterTargets of a target that is not bound',
    accepts: words('error', 'ignore'),
  },
  unboundInModifyWeight: {
    means: 'a new weight for a target that is not bound',
    accepts: words('error', 'ignore'),
  },
  emptyListenerIds: {
    means: 'which listeners `ListenerIds: []` deletes',
    accepts: words('all', 'refuse'),
  },
  unknownTask: { means: 'the status of a task that nobody knows', accepts: words('error', 'success') },
  taskLifeMs: counts('how long a task that has ended is known, ms'),
  taskOfAnotherRegion: {
    means: 'a task that is asked for in another region',
    accepts: words('unknown', 'known'),
  },
  boundInRegister: { means: 'RegisterTargets of a bound target', accepts: words('accept', 'refuse') },
  duplicateInBatchCode: { means: 'the code of one target twice in BatchRegisterTargets', accepts: code },
  boundTwiceCode: { means: 'the code of a target that another layer-4 listener has', accepts: code },
  batchOnTcpSsl: {
    means: 'a batch with targets of a TCP_SSL listener',
    accepts: words('accept', 'refuse'),
  },
  unknownLoadBalancerInHealth: {
    means: 'DescribeTargetHealth with one id that is not there',
    accepts: words('error', 'skip'),
  },
  locationIdOnLayer4: {
    means: 'a LocationId for a layer-4 listener',
    accepts: words('refuse', 'ignore'),
  },
  duplicateRuleCode: { means: 'the code of a rule that is there already', accepts: code },
  unknownCertificateCode: { means: 'the code of a CertId that the account does not have', accepts: code },
  secondCertificateOfDomain: {
    means: 'a rule with a certificate, of a domain that has another one',
    accepts: words('refuse', 'replace'),
  },
  secondDefaultServer: {
    means: 'CreateRule with DefaultServer beside another default domain',
    accepts: words('replace', 'refuse'),
  },
  patternWithoutCheckDomain: {
    means: 'a probed rule for a pattern, without HttpCheckDomain',
    accepts: words('refuse', 'accept'),
  },
  targetOutsideVpc: { means: 'a target outside --vpc-cidr', accepts: words('refuse', 'accept') },
  vipsWhileCreating: { means: 'show the VIP of a load balancer that is being made', accepts: flag },
  deleteProtectCode: { means: 'the code of the deletion of what is protected', accepts: code },
  invalidStatusCode: { means: 'the code of a write to what is not running', accepts: code },
  isolatedCode: { means: 'the code of a write to what is isolated', accepts: code },
  detailAgeMs: counts('how old what DescribeLoadBalancersDetail tells may be, ms'),
  ipTargetId: { means: 'TargetId of a target that is an address', accepts: words('empty', 'eni') },

  failOpen: { means: 'send traffic to all targets when all are Dead', accepts: flag },
  unknownTakesTraffic: { means: 'send traffic to targets that are Unknown', accepts: flag },
  deregisterWithoutRst: {
    means: 'connections of a removed target without DeregisterTargetRst',
    accepts: words('cut', 'stall'),
  },
  rangeTargetPort: {
    means: "the port of a target for each port of a range: as far from the first one, or the target's own",
    accepts: words('offset', 'fixed'),
  },
  udpFlowOfDead: {
    means: 'the UDP flow of a client whose target became Dead',
    accepts: words('keep', 'move'),
  },
  layer7Deregistered: { means: 'requests at a removed target of a rule', accepts: words('cut', 'finish') },
  cookieToWeightZero: { means: 'a session whose target has weight 0', accepts: words('move', 'keep') },
  resent: {
    means: 'what is sent to another target when the first closed without an answer',
    accepts: words('nothing', 'idempotent-without-body'),
  },
  statusWithoutTarget: { means: 'the answer of a request without a target', accepts: status },
  targetConnectTimeoutMs: counts('until a connection to a target is given up, real ms'),
  targetReadTimeoutMs: counts('between two reads from a target, real ms'),
  clientKeepaliveMs: counts('how long an idle connection of a client is kept, real ms'),
  maxRequestBodyBytes: counts('the longest body of a request'),

  firstProbeDelayMs: takes('until the first probe of a target'),
  aliveAfterFirstSuccess: { means: 'the first probe alone makes a target Alive', accepts: flag },
  probeTimeoutFloorMs: counts('the shortest time-out of a probe, real ms'),
  probeEndsWith: { means: 'how a TCP probe ends its connection', accepts: words('rst', 'fin') },
};

const isName = (name: string): name is keyof ClbSettings => Object.hasOwn(rows, name);

/** Names of all settings, in the order in which they are told. */
export const settingNames: readonly (keyof ClbSettings)[] = Object.keys(rows).filter(isName);

/** `batchLockTailMs=0-500` as a setting; or why it is none. */
export const parseSetting = (
  text: string,
): { readonly setting: Partial<ClbSettings> } | { readonly problem: string } => {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (!text.includes('=')) return { problem: 'It must be NAME=VALUE; --list-settings shows all.' };
  if (!isName(name))
    return { problem: `There is no setting ${JSON.stringify(name)}; --list-settings shows all.` };
  return parseOne(name, value);
};

const parseOne = <K extends keyof ClbSettings>(
  name: K,
  value: string,
): { readonly setting: Partial<ClbSettings> } | { readonly problem: string } => {
  const { accepts } = rows[name];
  const parsed = accepts.parse(value);
  if (parsed === undefined) return { problem: `${name} must be ${accepts.form}.` };
  const setting: Partial<ClbSettings> = {};
  setting[name] = parsed;
  return { setting };
};

const told = (value: ClbSettings[keyof ClbSettings]): string =>
  typeof value === 'object' ? value.join('-') : String(value);

/** Every setting with what it means, what it takes, its default, and what --strict makes of it. */
export const settingLines = (): readonly string[] =>
  settingNames.flatMap((name) => {
    const strict: Partial<ClbSettings> = strictSettings;
    const [usual, hardest] = [told(defaultSettings[name]), strict[name]];
    const choice = hardest === undefined || told(hardest) === usual ? '' : `, with --strict ${told(hardest)}`;
    const { means, accepts } = rows[name];
    return [`${name}=${usual}${choice}`, `    ${means} (${accepts.form})`];
  });

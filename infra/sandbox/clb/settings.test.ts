import { describe, expect, it } from 'vitest';
import { type ClbSettings, defaultSettings, initialSettings, isStrict, strictSettings } from './settings.ts';
import { parseSetting, settingLines, settingNames } from './settings-table.ts';

/**
 * Every open question about the real API, in the order of the notes that they come from: what nobody has verified,
 * which setting answers it here, and what it is by default and at its hardest.
 */
const openQuestions: readonly [
  question: string,
  setting: keyof ClbSettings,
  usual: unknown,
  hardest: unknown,
][] = [
  ['are 50 ports too many, or is it 51?', 'maxPortsPerCreateListener', 49, 49],
  ['how many targets does a batch take?', 'maxBatchTargets', 500, 500],
  ['how long does a batch take?', 'batchBaseMs', 400, 1_000],
  ['… and each of its targets?', 'batchPerTargetMs', 2, 10],
  ['how long does the lock outlive a batch?', 'batchLockTailMs', [200, 2_000], [2_000, 15_500]],
  ['… and a task?', 'taskLockTailMs', 0, 2_000],
  [
    'is the lock told by its own code in actions that do not document it?',
    'lockedCode',
    'FailedOperation.ResourceInOperating',
    'FailedOperation',
  ],
  ['what is DeregisterTargets of an unbound target?', 'unboundInDeregister', 'error', 'error'],
  ['… BatchDeregisterTargets?', 'unboundInBatchDeregister', 'error', 'error'],
  ['… a new weight for it?', 'unboundInModifyWeight', 'error', 'error'],
  ['does registering again change the weight?', 'reRegisterUpdatesWeight', false, false],
  ['… and may RegisterTargets do it?', 'boundInRegister', 'accept', 'refuse'],
  ['are bound targets counted again by the quota?', 'quotaCountsBoundAgain', true, true],
  ['how many targets may a listener have?', 'quotaTargets', 100, 50],
  [
    'what is one target twice in a batch?',
    'duplicateInBatchCode',
    'InvalidParameterValue',
    'InvalidParameter',
  ],
  [
    'what is a target of two layer-4 listeners?',
    'boundTwiceCode',
    'InvalidParameter.PortCheckFailed',
    'FailedOperation',
  ],
  ['do batches take targets of TCP_SSL listeners?', 'batchOnTcpSsl', 'accept', 'refuse'],
  ['may a layer-4 listener be given a LocationId?', 'locationIdOnLayer4', 'refuse', 'refuse'],
  ['may a target lie outside the VPC?', 'targetOutsideVpc', 'refuse', 'refuse'],
  ['is an unknown task an error?', 'unknownTask', 'error', 'error'],
  ['how long is a task known?', 'taskLifeMs', 86_400_000, 60_000],
  ['… in another region?', 'taskOfAnotherRegion', 'unknown', 'unknown'],
  ['does one unknown id fail DescribeTargetHealth?', 'unknownLoadBalancerInHealth', 'error', 'error'],
  ['how old may a DescribeLoadBalancersDetail be?', 'detailAgeMs', 0, 10_000],
  ['what is the TargetId of an address?', 'ipTargetId', 'empty', 'empty'],
  ['is the first successful probe enough?', 'aliveAfterFirstSuccess', false, false],
  ['when is it?', 'firstProbeDelayMs', [0, 200], [2_000, 5_000]],
  ['are numbers taken as text?', 'coerceNumericStrings', false, false],
  ['what is an empty list of filters?', 'emptyFilters', 'refuse', 'refuse'],
  ['… of targets?', 'emptyListCode', 'InvalidParameterValue.Length', 'MissingParameter'],
  ['… of listeners to be deleted?', 'emptyListenerIds', 'all', 'all'],
  ['what do refusals say that nobody has seen?', 'unseenTexts', 'likely', 'empty'],
  ['is a throttled call told when to come again?', 'retryAfterSeconds', 0, 0],
  ['what is the deletion of something protected?', 'deleteProtectCode', 'FailedOperation', 'FailedOperation'],
  [
    'what is a write to something that does not run?',
    'invalidStatusCode',
    'FailedOperation',
    'FailedOperation',
  ],
  ['… to something that is isolated?', 'isolatedCode', 'FailedOperation', 'FailedOperation'],
  ['has a load balancer its address while it is made?', 'vipsWhileCreating', false, false],
  ['what is a rule that is there already?', 'duplicateRuleCode', 'InvalidParameterValue', 'FailedOperation'],
  ['what is a CertId that nobody has?', 'unknownCertificateCode', 'FailedOperation', 'InvalidParameterValue'],
  ['may a rule bring another certificate for its domain?', 'secondCertificateOfDomain', 'refuse', 'refuse'],
  ['does a second default domain replace the first?', 'secondDefaultServer', 'replace', 'refuse'],
  ['may a rule for a pattern be probed without a domain?', 'patternWithoutCheckDomain', 'refuse', 'refuse'],
  ['do Unknown targets get traffic?', 'unknownTakesTraffic', false, false],
  ['do connections outlive their target?', 'deregisterWithoutRst', 'cut', 'cut'],
  ['where does each port of a range lead?', 'rangeTargetPort', 'offset', 'offset'],
  ['does a UDP flow stay with a Dead target?', 'udpFlowOfDead', 'keep', 'keep'],
  ['… and requests?', 'layer7Deregistered', 'cut', 'cut'],
  ['… and sessions at weight 0?', 'cookieToWeightZero', 'move', 'move'],
  ['is a request sent again?', 'resent', 'nothing', 'nothing'],
  ['what is a request told without a target?', 'statusWithoutTarget', 502, 504],
  ['how does a probe end?', 'probeEndsWith', 'rst', 'rst'],
];

describe('the open questions', () => {
  it.each(openQuestions)('%s', (_, setting, usual, hardest) => {
    const strict: Partial<ClbSettings> = strictSettings;
    expect([defaultSettings[setting], strict[setting]]).toEqual([usual, hardest]);
    expect(initialSettings('strict')[setting]).toEqual(hardest);
  });

  it('each has one row, and no strict setting is without its question', () => {
    const asked = openQuestions.map(([, setting]) => setting);
    expect(asked.toSorted()).toEqual(Object.keys(strictSettings).toSorted());
  });

  it('the world is chosen by one word, and another word is told', () => {
    expect(initialSettings('')).toEqual(defaultSettings);
    expect(() => initialSettings('Strict')).toThrow('it must be "strict"');
  });

  it('a world is strict in all of them, or it is not', () => {
    const strict = initialSettings('strict');
    expect([isStrict(strict), isStrict(initialSettings(''))]).toEqual([true, false]);
    expect(isStrict({ ...strict, lockedCode: defaultSettings.lockedCode })).toBe(false);
    expect(isStrict({ ...strict, callsPerSecond: 1_000 })).toBe(true);
  });
});

describe('a setting as a person writes it', () => {
  it('all of them have a name, a meaning and a form', () => {
    expect(settingNames.toSorted()).toEqual(Object.keys(defaultSettings).toSorted());
    expect(settingLines()).toHaveLength(2 * settingNames.length);
    expect(settingLines()).toContain('quotaTargets=100, with --strict 50');
  });

  it('each default is read as it is told', () => {
    const told = settingLines().filter((line) => line.includes('=') && !line.startsWith(' '));
    const read = told.map((line) => parseSetting(line.split(',')[0] ?? ''));
    expect(read).toEqual(settingNames.map((name) => ({ setting: { [name]: defaultSettings[name] } })));
  });

  it.each<[string, Partial<ClbSettings>]>([
    ['quotaTargets=30', { quotaTargets: 30 }],
    ['batchLockTailMs=0-500', { batchLockTailMs: [0, 500] }],
    ['apiLatencyMs=5', { apiLatencyMs: [5, 5] }],
    ['strictService=true', { strictService: true }],
    ['unboundInBatchDeregister=fail-set', { unboundInBatchDeregister: 'fail-set' }],
    ['lockedCode=InternalError', { lockedCode: 'InternalError' }],
    ['statusWithoutTarget=503', { statusWithoutTarget: 503 }],
  ])('%s', (text, setting) => {
    expect(parseSetting(text)).toEqual({ setting });
  });

  it.each([
    ['quotaTarget=30', 'There is no setting "quotaTarget"; --list-settings shows all.'],
    ['quotaTargets', 'It must be NAME=VALUE; --list-settings shows all.'],
    ['__proto__=1', 'There is no setting "__proto__"; --list-settings shows all.'],
    ['quotaTargets=many', 'quotaTargets must be a number, 0 or more.'],
    ['batchLockTailMs=500-0', 'batchLockTailMs must be MIN-MAX.'],
    ['strictService=yes', 'strictService must be true | false.'],
    ['unboundInBatchDeregister=maybe', 'unboundInBatchDeregister must be error | fail-set | ignore.'],
    ['lockedCode=', "lockedCode must be an error code, such as 'FailedOperation'."],
    ['statusWithoutTarget=500', 'statusWithoutTarget must be 502 | 503 | 504.'],
  ])('is refused with what it takes: %s', (text, problem) => {
    expect(parseSetting(text)).toEqual({ problem });
  });
});

import { describe, expect, it } from 'vitest';
import { allActions } from '../actions/all.ts';
import { notSimulated } from '../actions/not-simulated.ts';
import { ApiError, loadBalancerNotFound, missingParameter } from '../api-error.ts';
import { InjectedError } from '../faults.ts';
import { defaultSettings, strictSettings } from '../settings.ts';
import { documentedCodes, seenCodes } from './documented-codes.ts';
import { mayTell, type Refuser, toldCode, UndocumentedCode } from './told-code.ts';

const told = (action: string, error: ApiError, settings = {}, refuser: Refuser = 'action'): string =>
  toldCode(refuser, action, error, { ...defaultSettings, ...settings });

const locked = new ApiError('FailedOperation.ResourceInOperating', 'Your task is working.');

describe('the code that a refusal is told with', () => {
  it('is its own where the action documents that, else the other one that it has', () => {
    const missing = loadBalancerNotFound('lb-00000000');
    expect(told('DescribeListeners', missing)).toBe('InvalidParameter.LBIdNotFound');
    expect(told('DescribeTargets', missing)).toBe('InvalidParameter');
    expect(told('RegisterTargets', missingParameter('LocationId'))).toBe('MissingParameter');
    expect(told('ModifyTargetWeight', missingParameter('LocationId'))).toBe('InvalidParameter');
  });

  it('may be one of the gateway, in front of any action, and of no action', () => {
    const unknown = new ApiError('UnknownParameter', 'Colour');
    expect(told('DescribeQuota', unknown, {}, 'gateway')).toBe('UnknownParameter');
    expect(told('DescribeNothing', new ApiError('InvalidAction', 'X'), {}, 'gateway')).toBe('InvalidAction');
    expect(() => told('DescribeQuota', unknown)).toThrow(UndocumentedCode);
  });

  it.each([
    ['DeleteRule', 'LimitExceeded'],
    ['RegisterTargets', 'InvalidParameter.PortCheckFailed'],
    ['BatchRegisterTargets', 'InvalidParameterValue.Duplicate'],
    ['CreateListener', 'FailedOperation.InvalidLBStatus'],
    ['DescribeNothing', 'InvalidParameter'],
  ])('is a defect where %s does not document %s', (action, code) => {
    expect(() => told(action, new ApiError(code, 'Why.'))).toThrow(
      `${action} would have answered ${code}, which is not documented for it: Why.`,
    );
  });

  it('is the lock’s by the setting, and where only clients have seen it', () => {
    expect(told('BatchRegisterTargets', locked)).toBe('FailedOperation.ResourceInOperating');
    expect(told('DeregisterTargets', locked)).toBe('FailedOperation.ResourceInOperating');
    expect(told('DeregisterTargets', locked, strictSettings)).toBe('FailedOperation');
    expect(() => told('DescribeTargets', locked)).toThrow(UndocumentedCode);
  });

  it('is whatever a fault or somebody’s setting made up', () => {
    expect(told('DescribeQuota', new InjectedError('ResourceInUse', 'x'))).toBe('ResourceInUse');
    expect(told('RegisterTargets', locked, { lockedCode: 'ResourceInUse' })).toBe('ResourceInUse');
    const duplicate = new ApiError('ResourceInUse', 'x');
    expect(told('CreateRule', duplicate, { duplicateRuleCode: 'ResourceInUse' })).toBe('ResourceInUse');
    expect(() => told('CreateRule', duplicate)).toThrow(UndocumentedCode);
  });

  it('is held against the documents where a setting is what it is by default', () => {
    const boundTwice = new ApiError(defaultSettings.boundTwiceCode, 'x');
    expect(() => told('RegisterTargets', boundTwice)).toThrow(UndocumentedCode);
  });
});

const writes = [...documentedCodes.keys()].filter((name) => !name.startsWith('Describe'));

/** Which actions say the code of a setting; of those that are not here every write does. */
const sayers: Readonly<Record<string, readonly string[]>> = {
  emptyListCode: writes,
  duplicateInBatchCode: ['BatchRegisterTargets'],
  // The others have another code for it.
  boundTwiceCode: ['BatchRegisterTargets'],
  duplicateRuleCode: ['CreateRule', 'ModifyRule', 'ModifyDomain', 'ModifyDomainAttributes'],
  unknownCertificateCode: [
    'CreateListener',
    'ModifyListener',
    'CreateRule',
    'ModifyDomainAttributes',
    'ReplaceCertForLoadBalancers',
  ],
  deleteProtectCode: ['DeleteLoadBalancer'],
  // Creations and certificates know no lock.
  lockedCode: writes.filter((name) => name !== 'CreateLoadBalancer' && !name.startsWith('ReplaceCert')),
};

it.each([
  ['default', defaultSettings],
  ['strict', strictSettings],
])('the codes of the %s settings are documented for the actions that say them', (_, settings) => {
  const undocumented = Object.entries(settings).flatMap(([name, code]) => {
    if (!name.endsWith('Code') || typeof code !== 'string') return [];
    const refuser = name === 'emptyListCode' ? 'gateway' : 'action';
    return (sayers[name] ?? writes)
      .filter((action) => !mayTell(refuser, action, code))
      .map((action) => ({ name, code, action }));
  });
  expect(undocumented).toEqual([]);
});

it('every action that is simulated has its documented codes, and no code was seen that is documented', () => {
  const simulated = [...allActions().keys()].filter((name) => !notSimulated.includes(name));
  expect(simulated.filter((name) => !documentedCodes.has(name))).toEqual([]);
  for (const { code, actions } of seenCodes) {
    expect(actions.filter((name) => documentedCodes.get(name)?.has(code) !== false)).toEqual([]);
  }
});

import { ApiError, missingParameter, wrongValue } from '../api-error.ts';
import type { HealthCheck, Protocol } from '../model.ts';
import { integer, structure, text, word } from '../schema/fields.ts';

export const healthCheckField = structure(
  {},
  {
    HealthSwitch: integer(0, 1),
    TimeOut: integer(2, 60),
    IntervalTime: integer(2, 300),
    HealthNum: integer(2, 10),
    UnHealthNum: integer(2, 10),
    HttpCode: integer(1, 31),
    HttpCheckPath: text({ max: 200 }),
    HttpCheckDomain: text({ max: 80 }),
    HttpCheckMethod: word('HEAD', 'GET'),
    CheckPort: integer(-1, 65_535),
    ContextType: word('HEX', 'TEXT'),
    SendContext: text({ max: 500 }),
    RecvContext: text({ max: 500 }),
    CheckType: word('TCP', 'HTTP', 'HTTPS', 'GRPC', 'CUSTOM', 'PING'),
    HttpVersion: word('HTTP/1.0', 'HTTP/1.1'),
    SourceIpType: integer(0, 1),
    ExtendedCode: text(),
  },
);

export type AskedHealthCheck = ReturnType<typeof healthCheckField.parse>;
type Asked = AskedHealthCheck;

const checkTypes: Record<Protocol, readonly string[]> = {
  TCP: ['TCP', 'HTTP', 'CUSTOM'],
  TCP_SSL: ['TCP', 'HTTP'],
  UDP: ['PING', 'CUSTOM'],
  HTTP: ['HTTP'],
  HTTPS: ['HTTP'],
};

const defaultCheckType: Record<Protocol, string> = {
  TCP: 'TCP',
  TCP_SSL: 'TCP',
  UDP: 'PING',
  HTTP: 'HTTP',
  HTTPS: 'HTTP',
};

const isLayer7 = (protocol: Protocol): boolean => protocol === 'HTTP' || protocol === 'HTTPS';

export const defaultHealthCheck = (protocol: Protocol): HealthCheck => ({
  HealthSwitch: 1,
  TimeOut: 2,
  IntervalTime: 5,
  HealthNum: 3,
  UnHealthNum: 3,
  CheckPort: null,
  CheckType: defaultCheckType[protocol],
  HttpCheckDomain: null,
  HttpCheckPath: isLayer7(protocol) ? '/' : null,
  HttpCheckMethod: isLayer7(protocol) ? 'HEAD' : null,
  HttpVersion: null,
  HttpCode: isLayer7(protocol) ? 31 : null,
  ContextType: null,
  SendContext: null,
  RecvContext: null,
  ExtendedCode: null,
  SourceIpType: 0,
});

/** Members that a rule's health check does not have. */
const onlyOfListeners = ['HttpVersion', 'ContextType', 'SendContext', 'RecvContext', 'ExtendedCode'] as const;

const checkDomainFormat = /^[a-z0-9._-]+$/;
const checkPathFormat = /^\/[a-zA-Z0-9.\-_/=?:]*$/;

/** @throws ApiError InvalidParameterValue */
const checkRuleMembers = (asked: Asked): void => {
  for (const name of onlyOfListeners) {
    if (asked[name] !== undefined) throw wrongValue(`HealthCheck.${name}`, asked[name]);
  }
  const { CheckPort, HttpCheckDomain, HttpCheckPath } = asked;
  if (CheckPort !== undefined && CheckPort !== -1) throw wrongValue('HealthCheck.CheckPort', CheckPort);
  if (HttpCheckDomain !== undefined && !checkDomainFormat.test(HttpCheckDomain)) {
    throw wrongValue('HealthCheck.HttpCheckDomain', HttpCheckDomain);
  }
  if (HttpCheckPath !== undefined && !checkPathFormat.test(HttpCheckPath)) {
    throw wrongValue('HealthCheck.HttpCheckPath', HttpCheckPath);
  }
};

const hex = /^([0-9A-F]{2})+$/;
const visible = /^[\x20-\x7e]+$/;

/** What a custom check sends and wants: both, in one form. @throws ApiError MissingParameter, InvalidParameterValue */
const checkContexts = (merged: HealthCheck): void => {
  for (const name of ['ContextType', 'SendContext', 'RecvContext'] as const) {
    const value = merged[name];
    if (value === null) throw missingParameter(`HealthCheck.${name}`);
    if (name === 'ContextType') continue;
    if (!(merged.ContextType === 'HEX' ? hex : visible).test(value))
      throw wrongValue(`HealthCheck.${name}`, value);
  }
};

/**
 * The health check that results from what is asked and what was; members that are not asked for stay.
 *
 * @throws ApiError MissingParameter, InvalidParameterValue
 */
export const mergeHealthCheck = (
  before: HealthCheck,
  asked: Asked | undefined,
  protocol: Protocol,
): HealthCheck => {
  if (asked === undefined) return before;
  if (isLayer7(protocol)) checkRuleMembers(asked);
  const { CheckPort, ...rest } = asked;
  const port = CheckPort === undefined ? before.CheckPort : CheckPort === -1 ? null : CheckPort;
  const merged: HealthCheck = { ...before, ...rest, CheckPort: port };
  if (merged.HealthSwitch === 0) return merged;
  if (isLayer7(protocol) && merged.CheckType === 'GRPC') {
    throw new ApiError('UnsupportedOperation', `CheckType ${merged.CheckType} is not simulated.`);
  }
  if (!checkTypes[protocol].includes(merged.CheckType)) {
    throw wrongValue('HealthCheck.CheckType', merged.CheckType);
  }
  if (merged.TimeOut >= merged.IntervalTime) {
    throw new ApiError(
      'InvalidParameterValue',
      `HealthCheck.TimeOut ${merged.TimeOut} should be less than HealthCheck.IntervalTime ${merged.IntervalTime}.`,
    );
  }
  if (port === 0) throw wrongValue('HealthCheck.CheckPort', port);
  if (merged.CheckType === 'CUSTOM') checkContexts(merged);
  if (isLayer7(protocol) || merged.CheckType !== 'HTTP') return merged;
  if (merged.HttpVersion === null || merged.HttpCheckDomain === null) {
    throw new ApiError(
      'MissingParameter',
      'HealthCheck.HttpVersion and HealthCheck.HttpCheckDomain are required when a TCP listener is checked by HTTP.',
    );
  }
  if (merged.HttpCheckPath !== null && !merged.HttpCheckPath.startsWith('/')) {
    throw wrongValue('HealthCheck.HttpCheckPath', merged.HttpCheckPath);
  }
  return {
    ...merged,
    HttpCheckPath: merged.HttpCheckPath ?? '/',
    HttpCheckMethod: merged.HttpCheckMethod ?? 'HEAD',
    HttpCode: merged.HttpCode ?? 31,
  };
};

import { ApiError, wrongValue } from '../api-error.ts';
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

type Asked = ReturnType<typeof healthCheckField.parse>;

const checkTypes: Record<Protocol, readonly string[]> = {
  TCP: ['TCP', 'HTTP'],
  UDP: ['PING'],
};

export const defaultHealthCheck = (protocol: Protocol): HealthCheck => ({
  HealthSwitch: 1,
  TimeOut: 2,
  IntervalTime: 5,
  HealthNum: 3,
  UnHealthNum: 3,
  CheckPort: null,
  CheckType: protocol === 'UDP' ? 'PING' : 'TCP',
  HttpCheckDomain: null,
  HttpCheckPath: null,
  HttpCheckMethod: null,
  HttpVersion: null,
  HttpCode: null,
  ContextType: null,
  SendContext: null,
  RecvContext: null,
  ExtendedCode: null,
  SourceIpType: 0,
});

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
  const { CheckPort, ...rest } = asked;
  const port = CheckPort === undefined ? before.CheckPort : CheckPort === -1 ? null : CheckPort;
  const merged: HealthCheck = { ...before, ...rest, CheckPort: port };
  if (merged.HealthSwitch === 0) return merged;
  if (merged.CheckType === 'CUSTOM') {
    throw new ApiError('UnsupportedOperation', 'CheckType CUSTOM is not simulated.');
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
  if (merged.CheckType !== 'HTTP') return merged;
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

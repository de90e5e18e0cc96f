import { describe, expect, it } from 'vitest';
import type { ClbFailure } from './clb-port.ts';
import { ClbError } from './clb-port.ts';
import { MalformedAnswer, sortAnswer, sortThrown } from './errors.ts';

type Kind = ClbFailure['kind'];

const cases: readonly (readonly [code: string, message: string, kind: Kind, more?: object])[] = [
  [
    'RequestLimitExceeded',
    'Your current request times equals to `21` in a second, which exceeds the frequency limit `20` for a second.',
    'throttled',
    { afterMs: 1000 },
  ],
  ['RequestLimitExceeded.UinLimitExceeded', '', 'throttled'],
  ['RequestLimitExceeded.GlobalRegionUinLimitExceeded', '', 'throttled'],
  ['RequestLimitExceeded.IPLimitExceeded', '', 'throttled'],
  ['FailedOperation.FrequencyCheckRisk', '', 'throttled', { afterMs: 60_000 }],

  ['FailedOperation.ResourceInOperating', 'anything', 'busy'],
  ['FailedOperation.ResourceInCloning', '', 'busy'],
  ['FailedOperation.InvalidLBStatus', '', 'isolated'],
  ['FailedOperation', 'Loadbalancer(lb-1) is not in normal desState, maybe some tasks are …', 'busy'],
  ['InternalError', 'lb is not in normal status', 'busy'],
  ['FailedOperation', 'desState is abnormal', 'busy'],
  ['FailedOperation', 'des status abnormal', 'busy'],
  [
    'InvalidParameter',
    'Your task is working (UpdateQLBL7ListenerDomain). Pls wait for the task to complete and try again.',
    'busy',
  ],

  ['InvalidParameter.LBIdNotFound', '', 'not-found', { what: 'load-balancer' }],
  ['InvalidParameter', 'LoadBalancer not exist', 'not-found', { what: 'load-balancer' }],
  ['FailedOperation', 'LB not exist', 'not-found', { what: 'load-balancer' }],
  [
    'InvalidParameter',
    'Invalid LoadBalancerId, LoadBalancerId: lb-1',
    'not-found',
    { what: 'load-balancer' },
  ],
  ['InvalidParameter.ListenerIdNotFound', '', 'not-found', { what: 'listener' }],
  ['InvalidParameter.LocationNotFound', '', 'not-found', { what: 'listener' }],
  ['InvalidParameter', "some ListenerId ['lbl-1',\n'lbl-2'] not found", 'not-found', { what: 'listener' }],

  ['LimitExceeded', '', 'quota', { code: 'LimitExceeded' }],
  ['LimitExceeded.Whatever', '', 'quota'],
  ['ResourceInsufficient', '', 'quota'],
  ['ResourcesSoldOut', '', 'quota'],

  ['InvalidParameter', 'target is not bound', 'refused', { code: 'InvalidParameter' }],
  ['InvalidParameter.PortCheckFailed', '', 'refused'],
  ['InvalidParameter.ClientTokenLimitExceeded', '', 'refused'],
  ['InvalidParameterValue.Length', '', 'refused'],
  ['InvalidParameterCombination', '', 'refused'],
  ['MissingParameter', '', 'refused'],
  ['UnknownParameter', '', 'refused'],
  ['AuthFailure', '', 'refused'],
  ['AuthFailure.SignatureFailure', '', 'refused'],
  ['AuthFailure.SecretIdNotFound', '', 'refused'],
  ['UnauthorizedOperation', 'you are not authorized to perform operation (clb:X)', 'refused'],
  ['UnsupportedOperation', '', 'refused'],
  ['UnsupportedRegion', '', 'refused'],
  ['OperationDenied', '', 'refused'],
  ['InvalidAction', '', 'refused'],
  ['NoSuchVersion', '', 'refused'],
  ['ResponseSizeLimitExceeded', '', 'refused'],
  ['FailedOperation.TargetNumCheckRisk', '', 'refused'],
  ['FailedOperation.TrafficCheckRisk', '', 'refused'],
  ['FailedOperation.EipTrafficCheckRisk', '', 'refused'],
  ['FailedOperation.InsufficientBalance', '', 'refused'],
  ['FailedOperation', '(vip+protocol+rsip+rsport) should be globally unique', 'refused'],

  ['FailedOperation', 'something went wrong', 'unknown-outcome'],
  ['InternalError', '', 'unknown-outcome'],
  ['ResourceUnavailable', '', 'unknown-outcome'],
  ['ServiceUnavailable', '', 'unknown-outcome'],
  ['ResourceNotFound', '', 'unknown-outcome'],
  ['NeverSeenBefore.Code', '', 'unknown-outcome'],
];

describe('the table of CLB answers', () => {
  for (const [code, message, kind, more = {}] of cases) {
    it(`${code} (${message}) is ${kind}`, () => {
      expect(sortAnswer(code, message)).toMatchObject({ kind, ...more });
    });
  }
});

/** As the SDK throws it (`tencentcloud/common/exception`). */
const sdkError = (message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { requestId: '', traceId: 'trace', ...more });

describe('what the SDK throws', () => {
  it('an answer of the API is sorted by its code and keeps its request id', () => {
    const error = sortThrown(
      'X',
      sdkError('busy', { code: 'FailedOperation.ResourceInOperating', requestId: 'r' }),
    );
    expect(error.failure.kind).toBe('busy');
    expect(error.requestId).toBe('r');
    expect(error.action).toBe('X');
  });

  it.each([
    ['an HTTP status', sdkError('Bad Gateway', { httpCode: 502 }), /HTTP 502 Bad Gateway/],
    [
      'a refused connection',
      sdkError('request to http://x/ failed, reason: connect ECONNREFUSED'),
      /ECONNREFUSED/,
    ],
    ['a time-out', sdkError('network timeout at: http://x/'), /timeout/],
    ['an abort', sdkError('The user aborted a request.'), /aborted/],
    [
      'a FetchError with a system code, which is no code of the API',
      Object.assign(new Error('Premature close'), { name: 'FetchError', code: 'LimitExceeded' }),
      /Premature/,
    ],
    [
      'an answer without Response',
      new TypeError("Cannot read properties of undefined (reading 'Error')"),
      /undefined/,
    ],
    ['an answer in another shape', new MalformedAnswer('Listeners: array expected'), /Listeners/],
    ['a thrown text', 'boom', /boom/],
  ])('%s leaves the outcome unknown', (_, thrown, message) => {
    const { failure } = sortThrown('X', thrown);
    expect(failure.kind).toBe('unknown-outcome');
    expect('message' in failure ? failure.message : '').toMatch(message);
  });

  it('a sorted error stays as it is', () => {
    const error = new ClbError('X', { kind: 'lost' });
    expect(sortThrown('Y', error)).toBe(error);
  });
});

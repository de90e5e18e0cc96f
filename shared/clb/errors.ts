import type { ClbFailure } from './clb-port.ts';
import { ClbError } from './clb-port.ts';

/** What a row of the table says of an answer. */
type Sort =
  | { readonly kind: 'throttled'; readonly afterMs: number }
  | { readonly kind: 'busy' | 'isolated' | 'quota' | 'refused' | 'unknown-outcome' }
  | { readonly kind: 'not-found'; readonly what: 'load-balancer' | 'listener' | 'target' };

interface Row {
  readonly code?: RegExp;
  readonly message?: RegExp;
  readonly sort: Sort;
}

/**
 * Every error answer of the CLB, sorted: the first row that fits counts (a row fits if all it names fits). The
 * codes are the API's documented ones; the messages are those seen in other clients' issues, because the lock
 * also shows under other codes. What no row names has an unknown outcome: read again, then try again.
 */
export const table: readonly Row[] = [
  // A second's window is over after a second. Of each sub-account, account, region or source address.
  { code: /^RequestLimitExceeded\b/, sort: { kind: 'throttled', afterMs: 1000 } },
  // More than 30 deletions of load balancers in 5 minutes.
  { code: /^FailedOperation\.FrequencyCheckRisk$/, sort: { kind: 'throttled', afterMs: 60_000 } },

  { code: /^FailedOperation\.(ResourceInOperating|ResourceInCloning)$/, sort: { kind: 'busy' } },
  // Isolated for arrears, or expired.
  { code: /^FailedOperation\.InvalidLBStatus$/, sort: { kind: 'isolated' } },
  {
    message:
      /is not in normal (status|desState)|desState is abnormal|des status abnormal|Your task is working/,
    sort: { kind: 'busy' },
  },

  { code: /^InvalidParameter\.LBIdNotFound$/, sort: { kind: 'not-found', what: 'load-balancer' } },
  {
    code: /^(InvalidParameter|FailedOperation)/,
    message: /\b(LoadBalancer|LB) not exist|Invalid LoadBalancerId\b/,
    sort: { kind: 'not-found', what: 'load-balancer' },
  },
  {
    code: /^InvalidParameter\.(ListenerIdNotFound|LocationNotFound)$/,
    sort: { kind: 'not-found', what: 'listener' },
  },
  {
    code: /^InvalidParameter/,
    message: /some ListenerId\b.*not found/s,
    sort: { kind: 'not-found', what: 'listener' },
  },

  { code: /^(LimitExceeded|ResourceInsufficient|ResourcesSoldOut)\b/, sort: { kind: 'quota' } },

  {
    code: /^(InvalidParameter|InvalidParameterValue|InvalidParameterCombination|MissingParameter|UnknownParameter)\b/,
    sort: { kind: 'refused' },
  },
  {
    code: /^(AuthFailure|UnauthorizedOperation|IpInBlacklist|IpNotInWhitelist)\b/,
    sort: { kind: 'refused' },
  },
  {
    code: /^(UnsupportedOperation|UnsupportedProtocol|UnsupportedRegion|OperationDenied|DryRunOperation)\b/,
    sort: { kind: 'refused' },
  },
  {
    code: /^(InvalidAction|InvalidRequest|NoSuchProduct|NoSuchVersion|ActionOffline)$/,
    sort: { kind: 'refused' },
  },
  { code: /^(RequestSizeLimitExceeded|ResponseSizeLimitExceeded)$/, sort: { kind: 'refused' } },
  {
    code: /^FailedOperation\.(TargetNumCheckRisk|TrafficCheckRisk|EipTrafficCheckRisk|InsufficientBalance)$/,
    sort: { kind: 'refused' },
  },
  // The text of the layer-4 rule: one target in one listener of a protocol.
  { message: /should be globally unique/, sort: { kind: 'refused' } },

  // InternalError comes under contention and for bad requests alike.
  { code: /^(InternalError|ResourceUnavailable|ServiceUnavailable)\b/, sort: { kind: 'unknown-outcome' } },
];

/** Sorts an error answer, or the message of a failed task (code `FailedOperation`). */
export const sortAnswer = (code: string, message: string): ClbFailure => {
  const row = table.find((row) => (row.code?.test(code) ?? true) && (row.message?.test(message) ?? true));
  const sort = row?.sort ?? { kind: 'unknown-outcome' };
  const said = `${code}: ${message}`;
  switch (sort.kind) {
    case 'throttled':
      return { kind: 'throttled', afterMs: sort.afterMs, message: said };
    case 'not-found':
      return { kind: 'not-found', what: sort.what, message: said };
    case 'isolated':
    case 'quota':
    case 'refused':
      return { kind: sort.kind, code, message };
    case 'unknown-outcome':
      return { kind: sort.kind, message: said, code };
    default:
      return { kind: sort.kind, message: said };
  }
};

/** The answer came, but not in the shape that the API documents. */
export class MalformedAnswer extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MalformedAnswer';
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/**
 * What the SDK threw, sorted. It throws its own class, with `code` and `requestId`, for an answer of the API; with
 * neither for an HTTP status or a broken connection; and raw `FetchError`, `SyntaxError` or `TypeError` for
 * answers that it cannot read. Without a code of the API, nobody knows whether the call had an effect.
 */
export const sortThrown = (action: string, thrown: unknown): ClbError => {
  if (thrown instanceof ClbError) return thrown;
  if (!(thrown instanceof Error)) {
    return new ClbError(action, { kind: 'unknown-outcome', message: String(thrown) });
  }
  const requestId = 'requestId' in thrown ? text(thrown.requestId) : undefined;
  // A FetchError may carry a system code (`ECONNRESET`); only the SDK's own class has a trace id.
  const code = 'traceId' in thrown && 'code' in thrown ? text(thrown.code) : undefined;
  if (code !== undefined) return new ClbError(action, sortAnswer(code, thrown.message), requestId);
  const status =
    'httpCode' in thrown && typeof thrown.httpCode === 'number' ? `HTTP ${thrown.httpCode} ` : '';
  return new ClbError(action, { kind: 'unknown-outcome', message: `${status}${thrown.message}` }, requestId);
};

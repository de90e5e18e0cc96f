import { list, record, text } from './facts/read.ts';

/** Beside the API server's own reasons: what happened before there was an answer. */
export type LocalReason = 'Unreachable' | 'TimedOut' | 'Aborted' | 'Unreadable' | 'NoCredentials';

/** The one error of everything that talks to the API server. Its message holds no credentials. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** HTTP status; 0: there was no answer, and whether a write was done is not known. */
  readonly status: number;
  /** `Status.reason` of the API server (`NotFound`, `Conflict`, …), or why there was no answer. */
  readonly reason: string;
  /** How long the server asks us to stay away. */
  readonly retryAfterMs: number | undefined;
  /** `Status.details.causes[].field`: which fields were refused. */
  readonly fields: readonly string[];

  constructor(
    status: number,
    reason: LocalReason | (string & {}),
    message: string,
    more: { retryAfterMs?: number; fields?: readonly string[] } = {},
  ) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = more.retryAfterMs;
    this.fields = more.fields ?? [];
  }
}

const afterMs = (seconds: unknown): number | undefined => {
  const ms = typeof seconds === 'number' || typeof seconds === 'string' ? Number(seconds) * 1000 : Number.NaN;
  return ms >= 0 ? ms : undefined;
};

/** `Retry-After` is seconds, or a date. */
const retryAfterOf = (header: string | undefined, nowMs: number): number | undefined => {
  if (header === undefined || header.trim() === '') return undefined;
  const date = Date.parse(header);
  return afterMs(header) ?? (Number.isNaN(date) ? undefined : Math.max(0, date - nowMs));
};

/**
 * What a `Status` object says; also for `ERROR` events of a watch.
 *
 * @param httpStatus used where the object names no code
 */
export const errorOfStatus = (
  httpStatus: number,
  status: unknown,
  retryAfterHeader?: string,
  nowMs = 0,
): KubernetesError => {
  const { code, reason, message, details } = record(status);
  const known = record(details);
  const retryAfterMs =
    retryAfterOf(retryAfterHeader, nowMs) ??
    (known['retryAfterSeconds'] === 0 ? undefined : afterMs(known['retryAfterSeconds']));
  return new KubernetesError(
    typeof code === 'number' ? code : httpStatus,
    text(reason) ?? `HTTP ${httpStatus}`,
    text(message) ?? `The API server answered ${httpStatus}.`,
    {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      fields: list(known['causes']).flatMap((cause) => text(record(cause)['field']) ?? []),
    },
  );
};

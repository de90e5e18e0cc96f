import { ClbError } from '../../shared/clb/clb-port.ts';
import type { ProblemCode } from '../../shared/model/problems.ts';

/** When somebody tries again, and whether a put may come sooner. */
export interface Retry {
  readonly afterMs: number;
  readonly reason: string;
  /** Not even a put comes sooner: the CLB is busy with the load balancer. */
  readonly strict: boolean;
  /** The effect of a call is unknown: the next pass reads first. */
  readonly readFirst: boolean;
  /** The CLB answered, and nobody knows what that means. */
  readonly unclear?: true;
}

const busyAfterMs = 500;
const unknownAfterMs = 1_000;
/** Longer is not waited, also for what nobody understands: a Pod that is told to go still accepts that long. */
const unclearAtMostMs = 15_000;
const partialAfterMs = 1_000;
const refusedAfterMs = 30_000;

/** Most of what nobody understands is over soon; what lasts must not eat everybody's calls (law L11). */
const unclearAfterMs = (before: number): number =>
  Math.min(unclearAtMostMs, unknownAfterMs * 2 ** Math.max(0, before - 2));

/**
 * What becomes of the pass when a call ended like this, after so many passes in a row that were answered with something
 * that says nothing. Undefined: the hold is lost, nothing is left to say.
 */
export const retryAfter = (error: unknown, unclearBefore = 0): Retry | undefined => {
  const retry = (afterMs: number, reason: string, strict = false, readFirst = true): Retry => ({
    afterMs,
    reason,
    strict,
    readFirst,
  });
  if (!(error instanceof ClbError)) {
    return retry(unknownAfterMs, error instanceof Error ? error.message : String(error));
  }
  const { failure } = error;
  switch (failure.kind) {
    case 'lost':
      return undefined;
    case 'busy':
      return retry(busyAfterMs, error.message, true, false);
    case 'throttled':
      return retry(failure.afterMs, error.message, false, false);
    case 'partial':
      return retry(partialAfterMs, error.message);
    case 'unknown-outcome':
      return failure.code === undefined
        ? retry(unknownAfterMs, error.message)
        : { ...retry(unclearAfterMs(unclearBefore), error.message), unclear: true };
    case 'not-found':
      return retry(unknownAfterMs, error.message);
    case 'isolated':
    case 'quota':
    case 'refused':
      return retry(refusedAfterMs, error.message);
  }
};

const quotaCodes = {
  'load-balancer': 'E4004',
  listener: 'D1006',
  rule: 'D1022',
  targets: 'E4054',
} as const;

/** The problem that a refusal is to the user, by the CLB's code. */
export const problemCodeOf = (
  clbCode: string,
  about: 'load-balancer' | 'listener' | 'rule' | 'targets',
): ProblemCode => {
  if (/InsufficientBalance/.test(clbCode)) return 'E4009';
  if (/LimitExceeded|ResourceInsufficient/.test(clbCode)) {
    return quotaCodes[about];
  }
  return about === 'load-balancer' ? 'E4005' : 'D1009';
};

/** The load balancer that a call named does not exist. */
export const isMissing = (error: unknown): boolean =>
  error instanceof ClbError && error.failure.kind === 'not-found' && error.failure.what === 'load-balancer';

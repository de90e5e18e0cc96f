import type { HealthCheck, HealthStatus } from '../model.ts';

/** What a target's probes have shown so far. */
export interface HealthCount {
  readonly status: HealthStatus;
  /** Probes in a row with the same outcome, and which. */
  readonly succeeded: boolean;
  readonly inARow: number;
}

export const startingCount = (status: HealthStatus): HealthCount => ({ status, succeeded: false, inARow: 0 });

/** One more probe. Alive after HealthNum successes in a row, Dead after UnHealthNum failures in a row. */
export const afterProbe = (
  { status, succeeded, inARow }: HealthCount,
  success: boolean,
  { HealthNum, UnHealthNum }: Pick<HealthCheck, 'HealthNum' | 'UnHealthNum'>,
  aliveAfterFirstSuccess: boolean,
): HealthCount => {
  const count = success === succeeded ? inARow + 1 : 1;
  const first = status === 'Unknown' && inARow === 0 && success && aliveAfterFirstSuccess;
  const reached = first || count >= (success ? HealthNum : UnHealthNum);
  return { status: reached ? (success ? 'Alive' : 'Dead') : status, succeeded: success, inARow: count };
};

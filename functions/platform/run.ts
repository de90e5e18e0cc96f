import type { Credentials } from '../../shared/process/config.ts';

/** One event of a platform. */
export interface Invocation {
  /** As it came; whoever takes it reads it with care. */
  readonly event: unknown;
  /** Unix ms when the platform ends the invocation. */
  readonly deadlineAt: number;
  /** Handed over with the event; absent: those of the environment. */
  readonly credentials?: Credentials;
}

/** A function, whatever the platform. Throws what the platform is to report. */
export type Run = (invocation: Invocation) => Promise<unknown>;

import { type Credentials, findCredentials } from '../../shared/process/config.ts';
import type { Run } from './run.ts';

interface ScfContext {
  readonly time_limit_in_ms?: number;
  /** JSON of the environment of this invocation: the role's credentials of now. */
  readonly environment?: string;
  callbackWaitsForEmptyEventLoop?: boolean;
}

/** What a function gets that was given no time-out of its own. */
const defaultLimitMs = 3_000;

/** An instance lives longer than its role's credentials; those of the context are this invocation's. */
const credentialsOf = (environment: string | undefined): Credentials | undefined => {
  if (environment === undefined) return undefined;
  try {
    const names: Readonly<Record<string, unknown>> = Object(JSON.parse(environment));
    return findCredentials(
      Object.fromEntries(
        Object.entries(names).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      ),
    );
  } catch {
    return undefined;
  }
};

/** A custom runtime hands over the event as it came, any other one has read it. */
const read = (event: unknown): unknown => {
  if (typeof event !== 'string') return event;
  try {
    return JSON.parse(event);
  } catch {
    return event;
  }
};

/** What Tencent SCF calls (https://www.tencentcloud.com/document/product/583/11060). */
export const scfHandler =
  (run: Run) =>
  async (event: unknown, context: ScfContext): Promise<unknown> => {
    // Connections are kept for the next invocation; they are no reason to wait.
    context.callbackWaitsForEmptyEventLoop = false;
    const credentials = credentialsOf(context.environment);
    return run({
      event: read(event),
      deadlineAt: Date.now() + (context.time_limit_in_ms ?? defaultLimitMs),
      ...(credentials === undefined ? {} : { credentials }),
    });
  };

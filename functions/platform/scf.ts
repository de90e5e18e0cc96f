import type { Run } from './run.ts';

interface ScfContext {
  readonly time_limit_in_ms?: number;
  callbackWaitsForEmptyEventLoop?: boolean;
}

/** What a function gets that was given no time-out of its own. */
const defaultLimitMs = 3_000;

/** What Tencent SCF calls (https://www.tencentcloud.com/document/product/583/11060). */
export const scfHandler =
  (run: Run) =>
  (event: unknown, context: ScfContext): Promise<unknown> => {
    // Connections are kept for the next invocation; they are no reason to wait.
    context.callbackWaitsForEmptyEventLoop = false;
    return run(event, Date.now() + (context.time_limit_in_ms ?? defaultLimitMs));
  };

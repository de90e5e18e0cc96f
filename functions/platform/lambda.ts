import type { Run } from './run.ts';

interface LambdaContext {
  readonly getRemainingTimeInMillis: () => number;
  callbackWaitsForEmptyEventLoop?: boolean;
}

/** What AWS Lambda calls (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html). */
export const lambdaHandler =
  (run: Run) =>
  async (event: unknown, context: LambdaContext): Promise<unknown> => {
    // Connections are kept for the next invocation; they are no reason to wait.
    context.callbackWaitsForEmptyEventLoop = false;
    return run({ event, deadlineAt: Date.now() + context.getRemainingTimeInMillis() });
  };

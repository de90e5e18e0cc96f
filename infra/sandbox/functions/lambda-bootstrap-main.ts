// Plays the runtime of AWS Lambda inside an instance: asks for events, calls `handler`, tells what came of it.
import { ask, dieWithPlatform, errorBody, type Handler, loadHandler } from './bootstrap.ts';

dieWithPlatform();
const [host = '127.0.0.1', port = '0'] = (process.env['AWS_LAMBDA_RUNTIME_API'] ?? '').split(':');
const api = { host, port: Number(port) };
const root = '/2018-06-01/runtime';
const [file = ''] = process.argv.slice(2);

const errorType = (error: unknown): Record<string, string> => ({
  'lambda-runtime-function-error-type': error instanceof Error ? error.name : 'Error',
});

let handler: Handler;
try {
  handler = await loadHandler(file, (process.env['_HANDLER'] ?? '').split('.').at(-1) ?? 'handler');
} catch (error) {
  await ask(api, 'POST', `${root}/init/error`, errorBody(error), errorType(error));
  process.exit(1);
}

for (;;) {
  const next = await ask(api, 'GET', `${root}/invocation/next`);
  const requestId = String(next.headers['lambda-runtime-aws-request-id']);
  const deadlineMs = Number(next.headers['lambda-runtime-deadline-ms']);
  process.env['_X_AMZN_TRACE_ID'] = String(next.headers['lambda-runtime-trace-id']);
  const context = {
    awsRequestId: requestId,
    functionName: process.env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: process.env['AWS_LAMBDA_FUNCTION_VERSION'],
    memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'],
    invokedFunctionArn: next.headers['lambda-runtime-invoked-function-arn'],
    clientContext: JSON.parse(String(next.headers['lambda-runtime-client-context'] ?? 'null')) ?? undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  try {
    const answer = await handler(JSON.parse(next.body), context);
    await ask(api, 'POST', `${root}/invocation/${requestId}/response`, JSON.stringify(answer ?? null));
  } catch (error) {
    await ask(api, 'POST', `${root}/invocation/${requestId}/error`, errorBody(error), errorType(error));
  }
}

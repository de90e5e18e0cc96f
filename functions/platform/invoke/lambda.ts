import {
  InvokeCommand,
  type InvokeCommandOutput,
  LambdaClient,
  LambdaServiceException,
} from '@aws-sdk/client-lambda';
import type { FunctionsSettings } from '../../../shared/process/config.ts';
import { type Functions, InvocationRefused } from '../functions.ts';
import { connectMs, FunctionFailed, functionsBy } from './invocation.ts';

const refusedOr = (error: unknown): unknown =>
  error instanceof LambdaServiceException && error.$metadata.httpStatusCode === 429
    ? new InvocationRefused(error.message)
    : error;

/** The functions on AWS Lambda, through the official SDK; credentials as it finds them. */
export const invokeLambda = (settings: FunctionsSettings): Functions => {
  const { region, endpoint, protocol, timeoutMs } = settings;
  const client = new LambdaClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: `${protocol}://${endpoint}` }),
    // Whether to try again is the dispatcher's to decide.
    maxAttempts: 1,
    // Without the flag the time-out is only a warning.
    requestHandler: { requestTimeout: timeoutMs, throwOnRequestTimeout: true, connectionTimeout: connectMs },
  });
  return functionsBy(settings, async (name, event) => {
    const command = new InvokeCommand({
      FunctionName: name,
      InvocationType: 'RequestResponse',
      Payload: Buffer.from(JSON.stringify(event)),
    });
    const answer = await client.send(command).catch((error: unknown): InvokeCommandOutput => {
      throw refusedOr(error);
    });
    const text = Buffer.from(answer.Payload ?? new Uint8Array()).toString('utf8');
    if (answer.FunctionError !== undefined) throw new FunctionFailed(name, text);
    return text;
  });
};

import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { FunctionsSettings } from '../../../shared/process/config.ts';
import type { Functions } from '../functions.ts';
import { FunctionFailed, functionsBy } from './invocation.ts';

/** The functions on AWS Lambda, through the official SDK; credentials as it finds them. */
export const invokeLambda = (settings: FunctionsSettings): Functions => {
  const { region, endpoint, protocol, timeoutMs } = settings;
  const client = new LambdaClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: `${protocol}://${endpoint}` }),
    // Whether to try again is the dispatcher's to decide.
    maxAttempts: 1,
    requestHandler: { requestTimeout: timeoutMs, connectionTimeout: 3_000 },
  });
  return functionsBy(settings, async (name, event) => {
    const answer = await client.send(
      new InvokeCommand({
        FunctionName: name,
        InvocationType: 'RequestResponse',
        Payload: Buffer.from(JSON.stringify(event)),
      }),
    );
    const text = Buffer.from(answer.Payload ?? new Uint8Array()).toString('utf8');
    if (answer.FunctionError !== undefined) throw new FunctionFailed(name, text);
    return text;
  });
};

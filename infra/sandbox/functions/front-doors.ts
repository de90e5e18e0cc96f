import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseAuthorization, verifies } from '../clb/gateway/signature.ts';
import type { InvocationEnd } from './instance.ts';
import type { Invoked, Pool } from './pool.ts';
import { isSignedV4 } from './signature-v4.ts';

export interface FrontDoorOptions {
  readonly region: string;
  readonly credentials: { readonly id: string; readonly key: string };
  readonly find: (name: string) => Pool | undefined;
  readonly refusing: () => boolean;
  /** Whether this answer is lost on its way. */
  readonly dropAnswer: () => boolean;
}

export type FrontDoor = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const maxEventBytes = 6 * 1024 * 1024;

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

const headersOf = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : (value ?? ''),
    ]),
  );

const json = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

const isJson = (body: Buffer): boolean => {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
};

/** What each platform says of an invocation that ended without an answer. */
const failureOf = (end: Exclude<InvocationEnd, { is: 'answer' }>, requestId: string, timeoutMs: number) => {
  switch (end.is) {
    case 'timed-out':
      return {
        errorType: 'Sandbox.Timedout',
        errorMessage: `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
      };
    case 'exited':
      return {
        errorType: 'Runtime.ExitError',
        errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: ${end.how}`,
      };
    case 'too-large':
      return {
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage: `Response payload size exceeded maximum allowed payload size (${end.bytes} bytes).`,
      };
    default:
      return JSON.parse(end.body.toString('utf8'));
  }
};

/** `POST /2015-03-31/functions/{name}/invocations` (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
const lambdaDoor =
  (options: FrontDoorOptions): FrontDoor =>
  async (request, response) => {
    const body = await read(request);
    const requestId = randomUUID();
    const error = (status: number, type: string, message: string): void =>
      json(
        response,
        status,
        { Type: status >= 500 ? 'Server' : 'User', message, Message: message },
        {
          'x-amzn-requestid': requestId,
          'x-amzn-errortype': type,
        },
      );
    const [path = ''] = (request.url ?? '').split('?');
    const [, name] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(path) ?? [];
    if (request.method !== 'POST' || name === undefined)
      return error(404, 'UnknownOperationException', 'unknown');
    const signed = { method: request.method, url: request.url ?? '', headers: headersOf(request), body };
    if (!isSignedV4(signed, options.credentials)) {
      return error(
        403,
        'InvalidSignatureException',
        'The request signature we calculated does not match the signature you provided.',
      );
    }
    const pool = options.find(decodeURIComponent(name).split(':').at(-1) ?? '');
    if (pool === undefined) {
      return error(404, 'ResourceNotFoundException', `Function not found: ${decodeURIComponent(name)}`);
    }
    if (body.length > maxEventBytes) {
      return error(413, 'RequestTooLargeException', `${body.length} byte payload is too large.`);
    }
    if (body.length > 0 && !isJson(body)) {
      return error(400, 'InvalidRequestContentException', 'Could not parse request body into json.');
    }
    const event = body.length === 0 ? Buffer.from('{}') : body;
    if (request.headers['x-amz-invocation-type'] === 'Event') {
      void pool.invoke(event);
      response.writeHead(202, { 'x-amzn-requestid': requestId }).end();
      return;
    }
    const invoked: Invoked = options.refusing() ? { is: 'refused' } : await pool.invoke(event);
    if (invoked.is === 'refused') return error(429, 'TooManyRequestsException', 'Rate Exceeded.');
    if (options.dropAnswer()) return void response.destroy();
    const { end } = invoked;
    response.setHeader('x-amz-executed-version', '$LATEST');
    response.setHeader('x-amzn-requestid', invoked.requestId);
    if (end.is === 'answer') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(end.body);
      return;
    }
    response.setHeader('x-amz-function-error', 'Unhandled');
    json(response, 200, failureOf(end, invoked.requestId, pool.timeoutMs));
  };

/** The codes of an invocation's result (https://www.tencentcloud.com/document/product/583/35311). */
const scfResult: Readonly<Record<Exclude<InvocationEnd['is'], 'answer'>, number>> = {
  error: 430,
  'timed-out': 433,
  exited: 439,
  'init-failed': 446,
  'too-large': 437,
};

/** The action `Invoke` of SCF's API 3.0 (https://www.tencentcloud.com/document/product/583/17243). */
const scfDoor =
  (options: FrontDoorOptions): FrontDoor =>
  async (request, response) => {
    const body = await read(request);
    const requestId = randomUUID();
    const answer = (fields: object): void =>
      json(response, 200, { Response: { ...fields, RequestId: requestId } });
    const error = (Code: string, Message: string): void => answer({ Error: { Code, Message } });
    const headers = headersOf(request);
    const authorization = parseAuthorization(headers['authorization']);
    // The SDK takes the service's name for the signature from the host, which is another one here.
    if (authorization === undefined) {
      return error('AuthFailure.InvalidAuthorization', 'The request header `Authorization` is not valid.');
    }
    const { id, key } = options.credentials;
    const signed = { method: request.method ?? '', query: '', headers, body };
    if (
      authorization.secretId !== id ||
      !verifies(authorization, signed, headers['x-tc-timestamp'] ?? '', key)
    ) {
      return error('AuthFailure.SignatureFailure', 'The provided credentials could not be validated.');
    }
    if (headers['x-tc-version'] !== '2018-04-16')
      return error('NoSuchVersion', 'The version does not exist.');
    if (headers['x-tc-action'] !== 'Invoke')
      return error('InvalidAction', 'The action is invalid or not found.');
    const parameters: { FunctionName?: unknown; ClientContext?: unknown; InvocationType?: unknown } =
      JSON.parse(body.toString('utf8'));
    const pool =
      typeof parameters.FunctionName === 'string' ? options.find(parameters.FunctionName) : undefined;
    if (pool === undefined) {
      return error(
        'ResourceNotFound.Function',
        `The specified function ${String(parameters.FunctionName)} does not exist.`,
      );
    }
    const event = Buffer.from(typeof parameters.ClientContext === 'string' ? parameters.ClientContext : '{}');
    if (event.length > maxEventBytes) return error('InvalidParameter.Payload', 'The payload is too large.');
    if (!isJson(event)) return error('InvalidParameterValue.ClientContext', 'ClientContext is no JSON.');
    const result = (fields: object): void =>
      answer({
        Result: {
          Log: '',
          RetMsg: '',
          ErrMsg: '',
          MemUsage: 0,
          Duration: 0,
          BillDuration: 0,
          FunctionRequestId: requestId,
          InvokeResult: 0,
          ...fields,
        },
      });
    if (parameters.InvocationType === 'Event') {
      void pool.invoke(event);
      return result({});
    }
    const invoked: Invoked = options.refusing() ? { is: 'refused' } : await pool.invoke(event);
    if (invoked.is === 'refused') {
      return error('RequestLimitExceeded', 'The number of concurrent invocations exceeds the limit.');
    }
    if (options.dropAnswer()) return void response.destroy();
    const { end, ms } = invoked;
    const common = { Duration: ms, BillDuration: ms, FunctionRequestId: invoked.requestId };
    if (end.is === 'answer') return result({ ...common, RetMsg: end.body.toString('utf8') });
    const failure = failureOf(end, invoked.requestId, pool.timeoutMs);
    result({ ...common, InvokeResult: scfResult[end.is], ErrMsg: JSON.stringify(failure) });
  };

/** What clients of a platform speak to. */
export const createFrontDoor = (platform: 'lambda' | 'scf', options: FrontDoorOptions): FrontDoor =>
  platform === 'lambda' ? lambdaDoor(options) : scfDoor(options);

import { randomUUID } from 'node:crypto';
import { headersOf, wholeBody } from '../net/message.ts';
import { answerJson, type FrontDoor, type FrontDoorOptions, failureOf, isJson } from './front-door.ts';
import type { Invoked } from './pool.ts';
import { limits } from './protocols.ts';
import { isSignedV4 } from './signature-v4.ts';

/** A name, or an ARN of any length; with a version or alias behind it. */
const nameIn = (given: string): { readonly name: string; readonly qualifier?: string } => {
  const [, name = given, qualifier] =
    /^(?:(?:arn:[^:]+:lambda:[^:]*:)?\d{12}:function:)?([^:]+)(?::([^:]+))?$/.exec(given) ?? [];
  return { name, ...(qualifier === undefined ? {} : { qualifier }) };
};

/** What was sent beside the event, in base64; undefined: it is not JSON. */
const clientContextIn = (header: string): string | undefined => {
  const text = Buffer.from(header, 'base64').toString('utf8');
  return isJson(Buffer.from(text)) ? JSON.stringify(JSON.parse(text)) : undefined;
};

/** `POST /2015-03-31/functions/{name}/invocations` (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
export const lambdaDoor =
  (options: FrontDoorOptions): FrontDoor =>
  async (request, response) => {
    const body = await wholeBody(request);
    const requestId = randomUUID();
    const error = (status: number, type: string, message: string, more: object = {}): void =>
      answerJson(
        response,
        status,
        { Type: status >= 500 ? 'Server' : 'User', message, Message: message, ...more },
        { 'x-amzn-requestid': requestId, 'x-amzn-errortype': type },
      );
    const url = new URL(request.url ?? '/', 'http://lambda');
    const [, encoded] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(url.pathname) ?? [];
    if (request.method !== 'POST' || encoded === undefined) {
      return error(404, 'UnknownOperationException', 'unknown');
    }
    const headers = headersOf(request);
    const { id } = options.credentials;
    if (!(headers['authorization'] ?? '').includes(`Credential=${id}/`)) {
      return error(
        403,
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
      );
    }
    const signed = { method: request.method, url: request.url ?? '', headers, body };
    if (!isSignedV4(signed, options.credentials)) {
      return error(
        403,
        'InvalidSignatureException',
        'The request signature we calculated does not match the signature you provided.',
      );
    }
    const { name, qualifier = url.searchParams.get('Qualifier') ?? '$LATEST' } = nameIn(
      decodeURIComponent(encoded),
    );
    const pool = options.find(name);
    if (pool === undefined || qualifier !== '$LATEST') {
      const said = qualifier === '$LATEST' ? name : `${name}:${qualifier}`;
      return error(404, 'ResourceNotFoundException', `Function not found: ${said}`);
    }
    const type = headers['x-amz-invocation-type'] ?? 'RequestResponse';
    if (!['RequestResponse', 'Event', 'DryRun'].includes(type)) {
      return error(400, 'InvalidParameterValueException', `Value '${type}' at 'invocationType' is unknown.`);
    }
    const max = type === 'Event' ? limits.lambda.maxEventBytesNotWaitedFor : limits.lambda.maxEventBytes;
    if (body.length > max) {
      const said = `Request must be smaller than ${max} bytes for the InvokeFunction operation`;
      return error(413, 'RequestTooLargeException', said);
    }
    if (body.length > 0 && !isJson(body)) {
      return error(400, 'InvalidRequestContentException', 'Could not parse request body into json.');
    }
    const clientContext = clientContextIn(headers['x-amz-client-context'] ?? 'e30=');
    if (clientContext === undefined) {
      return error(400, 'InvalidRequestContentException', 'Client context must be JSON in base64.');
    }
    const event = body.length === 0 ? Buffer.from('{}') : body;
    const tooMany = (Reason: string): void =>
      error(429, 'TooManyRequestsException', 'Rate Exceeded.', { Reason });
    if (options.refusing()) return tooMany('CallerRateLimitExceeded');
    if (type !== 'RequestResponse') {
      if (type === 'Event') options.queue.add(pool, event, requestId);
      response.writeHead(type === 'Event' ? 202 : 204, { 'x-amzn-requestid': requestId }).end();
      return;
    }
    const more = headers['x-amz-client-context'] === undefined ? {} : { clientContext };
    const invoked: Invoked = await pool.invoke(event, more);
    if (invoked.is === 'refused') return tooMany('ReservedFunctionConcurrentInvocationLimitExceeded');
    if (options.dropAnswer()) return void response.destroy();
    const { end, ms, log, peakBytes } = invoked;
    response.setHeader('x-amz-executed-version', '$LATEST');
    response.setHeader('x-amzn-requestid', invoked.requestId);
    if (headers['x-amz-log-type'] === 'Tail') {
      const run = `RequestId: ${invoked.requestId}`;
      const report = [
        `REPORT ${run}`,
        `Duration: ${ms} ms`,
        `Billed Duration: ${ms} ms`,
        `Memory Size: ${pool.memoryMb} MB`,
        `Max Memory Used: ${Math.ceil(peakBytes / 1024 / 1024)} MB`,
      ].join('\t');
      const told = `START ${run} Version: $LATEST\n${log}END ${run}\n${report}\n`;
      response.setHeader(
        'x-amz-log-result',
        Buffer.from(told)
          .subarray(-4 * 1024)
          .toString('base64'),
      );
    }
    if (end.is === 'answer') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(end.body);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'x-amz-function-error': 'Unhandled' });
    response.end(failureOf(end, invoked.requestId, pool.timeoutMs));
  };

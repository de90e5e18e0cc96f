import { randomUUID } from 'node:crypto';
import { ApiError, missingParameter, unknownParameter, wrongType } from '../clb/api-error.ts';
import { authenticate } from '../clb/gateway/checks.ts';
import { headersOf, wholeBody } from '../net/message.ts';
import { answerJson, type FrontDoor, type FrontDoorOptions, failureOf, isJson } from './front-door.ts';
import type { InvocationEnd } from './invocation.ts';
import type { Invoked } from './pool.ts';
import { limits } from './protocols.ts';

/** The codes of an invocation's result (https://www.tencentcloud.com/document/product/583/35311). */
const resultCodes: Readonly<Record<Exclude<InvocationEnd['is'], 'answer'>, number>> = {
  error: 430,
  'init-failed': 430,
  'timed-out': 433,
  'out-of-memory': 434,
  exited: 439,
  // Also what ends before it is ready is told as a time-out (https://www.tencentcloud.com/document/product/583/38129).
  'init-exited': 450,
  'init-timed-out': 450,
  'too-large': 407,
};
const notJson = 400;
const eventTooLarge = 406;
/** No instance is to be had: all that the function may have are busy. */
const concurrencyUsedUp = 432;

interface Call {
  readonly name: string;
  readonly event: Buffer;
  readonly waits: boolean;
  readonly tail: boolean;
}

/** The parameters of both actions that run a function. @throws ApiError */
const read = (action: string, body: Buffer): Call => {
  const parameters: Record<string, unknown> = Object(JSON.parse(body.toString('utf8')));
  const isInvoke = action === 'Invoke';
  const text = (name: string, otherwise: string): string => {
    const value = parameters[name] ?? otherwise;
    if (typeof value === 'string') return value;
    throw wrongType(name, 'string');
  };
  const choice = (name: string, otherwise: string, ...others: readonly string[]): string => {
    const value = text(name, otherwise);
    if ([otherwise, ...others].includes(value)) return value;
    throw new ApiError('InvalidParameterValue', `The value \`${value}\` of \`${name}\` is not valid.`);
  };
  const known = ['FunctionName', 'Qualifier', 'LogType', 'Namespace', 'RoutingKey'];
  const own = isInvoke ? ['ClientContext', 'InvocationType'] : ['Event'];
  const unknown = Object.keys(parameters).find((name) => ![...known, ...own].includes(name));
  if (unknown !== undefined) throw unknownParameter(unknown);
  const name = text('FunctionName', '');
  if (name === '') throw missingParameter('FunctionName');
  if (text('Namespace', 'default') !== 'default') {
    throw new ApiError('ResourceNotFound.Namespace', 'The specified namespace does not exist.');
  }
  if (!['$LATEST', '$DEFAULT'].includes(text('Qualifier', '$LATEST'))) {
    throw new ApiError('ResourceNotFound.Qualifier', 'The specified qualifier does not exist.');
  }
  return {
    name,
    event: Buffer.from(text(isInvoke ? 'ClientContext' : 'Event', '{}')),
    waits: !isInvoke || choice('InvocationType', 'RequestResponse', 'Event') === 'RequestResponse',
    tail: choice('LogType', 'None', 'Tail') === 'Tail',
  };
};

/**
 * The actions `Invoke` and `InvokeFunction` of SCF's API 3.0 (https://www.tencentcloud.com/document/product/583/17243,
 * https://www.tencentcloud.com/document/product/583/41408).
 */
export const scfDoor =
  (options: FrontDoorOptions): FrontDoor =>
  async (request, response) => {
    const body = await wholeBody(request);
    const requestId = randomUUID();
    const answer = (fields: object): void =>
      answerJson(response, 200, { Response: { ...fields, RequestId: requestId } });
    const error = (Code: string, Message: string): void => answer({ Error: { Code, Message } });
    const headers = headersOf(request);
    const { id: secretId, key: secretKey } = options.credentials;
    try {
      authenticate(
        { method: request.method ?? '', query: '', headers, body },
        new Map([[secretId, { secretId, secretKey }]]),
        // The SDK takes the service's name for the signature from the host, which is another one here.
        { timestampSkewSeconds: 300, strictService: false },
        Date.now(),
      );
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      return error(refusal.code, refusal.message);
    }
    if (headers['x-tc-version'] !== '2018-04-16') {
      return error('NoSuchVersion', 'The version does not exist.');
    }
    const action = headers['x-tc-action'] ?? '';
    if (action !== 'Invoke' && action !== 'InvokeFunction') {
      return error('InvalidAction', 'The action is invalid or not found.');
    }
    let call: Call;
    try {
      call = read(action, body);
    } catch (refusal) {
      if (!(refusal instanceof ApiError)) throw refusal;
      return error(refusal.code, refusal.message);
    }
    const { name, event, waits, tail } = call;
    const pool = options.find(name);
    if (pool === undefined) {
      return error('ResourceNotFound.Function', `The specified function ${name} does not exist.`);
    }
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
    const failed = (code: number, errorMessage: string): void =>
      result({ InvokeResult: code, ErrMsg: JSON.stringify({ errorCode: code, errorMessage }) });
    const max = waits ? limits.scf.maxEventBytes : limits.scf.maxEventBytesNotWaitedFor;
    if (event.length > max) return failed(eventTooLarge, 'RequestTooLarge');
    if (!isJson(event)) return failed(notJson, 'InvalidParameterValue');
    if (options.refusing()) {
      return error('RequestLimitExceeded', 'The number of calls exceeds the limit.');
    }
    if (!waits) {
      options.queue.add(pool, event, requestId);
      return result({});
    }
    const invoked: Invoked = await pool.invoke(event);
    if (invoked.is === 'refused') return failed(concurrencyUsedUp, 'ResourceLimitReached');
    if (options.dropAnswer()) return void response.destroy();
    const { end, ms, log, peakBytes } = invoked;
    const common = {
      Duration: ms,
      BillDuration: ms,
      MemUsage: peakBytes,
      FunctionRequestId: invoked.requestId,
      ...(tail ? { Log: log } : {}),
    };
    if (end.is === 'answer') return result({ ...common, RetMsg: end.body.toString('utf8') });
    const failure = failureOf(end, invoked.requestId, pool.timeoutMs);
    result({ ...common, InvokeResult: resultCodes[end.is], ErrMsg: failure.toString() });
  };

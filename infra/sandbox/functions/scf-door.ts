import { randomUUID } from 'node:crypto';
import { ApiError } from '../clb/api-error.ts';
import { authenticate } from '../clb/gateway/checks.ts';
import {
  answerJson,
  type FrontDoor,
  type FrontDoorOptions,
  failureOf,
  headersOf,
  isJson,
  maxEventBytes,
  readBody,
} from './front-door.ts';
import type { InvocationEnd } from './instance.ts';
import type { Invoked } from './pool.ts';

/** The codes of an invocation's result (https://www.tencentcloud.com/document/product/583/35311). */
const resultCodes: Readonly<Record<Exclude<InvocationEnd['is'], 'answer'>, number>> = {
  error: 430,
  'timed-out': 433,
  exited: 439,
  'init-failed': 446,
  'too-large': 407,
};
const notJson = 400;
const eventTooLarge = 406;
/** No instance is to be had: all that the function may have are busy. */
const concurrencyUsedUp = 432;

/** The action `Invoke` of SCF's API 3.0 (https://www.tencentcloud.com/document/product/583/17243). */
export const scfDoor =
  (options: FrontDoorOptions): FrontDoor =>
  async (request, response) => {
    const body = await readBody(request);
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
    if (headers['x-tc-action'] !== 'Invoke') {
      return error('InvalidAction', 'The action is invalid or not found.');
    }
    const parameters: {
      FunctionName?: unknown;
      ClientContext?: unknown;
      InvocationType?: unknown;
      LogType?: unknown;
    } = JSON.parse(body.toString('utf8'));
    const { FunctionName: name, ClientContext: context } = parameters;
    const pool = typeof name === 'string' ? options.find(name) : undefined;
    if (pool === undefined) {
      return error('ResourceNotFound.Function', `The specified function ${String(name)} does not exist.`);
    }
    const event = Buffer.from(typeof context === 'string' ? context : '{}');
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
    if (event.length > maxEventBytes) return failed(eventTooLarge, 'RequestTooLarge');
    if (!isJson(event)) return failed(notJson, 'InvalidParameterValue');
    if (parameters.InvocationType === 'Event') {
      void pool.invoke(event);
      return result({});
    }
    if (options.refusing()) {
      return error('RequestLimitExceeded', 'The number of calls exceeds the limit.');
    }
    const invoked: Invoked = await pool.invoke(event);
    if (invoked.is === 'refused') return failed(concurrencyUsedUp, 'ResourceLimitReached');
    if (options.dropAnswer()) return void response.destroy();
    const { end, ms, log } = invoked;
    const common = {
      Duration: ms,
      BillDuration: ms,
      FunctionRequestId: invoked.requestId,
      ...(parameters.LogType === 'Tail' ? { Log: log } : {}),
    };
    if (end.is === 'answer') return result({ ...common, RetMsg: end.body.toString('utf8') });
    const failure = failureOf(end, invoked.requestId, pool.timeoutMs);
    result({ ...common, InvokeResult: resultCodes[end.is], ErrMsg: JSON.stringify(failure) });
  };

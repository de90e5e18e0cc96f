import { scf } from 'tencentcloud-sdk-nodejs/tencentcloud/services/scf/index.js';
import type { InvokeResponse } from 'tencentcloud-sdk-nodejs/tencentcloud/services/scf/v20180416/scf_models.js';
import { createAgent } from '../../../shared/clb/connection.ts';
import type { Credentials, FunctionsSettings } from '../../../shared/process/config.ts';
import { type Functions, InvocationRefused } from '../functions.ts';
import { connectMs, FunctionFailed, functionsBy } from './invocation.ts';

/** Of the API: too many calls, or too many instances (https://www.tencentcloud.com/document/product/583/35311). */
const isRefusal = (code: string): boolean => /^(RequestLimitExceeded|ResourceLimit|LimitExceeded)/.test(code);
/** The same, told as the result of a call that was taken: no instance was to be had. */
const refusedResults = new Set([429, 432]);

const refusedOr = (error: unknown): unknown =>
  error instanceof Error && 'code' in error && isRefusal(String(error.code))
    ? new InvocationRefused(error.message)
    : error;

/** The functions on Tencent SCF, through the official SDK. */
export const invokeScf = (settings: FunctionsSettings, credentials: () => Credentials): Functions => {
  const { region = '', endpoint, protocol, timeoutMs } = settings;
  // The SDK's own follows `http_proxy` with no exceptions.
  const agent = createAgent(`${protocol}:`, connectMs);
  return functionsBy(settings, async (name, event) => {
    const client = new scf.v20180416.Client({
      credential: { ...credentials() },
      region,
      profile: {
        language: 'en-US',
        httpProfile: {
          protocol: `${protocol}://`,
          reqTimeout: timeoutMs / 1000,
          agent,
          ...(endpoint === undefined ? {} : { endpoint }),
        },
      },
    });
    const { Result } = await client
      .Invoke({ FunctionName: name, InvocationType: 'RequestResponse', ClientContext: JSON.stringify(event) })
      .catch((error: unknown): InvokeResponse => {
        throw refusedOr(error);
      });
    const { InvokeResult = 0, ErrMsg = '', RetMsg = '' } = Result ?? { ErrMsg: 'it answered no result' };
    if (refusedResults.has(InvokeResult)) throw new InvocationRefused(ErrMsg);
    if (InvokeResult !== 0 || ErrMsg !== '') throw new FunctionFailed(name, ErrMsg || `code ${InvokeResult}`);
    return RetMsg;
  });
};

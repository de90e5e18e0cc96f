import { scf } from 'tencentcloud-sdk-nodejs/tencentcloud/services/scf/index.js';
import type { FunctionsSettings } from '../../../shared/process/config.ts';
import type { Functions } from '../functions.ts';
import { FunctionFailed, functionsBy } from './invocation.ts';

/** The functions on Tencent SCF, through the official SDK. */
export const invokeScf = (
  settings: FunctionsSettings,
  credentials: () => { readonly secretId: string; readonly secretKey: string; readonly token?: string },
): Functions => {
  const { region = '', endpoint, protocol, timeoutMs } = settings;
  return functionsBy(settings, async (name, event) => {
    const client = new scf.v20180416.Client({
      credential: { ...credentials() },
      region,
      profile: {
        language: 'en-US',
        httpProfile: {
          protocol: `${protocol}://`,
          reqTimeout: timeoutMs / 1000,
          ...(endpoint === undefined ? {} : { endpoint }),
        },
      },
    });
    const { Result } = await client.Invoke({
      FunctionName: name,
      InvocationType: 'RequestResponse',
      ClientContext: JSON.stringify(event),
    });
    if (Result?.InvokeResult !== 0) throw new FunctionFailed(name, Result?.ErrMsg ?? 'no result');
    return Result.RetMsg ?? '';
  });
};

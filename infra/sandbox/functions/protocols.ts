import { basename, dirname, extname } from 'node:path';
import type { RuntimeProtocol } from './instance.ts';
import type { RoleCredentials } from './pool.ts';

/** `function.cjs` with `handler` in it is `function.handler`. */
const handlerIn = (file: string, name: string): string => `${basename(file, extname(file))}.${name}`;

const lambdaRoot = '/2018-06-01/runtime';

/** AWS Lambda's Runtime API (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). */
export const lambdaRuntime = (settings: {
  readonly name: string;
  readonly region: string;
  readonly memoryMb: number;
}): RuntimeProtocol => {
  const arn = `arn:aws:lambda:${settings.region}:123456789012:function:${settings.name}`;
  return {
    bootstrap: 'infra/sandbox/functions/lambda-bootstrap-main',
    next: { method: 'GET', path: `${lambdaRoot}/invocation/next` },
    response: new RegExp(`^${lambdaRoot}/invocation/([^/]+)/response$`),
    error: new RegExp(`^${lambdaRoot}/invocation/([^/]+)/error$`),
    initError: new RegExp(`^${lambdaRoot}/init/error$`),
    eventHeaders: ({ requestId, deadlineMs }) => ({
      'Lambda-Runtime-Aws-Request-Id': requestId,
      'Lambda-Runtime-Deadline-Ms': String(deadlineMs),
      'Lambda-Runtime-Invoked-Function-Arn': arn,
      'Lambda-Runtime-Trace-Id': `Root=1-${requestId.slice(0, 8)}-${requestId.replaceAll('-', '').slice(8, 32)}`,
    }),
    environment: ({ host, port }, file) => ({
      AWS_LAMBDA_RUNTIME_API: `${host}:${port}`,
      LAMBDA_TASK_ROOT: dirname(file),
      AWS_LAMBDA_FUNCTION_NAME: settings.name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memoryMb),
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.name}`,
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_REGION: settings.region,
      AWS_DEFAULT_REGION: settings.region,
      _HANDLER: handlerIn(file, 'handler'),
    }),
  };
};

/** SCF's custom-runtime API (https://www.tencentcloud.com/document/product/583/38130). */
export const scfRuntime = (settings: {
  readonly name: string;
  readonly region: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  readonly role?: RoleCredentials;
}): RuntimeProtocol => ({
  bootstrap: 'infra/sandbox/functions/scf-bootstrap-main',
  next: { method: 'GET', path: '/runtime/invocation/next' },
  response: /^\/runtime\/invocation\/response$/,
  error: /^\/runtime\/invocation\/error$/,
  initError: /^\/runtime\/init\/error$/,
  ready: /^\/runtime\/init\/ready$/,
  eventHeaders: ({ requestId, deadlineMs }) => ({
    Request_Id: requestId,
    Memory_Limit_In_Mb: String(settings.memoryMb),
    Time_Limit_In_Ms: String(Math.max(0, deadlineMs - Date.now())),
  }),
  environment: ({ host, port }, file) => ({
    SCF_RUNTIME_API: host,
    SCF_RUNTIME_API_PORT: String(port),
    SCF_FUNCTIONNAME: settings.name,
    SCF_FUNCTIONVERSION: '$LATEST',
    SCF_NAMESPACE: 'default',
    TENCENTCLOUD_REGION: settings.region,
    TENCENTCLOUD_RUNENV: 'SCF',
    ...(settings.role === undefined
      ? {}
      : {
          TENCENTCLOUD_SECRETID: settings.role.secretId,
          TENCENTCLOUD_SECRETKEY: settings.role.secretKey,
          TENCENTCLOUD_SESSIONTOKEN: settings.role.token,
        }),
    _HANDLER: handlerIn(file, 'main_handler'),
  }),
});

import { randomBytes } from 'node:crypto';
import { basename, dirname, extname } from 'node:path';
import type { RoleCredentials } from './pool.ts';
import { invalidRequestId, invalidState, type RuntimeProtocol } from './runtime-api.ts';

/** What the platforms allow. */
export const limits = {
  lambda: {
    /** https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html */
    initTimeoutMs: 10_000,
    /** A little more than may be sent: the answer may repeat what was asked. */
    maxAnswerBytes: 6 * 1024 * 1024 + 100,
    maxEventBytes: 6 * 1024 * 1024,
    /** https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
    maxEventBytesNotWaitedFor: 1024 * 1024,
  },
  /** https://www.tencentcloud.com/document/product/583/11637 */
  scf: {
    initTimeoutMs: 65_000,
    maxAnswerBytes: 6 * 1024 * 1024,
    maxEventBytes: 6 * 1024 * 1024,
    maxEventBytesNotWaitedFor: 128 * 1024,
  },
} as const;

/** `function.cjs` with `handler` in it is `function.handler`. */
const handlerIn = (file: string, name: string): string => `${basename(file, extname(file))}.${name}`;

/** A header of HTTP holds no other letters; in JSON each has a way around. */
const ascii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Of X-Ray; not sampled. */
const traceId = (requestId: string): string => {
  const hex = requestId.replaceAll('-', '');
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${seconds}-${hex.slice(8)};Parent=${hex.slice(0, 16)};Sampled=0`;
};

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
    next: `${lambdaRoot}/invocation/next`,
    response: new RegExp(`^${lambdaRoot}/invocation/([^/]+)/response$`),
    error: new RegExp(`^${lambdaRoot}/invocation/([^/]+)/error$`),
    initError: `${lambdaRoot}/init/error`,
    initAgain: true,
    answeredAlready: invalidState('ResponseSent', 'InvocationResponse'),
    eventHeaders: ({ requestId, deadlineMs, clientContext }) => ({
      'Lambda-Runtime-Aws-Request-Id': requestId,
      'Lambda-Runtime-Deadline-Ms': String(deadlineMs),
      'Lambda-Runtime-Invoked-Function-Arn': arn,
      'Lambda-Runtime-Trace-Id': traceId(requestId),
      ...(clientContext === undefined ? {} : { 'Lambda-Runtime-Client-Context': ascii(clientContext) }),
    }),
    environment: ({ host, port }, file) => ({
      AWS_LAMBDA_RUNTIME_API: `${host}:${port}`,
      LAMBDA_TASK_ROOT: dirname(file),
      AWS_LAMBDA_FUNCTION_NAME: settings.name,
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memoryMb),
      AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.name}`,
      AWS_LAMBDA_LOG_STREAM_NAME: `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`,
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_REGION: settings.region,
      AWS_DEFAULT_REGION: settings.region,
      TZ: ':UTC',
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
  next: '/runtime/invocation/next',
  response: /^\/runtime\/invocation\/response$/,
  error: /^\/runtime\/invocation\/error$/,
  ready: '/runtime/init/ready',
  initAgain: false,
  answeredAlready: invalidRequestId,
  eventHeaders: ({ requestId }) => ({
    Request_Id: requestId,
    Memory_Limit_In_Mb: String(settings.memoryMb),
    // What the function was given, not what is left of it.
    Time_Limit_In_Ms: String(settings.timeoutMs),
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

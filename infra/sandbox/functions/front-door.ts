import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InvocationEnd } from './instance.ts';
import type { Pool } from './pool.ts';

export interface FrontDoorOptions {
  readonly region: string;
  readonly credentials: { readonly id: string; readonly key: string };
  readonly find: (name: string) => Pool | undefined;
  readonly refusing: () => boolean;
  /** Whether this answer is lost on its way. */
  readonly dropAnswer: () => boolean;
}

/** What clients of a platform speak to. */
export type FrontDoor = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Of both platforms, for an invocation that is waited for. */
export const maxEventBytes = 6 * 1024 * 1024;

export const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

export const headersOf = (request: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : (value ?? ''),
    ]),
  );

export const answerJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

export const isJson = (body: Buffer): boolean => {
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
};

/** What is said of an invocation that ended without an answer. */
export const failureOf = (
  end: Exclude<InvocationEnd, { is: 'answer' }>,
  requestId: string,
  timeoutMs: number,
): unknown => {
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

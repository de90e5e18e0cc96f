import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventQueue } from './event-queue.ts';
import type { InvocationEnd } from './invocation.ts';
import type { Pool } from './pool.ts';

export interface FrontDoorOptions {
  readonly region: string;
  readonly credentials: { readonly id: string; readonly key: string };
  readonly find: (name: string) => Pool | undefined;
  /** For events that nobody waits for. */
  readonly queue: EventQueue;
  readonly refusing: () => boolean;
  /** Whether this answer is lost on its way. */
  readonly dropAnswer: () => boolean;
}

/** What clients of a platform speak to. */
export type FrontDoor = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

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

/** What is said of an invocation that ended without an answer: JSON, or what the runtime told. */
export const failureOf = (
  end: Exclude<InvocationEnd, { is: 'answer' }>,
  requestId: string,
  timeoutMs: number,
): string | Buffer => {
  const said = (errorType: string, what: string): string =>
    JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${what}` });
  switch (end.is) {
    case 'timed-out':
    case 'init-timed-out':
      return said('Sandbox.Timedout', `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`);
    case 'exited':
    case 'init-exited':
    case 'out-of-memory':
      return said('Runtime.ExitError', end.how);
    case 'too-large':
      return JSON.stringify({
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage: `Response payload size exceeded maximum allowed payload size (${end.maxBytes} bytes).`,
      });
    default:
      return end.body;
  }
};

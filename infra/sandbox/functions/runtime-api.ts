import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Invocation, InvocationEnd } from './invocation.ts';

/** The paths of a platform's runtime API, and how an event is handed over in it. */
export interface RuntimeProtocol {
  /** Program that plays the platform's runtime inside the instance. */
  readonly bootstrap: string;
  readonly next: string;
  /** Which invocation it answers is what the path has in parentheses, or it is the one under way. */
  readonly response: RegExp;
  readonly error: RegExp;
  readonly initError?: string;
  /** Told when initialisation is over; without such a path, the first `next` says so. */
  readonly ready?: string;
  /** What failed to initialise is started once more, in the time of the invocation that waits for it. */
  readonly initAgain: boolean;
  /** How an answer to an invocation that was answered already is refused. */
  readonly answeredAlready: Refusal;
  eventHeaders(invocation: Invocation): Record<string, string>;
  /** @param file what is run; its name is the first part of the handler's */
  environment(api: { readonly host: string; readonly port: number }, file: string): Record<string, string>;
}

export interface Refusal {
  readonly status: number;
  readonly errorType: string;
  readonly errorMessage: string;
}

/** What a process wants of the runtime API. */
export type Asked =
  | { readonly is: 'next' }
  | { readonly is: 'ready' }
  | { readonly is: 'init-error' }
  | { readonly is: 'response' | 'error'; readonly requestId: string | undefined }
  | { readonly is: 'unknown'; readonly status: 404 | 405 };

export const askedOf = (protocol: RuntimeProtocol, { method, url = '' }: IncomingMessage): Asked => {
  const path = url.split('?')[0] ?? '';
  if (path === protocol.next) {
    return method === 'GET' ? { is: 'next' } : { is: 'unknown', status: 405 };
  }
  const response = protocol.response.exec(path);
  const told = response ?? protocol.error.exec(path);
  const isReady = path === protocol.ready;
  if (told === null && !isReady && path !== protocol.initError) return { is: 'unknown', status: 404 };
  if (method !== 'POST') return { is: 'unknown', status: 405 };
  if (told !== null) return { is: response === null ? 'error' : 'response', requestId: told[1] };
  return { is: isReady ? 'ready' : 'init-error' };
};

export const accept = (response: ServerResponse, status: 200 | 202): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end('{"status":"OK"}');
};

export const refuse = (response: ServerResponse, { status, ...body }: Refusal): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

export const invalidRequestId: Refusal = {
  status: 400,
  errorType: 'InvalidRequestID',
  errorMessage: 'Invalid request ID',
};

export const invalidState = (from: string, to: string): Refusal => ({
  status: 403,
  errorType: 'InvalidStateTransition',
  errorMessage: `Transition from ${from} to ${to} is not allowed.`,
});

const tooLarge = (maxBytes: number): Refusal => ({
  status: 413,
  errorType: 'RequestEntityTooLarge',
  errorMessage: `Exceeded maximum allowed payload size (${maxBytes} bytes).`,
});

const invalidResponseMode: Refusal = {
  status: 400,
  errorType: 'InvalidFunctionResponseMode',
  errorMessage: 'Invalid function response mode',
};

interface Known {
  /** Request ids: of the invocation that runs, and of the one that was answered last. */
  readonly underWay: string | undefined;
  readonly answered: string | undefined;
  readonly maxAnswerBytes: number;
}

interface Told {
  readonly is: 'response' | 'error';
  /** Undefined: of whatever runs. */
  readonly requestId: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What an answer of a process brings: a refusal for the process, an end for the invocation, or both. */
export const judge = (
  protocol: RuntimeProtocol,
  { underWay, answered, maxAnswerBytes }: Known,
  { is, requestId, headers, body }: Told,
): { readonly refusal?: Refusal; readonly end?: InvocationEnd } => {
  if (underWay === undefined || (requestId ?? underWay) !== underWay) {
    // Nobody waits for it any more, or it was never asked for.
    const isOver = answered !== undefined && (requestId ?? answered) === answered;
    return { refusal: isOver ? protocol.answeredAlready : invalidRequestId };
  }
  // Whole, or as it comes: an invoker that waits gets it whole either way.
  const mode = headers['lambda-runtime-function-response-mode'];
  if (mode !== undefined && mode !== 'streaming') {
    const { errorMessage } = invalidResponseMode;
    const told = JSON.stringify({ errorType: 'Runtime.InvalidResponseModeHeader', errorMessage });
    return { refusal: invalidResponseMode, end: { is: 'error', body: Buffer.from(told) } };
  }
  if (body.length > maxAnswerBytes) {
    return { refusal: tooLarge(maxAnswerBytes), end: { is: 'too-large', maxBytes: maxAnswerBytes } };
  }
  return { end: { is: is === 'response' ? 'answer' : 'error', body } };
};

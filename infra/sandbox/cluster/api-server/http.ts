import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { wholeBody } from '../../net/message.ts';
import type { User } from './context.ts';
import type { Fault, FaultRequest, Faults } from './faults.ts';
import { mediaType, protobuf } from './requests/content.ts';
import type { ApiRequest, ApiResponse, StreamResponse } from './requests/exchange.ts';
import { json } from './requests/exchange.ts';
import { StatusError } from './status-error.ts';

export interface HttpSettings {
  readonly faults: Faults;
  /** Who sends a request, or as whom it is made. @throws StatusError 401, 403 */
  readonly authenticate: (headers: IncomingHttpHeaders) => User;
  readonly answer: (request: ApiRequest) => Promise<ApiResponse>;
  /** Called with every request and its answer's code. */
  readonly onRequest: ((request: ApiRequest, status: number) => void) | undefined;
}

const readBody = async (message: IncomingMessage): Promise<string> => {
  const body = await wholeBody(message);
  const isBytes = mediaType(message.headers['content-type']) === protobuf;
  return body.toString(isBytes ? 'latin1' : 'utf8');
};

const faultStatus = (fault: Fault & { kind: 'status' }): ApiResponse => {
  const { code, retryAfterSeconds } = fault;
  const headers = retryAfterSeconds === undefined ? undefined : { 'Retry-After': String(retryAfterSeconds) };
  // What refuses calls for their number stands before all that knows of objects: no Status, plain text.
  if (code === 429 && fault.message === undefined) {
    const body = 'Too many requests, please try again later.\n';
    return { ...json(code, {}, headers), contentType: 'text/plain; charset=utf-8', body };
  }
  const reasons: Readonly<Record<number, string>> = {
    410: 'Expired',
    429: 'TooManyRequests',
    500: 'InternalError',
    503: 'ServiceUnavailable',
  };
  const messages: Readonly<Record<number, string>> = {
    410: 'The resourceVersion for the provided watch is too old.',
    503: 'the server is currently unable to handle the request',
  };
  const error = new StatusError(
    code,
    fault.reason ?? reasons[code] ?? '',
    fault.message ?? messages[code] ?? 'Internal error occurred: injected fault',
    retryAfterSeconds === undefined ? undefined : { retryAfterSeconds },
  );
  return json(code, error.toJson(), headers);
};

/** Streams a watch until the client goes or the watch ends, and lets faults reach it meanwhile. */
const sendStream = (
  stream: StreamResponse,
  response: ServerResponse,
  request: FaultRequest,
  faults: Faults,
  silent: boolean,
): void => {
  let silenced = silent;
  response.writeHead(200, { 'Content-Type': stream.contentType, 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  const stop = stream.open({
    write: (chunk) => (silenced ? true : response.write(chunk)),
    onDrain: (listener) => response.on('drain', listener),
    end: () => {
      if (!silenced) response.end();
    },
  });
  const forget = faults.track({
    request,
    silence: () => {
      silenced = true;
    },
    cut: () => response.destroy(),
    inject: (line) => response.write(line),
  });
  response.on('close', () => {
    forget();
    stop();
  });
};

const send = (
  answered: ApiResponse,
  response: ServerResponse,
  request: FaultRequest,
  faults: Faults,
  silent: boolean,
): void => {
  if (answered.kind === 'stream') {
    sendStream(answered, response, request, faults, silent);
    return;
  }
  const body = Buffer.from(answered.body);
  response.writeHead(answered.status, {
    'Content-Type': answered.contentType,
    'Cache-Control': 'no-cache, private',
    'Content-Length': body.byteLength,
    ...answered.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
};

const isWatch = (query: URLSearchParams): boolean => ['1', 'true'].includes(query.get('watch') ?? '');

const serve = async (
  message: IncomingMessage,
  response: ServerResponse,
  settings: HttpSettings,
): Promise<void> => {
  const { faults } = settings;
  const url = new URL(message.url ?? '/', 'http://server');
  const body = await readBody(message);
  const method = message.method ?? 'GET';
  const about = { method, path: url.pathname, query: url.searchParams, isWatch: isWatch(url.searchParams) };
  let user: User;
  try {
    user = settings.authenticate(message.headers);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    send(json(error.code, error.toJson()), response, { ...about, user: '' }, faults, false);
    return;
  }
  const faultRequest: FaultRequest = { ...about, user: user.name };
  const fault = faults.take(faultRequest);
  if (fault?.kind === 'cut') {
    message.socket.destroy();
    return;
  }
  if (fault?.kind === 'delay') await delay(fault.delayMs);
  const request: ApiRequest = {
    method,
    path: url.pathname,
    query: url.searchParams,
    accept: message.headers.accept,
    contentType: message.headers['content-type'],
    body,
    user,
  };
  const answered = fault?.kind === 'status' ? faultStatus(fault) : await settings.answer(request);
  settings.onRequest?.(request, answered.kind === 'body' ? answered.status : 200);
  if (fault?.kind === 'cut-answer') {
    message.socket.destroy();
    return;
  }
  if (response.destroyed) return;
  send(answered, response, faultRequest, faults, fault?.kind === 'silence');
};

/** Takes requests off the wire and puts answers on it. */
export const requestListener =
  (settings: HttpSettings): RequestListener =>
  (message, response) => {
    serve(message, response, settings).catch(() => message.socket.destroy());
  };

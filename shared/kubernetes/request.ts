import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Connection } from './connection.ts';
import { errorOfStatus, KubernetesError } from './kubernetes-error.ts';

export type PatchType = 'application/strategic-merge-patch+json' | 'application/merge-patch+json';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From `/api` or `/apis` on; its parts are already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: PatchType | 'application/json';
  readonly signal?: AbortSignal;
  /** For the whole request; for a stream, until its headers are there. 10 s unless told. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 10_000;
const maxErrorBytes = 64 * 1024;

const unreachable = (error: Error): KubernetesError =>
  new KubernetesError(0, 'Unreachable', `The API server cannot be reached: ${error.message}`);

/** Sends once, answers when the headers are there. The signal also cuts the body. */
const send = (
  connection: Connection,
  request: ApiRequest,
  token: string | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const url = new URL(request.path, connection.server);
    // A server below a path, as proxies of several clusters have them.
    url.pathname = connection.server.pathname.replace(/\/$/, '') + url.pathname;
    for (const [key, value] of Object.entries(request.query ?? {})) url.searchParams.set(key, value);
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const options: RequestOptions = {
      method: request.method,
      agent: connection.agent,
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': 'clb-direct',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined
          ? {}
          : {
              'content-type': request.contentType ?? 'application/json',
              'content-length': body.length,
            }),
      },
    };
    const sender = url.protocol === 'http:' ? httpRequest : httpsRequest;
    let answered = false;
    const sent = sender(url, options, (answer) => {
      answered = true;
      resolve(answer);
    });
    sent.on('error', (error: Error & { code?: string }) => {
      // The server ended a kept connection just as it was used again: as good as never sent.
      const ended = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      const again = sent.reusedSocket && ended && !answered && !signal.aborted;
      if (again) send(connection, request, token, signal).then(resolve, reject);
      else reject(error);
    });
    sent.end(body);
  });

const bytesOf = async (answer: IncomingMessage, max = Number.POSITIVE_INFINITY): Promise<string> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    const bytes: Buffer = chunk;
    length += bytes.length;
    if (length > max) break;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

const refusalOf = async (answer: IncomingMessage): Promise<KubernetesError> =>
  errorOfStatus(
    answer.statusCode ?? 0,
    parsed(await bytesOf(answer, maxErrorBytes)),
    answer.headers['retry-after'],
    Date.now(),
  );

/** Runs `use` with a signal that fires on the caller's signal or after the time; turns what it throws into ours. */
const within = async <T>(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  use: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const cut = new AbortController();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    cut.abort();
  }, timeoutMs);
  const onAbort = (): void => cut.abort();
  if (outer?.aborted === true) cut.abort();
  outer?.addEventListener('abort', onAbort, { once: true });
  try {
    return await use(cut.signal);
  } catch (error) {
    if (error instanceof KubernetesError) throw error;
    if (timedOut) throw new KubernetesError(0, 'TimedOut', `No answer within ${timeoutMs} ms.`);
    if (cut.signal.aborted) throw new KubernetesError(0, 'Aborted', 'The request was given up.');
    throw unreachable(error instanceof Error ? error : new Error(String(error)));
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', onAbort);
  }
};

const tokenOf = async (connection: Connection): Promise<string | undefined> => {
  try {
    return await connection.credentials.token();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new KubernetesError(0, 'NoCredentials', `There is no token to send: ${message}`);
  }
};

/** Sends, once more with fresh credentials after a 401, and answers a success or throws. */
const succeed = async (
  connection: Connection,
  request: ApiRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> => {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(connection, request, await tokenOf(connection), signal);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const refusal = await refusalOf(answer);
    const mayBeStale = status === 401 && connection.credentials.reload();
    if (!mayBeStale || attempt > 1) throw refusal;
  }
};

/**
 * One request, one answer. A 401 is tried once more with fresh credentials; nothing else is tried again.
 *
 * @returns the object that the server answered; undefined when the answer has no body
 * @throws KubernetesError
 */
export const requestJson = (connection: Connection, request: ApiRequest): Promise<unknown> =>
  within(request.timeoutMs ?? defaultTimeoutMs, request.signal, async (signal) => {
    const body = await bytesOf(await succeed(connection, request, signal));
    if (body === '') return undefined;
    const object = parsed(body);
    if (object === undefined) throw new KubernetesError(0, 'Unreadable', 'The answer is not JSON.');
    return object;
  });

/** An answer without end, read chunk by chunk; reading slowly slows the server down. */
export interface ApiStream {
  readonly chunks: AsyncIterable<Buffer>;
  /** Ends the connection; the reader sees the stream end or fail. */
  close(): void;
}

/**
 * Opens a stream (a watch). `timeoutMs` and `signal` count until the headers are there; then only `close` ends it.
 *
 * @throws KubernetesError
 */
export const openStream = (connection: Connection, request: ApiRequest): Promise<ApiStream> =>
  within(request.timeoutMs ?? defaultTimeoutMs, request.signal, async (signal) => {
    const answer = await succeed(connection, request, signal);
    return { chunks: answer, close: () => answer.destroy() };
  });

/** @throws KubernetesError */
export const getObject = (connection: Connection, path: string, signal?: AbortSignal): Promise<unknown> =>
  requestJson(connection, { method: 'GET', path, ...(signal === undefined ? {} : { signal }) });

/** @throws KubernetesError; 409 `AlreadyExists` */
export const createObject = (connection: Connection, path: string, body: unknown): Promise<unknown> =>
  requestJson(connection, { method: 'POST', path, body });

/** Replaces an object; with a resourceVersion in the body only if it is still that one. @throws KubernetesError */
export const replaceObject = (connection: Connection, path: string, body: unknown): Promise<unknown> =>
  requestJson(connection, { method: 'PUT', path, body });

/** @throws KubernetesError */
export const patchObject = (
  connection: Connection,
  path: string,
  body: unknown,
  contentType: PatchType = 'application/strategic-merge-patch+json',
): Promise<unknown> => requestJson(connection, { method: 'PATCH', path, body, contentType });

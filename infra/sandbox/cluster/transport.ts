import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { wholeBody } from '../net/message.ts';

/** How to reach an API server. */
export interface ClusterAccess {
  readonly url: string;
  /** PEM of the authority that signed the server's certificate; needed for https. */
  readonly ca?: string;
  readonly token?: string;
}

/** An answer that is not 2xx, with the server's own reason and message. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
  }
}

/** Whether an error is an answer with that HTTP status. */
export const isStatus = (error: unknown, status: number): boolean =>
  error instanceof ApiError && error.status === status;

/** HTTP to one API server over kept connections. */
export interface Transport {
  /** Any path, e.g. `/api/v1/namespaces/default/pods/x/binding`; the answer is parsed JSON. */
  request<T>(method: string, path: string, body?: unknown, mediaType?: string): Promise<T>;
  /** The answer as a stream, for watches; the signal ends it. */
  stream(path: string, signal: AbortSignal): Promise<IncomingMessage>;
  close(): void;
}

const readAll = async (response: IncomingMessage): Promise<string> =>
  (await wholeBody(response)).toString('utf8');

const errorOf = (status: number, text: string): ApiError => {
  try {
    const body: { reason?: string; message?: string } = JSON.parse(text);
    return new ApiError(status, body.reason ?? String(status), body.message ?? text.slice(0, 500));
  } catch {
    return new ApiError(status, String(status), text.slice(0, 500));
  }
};

/** Errors of a kept connection that the server closed while it was idle: nothing was done, ask again. */
const closedWhileIdle = (error: NodeJS.ErrnoException, reused: boolean): boolean =>
  reused && (error.code === 'ECONNRESET' || error.code === 'EPIPE');

export const createTransport = (access: ClusterAccess): Transport => {
  const secure = access.url.startsWith('https:');
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, ...(access.ca === undefined ? {} : { ca: access.ca }) })
    : new HttpAgent({ keepAlive: true });

  const send = (
    method: string,
    path: string,
    body: string | undefined,
    mediaType: string,
    signal: AbortSignal | undefined,
    retries: number,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(new URL(path, access.url), {
        method,
        agent,
        ...(signal === undefined ? {} : { signal }),
        headers: {
          accept: 'application/json',
          ...(access.token === undefined ? {} : { authorization: `Bearer ${access.token}` }),
          ...(body === undefined
            ? {}
            : { 'content-type': mediaType, 'content-length': String(Buffer.byteLength(body)) }),
        },
      });
      request.once('response', resolve);
      request.once('error', (error: NodeJS.ErrnoException) => {
        if (retries > 0 && closedWhileIdle(error, request.reusedSocket)) {
          send(method, path, body, mediaType, signal, retries - 1).then(resolve, reject);
        } else {
          reject(error);
        }
      });
      request.end(body);
    });

  const request = async <T>(
    method: string,
    path: string,
    body?: unknown,
    mediaType = 'application/json',
  ): Promise<T> => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await send(method, path, text, mediaType, undefined, 3);
    const answer = await readAll(response);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw errorOf(status, answer);
    const parsed: T = JSON.parse(answer === '' ? '{}' : answer);
    return parsed;
  };

  return {
    request,
    stream: async (path, signal) => {
      const response = await send('GET', path, undefined, '', signal, 3);
      const status = response.statusCode ?? 0;
      if (status < 200 || status > 299) throw errorOf(status, await readAll(response));
      return response;
    },
    close: () => agent.destroy(),
  };
};

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Connection, connectionOf, type TokenProvider } from '../../shared/kubernetes/connection.ts';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export type Answer = (response: ServerResponse, request: SeenRequest) => void | Promise<void>;

export interface ScriptedServer {
  readonly seen: readonly SeenRequest[];
  readonly connection: Connection;
  readonly url: string;
  /** Ends every connection without a word. */
  reset(): void;
  close(): Promise<void>;
}

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? undefined : JSON.parse(text);
};

/** An API server that answers what a test says: for the failures that a true one has only now and then. */
export const startScriptedServer = async (answer: Answer, token?: TokenProvider): Promise<ScriptedServer> => {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    response.on('error', () => {});
    const answerIt = async (): Promise<void> => {
      const url = new URL(request.url ?? '/', 'http://server');
      const one: SeenRequest = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: await bodyOf(request),
      };
      seen.push(one);
      await answer(response, one);
    };
    answerIt().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}`;
  const connection = connectionOf({ server: url, token: token ?? 'secret-token' });
  return {
    seen,
    connection,
    url,
    reset: () => server.closeAllConnections(),
    close: async () => {
      connection.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

export const json = (response: ServerResponse, status: number, body: unknown, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

/** A `Status` object, as the API server answers what it refuses. */
export const refuse = (
  response: ServerResponse,
  code: number,
  reason: string,
  more: { message?: string; field?: string; retryAfter?: string } = {},
): void =>
  json(
    response,
    code,
    {
      kind: 'Status',
      status: 'Failure',
      code,
      reason,
      message: more.message ?? reason,
      ...(more.field === undefined ? {} : { details: { causes: [{ field: more.field }] } }),
    },
    more.retryAfter === undefined ? {} : { 'retry-after': more.retryAfter },
  );

/** Begins an answer without end. */
export const stream = (response: ServerResponse, ...events: readonly unknown[]): void => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  send(response, ...events);
};

export const send = (response: ServerResponse, ...events: readonly unknown[]): void => {
  for (const event of events) response.write(`${JSON.stringify(event)}\n`);
};

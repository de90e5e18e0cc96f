import type { Agent, IncomingHttpHeaders, Server } from 'node:http';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Addresses } from '../../infra/sandbox/addresses.ts';

/** An HTTP server at a Pod's address; each has one of its own. */
export interface HttpPod {
  readonly ip: string;
  readonly port: number;
  readonly server: Server;
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  /** Requests that came so far, the newest last. */
  readonly requests: readonly IncomingMessage[];
  close(): Promise<void>;
}

/** Answers with its own address. */
export const startHttpPod = async (
  addresses: Addresses,
  port: number,
  handle: (request: IncomingMessage, response: ServerResponse, ip: string) => void = (_, response, ip) => {
    response.end(ip);
  },
): Promise<HttpPod> => {
  const ip = addresses.allocate('pod');
  const sockets = new Set<Socket>();
  const requests: IncomingMessage[] = [];
  const server = createServer({ requestTimeout: 0 }, (incoming, response) => {
    requests.push(incoming);
    incoming.on('error', () => undefined);
    response.on('error', () => undefined);
    handle(incoming, response, ip);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(addresses.socketOf(ip, port), () => resolve());
  });
  return {
    ip,
    port,
    server,
    sockets,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

export interface Asking {
  readonly method?: string;
  /** The Host header. */
  readonly host?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly agent?: Agent;
  /** A client's ordinary address; default: the system's choice. */
  readonly from?: string;
  readonly body?: string | Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Begins a request to a load balancer; the caller ends it. */
export const openRequest = (addresses: Addresses, vip: string, port: number, asking: Asking = {}) => {
  const localAddress = asking.from === undefined ? undefined : addresses.sourceOf(asking.from);
  return request({
    ...addresses.socketOf(vip, port),
    ...(localAddress === undefined ? {} : { localAddress }),
    agent: asking.agent ?? false,
    method: asking.method ?? 'GET',
    path: asking.path ?? '/',
    headers: { host: asking.host ?? 'a.example.com', ...asking.headers },
  });
};

/** The whole answer of a request that was begun. @throws what the connection ended with */
export const answerOf = (asked: ReturnType<typeof request>): Promise<Answered> =>
  new Promise((resolve, reject) => {
    asked.once('error', reject);
    asked.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
  });

/** One request and its whole answer. */
export const ask = (
  addresses: Addresses,
  vip: string,
  port: number,
  asking: Asking = {},
): Promise<Answered> => {
  const asked = openRequest(addresses, vip, port, asking);
  const answer = answerOf(asked);
  asked.end(asking.body);
  return answer;
};

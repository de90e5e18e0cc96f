import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { ClientSettings, FailureKind } from './report.ts';
import { type Answer, kindOfError, type Statistics } from './statistics.ts';

const isText = (value: unknown): value is string => typeof value === 'string';

const parseAnswer = (body: string): Answer | undefined => {
  try {
    const answer: Record<string, unknown> = JSON.parse(body);
    const { pod, version, client } = answer;
    return isText(pod) && isText(version) && isText(client) ? { pod, version, client } : undefined;
  } catch {
    return undefined;
  }
};

/** Sockets that are followed already: errors between two requests are noticed once. */
const followed = new WeakMap<Socket, { errorCode: string | undefined }>();

const follow = (socket: Socket, statistics: Statistics): { errorCode: string | undefined } => {
  const known = followed.get(socket);
  if (known !== undefined) return known;
  const state: { errorCode: string | undefined } = { errorCode: undefined };
  followed.set(socket, state);
  statistics.connectionsOpened += 1;
  socket.prependListener('error', (error: NodeJS.ErrnoException) => {
    state.errorCode ??= error.code;
  });
  socket.once('end', () => {
    statistics.connectionsClosedByServer += 1;
  });
  return state;
};

/**
 * One GET. It counts as failed when it was lost in any way; nothing is sent twice. A connection that the server closed
 * *between* requests is not used again and loses nothing; one that it closes after a request was written to it does.
 */
export const sendRequest = (
  settings: ClientSettings,
  agent: Agent | false,
  statistics: Statistics,
): Promise<void> =>
  new Promise((resolve) => {
    const startedMs = performance.now();
    statistics.inFlight += 1;
    let over = false;
    let receiving = false;
    let connection: { errorCode: string | undefined } | undefined;

    const end = (record: (afterMs: number) => void): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      statistics.inFlight -= 1;
      record(performance.now() - startedMs);
      resolve();
    };
    const fail = (kind: FailureKind, detail: string): void =>
      end((afterMs) => {
        const wasReset = kind === 'reset' || connection?.errorCode === 'ECONNRESET';
        const reusedConnection = request.reusedSocket;
        statistics.failed(
          { atMs: Date.now(), kind, detail, reusedConnection, afterMs: Math.round(afterMs) },
          wasReset,
        );
        request.destroy();
      });

    const receive = (response: IncomingMessage): void => {
      receiving = true;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      // A body that ends too early is an error here, whether a FIN or an RST cut it.
      response.on('error', (error) => fail('truncated', `${error.message} after ${body.length} characters`));
      response.on('end', () => {
        if (!response.complete) {
          fail('truncated', `the answer ended after ${body.length} characters`);
          return;
        }
        const { statusCode = 0 } = response;
        if (statusCode !== 200) {
          fail('status', `status ${statusCode}`);
          return;
        }
        const answer = parseAnswer(body);
        if (answer === undefined) fail('other', `not an answer of a Pod: ${body.slice(0, 80)}`);
        else end((afterMs) => statistics.succeeded(answer, afterMs));
      });
    };

    const request = httpRequest(
      {
        host: settings.target.host,
        port: settings.target.port,
        path: settings.path,
        agent,
        ...(settings.source === undefined ? {} : { localAddress: settings.source }),
        headers: { host: settings.host, ...(agent === false ? { connection: 'close' } : {}) },
      },
      receive,
    );
    request.on('socket', (socket) => {
      connection = follow(socket, statistics);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (receiving) {
        fail('truncated', error.message);
        return;
      }
      // Without a system call behind it, ECONNRESET is Node's word for a connection that was closed in order.
      const closed = error.code === 'ECONNRESET' && error.syscall === undefined;
      fail(closed ? 'closed' : kindOfError(error.code), error.message);
    });
    const timer = setTimeout(
      () => fail('timeout', `no complete answer within ${settings.timeoutMs} ms`),
      settings.timeoutMs,
    );
    request.end();
  });

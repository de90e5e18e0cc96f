import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { makeServerCertificate } from '../../infra/sandbox/net/certificates.ts';
import { type ClbApi, type ClbCall, createClbApi } from '../../shared/clb/clb-api.ts';
import { ClbError } from '../../shared/clb/clb-port.ts';
import { createAgent, withGate } from '../../shared/clb/connection.ts';
import { systemClock } from '../../shared/process/clock.ts';

/** What happens between a check of the hold and the first byte of a request; and answers that are none. */

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
};

interface ApiServer {
  readonly port: number;
  readonly requests: IncomingMessage[];
  connections(): number;
}

const serve = async (listener: RequestListener): Promise<ApiServer> => {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    request.once('end', () => listener(request, response));
  });
  server.on('connection', () => {
    connections += 1;
  });
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: await listening(server), requests, connections: () => connections };
};

const answer = (response: ServerResponse, body: unknown): void => {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};

const noListeners: RequestListener = (_, response) =>
  answer(response, { Response: { Listeners: [], TotalCount: 0, RequestId: 'r1' } });

const apiAt = (port: number, more: Partial<Parameters<typeof createClbApi>[0]> = {}): ClbApi => {
  const api = createClbApi({
    region: 'ap-guangzhou',
    endpoint: `127.0.0.1:${port}`,
    protocol: 'http:',
    credentials: () => ({ secretId: 'id', secretKey: 'key' }),
    clock: systemClock,
    ...more,
  });
  closing.push(() => api.close());
  return api;
};

const read = (api: ClbApi, gate?: () => Promise<void>) =>
  api.call('DescribeListeners', { LoadBalancerId: 'lb-1' }, gate);

const failureOf = async (call: Promise<unknown>): Promise<ClbError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ClbError)) throw new Error(`no ClbError: ${String(error)}`);
  return error;
};

describe('L4: the gate before the first byte', () => {
  it('is asked before the call and again when its connection stands; on a kept connection once', async () => {
    const server = await serve(noListeners);
    const api = apiAt(server.port);
    const asked: number[] = [];
    const gate = async (): Promise<void> => void asked.push(server.connections());
    await read(api, gate);
    expect(asked).toHaveLength(2);
    await read(api, gate);
    expect(asked).toHaveLength(3);
    expect(server.connections()).toBe(1);
  });

  it('closed before the call: not even connected', async () => {
    const server = await serve(noListeners);
    const calls: ClbCall[] = [];
    const api = apiAt(server.port, { onCall: (call) => calls.push(call) });
    const refusal = new Error('lost');
    await expect(read(api, () => Promise.reject(refusal))).rejects.toBe(refusal);
    expect(server.connections()).toBe(0);
    expect(calls.map(({ outcome }) => outcome)).toEqual(['not-sent']);
  });

  it('closed while connecting: nothing is written, and what closed it is thrown as it is', async () => {
    const server = await serve(noListeners);
    const api = apiAt(server.port);
    const refusal = new Error('lost');
    let asked = 0;
    const gate = async (): Promise<void> => {
      asked += 1;
      if (asked === 2) throw refusal;
    };
    await expect(read(api, gate)).rejects.toBe(refusal);
    expect(server.requests).toEqual([]);
    await read(api);
    expect(server.requests).toHaveLength(1);
  });

  it('calls side by side have a gate each', async () => {
    const server = await serve(noListeners);
    const api = apiAt(server.port);
    const refusal = new Error('lost');
    let asked = 0;
    const closes = async (): Promise<void> => {
      asked += 1;
      if (asked === 2) throw refusal;
    };
    const outcomes = await Promise.allSettled([read(api), read(api, closes), read(api)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(server.requests).toHaveLength(2);
  });

  it('holds for TLS: asked once the handshake is done, nothing is written before', async () => {
    const { keyPem: key, certificatePem: cert, caPem: ca } = await makeServerCertificate(['127.0.0.1']);
    const received: string[] = [];
    const server = createTlsServer({ key, cert }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        received.push(chunk.toString());
        socket.end('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n');
      });
    });
    closing.push(() => server.close());
    const port = await listening(server);
    const agent = createAgent('https:', 5_000);
    closing.push(() => agent.destroy());
    const ask = () =>
      new Promise<number | undefined>((resolve, reject) => {
        httpsRequest({ host: '127.0.0.1', port, agent, ca }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .once('error', reject)
          .end();
      });
    const refused = withGate(async () => {
      throw new Error('lost');
    }, ask);
    await expect(refused).rejects.toThrow('lost');
    let seen = -1;
    const passed = withGate(async () => {
      seen = received.length;
    }, ask);
    expect(await passed).toBe(204);
    expect(seen).toBe(0);
    expect(received).toHaveLength(1);
  });
});

describe('answers that are none', () => {
  it.each<[string, RequestListener]>([
    ['a status of the way', (_, response) => void response.writeHead(504).end()],
    ['no JSON', (_, response) => answer(response, '<html>')],
    ['JSON without Response', (_, response) => answer(response, { hello: 1 })],
    ['no request id', (_, response) => answer(response, { Response: { Listeners: [] } })],
    ['another shape', (_, response) => answer(response, { Response: { Listeners: {}, RequestId: 'r' } })],
    ['half of it', (_, response) => answer(response, '{"Response":{"Listeners":[')],
    ['a reset', (request) => void request.socket.destroy()],
  ])('%s: the outcome is unknown', async (_, listener) => {
    const server = await serve(listener);
    const { failure } = await failureOf(read(apiAt(server.port)));
    expect(failure.kind).toBe('unknown-outcome');
  });

  it('none at all, or a body that stalls, ends with the time-out', async () => {
    const silent = await serve(() => undefined);
    const stalling = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"Response"');
    });
    for (const server of [silent, stalling]) {
      const { failure } = await failureOf(read(apiAt(server.port, { timeoutMs: 150 })));
      expect(failure.kind).toBe('unknown-outcome');
    }
  });

  it('nobody there: the outcome is unknown', async () => {
    const server = createTcpServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    const { failure } = await failureOf(read(apiAt(port)));
    expect(failure).toMatchObject({
      kind: 'unknown-outcome',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('what is sent', () => {
  it('credentials are read for every call, with the token of temporary ones', async () => {
    const server = await serve(noListeners);
    let at = 0;
    const api = apiAt(server.port, {
      credentials: async () => {
        at += 1;
        return { secretId: `id-${at}`, secretKey: 'key', token: `token-${at}` };
      },
    });
    await read(api);
    await read(api);
    const sent = server.requests.map(({ headers }) => [
      /Credential=([^/]*)/.exec(headers.authorization ?? '')?.[1],
      headers['x-tc-token'],
    ]);
    expect(sent).toEqual([
      ['id-1', 'token-1'],
      ['id-2', 'token-2'],
    ]);
  });

  it('asks for English messages, which the table of errors knows', async () => {
    const server = await serve(noListeners);
    await read(apiAt(server.port));
    expect(server.requests[0]?.headers).toMatchObject({
      'x-tc-language': 'en-US',
      'x-tc-action': 'DescribeListeners',
      'x-tc-version': '2018-03-17',
      'x-tc-region': 'ap-guangzhou',
    });
  });

  it('a proxy of the environment is not for the CLB', async () => {
    const server = await serve(noListeners);
    const before = process.env.http_proxy;
    process.env.http_proxy = 'http://127.0.0.1:1';
    try {
      await read(apiAt(server.port));
    } finally {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
    }
    expect(server.requests).toHaveLength(1);
  });
});

// The `nginx` of the sandbox: a well-made HTTP/1.1 server. After SIGTERM it goes on accepting for a while, asks every
// client to leave with its next answer (`Connection: close`), finishes what is in flight and exits 0.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { containerSettings, dieWithSandbox, listenAll, tellUp } from './container.ts';

dieWithSandbox();
const settings = containerSettings();
const abrupt = process.env['SANDBOX_ABRUPT'] === '1';
const readyAtMs = Date.now() + Number(process.env['READY_AFTER_MS'] ?? 0);
const neverReady = process.env['NEVER_READY'] === '1';
let requests = 0;
let leaving = false;

const answer = (request: IncomingMessage): string =>
  `${JSON.stringify({
    pod: settings.pod,
    version: settings.version,
    client: request.socket.remoteAddress ?? '',
    // Behind a listener of layer 7 the client is no longer who opened the connection.
    forwardedFor: request.headers['x-forwarded-for'],
    requests,
  })}\n`;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers over `ms` in ten pieces, so that a cut shows as a body that is too short. */
const answerSlowly = async (
  request: IncomingMessage,
  response: ServerResponse,
  ms: number,
): Promise<void> => {
  const body = answer(request);
  const pieces = 10;
  const size = Math.ceil(body.length / pieces);
  for (let at = 0; at < body.length; at += size) {
    response.write(body.slice(at, at + size));
    await wait(ms / pieces);
  }
  response.end();
};

const handle = (request: IncomingMessage, response: ServerResponse): void => {
  request.resume();
  requests += 1;
  if (leaving) response.setHeader('connection', 'close');
  const url = new URL(request.url ?? '/', 'http://pod');
  if (neverReady || Date.now() < readyAtMs) {
    response.writeHead(503).end('not ready\n');
    return;
  }
  const body = answer(request);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  if (url.pathname === '/slow') {
    void answerSlowly(request, response, Number(url.searchParams.get('ms') ?? '1000') || 0);
  } else {
    response.end(body);
  }
};

const servers: Server[] = settings.sockets.map(() => {
  const server = createServer({ keepAliveTimeout: 65_000 }, handle);
  server.on('clientError', (_error, socket) => socket.destroy());
  return server;
});
listenAll(servers, settings);

const leave = async (): Promise<void> => {
  if (leaving) return;
  leaving = true;
  if (abrupt) process.exit(0);
  await wait(settings.acceptMs);
  // A connection whose last answer began before SIGTERM was not asked to leave: it is closed once it is idle.
  setInterval(() => {
    for (const server of servers) server.closeIdleConnections();
  }, 50);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  process.exit(0);
};
process.on('SIGTERM', () => void leave());
process.on('SIGINT', () => undefined);
tellUp();

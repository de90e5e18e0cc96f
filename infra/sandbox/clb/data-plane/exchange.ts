import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { codeOf } from '../../net/sockets.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Rule } from '../load-balancer.ts';
import type { ForwardedConnection, Target } from '../model.ts';
import type { ClbSettings } from '../settings.ts';
import { eligible, schedule, takesTraffic } from './choose.ts';
import { answerStatus } from './error-pages.ts';
import { hasBody, headersToClient, headersToTarget } from './http-headers.ts';
import type { Network } from './network.ts';
import { defaultCookieName, sessionCookie, sessionTarget } from './session-cookie.ts';
import { dial, type TargetAgent } from './target-agent.ts';

/** What all requests of one listener share. */
export interface ExchangeParts {
  readonly network: Network;
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly vip: string;
  /** How clients speak to this listener. */
  readonly scheme: 'http' | 'https';
  /** No target took a client's request. */
  readonly onRefused: (client: string, reason: string) => void;
}

/** One request of a client. `head`: the client wants to change the protocol, and this is what it sent already. */
export interface Asked {
  readonly rule: Rule;
  readonly path: string;
  readonly client: string;
  /** Kept connections; undefined: one of its own for this request. */
  readonly agent: TargetAgent | undefined;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade: { readonly socket: Socket; readonly head: Buffer } | undefined;
}

/** A request's way to its target: connections that are kept, or one that stands already. */
type Way = Pick<RequestOptions, 'host' | 'port' | 'localAddress' | 'agent' | 'createConnection'>;

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * A request on its way to a target, and the answer on its way back. A target that does not take the connection is
 * left for the next one; once a byte was sent the request is that target's, and what becomes of it is the client's.
 */
export class Exchange implements ForwardedConnection {
  readonly client: string;
  readonly #parts: ExchangeParts;
  readonly #asked: Asked;
  readonly #tried = new Set<Target>();
  #target: Target | undefined;
  #cookie: string | undefined;
  #outgoing: ClientRequest | undefined;
  #socket: Socket | undefined;
  #writtenBefore = 0;
  #readBefore = 0;
  /** It is the client's answer, or nobody's, from here on: no other target is asked. */
  #over = false;

  constructor(parts: ExchangeParts, asked: Asked) {
    this.client = asked.client;
    this.#parts = parts;
    this.#asked = asked;
    asked.response.once('close', () => this.#closed());
    this.#next('no target', parts.settings.statusWithoutTarget);
  }

  get bytesToTarget(): number {
    return (this.#socket?.bytesWritten ?? 0) - this.#writtenBefore;
  }

  get bytesToClient(): number {
    return (this.#socket?.bytesRead ?? 0) - this.#readBefore;
  }

  stop(): void {
    this.#over = true;
    this.#outgoing?.destroy();
    this.#cutClient();
  }

  /** Goes to the next target that was not tried; without one the client is answered with what went wrong last. */
  #next(reason: string, status: number): void {
    this.#leaveTarget();
    const target = this.#choose();
    const to = target && this.#parts.network.socketOf(target.ip, target.port);
    if (target === undefined || to === undefined) {
      this.#parts.onRefused(this.client, reason);
      this.#fail(status);
      return;
    }
    this.#tried.add(target);
    this.#target = target;
    target.connections.add(this);
    this.#send(to.host, to.port);
  }

  #choose(): Target | undefined {
    const { rule, request } = this.#asked;
    const { settings, clock } = this.#parts;
    const { pool } = rule;
    const untried = eligible(pool, settings).filter((target) => !this.#tried.has(target));
    // Only weighted round robin keeps sessions by cookie.
    if (pool.sessionExpireSeconds === 0 || pool.scheduler !== 'WRR') {
      return schedule(pool, untried, this.client);
    }
    const name = rule.cookieName === '' ? defaultCookieName : rule.cookieName;
    const nowMs = Date.now();
    const kept = sessionTarget(request.headers.cookie, name, pool, nowMs);
    if (kept !== undefined && (untried.includes(kept) || this.#keepsWeightZero(kept))) return kept;
    const target = schedule(pool, untried, this.client);
    if (target !== undefined) {
      const sessionMs = clock.real(pool.sessionExpireSeconds * 1000);
      this.#cookie = sessionCookie(name, target, pool, nowMs, sessionMs);
    }
    return target;
  }

  #keepsWeightZero(target: Target): boolean {
    const { settings } = this.#parts;
    if (target.weight > 0 || settings.cookieToWeightZero === 'move' || this.#tried.has(target)) return false;
    return takesTraffic(target, settings);
  }

  #send(host: string, port: number): void {
    const { agent } = this.#asked;
    const { network, settings, vip } = this.#parts;
    const localAddress = network.probeSource(vip);
    if (agent !== undefined) {
      const outgoing = this.#request({ host, port, localAddress, agent, createConnection: undefined });
      outgoing.once('socket', (socket) => this.#connected(socket));
      return;
    }
    const tried = this.#target;
    dial({ host, port, localAddress }, settings.targetConnectTimeoutMs, (error, socket) => {
      if (this.#over || this.#target !== tried) socket.destroy();
      else if (error !== null) this.#failed(error);
      else {
        socket.setTimeout(settings.targetReadTimeoutMs);
        const createConnection = (): Socket => socket;
        this.#request({ host, port, localAddress, agent, createConnection });
        this.#connected(socket);
      }
    });
  }

  #request({ host, port, localAddress, agent, createConnection }: Way): ClientRequest {
    const { request, path, upgrade } = this.#asked;
    const { settings, vip, scheme } = this.#parts;
    const protocol = upgrade === undefined ? undefined : (request.headers.upgrade ?? '');
    const outgoing = httpRequest({
      host,
      port,
      localAddress,
      agent,
      createConnection,
      method: request.method ?? 'GET',
      path,
      headers: headersToTarget(request, this.client, Date.now(), vip, protocol, scheme),
      timeout: settings.targetReadTimeoutMs,
      setHost: false,
    });
    this.#outgoing = outgoing;
    outgoing.once('response', (response) => this.#answer(response));
    outgoing.once('upgrade', (response, socket, head) => this.#switch(response, socket, head));
    outgoing.once('timeout', () => outgoing.destroy(new Error('timeout')));
    outgoing.on('error', (error) => {
      if (outgoing === this.#outgoing) this.#failed(error);
    });
    if (!hasBody(request)) outgoing.end();
    return outgoing;
  }

  #connected(socket: Socket): void {
    const { request } = this.#asked;
    this.#socket = socket;
    this.#writtenBefore = socket.bytesWritten;
    this.#readBefore = socket.bytesRead;
    if (this.#target !== undefined) this.#target.traffic.total += 1;
    if (!hasBody(request) || this.#outgoing === undefined) return;
    socket.setNoDelay();
    if (request.headers['content-length'] === undefined) this.#limitBody();
    request.pipe(this.#outgoing);
  }

  /** Of a chunked body nobody knows the length before it came. */
  #limitBody(): void {
    let left = this.#parts.settings.maxRequestBodyBytes;
    this.#asked.request.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left >= 0 || this.#over) return;
      this.#over = true;
      this.#outgoing?.destroy();
      this.#fail(413);
    });
  }

  #failed(error: Error): void {
    if (this.#over) return;
    const { request, response } = this.#asked;
    if (this.#outgoing !== undefined) request.unpipe(this.#outgoing);
    this.#outgoing = undefined;
    if (response.destroyed) return;
    const target = this.#target;
    const reason = `${target?.ip}:${target?.port} ${codeOf(error)}`;
    if (this.#socket === undefined) {
      if (target !== undefined) target.traffic.refused += 1;
      this.#next(reason, codeOf(error) === 'ETIMEDOUT' ? 504 : 502);
      return;
    }
    const { resent } = this.#parts.settings;
    const mayResend = resent !== 'nothing' && !hasBody(request) && idempotent.has(request.method ?? '');
    const status = error.message === 'timeout' ? 504 : 502;
    if (mayResend) this.#next(reason, status);
    else this.#fail(status);
  }

  #answer(incoming: IncomingMessage): void {
    this.#over = true;
    const { response } = this.#asked;
    incoming.once('error', () => this.#cutClient());
    if (response.destroyed) {
      this.#outgoing?.destroy();
      return;
    }
    const headers = headersToClient(incoming.rawHeaders, this.#cookie);
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? '', headers);
    incoming.on('data', (part: Buffer) => {
      if (response.write(part) || incoming.isPaused()) return;
      incoming.pause();
      response.once('drain', () => incoming.resume());
    });
    incoming.once('end', () => response.end());
  }

  /** The target agreed to another protocol: from here on only bytes are carried. */
  #switch(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#over = true;
    const { upgrade, response } = this.#asked;
    if (upgrade === undefined || response.destroyed) {
      socket.destroy();
      this.#cutClient();
      return;
    }
    const lines = [`HTTP/1.1 ${incoming.statusCode} ${incoming.statusMessage}`];
    const raw = incoming.rawHeaders;
    for (let at = 0; at + 1 < raw.length; at += 2) lines.push(`${raw[at]}: ${raw[at + 1]}`);
    if (this.#cookie !== undefined) lines.push(`Set-Cookie: ${this.#cookie}`);
    const { socket: client } = upgrade;
    response.detachSocket(client);
    client.on('error', () => socket.destroy());
    socket.on('error', () => client.destroy());
    client.once('close', () => {
      socket.destroy();
      this.#closed();
    });
    socket.once('close', () => client.destroySoon());
    socket.setTimeout(this.#parts.settings.targetReadTimeoutMs, () => socket.destroy());
    socket.setNoDelay();
    client.write(`${lines.join('\r\n')}\r\n\r\n`);
    if (head.length > 0) client.write(head);
    if (upgrade.head.length > 0) socket.write(upgrade.head);
    client.pipe(socket);
    socket.pipe(client);
  }

  #fail(status: number): void {
    const { response, request } = this.#asked;
    if (response.headersSent) this.#cutClient();
    else answerStatus(request, response, status);
  }

  #cutClient(): void {
    const { request, upgrade } = this.#asked;
    (upgrade?.socket ?? request.socket).destroy();
  }

  #leaveTarget(): void {
    const target = this.#target;
    if (target === undefined) return;
    target.connections.delete(this);
    target.traffic.bytesToTarget += this.bytesToTarget;
    target.traffic.bytesToClient += this.bytesToClient;
    this.#target = undefined;
    this.#socket = undefined;
    this.#writtenBefore = 0;
    this.#readBefore = 0;
  }

  /** The client has its answer, or went away before. */
  #closed(): void {
    const { response, request } = this.#asked;
    this.#over = true;
    if (this.#target === undefined) return;
    this.#leaveTarget();
    if (response.writableFinished) request.resume();
    else this.#outgoing?.destroy();
  }
}

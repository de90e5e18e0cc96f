import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createRawServer, type Server as RawServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Certificates } from '../certificates.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { Layer7Listener, LoadBalancer } from '../load-balancer.ts';
import { hostOf, type Match, matchRule, type RuleTable, ruleOfHost, ruleTable } from '../rules/match.ts';
import type { ClbSettings } from '../settings.ts';
import { answerStatus } from './error-pages.ts';
import { type Asked, Exchange, type ExchangeParts } from './exchange.ts';
import { listenAt, type Network } from './network.ts';
import { TargetAgent } from './target-agent.ts';
import { TlsTerminator } from './tls-terminator.ts';

export interface HttpFrontendOptions {
  readonly loadBalancer: LoadBalancer;
  readonly listener: Layer7Listener;
  readonly network: Network;
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
  readonly certificates: Certificates;
}

/** The socket of one HTTP or HTTPS listener: a reverse proxy that finds the rule and the target of each request anew. */
export class HttpFrontend {
  readonly #options: HttpFrontendOptions;
  readonly #parts: ExchangeParts;
  readonly #server: Server;
  /** What listens: it itself, or with HTTPS one in front of it. */
  readonly #entry: RawServer;
  readonly #tls: TlsTerminator | undefined;
  readonly #clients = new Set<Socket>();
  readonly #kept: TargetAgent;
  #table: RuleTable | undefined;

  constructor(options: HttpFrontendOptions) {
    this.#options = options;
    const { loadBalancer, listener, network, settings, clock, events } = options;
    this.#kept = new TargetAgent(
      { keepAlive: true, maxFreeSockets: 1_024 },
      () => settings.targetConnectTimeoutMs,
    );
    this.#parts = {
      network,
      settings,
      clock,
      vip: loadBalancer.vip,
      scheme: listener.protocol === 'HTTPS' ? 'https' : 'http',
      onRefused: (client, reason) =>
        events.emit('refused', { loadBalancerId: loadBalancer.id, listenerId: listener.id, client, reason }),
    };
    this.#server = createServer(
      { noDelay: true, keepAliveTimeout: settings.clientKeepaliveMs, requestTimeout: 0 },
      (request, response) => this.#serve(request, response),
    );
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    if (listener.protocol === 'HTTPS') {
      const tls = this.#terminator();
      this.#tls = tls;
      this.#entry = createRawServer({ noDelay: true }, (raw) => tls.accept(raw));
      return;
    }
    this.#entry = this.#server;
    this.#server.on('connection', (socket) => {
      this.#clients.add(socket);
      socket.once('close', () => this.#clients.delete(socket));
    });
  }

  #terminator(): TlsTerminator {
    const { listener, network, certificates } = this.#options;
    return new TlsTerminator({
      certificates,
      tlsFor: (servername) =>
        listener.sni === true
          ? (ruleOfHost(this.#rules(), hostOf(servername))?.tls ?? listener.tls)
          : listener.tls,
      asksClients: () =>
        listener.tls?.mode === 'MUTUAL' ||
        [...listener.rules.values()].some(({ tls }) => tls?.mode === 'MUTUAL'),
      onSecure: (client) => void this.#server.emit('connection', client),
      onRefused: (remote, reason) => this.#parts.onRefused(network.clientAddress(remote), reason),
    });
  }

  /** @throws Error when the port cannot be listened on */
  open(): Promise<void> {
    const { loadBalancer, listener, network } = this.#options;
    return listenAt(this.#entry, network, loadBalancer.vip, listener.port);
  }

  close(): void {
    this.#entry.close();
    this.#tls?.close();
    for (const client of this.#clients) client.resetAndDestroy();
    this.#kept.destroy();
  }

  /** After any change of the listener's rules, their domains or the default one. */
  rulesChanged(): void {
    this.#table = undefined;
  }

  #serve(request: IncomingMessage, response: ServerResponse, upgrade?: Asked['upgrade']): void {
    const { listener, network, settings } = this.#options;
    // A client that went away is seen where its request is.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const { host, path } = targetOf(request);
    const match = this.#match(host, path);
    if (match.kind === 'none') {
      answerStatus(request, response, 404);
      return;
    }
    if (match.kind === 'redirect') {
      const { scheme } = this.#parts;
      const port = listener.port === (scheme === 'http' ? 80 : 443) ? '' : `:${listener.port}`;
      const query = path.slice(pathOnly(path).length);
      const location = `${scheme}://${hostOf(host)}${port}${match.path}${query}`;
      answerStatus(request, response, 301, { Location: location });
      return;
    }
    if (Number(request.headers['content-length'] ?? 0) > settings.maxRequestBodyBytes) {
      answerStatus(request, response, 413, { Connection: 'close' });
      return;
    }
    new Exchange(this.#parts, {
      rule: match.rule,
      path,
      client: network.clientAddress(request.socket.remoteAddress ?? ''),
      agent: listener.keepalive && upgrade === undefined ? this.#kept : undefined,
      request,
      response,
      upgrade,
    });
  }

  #rules(): RuleTable {
    this.#table ??= ruleTable(this.#options.listener);
    return this.#table;
  }

  #match(host: string, path: string): Match {
    return matchRule(this.#rules(), hostOf(host), pathOnly(path));
  }

  /** Node leaves the socket of such a request to us: what is answered otherwise than with 101 ends it. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!(socket instanceof Socket)) {
      socket.destroy();
      return;
    }
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    socket.on('error', () => undefined);
    this.#serve(request, response, { socket, head });
  }
}

const absolute = /^https?:\/\/([^/?#]*)(.*)$/i;

/** Host and path of a request; a request line with a whole URL says both. */
const targetOf = ({ url = '/', headers }: IncomingMessage): { host: string; path: string } => {
  const [, host, path] = url.startsWith('/') ? [] : (absolute.exec(url) ?? []);
  if (host === undefined) return { host: headers.host ?? '', path: url };
  return { host, path: path?.startsWith('/') === true ? path : `/${path ?? ''}` };
};

const pathOnly = (path: string): string => {
  const at = path.indexOf('?');
  return at < 0 ? path : path.slice(0, at);
};

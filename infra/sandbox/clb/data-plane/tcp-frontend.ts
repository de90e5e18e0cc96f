import { createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Certificates } from '../certificates.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { Layer4Listener, LoadBalancer } from '../load-balancer.ts';
import type { ClbSettings } from '../settings.ts';
import { choose } from './choose.ts';
import { forward } from './connection.ts';
import { listenAt, type Network } from './network.ts';
import { TlsEnd } from './tls-end.ts';

export interface TcpFrontendOptions {
  readonly loadBalancer: LoadBalancer;
  readonly listener: Layer4Listener;
  readonly network: Network;
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
  readonly certificates: Certificates;
}

/** The socket of one TCP or TCP_SSL listener; the targets of both are spoken to in the clear. */
export class TcpFrontend {
  readonly #options: TcpFrontendOptions;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  constructor(options: TcpFrontendOptions) {
    this.#options = options;
    const { listener, certificates } = options;
    const end = new TlsEnd(
      certificates,
      () => listener.tls,
      (secured, client) => this.#acceptSecured(secured, client),
    );
    // Bytes of the handshake are read at once, those of the client only when there is a target.
    const pauseOnConnect = listener.protocol !== 'TCP_SSL';
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect, noDelay: true }, (client) => {
      this.#clients.add(client);
      client.once('close', () => this.#clients.delete(client));
      if (pauseOnConnect) this.#accept(client, client.remoteAddress ?? '');
      else end.accept(client);
    });
  }

  /** @throws Error when the port cannot be listened on */
  open(): Promise<void> {
    const { loadBalancer, listener, network } = this.#options;
    return listenAt(this.#server, network, loadBalancer.vip, listener.port);
  }

  close(): void {
    this.#server.close();
    for (const client of this.#clients) client.resetAndDestroy();
  }

  #acceptSecured(secured: TLSSocket, client: Socket): void {
    // Only the socket below can be reset.
    secured.resetAndDestroy = () => {
      client.resetAndDestroy();
      return secured;
    };
    this.#accept(secured, client.remoteAddress ?? '');
  }

  #accept(client: Socket, remote: string): void {
    const { listener, network, settings, clock } = this.#options;
    const address = network.clientAddress(remote);
    const sessionMs = clock.real(listener.pool.sessionExpireSeconds * 1000);
    const target = choose(listener.pool, address, settings, Date.now(), sessionMs);
    const socket = target === undefined ? undefined : network.socketOf(target.ip, target.port);
    if (target === undefined || socket === undefined) {
      this.#refuse(client, address, target === undefined ? 'no target' : 'target is not on loopback');
      return;
    }
    forward({
      client,
      clientAddress: address,
      target,
      socket,
      localAddress: network.forwardSource(remote),
      idleMs: listener.idleConnectTimeoutSeconds * 1000,
      onRefused: (code) => this.#emitRefused(address, `${target.ip}:${target.port} ${code}`),
    });
  }

  #refuse(client: Socket, address: string, reason: string): void {
    client.on('error', () => undefined);
    client.resetAndDestroy();
    this.#emitRefused(address, reason);
  }

  #emitRefused(client: string, reason: string): void {
    const { loadBalancer, listener, events } = this.#options;
    events.emit('refused', { loadBalancerId: loadBalancer.id, listenerId: listener.id, client, reason });
  }
}

import { createServer, type Server, type Socket } from 'node:net';
import type { Certificates } from '../certificates.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { Layer4Listener, LoadBalancer } from '../load-balancer.ts';
import type { ClbSettings } from '../settings.ts';
import { choose } from './choose.ts';
import { forward } from './connection.ts';
import { listenAt, type Network } from './network.ts';
import { targetPort } from './range-frontend.ts';
import { TlsTerminator } from './tls-terminator.ts';

export interface TcpFrontendOptions {
  readonly loadBalancer: LoadBalancer;
  readonly listener: Layer4Listener;
  /** The listener's own port, or another one of its range. */
  readonly port: number;
  readonly network: Network;
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
  readonly certificates: Certificates;
}

/** The socket of one TCP or TCP_SSL listener, on one port. */
export class TcpFrontend {
  readonly #options: TcpFrontendOptions;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #tls: TlsTerminator | undefined;

  constructor(options: TcpFrontendOptions) {
    this.#options = options;
    const tls = options.listener.protocol === 'TCP_SSL' ? this.#terminator() : undefined;
    this.#tls = tls;
    this.#server = createServer(
      { allowHalfOpen: true, pauseOnConnect: tls === undefined, noDelay: true },
      (client) => {
        if (tls === undefined) this.#accept(client, () => void client.resetAndDestroy());
        else tls.accept(client);
      },
    );
  }

  /** @throws Error when the port cannot be listened on */
  open(): Promise<void> {
    const { loadBalancer, port, network } = this.#options;
    return listenAt(this.#server, network, loadBalancer.vip, port);
  }

  close(): void {
    this.#server.close();
    this.#tls?.close();
    for (const client of this.#clients) client.resetAndDestroy();
  }

  #terminator(): TlsTerminator {
    const { listener, network, certificates } = this.#options;
    return new TlsTerminator({
      certificates,
      tlsFor: () => listener.tls,
      asksClients: () => listener.tls?.mode === 'MUTUAL',
      onSecure: (client, reset) => this.#accept(client, reset),
      onRefused: (remote, reason) => this.#emitRefused(network.clientAddress(remote), reason),
    });
  }

  #accept(client: Socket, reset: () => void): void {
    const { listener, port, network, settings, clock, loadBalancer } = this.#options;
    if (this.#tls === undefined) {
      this.#clients.add(client);
      client.once('close', () => this.#clients.delete(client));
    }
    const remote = client.remoteAddress ?? '';
    const address = network.clientAddress(remote);
    const sessionMs = clock.real(listener.pool.sessionExpireSeconds * 1000);
    const target = choose(listener.pool, address, settings, Date.now(), sessionMs);
    if (target === undefined) {
      this.#refuse(client, reset, address, 'no target');
      return;
    }
    const toPort = targetPort(target, listener, port, settings);
    const socket = toPort === undefined ? undefined : network.socketOf(target.ip, toPort);
    if (socket === undefined) {
      this.#refuse(client, reset, address, 'target is not on loopback, or has no such port');
      return;
    }
    forward({
      client,
      clientAddress: address,
      target,
      socket,
      // Who decrypts is a party of its own: its targets see the load balancer.
      localAddress:
        this.#tls === undefined ? network.forwardSource(remote) : network.probeSource(loadBalancer.vip),
      resetClient: reset,
      idleMs: listener.idleConnectTimeoutSeconds * 1000,
      onRefused: (code) => this.#emitRefused(address, `${target.ip}:${toPort} ${code}`),
    });
  }

  #refuse(client: Socket, reset: () => void, address: string, reason: string): void {
    client.on('error', () => undefined);
    reset();
    this.#emitRefused(address, reason);
  }

  #emitRefused(client: string, reason: string): void {
    const { loadBalancer, listener, events } = this.#options;
    events.emit('refused', { loadBalancerId: loadBalancer.id, listenerId: listener.id, client, reason });
  }
}

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { SimulatedClock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { Layer4Listener, LoadBalancer } from '../load-balancer.ts';
import type { Target } from '../model.ts';
import type { ClbSettings } from '../settings.ts';
import { choose } from './choose.ts';
import type { Network } from './network.ts';
import { targetPort } from './range-frontend.ts';
import { UdpFlow } from './udp-flow.ts';

export interface UdpFrontendOptions {
  readonly loadBalancer: LoadBalancer;
  readonly listener: Layer4Listener;
  /** The listener's own port, or another one of its range. */
  readonly port: number;
  readonly network: Network;
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
}

/**
 * The socket of one UDP listener, on one port. What an address and port sends is a flow: it has one target until it was idle for
 * long or the target is removed, whatever becomes of the target's weight; of its health, as is set. Where there is no
 * target, datagrams are lost without a word.
 */
export class UdpFrontend {
  readonly #options: UdpFrontendOptions;
  readonly #socket: Socket;
  readonly #flows = new Map<string, UdpFlow>();

  constructor(options: UdpFrontendOptions) {
    this.#options = options;
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (datagram, from) => this.#forward(datagram, from));
  }

  /** @throws Error when the port cannot be listened on */
  async open(): Promise<void> {
    const { loadBalancer, listener, port, network, events } = this.#options;
    const at = network.socketOf(loadBalancer.vip, port);
    if (at === undefined) throw new Error(`${loadBalancer.vip} is not on loopback.`);
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('error', (error) => {
        this.#socket.close();
        reject(error);
      });
      this.#socket.bind({ address: at.host, port: at.port, exclusive: true }, () => resolve());
    });
    this.#socket.removeAllListeners('error');
    this.#socket.on('error', (error) =>
      events.emit('warning', `UDP listener ${listener.id}: ${error.message}`),
    );
  }

  close(): void {
    this.#socket.close();
    for (const flow of [...this.#flows.values()]) flow.end();
  }

  #forward(datagram: Buffer, { address, port }: RemoteInfo): void {
    const key = `${address} ${port}`;
    const known = this.#flows.get(key);
    if (known !== undefined && this.#isLeft(known.target)) known.end();
    const flow = this.#flows.get(key) ?? this.#begin(key, address, port);
    flow?.send(datagram);
  }

  #isLeft({ health }: Target): boolean {
    return health === 'Dead' && this.#options.settings.udpFlowOfDead === 'move';
  }

  #begin(key: string, remote: string, remotePort: number): UdpFlow | undefined {
    const { listener, port, network, settings, clock } = this.#options;
    const client = network.clientAddress(remote);
    const sessionMs = clock.real(listener.pool.sessionExpireSeconds * 1000);
    const target = choose(listener.pool, client, settings, Date.now(), sessionMs);
    if (target === undefined) {
      this.#emitRefused(client, 'no target');
      return undefined;
    }
    const toPort = targetPort(target, listener, port, settings);
    const socket = toPort === undefined ? undefined : network.socketOf(target.ip, toPort);
    if (socket === undefined) {
      this.#emitRefused(client, 'target is not on loopback, or has no such port');
      return undefined;
    }
    const flow = new UdpFlow({
      clientAddress: client,
      target,
      socket,
      localAddress: network.forwardSource(remote),
      idleMs: listener.idleConnectTimeoutSeconds * 1000,
      // A client that is gone is nobody's business.
      toClient: (answer) => this.#socket.send(answer, remotePort, remote, () => undefined),
      onRefused: (code) => this.#emitRefused(client, `${target.ip}:${toPort} ${code}`),
      onEnded: () => this.#flows.delete(key),
    });
    this.#flows.set(key, flow);
    return flow;
  }

  #emitRefused(client: string, reason: string): void {
    const { loadBalancer, listener, events } = this.#options;
    events.emit('refused', { loadBalancerId: loadBalancer.id, listenerId: listener.id, client, reason });
  }
}

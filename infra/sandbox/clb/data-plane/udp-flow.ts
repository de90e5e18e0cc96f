import { createSocket, type Socket } from 'node:dgram';
import type { SocketAddress } from '../../addresses.ts';
import { codeOf } from '../../net/sockets.ts';
import type { ForwardedConnection, Target } from '../model.ts';

export interface UdpFlowOptions {
  readonly clientAddress: string;
  readonly target: Target;
  readonly socket: SocketAddress;
  /** The client's own loopback address, where it can be kept. */
  readonly localAddress: string | undefined;
  /** Real milliseconds without a datagram, either way, after which the flow is forgotten. */
  readonly idleMs: number;
  readonly toClient: (datagram: Buffer) => void;
  /** Nobody is at the target's port, or it cannot be sent to: the error code. */
  readonly onRefused: (code: string) => void;
  readonly onEnded: () => void;
}

/** The datagrams of one client's address and port, and what their target answers. */
export class UdpFlow implements ForwardedConnection {
  readonly client: string;
  readonly target: Target;
  readonly #options: UdpFlowOptions;
  readonly #socket: Socket;
  readonly #idle: NodeJS.Timeout;
  /** What came before the socket was connected. */
  #early: Buffer[] | undefined = [];
  #bytesToTarget = 0;
  #bytesToClient = 0;
  #stalled = false;
  #ended = false;

  constructor(options: UdpFlowOptions) {
    const { clientAddress, target, socket, localAddress, idleMs } = options;
    this.client = clientAddress;
    this.target = target;
    this.#options = options;
    target.traffic.total += 1;
    target.connections.add(this);
    this.#idle = setTimeout(() => this.end(), idleMs);
    this.#socket = createSocket('udp4');
    // A target that nobody listens at is told by ICMP. The flow stays with it, as a connection would.
    this.#socket.on('error', (error) => this.#refused(error));
    this.#socket.on('message', (datagram) => this.#answer(datagram));
    // Connected, it takes datagrams of this target only, and hears of its ICMP.
    this.#socket.once('connect', () => this.#connected());
    if (localAddress === undefined) this.#socket.connect(socket.port, socket.host);
    else this.#socket.bind(0, localAddress, () => this.#socket.connect(socket.port, socket.host));
  }

  get bytesToTarget(): number {
    return this.#bytesToTarget;
  }

  get bytesToClient(): number {
    return this.#bytesToClient;
  }

  /** A datagram of the client. */
  send(datagram: Buffer): void {
    this.#idle.refresh();
    if (this.#stalled) return;
    if (this.#early !== undefined) {
      this.#early.push(datagram);
      return;
    }
    this.#bytesToTarget += datagram.length;
    this.#socket.send(datagram, (error) => {
      if (error !== null && error !== undefined) this.#refused(error);
    });
  }

  /** Stalled, the client's datagrams go nowhere until it was silent for long; else its next one begins anew. */
  stop(how: 'rst' | 'cut' | 'stall'): void {
    if (how !== 'stall') {
      this.end();
      return;
    }
    if (this.#stalled || this.#ended) return;
    this.#stalled = true;
    this.#socket.close();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#idle);
    if (!this.#stalled) this.#socket.close();
    const { target } = this;
    target.connections.delete(this);
    target.traffic.bytesToTarget += this.#bytesToTarget;
    target.traffic.bytesToClient += this.#bytesToClient;
    this.#options.onEnded();
  }

  #connected(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const datagram of early) this.send(datagram);
  }

  #answer(datagram: Buffer): void {
    if (this.#ended || this.#stalled) return;
    this.#idle.refresh();
    this.#bytesToClient += datagram.length;
    this.#options.toClient(datagram);
  }

  #refused(error: Error): void {
    if (this.#ended || this.#stalled) return;
    if (this.#early !== undefined) this.#early = [];
    this.target.traffic.refused += 1;
    this.#options.onRefused(codeOf(error));
  }
}

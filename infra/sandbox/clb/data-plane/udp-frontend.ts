import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { codeOf } from '../../net/sockets.ts';
import type { SimulatedClock } from '../clock.ts';
import type { Events } from '../events.ts';
import type { Layer4Listener, LoadBalancer } from '../load-balancer.ts';
import type { ForwardedConnection, Target } from '../model.ts';
import type { ClbSettings } from '../settings.ts';
import { choose } from './choose.ts';
import type { Network } from './network.ts';

export interface UdpFrontendOptions {
  readonly loadBalancer: LoadBalancer;
  readonly listener: Layer4Listener;
  readonly network: Network;
  readonly settings: ClbSettings;
  readonly clock: SimulatedClock;
  readonly events: Events;
}

/** What one client's port sends and gets, through a socket of its own towards one target. */
class Flow implements ForwardedConnection {
  readonly client: string;
  readonly target: Target;
  bytesToTarget = 0;
  bytesToClient = 0;
  readonly #backend: Socket;
  readonly #idleMs: number;
  readonly #onEnd: (error: Error | undefined) => void;
  #idle: NodeJS.Timeout | undefined;
  #ready = false;
  #over = false;
  /** Came before the socket was there. */
  #waiting: Buffer[] = [];

  constructor(options: {
    readonly client: string;
    readonly target: Target;
    readonly to: { readonly host: string; readonly port: number };
    /** The client's own loopback address, where it can be kept; its port cannot: the client has it. */
    readonly from: string | undefined;
    readonly idleMs: number;
    readonly onAnswer: (answer: Buffer) => void;
    /** Once. With an error: nobody listens at the target's port. */
    readonly onEnd: (error: Error | undefined) => void;
  }) {
    const { client, target, to, from, idleMs, onAnswer, onEnd } = options;
    this.client = client;
    this.target = target;
    this.#idleMs = idleMs;
    this.#onEnd = onEnd;
    this.#backend = createSocket('udp4');
    this.#backend.on('message', (answer) => {
      this.bytesToClient += answer.length;
      this.#stirred();
      onAnswer(answer);
    });
    this.#backend.on('error', (error) => this.#end(error));
    const dial = (): void => this.#backend.connect(to.port, to.host, () => this.#connected());
    if (from === undefined) dial();
    else this.#backend.bind({ address: from, port: 0 }, dial);
    target.connections.add(this);
    target.traffic.total += 1;
    this.#stirred();
  }

  send(datagram: Buffer): void {
    if (this.#over) return;
    this.bytesToTarget += datagram.length;
    this.#stirred();
    if (!this.#ready) {
      this.#waiting.push(datagram);
      return;
    }
    this.#backend.send(datagram, (error) => {
      if (error !== null && error !== undefined) this.#end(error);
    });
  }

  /** There is no connection to reset: the client's next datagram begins another flow. */
  stop(): void {
    this.#end(undefined);
  }

  #connected(): void {
    if (this.#over) return;
    this.#ready = true;
    for (const datagram of this.#waiting.splice(0)) {
      this.bytesToTarget -= datagram.length;
      this.send(datagram);
    }
  }

  #stirred(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#end(undefined), this.#idleMs);
    this.#idle.unref();
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#idle);
    this.#waiting = [];
    this.#backend.close();
    this.target.connections.delete(this);
    this.target.traffic.bytesToTarget += this.bytesToTarget;
    this.target.traffic.bytesToClient += this.bytesToClient;
    if (error !== undefined) this.target.traffic.refused += 1;
    this.#onEnd(error);
  }
}

/** The socket of one UDP listener. A client's address and port are a flow; a flow stays with its target. */
export class UdpFrontend {
  readonly #options: UdpFrontendOptions;
  readonly #socket: Socket;
  readonly #flows = new Map<string, Flow>();

  constructor(options: UdpFrontendOptions) {
    this.#options = options;
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (datagram, from) => this.#receive(datagram, from));
  }

  /** @throws Error when the port cannot be listened on */
  async open(): Promise<void> {
    const { loadBalancer, listener, network } = this.#options;
    const socket = network.socketOf(loadBalancer.vip, listener.port);
    if (socket === undefined) throw new Error(`${loadBalancer.vip} is not on loopback.`);
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind({ address: socket.host, port: socket.port, exclusive: true }, () => {
        this.#socket.off('error', reject);
        // What comes back for an answer to a client that is gone.
        this.#socket.on('error', () => undefined);
        resolve();
      });
    });
  }

  close(): void {
    for (const flow of [...this.#flows.values()]) flow.stop();
    this.#socket.close();
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const key = `${from.address} ${from.port}`;
    const flow = this.#flows.get(key);
    if (flow !== undefined && !this.#isLeft(flow.target)) flow.send(datagram);
    else {
      flow?.stop();
      this.#begin(key, from)?.send(datagram);
    }
  }

  #isLeft({ health }: Target): boolean {
    return health === 'Dead' && this.#options.settings.udpFlowOfDead === 'move';
  }

  #begin(key: string, { address, port }: RemoteInfo): Flow | undefined {
    const { listener, network, settings, clock } = this.#options;
    const client = network.clientAddress(address);
    const sessionMs = clock.real(listener.pool.sessionExpireSeconds * 1000);
    const target = choose(listener.pool, client, settings, Date.now(), sessionMs);
    const to = target && network.socketOf(target.ip, target.port);
    if (target === undefined || to === undefined) {
      this.#refused(client, target === undefined ? 'no target' : 'target is not on loopback');
      return undefined;
    }
    const flow = new Flow({
      client,
      target,
      to,
      from: network.forwardSource(address),
      idleMs: listener.idleConnectTimeoutSeconds * 1000,
      onAnswer: (answer) => this.#socket.send(answer, port, address),
      onEnd: (error) => {
        if (this.#flows.get(key) === flow) this.#flows.delete(key);
        if (error !== undefined) this.#refused(client, `${target.ip}:${target.port} ${codeOf(error)}`);
      },
    });
    this.#flows.set(key, flow);
    return flow;
  }

  #refused(client: string, reason: string): void {
    const { loadBalancer, listener, events } = this.#options;
    events.emit('refused', { loadBalancerId: loadBalancer.id, listenerId: listener.id, client, reason });
  }
}

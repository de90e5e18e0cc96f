import { createServer, type Server, type Socket } from 'node:net';
import type { Addresses } from '../../addresses.ts';
import { type Forwarded, forward } from '../../net/forward.ts';
import { Affinity } from './affinity.ts';
import type { NodePortRule, ProxyEndpoint, ServiceName } from './rules.ts';

/** A connection that an endpoint did not take, as it happens while rules lag behind Pods. */
export interface NodePortRefusal {
  readonly nodeIp: string;
  readonly nodePort: number;
  readonly service: ServiceName;
  /** The client's ordinary address. */
  readonly client: string;
  readonly endpoint: ProxyEndpoint;
  readonly code: string;
}

export interface NodePortOptions {
  readonly addresses: Addresses;
  readonly nodeIp: string;
  readonly nodePort: number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onRefused: (refusal: NodePortRefusal) => void;
}

const withoutPrefix = (address: string): string => address.replace(/^::ffff:/, '');

/**
 * One port of one node. It listens while new connections have somewhere to go, so that clients and health checks find
 * it refused otherwise; what is connected stays, as conntrack's entries do.
 */
export class NodePort {
  readonly #options: NodePortOptions;
  readonly #connections = new Set<Forwarded>();
  readonly #affinity = new Affinity();
  #server: Server | undefined;
  #rule: NodePortRule | undefined;

  constructor(options: NodePortOptions) {
    this.#options = options;
  }

  get rule(): NodePortRule | undefined {
    return this.#rule;
  }

  /** Open connections, also those to endpoints that are in no rule any more. */
  get connections(): number {
    return this.#connections.size;
  }

  /** @throws Error when the port cannot be listened on; asking again tries again */
  async apply(rule: NodePortRule | undefined): Promise<void> {
    if (rule === undefined || rule.endpoints.length === 0) {
      this.#rule = rule;
      this.#server?.close();
      this.#server = undefined;
      return;
    }
    this.#rule = rule;
    this.#server ??= await this.#listen();
  }

  /** Ends every connection too: the node is gone. */
  close(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const connection of this.#connections) connection.stop('rst');
  }

  #listen(): Promise<Server> {
    const { addresses, nodeIp, nodePort } = this.#options;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#accept(client),
    );
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      const socket = addresses.socketOf(nodeIp, nodePort);
      server.listen({ ...socket, exclusive: true, backlog: 4_096 }, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        resolve(server);
      });
    });
  }

  #accept(socket: Socket): void {
    const { addresses, nodeIp, nodePort, random, onRefused } = this.#options;
    const remote = withoutPrefix(socket.remoteAddress ?? '');
    const client = addresses.ordinary(remote);
    const rule = this.#rule;
    const endpoint = rule === undefined ? undefined : this.#affinity.choose(rule, client, Date.now(), random);
    if (rule === undefined || endpoint === undefined) {
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
      return;
    }
    // Policy Cluster is masquerading: the Pod sees the node. Where there is one loopback address, neither can be shown.
    const canKeep = addresses.mode === 'range' && remote.startsWith('127.');
    const localAddress = rule.keepsClient ? (canKeep ? remote : undefined) : addresses.sourceOf(nodeIp);
    const connection = forward({
      client: socket,
      to: addresses.socketOf(endpoint.ip, endpoint.port),
      localAddress,
      onRefused: (code) => onRefused({ nodeIp, nodePort, service: rule.service, client, endpoint, code }),
      onClosed: () => this.#connections.delete(connection),
    });
    this.#connections.add(connection);
  }
}

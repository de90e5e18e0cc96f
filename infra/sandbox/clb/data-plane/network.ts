import type { Server } from 'node:net';
import type { Addresses, SocketAddress } from '../../addresses.ts';

/** How the data plane and the probes reach addresses: the only users of the mapping to loopback here. */
export interface Network {
  /** Where an address and port live; undefined outside loopback, which is never connected to. */
  socketOf(ip: string, port: number): SocketAddress | undefined;
  /** The local address to probe from, so that targets see the load balancer's own; undefined: the system's. */
  probeSource(vip: string): string | undefined;
  /**
   * The same of the addresses that all load balancers share to probe from (100.64.0.0/10).
   *
   * @param random 0 to 1: which of them
   */
  sharedProbeSource(random: number): string | undefined;
  /** The local address to forward from, so that targets see the client's own; undefined: it cannot be kept. */
  forwardSource(remoteAddress: string): string | undefined;
  /** A client's ordinary address. */
  clientAddress(remoteAddress: string): string;
}

/** So many of the shared addresses are in use. */
const sharedProbers = 8;

const withoutPrefix = (address: string): string => address.replace(/^::ffff:/, '');

export const createNetwork = (addresses: Addresses): Network => ({
  socketOf: (ip, port) => {
    const socket = addresses.socketOf(ip, port);
    return socket.host.startsWith('127.') ? socket : undefined;
  },
  probeSource: (vip) => addresses.sourceOf(vip),
  sharedProbeSource: (random) =>
    addresses.sourceOf(`100.64.0.${1 + Math.min(sharedProbers - 1, Math.floor(random * sharedProbers))}`),
  forwardSource: (remoteAddress) =>
    addresses.mode === 'range' && withoutPrefix(remoteAddress).startsWith('127.')
      ? withoutPrefix(remoteAddress)
      : undefined,
  clientAddress: (remoteAddress) => addresses.ordinary(withoutPrefix(remoteAddress)),
});

/** Listens where a load balancer's address and port live. @throws Error when that cannot be listened on */
export const listenAt = async (
  server: Server,
  network: Network,
  vip: string,
  port: number,
): Promise<void> => {
  const socket = network.socketOf(vip, port);
  if (socket === undefined) throw new Error(`${vip} is not on loopback.`);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...socket, exclusive: true, backlog: 4_096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
};

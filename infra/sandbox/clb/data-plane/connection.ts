import type { Socket } from 'node:net';
import type { SocketAddress } from '../../addresses.ts';
import { forward as forwardTo } from '../../net/forward.ts';
import type { ForwardedConnection, Target } from '../model.ts';

export interface ForwardOptions {
  /** Accepted with `pauseOnConnect` and `allowHalfOpen`; not read yet. */
  readonly client: Socket;
  readonly clientAddress: string;
  readonly target: Target;
  readonly socket: SocketAddress;
  /** The client's own loopback address, where it can be kept. */
  readonly localAddress: string | undefined;
  /** Ends the client's connection with a RST. */
  readonly resetClient: () => void;
  /** Real milliseconds without a byte after which the connection is reset. */
  readonly idleMs: number;
  /** The target did not take the connection: its error code. */
  readonly onRefused: (code: string) => void;
}

/** Connects a client to a target and counts what goes through it; a target that refuses resets the client. */
export const forward = (options: ForwardOptions): ForwardedConnection => {
  const { client, clientAddress, target, socket, localAddress, resetClient, idleMs, onRefused } = options;
  const { stop } = forwardTo({
    client,
    to: socket,
    localAddress,
    resetClient,
    idleMs,
    onConnected: () => {
      target.traffic.total += 1;
    },
    onRefused: (code) => {
      target.traffic.refused += 1;
      onRefused(code);
    },
    onClosed: () => {
      target.connections.delete(connection);
      target.traffic.bytesToTarget += client.bytesRead;
      target.traffic.bytesToClient += client.bytesWritten;
    },
  });
  const connection: ForwardedConnection = {
    client: clientAddress,
    get bytesToTarget() {
      return client.bytesRead;
    },
    get bytesToClient() {
      return client.bytesWritten;
    },
    stop,
  };
  target.connections.add(connection);
  return connection;
};

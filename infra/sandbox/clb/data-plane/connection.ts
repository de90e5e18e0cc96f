import { connect, type Socket } from 'node:net';
import type { SocketAddress } from '../../addresses.ts';
import type { ForwardedConnection, Target } from '../model.ts';
import { clashTries, codeOf, isLocalClash } from '../sockets.ts';

export interface ForwardOptions {
  /** Accepted with `pauseOnConnect` and `allowHalfOpen`; not read yet. */
  readonly client: Socket;
  readonly clientAddress: string;
  readonly target: Target;
  readonly socket: SocketAddress;
  /** The client's own loopback address, where it can be kept. */
  readonly localAddress: string | undefined;
  /** Real milliseconds without a byte after which the connection is reset. */
  readonly idleMs: number;
  /** The target did not take the connection: its error code. */
  readonly onRefused: (code: string) => void;
}

/**
 * Connects a client to a target: bytes, back-pressure, half-closes and resets go both ways. A target that
 * refuses makes the client's connection end with a reset.
 */
export const forward = (options: ForwardOptions): ForwardedConnection => {
  const { client, clientAddress, target, socket, localAddress, idleMs, onRefused } = options;
  let backend: Socket | undefined;
  let stopped = false;

  const connection: ForwardedConnection = {
    client: clientAddress,
    get bytesToTarget() {
      return client.bytesRead;
    },
    get bytesToClient() {
      return client.bytesWritten;
    },
    stop: (how) => {
      stopped = true;
      if (how === 'stall') {
        client.unpipe();
        client.pause();
        backend?.destroy();
        return;
      }
      for (const end of [client, backend]) {
        if (how === 'rst') end?.resetAndDestroy();
        else end?.destroy();
      }
    },
  };

  const dial = (left: number): void => {
    const attempt = connect({
      host: socket.host,
      port: socket.port,
      ...(localAddress === undefined ? {} : { localAddress }),
      allowHalfOpen: true,
      noDelay: true,
    });
    backend = attempt;
    let connected = false;
    attempt.once('connect', () => {
      connected = true;
      if (client.destroyed) {
        attempt.resetAndDestroy();
        return;
      }
      target.traffic.total += 1;
      client.pipe(attempt);
      attempt.pipe(client);
    });
    attempt.on('error', (error) => {
      if (!connected && !stopped && isLocalClash(error) && left > 0) {
        dial(left - 1);
        return;
      }
      if (!connected && !stopped) {
        target.traffic.refused += 1;
        onRefused(codeOf(error));
      }
      client.resetAndDestroy();
    });
    attempt.once('close', (hadError) => {
      if (!hadError && !stopped && attempt === backend) client.destroySoon();
    });
  };

  target.connections.add(connection);
  client.setTimeout(idleMs, () => connection.stop('rst'));
  client.on('error', () => backend?.resetAndDestroy());
  client.once('close', (hadError) => {
    target.connections.delete(connection);
    target.traffic.bytesToTarget += client.bytesRead;
    target.traffic.bytesToClient += client.bytesWritten;
    // What the client sent before it closed may still be on its way to the target.
    if (hadError) backend?.resetAndDestroy();
    else backend?.destroySoon();
  });
  dial(clashTries);
  return connection;
};

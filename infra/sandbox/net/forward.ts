import { connect, type Socket } from 'node:net';
import type { SocketAddress } from '../addresses.ts';
import { clashTries, codeOf, isLocalClash } from './sockets.ts';

export interface ForwardOptions {
  /** Accepted with `pauseOnConnect` and `allowHalfOpen`; not read yet. */
  readonly client: Socket;
  readonly to: SocketAddress;
  /** The loopback address that the other side sees; undefined: the system's choice. */
  readonly localAddress: string | undefined;
  /** Real milliseconds without a byte after which the connection is reset; undefined: never. */
  readonly idleMs?: number;
  /** How the client's connection is reset, where its socket cannot do that itself. */
  readonly resetClient?: () => void;
  readonly onConnected?: () => void;
  /** The other side did not take the connection: its error code. */
  readonly onRefused: (code: string) => void;
  /** The client's side is closed, whoever closed it. */
  readonly onClosed?: () => void;
}

/** A connection that is forwarded. */
export interface Forwarded {
  /** Ends it at once: reset, closed, or left open without a byte going through any more. */
  stop(how: 'rst' | 'cut' | 'stall'): void;
}

/**
 * Connects a client to another socket: bytes, back-pressure, half-closes and resets go both ways. Where the other side
 * refuses, the client's connection ends with a reset.
 */
export const forward = (options: ForwardOptions): Forwarded => {
  const { client, to, localAddress, idleMs, onConnected, onRefused, onClosed } = options;
  const { resetClient = () => void client.resetAndDestroy() } = options;
  let backend: Socket | undefined;
  let stopped = false;

  const stop: Forwarded['stop'] = (how) => {
    stopped = true;
    if (how === 'stall') {
      client.unpipe();
      client.pause();
      backend?.destroy();
      return;
    }
    if (how === 'rst') {
      resetClient();
      backend?.resetAndDestroy();
      return;
    }
    client.destroy();
    backend?.destroy();
  };

  const dial = (left: number): void => {
    const attempt = connect({
      host: to.host,
      port: to.port,
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
      onConnected?.();
      client.pipe(attempt);
      attempt.pipe(client);
    });
    attempt.on('error', (error) => {
      if (!connected && !stopped && isLocalClash(error) && left > 0) {
        dial(left - 1);
        return;
      }
      if (!connected && !stopped) onRefused(codeOf(error));
      resetClient();
    });
    attempt.once('close', (hadError) => {
      if (!hadError && !stopped && attempt === backend) client.destroySoon();
    });
  };

  if (idleMs !== undefined) client.setTimeout(idleMs, () => stop('rst'));
  client.on('error', () => backend?.resetAndDestroy());
  client.once('close', (hadError) => {
    onClosed?.();
    // What the client sent before it closed may still be on its way to the other side.
    if (hadError) backend?.resetAndDestroy();
    else backend?.destroySoon();
  });
  dial(clashTries);
  return { stop };
};

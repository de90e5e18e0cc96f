import { Agent, type AgentOptions, type ClientRequestArgs } from 'node:http';
import { Socket } from 'node:net';
import { clashTries, isLocalClash } from '../../net/sockets.ts';

type Connected = (error: Error | null, socket: Socket) => void;

/** The target did not answer the connection in time. */
export class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT';
}

const targetClosesMs = 1_000;

/**
 * What was asked to close after its answer closes first: on whose side a connection was closed first, its port is
 * not free for a minute, and there are only so many ports to connect from.
 */
class TargetSocket extends Socket {
  override destroySoon(): void {
    if (this.writableLength > 0 || this.readableEnded) {
      super.destroySoon();
      return;
    }
    // For Node's HTTP client it is ended; the end of what can be read destroys it.
    Object.assign(this, { writable: false });
    this.setTimeout(targetClosesMs, () => this.destroy());
    this.resume();
  }
}

/** Connects, again where the kernel chose a local port that is taken. */
export const dial = (
  to: { readonly host: string; readonly port: number; readonly localAddress: string | undefined },
  timeoutMs: number,
  connected: Connected,
  left: number = clashTries,
): void => {
  const socket = new TargetSocket().connect(to);
  // Judged only after the sockets were looked at once more: it may be this process that is late.
  const late = setTimeout(() => setImmediate(() => setImmediate(giveUp)), timeoutMs);
  const giveUp = (): void => {
    if (socket.connecting) socket.destroy(new ConnectTimeout('connect ETIMEDOUT'));
  };
  const failed = (error: Error): void => {
    clearTimeout(late);
    if (isLocalClash(error) && left > 0) dial(to, timeoutMs, connected, left - 1);
    else connected(error, socket);
  };
  socket.once('error', failed);
  socket.once('connect', () => {
    clearTimeout(late);
    socket.off('error', failed);
    connected(null, socket);
  });
};

/**
 * Kept connections to targets. A request is given its socket only once that is connected: until then not a byte of
 * it was sent, and it may still go elsewhere.
 */
export class TargetAgent extends Agent {
  readonly #connectTimeoutMs: () => number;

  constructor(options: AgentOptions, connectTimeoutMs: () => number) {
    super(options);
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  override createConnection(
    { host, port, localAddress }: ClientRequestArgs,
    connected: Connected = () => undefined,
  ): undefined {
    dial({ host: host ?? '', port: Number(port), localAddress }, this.#connectTimeoutMs(), connected);
  }
}

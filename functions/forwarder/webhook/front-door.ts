import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '../../../shared/process/setting-table.ts';

/**
 * Listens from the first moment, and hands each connection on once there is somebody to serve it. Who calls while
 * a restarted process still looks for its certificate waits a little, where it would be refused otherwise.
 */
export interface FrontDoor {
  readonly port: number;
  /** From now on, and all who wait. */
  open(serve: (socket: Socket) => void): void;
  /** Takes no more connections, and ends all there are. */
  close(): Promise<void>;
}

/** API servers keep connections that they use again; who is silent for longer is gone. */
const idleMs = 120_000;

/** @throws when it cannot listen */
export const createFrontDoor = async ({ host, port }: ListenAddress): Promise<FrontDoor> => {
  const sockets = new Set<Socket>();
  let serve: ((socket: Socket) => void) | undefined;

  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    serve?.(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    open: (by) => {
      if (serve !== undefined) return;
      serve = by;
      // Nothing of theirs was read: the first bytes are the handshake's.
      for (const socket of sockets) by(socket);
    },
    close: () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
};

import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be cut, whatever the server is: bytes pass as they are, TLS and all. */
export interface Line {
  /** Where its clients connect: the server's URL with another port. */
  readonly url: string;
  /** Resets every connection. */
  cut(): void;
  /** While it is down connections end as soon as they begin. */
  down(isDown: boolean): void;
  close(): Promise<void>;
}

export const startLine = async (to: string): Promise<Line> => {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  let isDown = false;
  const keep = (socket: Socket, other: () => Socket): void => {
    sockets.add(socket);
    socket.on('error', () => other().destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      other().destroy();
    });
  };
  const server = createServer((client) => {
    if (isDown) {
      client.resetAndDestroy();
      return;
    }
    const backend = connect(Number(port), hostname);
    keep(client, () => backend);
    keep(backend, () => client);
    client.pipe(backend);
    backend.pipe(client);
  });
  const listening = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  const url = new URL(to);
  url.port = String(listening);
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: url.href,
    cut,
    down: (down) => {
      isDown = down;
      if (down) cut();
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

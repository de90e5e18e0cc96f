import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What an HTTPS server shows its clients, PEM: the certificate, then its chain. */
export interface TlsIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** One address that the API is served on: HTTP, or HTTPS where it has an identity. */
export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @throws Error where the certificate and the key are not two of a pair */
  constructor(serve: RequestListener, tls?: TlsIdentity) {
    const keepAliveTimeout = 60_000;
    this.#server =
      tls === undefined
        ? createHttpServer({ keepAliveTimeout }, serve)
        : createHttpsServer({ keepAliveTimeout, cert: tls.certificatePem, key: tls.keyPem }, serve);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /**
   * @returns the port that is listened on
   * @throws Error where it cannot be listened on
   */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /**
   * Is a proxy too: what a client asks it to be connected with under one of these names, port 443, it connects with
   * that port of its own host. So a client reaches the API under its real name, with nothing set but a proxy.
   */
  tunnel(isOwn: (host: string) => boolean, to: { readonly host: string; readonly port: number }): void {
    this.#server.on('connect', ({ url = '' }, client: Duplex, first: Buffer) => {
      client.on('error', () => client.destroy());
      const [, host = ''] = /^([^:]+):443$/.exec(url) ?? [];
      if (!isOwn(host.toLowerCase())) {
        client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      const server = connect(to, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        server.write(first);
        server.pipe(client).pipe(server);
      });
      server.on('error', () => client.destroy());
      server.on('close', () => client.destroy());
      client.on('close', () => server.destroy());
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { codeOf } from '../../net/sockets.ts';
import type { Certificates } from '../certificates.ts';
import type { Tls } from '../model.ts';
import { TlsIdentities, type TlsIdentity } from './tls-identity.ts';

export interface TlsTerminatorOptions {
  readonly certificates: Certificates;
  /** What a client sees that asks for this name, or for none; looked up anew for each connection. */
  readonly tlsFor: (servername: string | undefined) => Tls | undefined;
  /** Is any client asked for a certificate of its own? */
  readonly asksClients: () => boolean;
  /** A client that may go on. `reset` ends its connection with a RST, which a TLS socket cannot itself. */
  readonly onSecure: (client: TLSSocket, reset: () => void) => void;
  readonly onRefused: (remoteAddress: string, reason: string) => void;
}

/** Makes plain connections of those of TLS clients, with the certificates that hold when they come. */
export class TlsTerminator {
  readonly #options: TlsTerminatorOptions;
  readonly #identities: TlsIdentities;
  /** By the client's address and port. */
  readonly #raw = new Map<string, Socket>();
  // Node knows only of whole servers whether they ask clients for a certificate.
  readonly #asking: Server;
  readonly #silent: Server;
  readonly #shown = new WeakMap<Server, TlsIdentity>();

  constructor(options: TlsTerminatorOptions) {
    this.#options = options;
    this.#identities = new TlsIdentities(options.certificates);
    this.#asking = this.#createServer(true);
    this.#silent = this.#createServer(false);
  }

  /** @param raw a connection of which nothing was read yet */
  accept(raw: Socket): void {
    const key = peerOf(raw);
    this.#raw.set(key, raw);
    raw.on('error', () => undefined);
    raw.once('close', () => {
      if (this.#raw.get(key) === raw) this.#raw.delete(key);
    });
    const server = this.#options.asksClients() ? this.#asking : this.#silent;
    const identity = this.#identityOf(undefined);
    if (identity === undefined) {
      this.#options.onRefused(raw.remoteAddress ?? '', 'no certificate');
      raw.resetAndDestroy();
      return;
    }
    if (this.#shown.get(server) !== identity) {
      server.setSecureContext(identity.options);
      this.#shown.set(server, identity);
    }
    server.emit('connection', raw);
  }

  close(): void {
    for (const raw of this.#raw.values()) raw.resetAndDestroy();
  }

  #createServer(requestCert: boolean): Server {
    const server = createServer({
      requestCert,
      rejectUnauthorized: false,
      allowHalfOpen: true,
      SNICallback: (servername, found) => {
        const identity = this.#identityOf(servername);
        if (identity === undefined) found(new Error('no certificate'));
        else found(null, identity.context);
      },
    });
    server.on('secureConnection', (client) => this.#secured(client));
    server.on('tlsClientError', (error, client) => {
      this.#options.onRefused(client.remoteAddress ?? '', `TLS ${codeOf(error)}`);
      client.destroy();
    });
    return server;
  }

  #identityOf(servername: string | undefined): TlsIdentity | undefined {
    const tls = this.#options.tlsFor(servername);
    return tls && this.#identities.of(tls);
  }

  #secured(client: TLSSocket): void {
    const raw = this.#raw.get(peerOf(client));
    const { servername } = client;
    const identity = this.#identityOf(typeof servername === 'string' ? servername : undefined);
    if (raw === undefined || identity === undefined || !mayPass(client, identity)) {
      client.on('error', () => undefined);
      this.#options.onRefused(client.remoteAddress ?? '', `TLS ${client.authorizationError ?? 'closed'}`);
      client.destroy();
      return;
    }
    this.#options.onSecure(client, () => void raw.resetAndDestroy());
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** A session that is taken up again counts as authorized even where no certificate was shown in it. */
const mayPass = (client: TLSSocket, { clients }: TlsIdentity): boolean => {
  if (clients === 'no') return true;
  const showsOne = client.getPeerCertificate().subject !== undefined;
  return showsOne ? client.authorized : clients === 'may';
};

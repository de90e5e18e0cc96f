import type { Socket } from 'node:net';
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type { Certificates } from '../certificates.ts';
import type { Tls } from '../model.ts';

/** Who has not ended the handshake by then is cut. */
const handshakeTimeoutMs = 10_000;

/** What is shown to a client that asks for this name; undefined name: it asks for none. */
export type TlsOf = (servername: string | undefined) => Tls | undefined;

const endsOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** Where TLS ends for the clients of one listener. What is set on it or its domains counts for the next client. */
export class TlsEnd {
  readonly #certificates: Certificates;
  readonly #tlsOf: TlsOf;
  readonly #onSecure: (secured: TLSSocket, client: Socket) => void;
  readonly #contexts = new WeakMap<Tls, SecureContext>();
  readonly #servers = new WeakMap<Tls, Server>();
  readonly #withoutDefault: Server;
  readonly #shaking = new Map<string, Socket>();

  /** @param onSecure a client whose bytes can be read from now on, and the socket below it */
  constructor(
    certificates: Certificates,
    tlsOf: TlsOf,
    onSecure: (secured: TLSSocket, client: Socket) => void,
  ) {
    this.#certificates = certificates;
    this.#tlsOf = tlsOf;
    this.#onSecure = onSecure;
    this.#withoutDefault = this.#newServer(undefined);
  }

  /** Shakes hands with a client; one that fails is cut. */
  accept(client: Socket): void {
    const ends = endsOf(client);
    this.#shaking.set(ends, client);
    client.once('close', () => this.#shaking.delete(ends));
    client.on('error', () => undefined);
    const tls = this.#tlsOf(undefined);
    const server =
      tls === undefined ? this.#withoutDefault : (this.#servers.get(tls) ?? this.#newServer(tls));
    if (tls !== undefined) this.#servers.set(tls, server);
    server.emit('connection', client);
  }

  /** It never listens: connections are handed to it. */
  #newServer(tls: Tls | undefined): Server {
    const isMutual = tls?.mode === 'MUTUAL';
    const server = createServer({
      ...(tls === undefined ? {} : this.#material(tls)),
      ALPNProtocols: ['http/1.1'],
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
      handshakeTimeout: handshakeTimeoutMs,
      allowHalfOpen: true,
      SNICallback: (servername, done) => {
        const asked = this.#tlsOf(servername);
        if (asked === undefined) done(new Error(`there is no certificate for ${servername}`));
        else done(null, this.#contextOf(asked));
      },
    });
    server.on('tlsClientError', (_, secured) => secured.destroy());
    server.on('secureConnection', (secured) => {
      const client = this.#shaking.get(endsOf(secured));
      if (client === undefined) secured.destroy();
      else this.#onSecure(secured, client);
    });
    return server;
  }

  #material(tls: Tls): { cert: string[]; key: string[]; ca?: string } {
    const own = tls.certIds.flatMap((id) => this.#certificates.find(id) ?? []);
    const ca = tls.caId === undefined ? undefined : this.#certificates.find(tls.caId);
    return {
      cert: own.map(({ certPem }) => certPem),
      key: own.flatMap(({ keyPem }) => keyPem ?? []),
      ...(ca === undefined ? {} : { ca: ca.certPem }),
    };
  }

  #contextOf(tls: Tls): SecureContext {
    const context = this.#contexts.get(tls) ?? createSecureContext(this.#material(tls));
    this.#contexts.set(tls, context);
    return context;
  }
}

import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';

/** Where a bearer token comes from. */
export interface TokenProvider {
  /** The token to send now; undefined: none. */
  token(): Promise<string | undefined>;
  /**
   * The server refused the last one (401): the next call must not answer from a cache.
   *
   * @returns false when there is no other token to be had
   */
  reload(): boolean;
}

/** A way to one API server: its address, what to trust, who we are, and kept connections. */
export interface Connection {
  readonly server: URL;
  readonly agent: HttpAgent | HttpsAgent;
  /** PEM of the authority that the server's certificate must be signed by; absent: the public ones. */
  readonly ca?: string;
  readonly credentials: TokenProvider;
  /** Ends the kept connections; requests under way fail. */
  close(): void;
}

export interface ConnectionSettings {
  /** `https://…` (or `http://…`, without protection, for servers on this machine). */
  readonly server: string;
  /** PEM of the authority that signed the server's certificate; absent: the public ones. */
  readonly ca?: string | Buffer;
  readonly token?: string | TokenProvider;
  /** PEM of a client certificate and its key. */
  readonly clientCertificate?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Name to expect in the server's certificate, if not the host of `server`. */
  readonly tlsServerName?: string;
  /** As kubeconfig's `insecure-skip-tls-verify`. */
  readonly insecureSkipTlsVerify?: boolean;
}

export const staticToken = (token: string | undefined): TokenProvider => ({
  token: async () => token,
  reload: () => false,
});

/** Idle connections end on our side: one that was kept over a freeze may lead nowhere. A stream is not idle. */
const idleMs = 4_000;

const tlsOptions = (settings: ConnectionSettings): AgentOptions => ({
  ...(settings.ca === undefined ? {} : { ca: settings.ca }),
  ...settings.clientCertificate,
  ...(settings.tlsServerName === undefined ? {} : { servername: settings.tlsServerName }),
  ...(settings.insecureSkipTlsVerify === true ? { rejectUnauthorized: false } : {}),
});

/**
 * A connection from plain settings. Opens nothing yet.
 *
 * @throws TypeError when `server` is not a URL
 */
export const connectionOf = (settings: ConnectionSettings): Connection => {
  const server = new URL(settings.server);
  const kept = { keepAlive: true, keepAliveMsecs: 15_000, timeout: idleMs };
  const agent =
    server.protocol === 'http:' ? new HttpAgent(kept) : new HttpsAgent({ ...kept, ...tlsOptions(settings) });
  return {
    server,
    agent,
    ...(settings.ca === undefined ? {} : { ca: settings.ca.toString() }),
    credentials: typeof settings.token === 'object' ? settings.token : staticToken(settings.token),
    close: () => agent.destroy(),
  };
};

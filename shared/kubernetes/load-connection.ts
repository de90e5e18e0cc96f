import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { type Connection, type ConnectionSettings, connectionOf, type TokenProvider } from './connection.ts';
import { tokenFile } from './token-file.ts';

/** Where the kubelet puts what a Pod needs to talk to its API server. */
export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export type ConnectionSource =
  | { readonly kind: 'kubeconfig'; readonly path: string; readonly context?: string }
  /** `host` and `port`: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  | { readonly kind: 'in-cluster'; readonly host: string; readonly port: string; readonly folder?: string };

const inCluster = async (
  source: Extract<ConnectionSource, { kind: 'in-cluster' }>,
  now: () => number,
): Promise<Connection> => {
  const folder = source.folder ?? serviceAccountFolder;
  const host = isIPv6(source.host) ? `[${source.host}]` : source.host;
  const token = tokenFile(join(folder, 'token'), now);
  await token.token();
  return connectionOf({
    server: `https://${host}:${source.port}`,
    ca: await readFile(join(folder, 'ca.crt')),
    token,
  });
};

type UserSide = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'headers'>;

/** Certificates and the Authorization header as the kubeconfig's user has them now; runs exec plugins. */
const userSide = async (kubeConfig: KubeConfig): Promise<UserSide> => {
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  return options;
};

const bearerOf = (side: UserSide): string | undefined => {
  const headers: unknown = side.headers;
  const header =
    typeof headers === 'object' && headers !== null && 'Authorization' in headers
      ? headers.Authorization
      : undefined;
  return typeof header === 'string' && header.startsWith('Bearer ')
    ? header.slice('Bearer '.length)
    : undefined;
};

const pem = (value: unknown): string | Buffer | undefined =>
  typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;

const kubeconfig = async (source: Extract<ConnectionSource, { kind: 'kubeconfig' }>): Promise<Connection> => {
  // Half a second and many megabytes, which a Pod with its service account never spends.
  const client = await import('@kubernetes/client-node');
  const load = (): KubeConfig => {
    const loaded = new client.KubeConfig();
    loaded.loadFromFile(source.path);
    if (source.context !== undefined) loaded.setCurrentContext(source.context);
    return loaded;
  };
  let current = load();
  const cluster = current.getCurrentCluster();
  if (cluster === null) throw new Error(`${source.path} names no cluster for its context`);
  if (cluster.server.startsWith('http:')) {
    const token = current.getCurrentUser()?.token;
    return connectionOf({ server: cluster.server, ...(token === undefined ? {} : { token }) });
  }
  const side = await userSide(current);
  const [ca, cert, key] = [pem(side.ca), pem(side.cert), pem(side.key)];
  const token: TokenProvider = {
    token: async () => bearerOf(await userSide(current)),
    // Only a fresh object forgets what its authenticators cached.
    reload: () => {
      current = load();
      return true;
    },
  };
  const settings: ConnectionSettings = {
    server: cluster.server,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { clientCertificate: { cert, key } }),
    ...(cluster.tlsServerName === undefined ? {} : { tlsServerName: cluster.tlsServerName }),
    insecureSkipTlsVerify: cluster.skipTLSVerify === true,
    token,
  };
  return connectionOf(settings);
};

/**
 * The connection that a Pod's service account or a kubeconfig describes (tokens, token files, exec plugins, client
 * certificates). A kubeconfig loads the official client, which is heavy: only for the forwarder and the tools, never
 * for a function.
 *
 * @param now Unix ms
 * @throws when files are missing or name no cluster; the message names the file
 */
export const loadConnection = (source: ConnectionSource, now: () => number): Promise<Connection> =>
  source.kind === 'in-cluster' ? inCluster(source, now) : kubeconfig(source);

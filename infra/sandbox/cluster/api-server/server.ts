import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { makeServerCertificate } from '../../net/certificates.ts';
import type { ResolveService } from './admission/call.ts';
import { Webhooks } from './admission/webhooks.ts';
import { answer } from './api.ts';
import { allowAuthenticated } from './auth/authorize.ts';
import { impersonated } from './auth/impersonate.ts';
import { Rbac } from './auth/rbac.ts';
import { Tokens } from './auth/tokens.ts';
import { createInitialObjects } from './bootstrap.ts';
import type { ApiContext, Authorizer, User } from './context.ts';
import { startGarbageCollector } from './controllers/garbage-collector.ts';
import { startNamespaceLifecycle } from './controllers/namespace-lifecycle.ts';
import { defaultGitVersion, versionInfo } from './discovery/version.ts';
import { Faults } from './faults.ts';
import { requestListener } from './http.ts';
import type { KubeObject } from './kube-object.ts';
import { kubeconfigYaml } from './kubeconfig.ts';
import { Applied } from './patch/apply.ts';
import type { ApiRequest } from './requests/exchange.ts';
import { ObjectStore } from './store/store.ts';

export interface ApiServerOptions {
  /** Default: 127.0.0.1 and a free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** More addresses and names that the certificate is for. */
  readonly certificateHosts?: readonly string[];
  /** HTTP instead of HTTPS. */
  readonly plainHttp?: boolean;
  /** Who each bearer token stands for. A token of group `system:masters` is made where there is none. */
  readonly tokens?: Readonly<Record<string, User>>;
  /** `/version`'s gitVersion. */
  readonly version?: string;
  /** The range of cluster IPs. */
  readonly serviceCidr?: string;
  /** How many changes of each resource a watch can go back. */
  readonly historyLimit?: number;
  readonly bookmarkIntervalMs?: number;
  /** Rights come from the cluster's Roles and Bindings; default: everybody with a token may do everything. */
  readonly rbac?: boolean;
  /** Who may do what, instead of either. */
  readonly authorize?: Authorizer;
  /** Where the webhook of a Service listens. */
  readonly resolveService?: ResolveService;
  /** What a container wrote so far. */
  readonly podLog?: (pod: KubeObject, container: string) => string | undefined;
  /** The clock, epoch milliseconds. */
  readonly now?: () => number;
  /** Sees every request and its answer's code. */
  readonly onRequest?: (request: ApiRequest, status: number) => void;
}

export interface ApiServer {
  readonly url: string;
  /** Who vouches for the server's certificate; empty for plain HTTP. */
  readonly caPem: string;
  readonly adminToken: string;
  readonly faults: Faults;
  /** What is stored, for tests in the same process. */
  readonly store: ObjectStore;
  /** A kubeconfig for the admin, as YAML. */
  kubeconfig(): string;
  /** Makes a token for a user. */
  addToken(user: User): string;
  /** Forgets the history of changes: older watches and pages get 410. */
  compact(): void;
  close(): Promise<void>;
}

const masters = 'system:masters';
const idleMs = 180_000;

const adminTokenOf = (given: Readonly<Record<string, User>>, tokens: Tokens): string => {
  for (const [token, user] of Object.entries(given)) tokens.add(token, user);
  const admin = Object.entries(given).find(([, user]) => user.groups.includes(masters));
  return admin?.[0] ?? tokens.create({ name: 'admin', groups: [masters] });
};

/**
 * Starts a Kubernetes API server in this process, for clients that need no more than list, watch and writes of the
 * resources in `resources/table.ts`. It listens on loopback only.
 *
 * @throws Error where the address cannot be listened on
 */
export const startApiServer = async (options: ApiServerOptions = {}): Promise<ApiServer> => {
  const host = options.listen?.host ?? '127.0.0.1';
  const now = options.now ?? Date.now;
  const store = new ObjectStore(options.historyLimit ?? 20_000);
  const tokens = new Tokens(store, now, 'https://kubernetes.default.svc');
  const adminToken = adminTokenOf(options.tokens ?? {}, tokens);
  const rbac = options.rbac === true ? new Rbac(store) : undefined;
  const byDefault: Authorizer =
    rbac === undefined ? allowAuthenticated : (attributes) => rbac.allows(attributes);
  const context: ApiContext = {
    store,
    now,
    serviceCidr: options.serviceCidr ?? '10.96.0.0/16',
    admission: new Webhooks(store, options.resolveService ?? (() => undefined)),
    authorize: options.authorize ?? byDefault,
    watch: { bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000 },
    applied: new Applied(),
    podLog: options.podLog ?? (() => undefined),
    identify: (token) => tokens.identify(token),
    rulesOf: rbac === undefined ? undefined : (user, namespace) => rbac.rules(user, namespace),
    issueToken: (serviceAccount, seconds) => tokens.issue(serviceAccount, seconds),
  };
  const stopControllers = [startGarbageCollector(context), startNamespaceLifecycle(context)];
  await createInitialObjects(context);
  const sockets = new Set<Socket>();
  const faults = new Faults(() => {
    for (const socket of sockets) socket.resetAndDestroy();
  });
  const version = versionInfo(options.version ?? defaultGitVersion);
  const listener = requestListener({
    faults,
    authenticate: (headers) =>
      impersonated(context.authorize, tokens.authenticate(headers.authorization), headers),
    answer: (request) => answer(context, request, version),
    onRequest: options.onRequest,
  });
  const hosts = [
    ...new Set([
      host,
      '127.0.0.1',
      'localhost',
      'kubernetes.default.svc',
      ...(options.certificateHosts ?? []),
    ]),
  ];
  const certificate = options.plainHttp === true ? undefined : await makeServerCertificate(hosts);
  const server =
    certificate === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: certificate.certificatePem, key: certificate.keyPem }, listener);
  server.keepAliveTimeout = idleMs;
  server.on('connection', (socket: Socket) => {
    if (faults.refusing) {
      socket.resetAndDestroy();
      return;
    }
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: options.listen?.port ?? 0 }, () => resolve(portOf(server.address())));
  });
  const url = `${certificate === undefined ? 'http' : 'https'}://${host}:${port}`;
  return {
    url,
    caPem: certificate?.caPem ?? '',
    adminToken,
    faults,
    store,
    kubeconfig: () => kubeconfigYaml({ name: 'sandbox', url, caPem: certificate?.caPem, token: adminToken }),
    addToken: (user) => tokens.create(user),
    compact: () => store.compact(),
    close: () =>
      new Promise((resolve) => {
        for (const stop of stopControllers) stop();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
};

const portOf = (address: AddressInfo | string | null): number =>
  address !== null && typeof address === 'object' ? address.port : 0;

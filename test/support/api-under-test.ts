import {
  type ApiServer,
  type ApiServerOptions,
  startApiServer,
} from '../../infra/sandbox/cluster/api-server/server.ts';
import { type Client, createClient } from '../../infra/sandbox/cluster/client.ts';
import { pathOf, serviceAccounts } from '../../infra/sandbox/cluster/objects.ts';
import { clusterRoleBindings } from '../../infra/sandbox/system/rights.ts';
import { isControlPlaneUnderTest, startControlPlaneUnderTest } from './control-plane.ts';

/** An API server for the product's own clients, with RBAC on: the in-process one or a real one. */
export interface ApiUnderTest {
  readonly url: string;
  readonly caPem: string;
  readonly adminToken: string;
  /** Only where it is the in-process one, for what can only be done from inside. */
  readonly inProcess: ApiServer | undefined;
  /** The administrator's. */
  readonly client: Client;
  kubeconfig(): string;
  /** The token of a new ServiceAccount that may do everything. */
  administratorToken(name: string): Promise<string>;
  close(): Promise<void>;
}

const namespace = 'default';

const administratorToken = async (client: Client, name: string): Promise<string> => {
  await client.create(serviceAccounts, namespace, { metadata: { name, namespace } });
  await client.create(clusterRoleBindings, '', {
    metadata: { name: `test-${name}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  });
  const path = `${pathOf(serviceAccounts, namespace, name)}/token`;
  const { status } = await client.request<{ readonly status: { readonly token: string } }>('POST', path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3_600 },
  });
  return status.token;
};

/**
 * A new API server without controllers, so that objects stay as a test makes them: with
 * `CLUSTER_UNDER_TEST=control-plane` (`npm run test:cluster`) a real one, else the in-process one.
 *
 * @param options of the in-process one
 */
export const startApiUnderTest = async (options: ApiServerOptions = {}): Promise<ApiUnderTest> => {
  const inProcess = isControlPlaneUnderTest ? undefined : await startApiServer({ rbac: true, ...options });
  const server = inProcess ?? (await startControlPlaneUnderTest({ controllers: false }));
  const { url, caPem, adminToken, kubeconfig, close } = server;
  const client = createClient({ url, ca: caPem, token: adminToken });
  const names = new Map<string, Promise<string>>();
  return {
    url,
    caPem,
    adminToken,
    inProcess,
    client,
    kubeconfig,
    administratorToken: (name) => {
      const token = names.get(name) ?? administratorToken(client, name);
      names.set(name, token);
      return token;
    },
    close: async () => {
      client.close();
      await close();
    },
  };
};

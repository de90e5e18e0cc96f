import { defaultRoles } from './auth/rbac.ts';
import type { ApiContext } from './context.ts';
import type { JsonObject } from './json.ts';
import { parseKubeObject } from './kube-object.ts';
import { createObject } from './requests/create.ts';
import { storedApiVersion } from './resources/definition.ts';
import { firstAddress } from './resources/service-addresses.ts';
import { resourceByKey } from './resources/table.ts';

const system = { name: 'system:apiserver', groups: ['system:masters'] };

/** What every cluster has from its start: the namespaces, the `kubernetes` Service and the default roles. */
export const createInitialObjects = async (context: ApiContext): Promise<void> => {
  const create = async (key: string, namespace: string, body: JsonObject): Promise<void> => {
    const definition = resourceByKey(key);
    if (definition === undefined) return;
    const draft = parseKubeObject(structuredClone(body), {
      apiVersion: storedApiVersion(definition),
      kind: definition.kind,
    });
    await createObject(context, definition, namespace, draft, { user: system, dryRun: false });
  };
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system']) {
    await create('namespaces', '', { metadata: { name } });
  }
  for (const { name, role, boundTo } of defaultRoles) {
    await create('clusterroles.rbac.authorization.k8s.io', '', role);
    if (boundTo === undefined) continue;
    await create('clusterrolebindings.rbac.authorization.k8s.io', '', {
      metadata: { name },
      roleRef: { kind: 'ClusterRole', name },
      subjects: [{ kind: 'Group', name: boundTo }],
    });
  }
  const clusterIP = firstAddress(context.serviceCidr);
  await create('services', 'default', {
    metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
    },
  });
};

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Client } from '../cluster/client.ts';
import { type KubernetesObject, namespaces, type Resource, serviceAccounts } from '../cluster/objects.ts';

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface Binding extends KubernetesObject {
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects?: readonly Subject[];
}

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Role extends KubernetesObject {
  readonly rules: readonly PolicyRule[];
}

const rbac = <T extends KubernetesObject>(
  plural: string,
  kind: string,
  namespaced: boolean,
): Resource<T> => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

export const clusterRoles = rbac<Role>('clusterroles', 'ClusterRole', false);
export const roles = rbac<Role>('roles', 'Role', true);
export const clusterRoleBindings = rbac<Binding>('clusterrolebindings', 'ClusterRoleBinding', false);
export const roleBindings = rbac<Binding>('rolebindings', 'RoleBinding', true);

const resources: readonly Resource<KubernetesObject>[] = [
  namespaces,
  serviceAccounts,
  clusterRoles,
  roles,
  clusterRoleBindings,
  roleBindings,
];

const rightsFile = (): string => {
  for (let dir = dirname(fileURLToPath(import.meta.url)); dir !== dirname(dir); dir = dirname(dir)) {
    const file = join(dir, 'infra', 'deploy', 'rbac.yaml');
    if (existsSync(file)) return file;
  }
  throw new Error('infra/deploy/rbac.yaml does not exist; this is no complete clone.');
};

/** The objects of `infra/deploy/rbac.yaml`: what a user installs, read by nobody's code but this. */
export const rightsManifests = (): readonly KubernetesObject[] =>
  parseAllDocuments(readFileSync(rightsFile(), 'utf8')).map((document): KubernetesObject => document.toJS());

/** Who is bound there; the sandbox's one process that is forwarder and functions at once has the rights of both. */
const withStandalone = (object: KubernetesObject, standalone: string): KubernetesObject => {
  if (!('subjects' in object) || !Array.isArray(object.subjects)) return object;
  const [first]: Subject[] = object.subjects;
  if (first === undefined) return object;
  return Object.assign({}, object, { subjects: [...object.subjects, { ...first, name: standalone }] });
};

/**
 * Creates the accounts of this project, with exactly the rights that its users install, and one more account that has
 * the rights of all of them.
 *
 * @param standalone its name
 */
export const createRights = async (client: Client, namespace: string, standalone: string): Promise<void> => {
  for (const object of rightsManifests()) {
    const of = resources.find(({ kind }) => kind === object.kind);
    if (of === undefined) throw new Error(`infra/deploy/rbac.yaml has a ${object.kind}.`);
    await client.create(of, object.metadata.namespace ?? '', withStandalone(object, standalone));
  }
  await client.create(serviceAccounts, namespace, { metadata: { name: standalone, namespace } });
};

import type { KubernetesObject } from '../../infra/sandbox/cluster/objects.ts';
import {
  type Binding,
  type PolicyRule,
  type Role,
  rightsManifests,
} from '../../infra/sandbox/system/rights.ts';

/** One right: a verb on a resource, perhaps by name, for an account. */
export interface Right {
  readonly user: string;
  /** Absent: everywhere. */
  readonly namespace?: string;
  /** The role that gives it. */
  readonly role: string;
  readonly group: string;
  readonly resource: string;
  readonly names: readonly string[];
  readonly verb: string;
}

const isRole = (object: KubernetesObject): object is Role => 'rules' in object;
const isBinding = (object: KubernetesObject): object is Binding => 'roleRef' in object;

const manifests = rightsManifests();

const rightsOf = ({ metadata, roleRef, subjects = [] }: Binding): Right[] => {
  const role = manifests
    .filter(isRole)
    .find(
      ({ kind, metadata: { name, namespace } }) =>
        kind === roleRef.kind && name === roleRef.name && namespace === metadata.namespace,
    );
  if (role === undefined) throw new Error(`${metadata.name} is bound to no role of the file.`);
  return subjects.flatMap((subject) =>
    role.rules.flatMap(({ apiGroups, resources, resourceNames = [], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => ({
            user: `system:serviceaccount:${subject.namespace}:${subject.name}`,
            ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
            role: role.metadata.name,
            group,
            resource,
            names: resourceNames,
            verb,
          })),
        ),
      ),
    ),
  );
};

/** Every right that `infra/deploy/rbac.yaml` gives, one by one. */
export const rights: readonly Right[] = manifests.filter(isBinding).flatMap(rightsOf);

/** A rule that gives this right and no other. */
export const ruleOf = ({ group, resource, names, verb }: Right): PolicyRule => ({
  apiGroups: [group],
  resources: [resource],
  ...(names.length === 0 ? {} : { resourceNames: names }),
  verbs: [verb],
});

export const textOf = ({ user, resource, verb, names }: Right): string =>
  `${user.split(':').at(-1)} ${verb} ${resource}${names.length === 0 ? '' : ` ${names.join(' ')}`}`;

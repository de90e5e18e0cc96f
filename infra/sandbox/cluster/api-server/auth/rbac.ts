import type { Attributes, User } from '../context.ts';
import { type Json, type JsonObject, objectOf, objectsOf, textOf, textsOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import type { ObjectStore } from '../store/store.ts';

const group = 'rbac.authorization.k8s.io';
const masters = 'system:masters';

const has = (list: Json | undefined, value: string): boolean => {
  const all = textsOf(list);
  return all.includes('*') || all.includes(value);
};

const isSubject = (subject: JsonObject, user: User): boolean => {
  const name = textOf(subject.name);
  switch (subject.kind) {
    case 'User':
      return name === user.name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${textOf(subject.namespace)}:${name}`;
    default:
      return false;
  }
};

const binds = (binding: KubeObject, user: User): boolean =>
  objectsOf(binding.subjects).some((subject) => isSubject(subject, user));

const coversResource = (rule: JsonObject, { resource, subresource }: Attributes): boolean => {
  const asked = subresource === '' ? resource : `${resource}/${subresource}`;
  return (
    has(rule.resources, asked) || (subresource !== '' && textsOf(rule.resources).includes(`*/${subresource}`))
  );
};

const coversPath = (rule: JsonObject, path: string): boolean =>
  textsOf(rule.nonResourceURLs).some((pattern) =>
    pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );

const ruleAllows = (rule: JsonObject, attributes: Attributes): boolean => {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (attributes.resource === '') return coversPath(rule, attributes.path);
  const names = textsOf(rule.resourceNames);
  return (
    has(rule.apiGroups, attributes.group) &&
    coversResource(rule, attributes) &&
    (names.length === 0 || names.includes(attributes.name))
  );
};

/** Role-based access control over the Roles and Bindings in the store. */
export class Rbac {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Whether any rule allows a request. `system:masters` may do everything. */
  allows(attributes: Attributes): boolean {
    if (attributes.user.groups.includes(masters)) return true;
    return this.rules(attributes.user, attributes.namespace).some((rule) => ruleAllows(rule, attributes));
  }

  /** The rules that hold for a user in a namespace (empty: only those that hold everywhere). */
  rules(user: User, namespace: string): JsonObject[] {
    if (user.groups.includes(masters)) {
      return [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ];
    }
    const everywhere = [...this.#store.collection(`clusterrolebindings.${group}`).values()];
    const here = [...this.#store.collection(`rolebindings.${group}`).values()].filter(
      ({ object }) => namespace !== '' && object.metadata.namespace === namespace,
    );
    return [...everywhere, ...here]
      .filter(({ object }) => binds(object, user))
      .flatMap(({ object }) => this.#rulesOf(object));
  }

  #rulesOf(binding: KubeObject): JsonObject[] {
    const { kind, name } = objectOf(binding.roleRef);
    const stored =
      kind === 'Role'
        ? this.#store.collection(`roles.${group}`).get(binding.metadata.namespace ?? '', textOf(name))
        : this.#store.collection(`clusterroles.${group}`).get('', textOf(name));
    return objectsOf(stored?.object.rules);
  }
}

const discoveryPaths = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
];
const readVerbs = ['get', 'list', 'watch'];
const workGroups = ['', 'apps', 'coordination.k8s.io', 'discovery.k8s.io', 'networking.k8s.io', 'policy'];

const role = (name: string, rules: JsonObject[]): { role: JsonObject; name: string } => ({
  name,
  role: { metadata: { name }, rules },
});

/** The ClusterRoles every cluster has, and for some of them the group that holds them. */
export const defaultRoles: readonly { name: string; role: JsonObject; boundTo?: string }[] = [
  {
    ...role('cluster-admin', [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ]),
    boundTo: masters,
  },
  {
    ...role('system:discovery', [{ verbs: ['get'], nonResourceURLs: discoveryPaths }]),
    boundTo: 'system:authenticated',
  },
  {
    ...role('system:basic-user', [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    ]),
    boundTo: 'system:authenticated',
  },
  role('edit', [{ verbs: ['*'], apiGroups: workGroups, resources: ['*'] }]),
  role('view', [{ verbs: readVerbs, apiGroups: workGroups, resources: ['*'] }]),
];

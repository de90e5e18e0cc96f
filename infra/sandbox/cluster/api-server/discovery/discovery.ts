import type { JsonObject } from '../json.ts';
import { apiVersionOf, type ResourceDefinition, type Subresource } from '../resources/definition.ts';
import { resourceTable } from '../resources/table.ts';
import { noSuchResource } from '../status-error.ts';

interface ReviewResource {
  readonly group: string;
  readonly kind: string;
  readonly resource: string;
  readonly namespaced: boolean;
}

/** What can only be created: questions to the server. */
export const reviewResources: readonly ReviewResource[] = [
  { group: 'authentication.k8s.io', kind: 'TokenReview', resource: 'tokenreviews', namespaced: false },
  {
    group: 'authentication.k8s.io',
    kind: 'SelfSubjectReview',
    resource: 'selfsubjectreviews',
    namespaced: false,
  },
  ...(
    [
      ['SelfSubjectAccessReview', false],
      ['SelfSubjectRulesReview', false],
      ['SubjectAccessReview', false],
      ['LocalSubjectAccessReview', true],
    ] as const
  ).map(([kind, namespaced]) => ({
    group: 'authorization.k8s.io',
    kind,
    resource: `${kind.toLowerCase()}s`,
    namespaced,
  })),
];

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const subresourceRow = (definition: ResourceDefinition, subresource: Subresource): JsonObject => {
  const name = `${definition.resource}/${subresource}`;
  const base = { name, singularName: '', namespaced: definition.namespaced };
  switch (subresource) {
    case 'scale':
      return {
        ...base,
        group: 'autoscaling',
        version: 'v1',
        kind: 'Scale',
        verbs: ['get', 'patch', 'update'],
      };
    case 'eviction':
      return { ...base, group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] };
    case 'token':
      return {
        ...base,
        group: 'authentication.k8s.io',
        version: 'v1',
        kind: 'TokenRequest',
        verbs: ['create'],
      };
    case 'binding':
      return { ...base, kind: 'Binding', verbs: ['create'] };
    case 'log':
      return { ...base, kind: definition.kind, verbs: ['get'] };
    case 'status':
      return { ...base, kind: definition.kind, verbs: ['get', 'patch', 'update'] };
  }
};

const resourceRows = (definition: ResourceDefinition): JsonObject[] => {
  const row: JsonObject = {
    name: definition.resource,
    singularName: definition.singular,
    namespaced: definition.namespaced,
    kind: definition.kind,
    verbs,
  };
  if (definition.shortNames.length > 0) row.shortNames = [...definition.shortNames];
  if (definition.categories.length > 0) row.categories = [...definition.categories];
  return [row, ...definition.subresources.map((subresource) => subresourceRow(definition, subresource))];
};

const versionsOf = (group: string): string[] => {
  const versions = new Set<string>();
  for (const definition of resourceTable) {
    if (definition.group === group) for (const { version } of definition.versions) versions.add(version);
  }
  if (reviewResources.some((review) => review.group === group)) versions.add('v1');
  return [...versions].sort((a, b) => a.length - b.length);
};

const groups = (): string[] =>
  [...new Set([...resourceTable, ...reviewResources].map(({ group }) => group))]
    .filter((group) => group !== '')
    .sort();

const groupObject = (group: string): JsonObject => {
  const versions = versionsOf(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] ?? {} };
};

const resourceList = (group: string, version: string): JsonObject => {
  const resources: JsonObject[] = [];
  for (const definition of resourceTable) {
    if (definition.group !== group || !definition.versions.some((one) => one.version === version)) continue;
    resources.push(...resourceRows(definition));
  }
  for (const { kind, resource, namespaced, group: of } of reviewResources) {
    if (of !== group || version !== 'v1') continue;
    resources.push({ name: resource, singularName: kind.toLowerCase(), namespaced, kind, verbs: ['create'] });
  }
  if (resources.length === 0) throw noSuchResource();
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersionOf({ group, resource: '', kind: '' }, version),
    resources,
  };
};

/** Whether a path lies in an API group that nobody serves: it is answered like any path that is unknown. */
export const isUnknownGroup = (path: string): boolean => {
  const [root, group] = path.split('/').filter((part) => part !== '');
  return root === 'apis' && group !== undefined && !groups().includes(group);
};

/**
 * Answers `/api`, `/apis` and what is below them down to the resources of a version.
 *
 * @returns undefined for another path
 * @throws StatusError 404 for a group or version that is not served
 */
export const discover = (path: string): JsonObject | undefined => {
  const parts = path.split('/').filter((part) => part !== '');
  const [root, first, second] = parts;
  if (root === 'api') {
    if (first === undefined) {
      return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
    }
    return parts.length === 2 ? resourceList('', first) : undefined;
  }
  if (root !== 'apis') return undefined;
  if (first === undefined) {
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups().map(groupObject) };
  }
  if (second !== undefined) return parts.length === 3 ? resourceList(first, second) : undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupObject(first) };
};

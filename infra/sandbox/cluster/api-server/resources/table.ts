import { dns1035Label, dns1123Label, dns1123Subdomain, pathSegment } from '../names.ts';
import { qualified } from '../status-error.ts';
import { daemonSetStrategy, deploymentStrategy, replicaSetStrategy, statefulSetStrategy } from './apps.ts';
import type { ResourceDefinition } from './definition.ts';
import { endpointSliceStrategy, endpointsStrategy } from './endpoint-slice.ts';
import { eventFields, eventStrategy, groupEventStrategy, groupEvents } from './event.ts';
import { ingressBeta, ingressClassStrategy, ingressStrategy } from './ingress.ts';
import { podFields, podStrategy } from './pod.ts';
import { serviceStrategy } from './service.ts';
import {
  configMapStrategy,
  disruptionBudgetStrategy,
  leaseStrategy,
  namespaceStrategy,
  nodeFields,
  nodeStrategy,
  roleBindingStrategy,
  roleStrategy,
  secretStrategy,
  webhookStrategy,
} from './small-kinds.ts';

type Row = Pick<ResourceDefinition, 'group' | 'kind' | 'resource'> & Partial<ResourceDefinition>;

const row = (given: Row): ResourceDefinition => ({
  versions: [{ version: 'v1' }],
  singular: given.kind.toLowerCase(),
  namespaced: true,
  shortNames: [],
  categories: [],
  subresources: [],
  nameRule: dns1123Subdomain,
  generation: false,
  generationCounts: [],
  createdByUpdate: false,
  updateNeedsVersion: false,
  statusMayLabel: true,
  answersDeleted: false,
  fields: {},
  strategy: {},
  ...given,
});

const workload = (
  kind: string,
  resource: string,
  short: string,
  given: Partial<ResourceDefinition>,
): ResourceDefinition =>
  row({
    group: 'apps',
    kind,
    resource,
    shortNames: [short],
    categories: ['all'],
    subresources: kind === 'DaemonSet' ? ['status'] : ['scale', 'status'],
    generation: true,
    ...given,
  });

const rbac = (kind: string, resource: string, namespaced: boolean): ResourceDefinition =>
  row({
    group: 'rbac.authorization.k8s.io',
    kind,
    resource,
    namespaced,
    nameRule: pathSegment,
    createdByUpdate: true,
    strategy: kind.endsWith('Binding') ? roleBindingStrategy : roleStrategy,
  });

/** Every resource that is served: to serve one more is to add a row. */
export const resourceTable: readonly ResourceDefinition[] = [
  row({
    group: '',
    kind: 'Namespace',
    resource: 'namespaces',
    namespaced: false,
    shortNames: ['ns'],
    subresources: ['status'],
    nameRule: dns1123Label,
    fields: {
      'status.phase': (object) =>
        object.metadata.deletionTimestamp === undefined ? 'Active' : 'Terminating',
    },
    strategy: namespaceStrategy,
  }),
  row({
    group: '',
    kind: 'Node',
    resource: 'nodes',
    namespaced: false,
    shortNames: ['no'],
    subresources: ['status'],
    fields: nodeFields,
    strategy: nodeStrategy,
  }),
  row({
    group: '',
    kind: 'Pod',
    resource: 'pods',
    shortNames: ['po'],
    categories: ['all'],
    subresources: ['binding', 'eviction', 'log', 'status'],
    generation: true,
    answersDeleted: true,
    fields: podFields,
    strategy: podStrategy,
  }),
  row({
    group: '',
    kind: 'Service',
    resource: 'services',
    shortNames: ['svc'],
    categories: ['all'],
    subresources: ['status'],
    nameRule: dns1035Label,
    answersDeleted: true,
    createdByUpdate: true,
    strategy: serviceStrategy,
  }),
  row({
    group: '',
    kind: 'Endpoints',
    resource: 'endpoints',
    singular: 'endpoints',
    shortNames: ['ep'],
    createdByUpdate: true,
    strategy: endpointsStrategy,
  }),
  row({
    group: '',
    kind: 'ConfigMap',
    resource: 'configmaps',
    shortNames: ['cm'],
    strategy: configMapStrategy,
  }),
  row({
    group: '',
    kind: 'Secret',
    resource: 'secrets',
    fields: { type: (object) => String(object.type ?? '') },
    strategy: secretStrategy,
  }),
  row({
    group: '',
    kind: 'ServiceAccount',
    resource: 'serviceaccounts',
    shortNames: ['sa'],
    subresources: ['token'],
    answersDeleted: true,
  }),
  row({
    group: '',
    kind: 'Event',
    resource: 'events',
    shortNames: ['ev'],
    createdByUpdate: true,
    fields: eventFields('involvedObject'),
    strategy: eventStrategy,
  }),
  row({
    group: 'events.k8s.io',
    kind: 'Event',
    resource: 'events',
    versions: [groupEvents],
    storedIn: 'events',
    shortNames: ['ev'],
    createdByUpdate: true,
    fields: eventFields('regarding'),
    strategy: groupEventStrategy,
  }),
  workload('Deployment', 'deployments', 'deploy', {
    strategy: deploymentStrategy,
    statusMayLabel: false,
    generationCounts: ['annotations'],
  }),
  workload('ReplicaSet', 'replicasets', 'rs', {
    strategy: replicaSetStrategy,
  }),
  workload('StatefulSet', 'statefulsets', 'sts', { strategy: statefulSetStrategy }),
  workload('DaemonSet', 'daemonsets', 'ds', { strategy: daemonSetStrategy }),
  row({
    group: 'discovery.k8s.io',
    kind: 'EndpointSlice',
    resource: 'endpointslices',
    generation: true,
    generationCounts: ['labels', 'annotations'],
    strategy: endpointSliceStrategy,
  }),
  row({
    group: 'coordination.k8s.io',
    kind: 'Lease',
    resource: 'leases',
    createdByUpdate: true,
    updateNeedsVersion: true,
    strategy: leaseStrategy,
  }),
  row({
    group: 'networking.k8s.io',
    kind: 'Ingress',
    resource: 'ingresses',
    versions: [{ version: 'v1' }, ingressBeta],
    shortNames: ['ing'],
    subresources: ['status'],
    generation: true,
    strategy: ingressStrategy,
  }),
  row({
    group: 'networking.k8s.io',
    kind: 'IngressClass',
    resource: 'ingressclasses',
    versions: [{ version: 'v1' }, { version: 'v1beta1' }],
    namespaced: false,
    generation: true,
    strategy: ingressClassStrategy,
  }),
  row({
    group: 'policy',
    kind: 'PodDisruptionBudget',
    resource: 'poddisruptionbudgets',
    shortNames: ['pdb'],
    subresources: ['status'],
    generation: true,
    updateNeedsVersion: true,
    strategy: disruptionBudgetStrategy,
  }),
  row({
    group: 'admissionregistration.k8s.io',
    kind: 'MutatingWebhookConfiguration',
    resource: 'mutatingwebhookconfigurations',
    namespaced: false,
    categories: ['api-extensions'],
    generation: true,
    updateNeedsVersion: true,
    strategy: webhookStrategy,
  }),
  row({
    group: 'admissionregistration.k8s.io',
    kind: 'ValidatingWebhookConfiguration',
    resource: 'validatingwebhookconfigurations',
    namespaced: false,
    categories: ['api-extensions'],
    generation: true,
    updateNeedsVersion: true,
    strategy: webhookStrategy,
  }),
  rbac('Role', 'roles', true),
  rbac('RoleBinding', 'rolebindings', true),
  rbac('ClusterRole', 'clusterroles', false),
  rbac('ClusterRoleBinding', 'clusterrolebindings', false),
];

const byKey = new Map(resourceTable.map((definition) => [qualified(definition), definition]));

/** A row by its key, e.g. `pods` or `deployments.apps`. */
export const resourceByKey = (key: string): ResourceDefinition | undefined => byKey.get(key);

/** A row by what an owner reference or a manifest says. */
export const resourceByKind = (apiVersion: string, kind: string): ResourceDefinition | undefined =>
  resourceTable.find((definition) => {
    if (definition.kind !== kind) return false;
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    return definition.group === group && definition.versions.some((one) => one.version === version);
  });

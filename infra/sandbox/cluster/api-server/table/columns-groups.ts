import { type Json, type JsonObject, objectOf, objectsOf, textOf, textsOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { labelSelectorText } from '../selectors.ts';
import { age, type Column, count, labelsText, name, orNone, specOf, statusOf } from './columns.ts';
import { loadBalancerText } from './service-address.ts';

const templateContainers = (workload: KubeObject): JsonObject[] =>
  objectsOf(objectOf(objectOf(specOf(workload).template).spec).containers);

const of = (field: string) => (workload: KubeObject) => count(statusOf(workload)[field]);

const desired = (workload: KubeObject): number => count(specOf(workload).replicas);

const containers: Column = {
  name: 'Containers',
  wide: true,
  cell: (workload) =>
    templateContainers(workload)
      .map((one) => textOf(one.name))
      .join(','),
};

const images: Column = {
  name: 'Images',
  wide: true,
  cell: (workload) =>
    templateContainers(workload)
      .map((one) => textOf(one.image))
      .join(','),
};

const selector: Column = {
  name: 'Selector',
  wide: true,
  cell: (workload) => orNone(labelSelectorText(specOf(workload).selector)),
};

const endpointPorts = (slice: KubeObject): string => {
  const ports = objectsOf(slice.ports).map((port) => String(port.port ?? '*'));
  return ports.length === 0 ? '<unset>' : short(ports);
};

/** The first three of many. */
const short = (texts: readonly string[]): string =>
  texts.length > 3 ? `${texts.slice(0, 3).join(',')} + ${texts.length - 3} more...` : texts.join(',');

const endpointAddresses = (slice: KubeObject): string => {
  const addresses = objectsOf(slice.endpoints).flatMap((endpoint) => textsOf(endpoint.addresses));
  return addresses.length === 0 ? '<unset>' : short(addresses);
};

const hosts = (ingress: KubeObject): string => {
  const all = objectsOf(specOf(ingress).rules)
    .map((rule) => textOf(rule.host))
    .filter((host) => host !== '');
  return all.length === 0 ? '*' : short(all);
};

const ingressClass = (ingress: KubeObject): string =>
  orNone(
    textOf(specOf(ingress).ingressClassName) ||
      (ingress.metadata.annotations?.['kubernetes.io/ingress.class'] ?? ''),
  );

const amount = (value: Json | undefined): string => (value === undefined ? 'N/A' : String(value));

const subjects =
  (kind: string) =>
  (binding: KubeObject): string =>
    objectsOf(binding.subjects)
      .filter((subject) => subject.kind === kind)
      .map(
        (subject) =>
          (kind === 'ServiceAccount' ? `${textOf(subject.namespace)}/` : '') + textOf(subject.name),
      )
      .join(', ');

const binding: readonly Column[] = [
  name,
  {
    name: 'Role',
    cell: (one) => {
      const ref = objectOf(one.roleRef);
      return `${textOf(ref.kind)}/${textOf(ref.name)}`;
    },
  },
  age,
  { name: 'Users', wide: true, cell: subjects('User') },
  { name: 'Groups', wide: true, cell: subjects('Group') },
  { name: 'ServiceAccounts', wide: true, cell: subjects('ServiceAccount') },
];

const role: readonly Column[] = [
  name,
  { name: 'Created At', cell: ({ metadata }) => metadata.creationTimestamp ?? '' },
];

const webhooks: readonly Column[] = [
  name,
  { name: 'Webhooks', type: 'integer', cell: (one) => objectsOf(one.webhooks).length },
  age,
];

export const groupColumns: Readonly<Record<string, readonly Column[]>> = {
  'deployments.apps': [
    name,
    { name: 'Ready', cell: (one) => `${of('readyReplicas')(one)}/${desired(one)}` },
    { name: 'Up-to-date', cell: of('updatedReplicas') },
    { name: 'Available', cell: of('availableReplicas') },
    age,
    containers,
    images,
    selector,
  ],
  'replicasets.apps': [
    name,
    { name: 'Desired', type: 'integer', cell: desired },
    { name: 'Current', type: 'integer', cell: of('replicas') },
    { name: 'Ready', type: 'integer', cell: of('readyReplicas') },
    age,
    containers,
    images,
    selector,
  ],
  'statefulsets.apps': [
    name,
    { name: 'Ready', cell: (one) => `${of('readyReplicas')(one)}/${desired(one)}` },
    age,
    containers,
    images,
  ],
  'daemonsets.apps': [
    name,
    { name: 'Desired', type: 'integer', cell: of('desiredNumberScheduled') },
    { name: 'Current', type: 'integer', cell: of('currentNumberScheduled') },
    { name: 'Ready', type: 'integer', cell: of('numberReady') },
    { name: 'Up-to-date', type: 'integer', cell: of('updatedNumberScheduled') },
    { name: 'Available', type: 'integer', cell: of('numberAvailable') },
    {
      name: 'Node Selector',
      cell: (one) => labelsText(objectOf(objectOf(specOf(one).template).spec).nodeSelector),
    },
    age,
    containers,
    images,
    selector,
  ],
  'endpointslices.discovery.k8s.io': [
    name,
    { name: 'AddressType', cell: (one) => textOf(one.addressType) },
    { name: 'Ports', cell: endpointPorts },
    { name: 'Endpoints', cell: endpointAddresses },
    age,
  ],
  'leases.coordination.k8s.io': [
    name,
    { name: 'Holder', cell: (one) => textOf(specOf(one).holderIdentity) },
    age,
  ],
  'ingresses.networking.k8s.io': [
    name,
    { name: 'Class', cell: ingressClass },
    { name: 'Hosts', cell: hosts },
    { name: 'Address', cell: loadBalancerText },
    { name: 'Ports', cell: (one) => (objectsOf(specOf(one).tls).length > 0 ? '80, 443' : '80') },
    age,
  ],
  'ingressclasses.networking.k8s.io': [
    name,
    { name: 'Controller', cell: (one) => textOf(specOf(one).controller) },
    { name: 'Parameters', cell: (one) => orNone(textOf(objectOf(specOf(one).parameters).name)) },
    age,
  ],
  'poddisruptionbudgets.policy': [
    name,
    { name: 'Min Available', cell: (one) => amount(specOf(one).minAvailable) },
    { name: 'Max Unavailable', cell: (one) => amount(specOf(one).maxUnavailable) },
    { name: 'Allowed Disruptions', type: 'integer', cell: of('disruptionsAllowed') },
    age,
  ],
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': webhooks,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': webhooks,
  'roles.rbac.authorization.k8s.io': role,
  'clusterroles.rbac.authorization.k8s.io': role,
  'rolebindings.rbac.authorization.k8s.io': binding,
  'clusterrolebindings.rbac.authorization.k8s.io': binding,
};

import {
  type Endpoint,
  type EndpointAddress,
  type EndpointPort,
  type EndpointSlice,
  type Endpoints,
  isPodReady,
  isPodTerminal,
  type Node,
  type Pod,
  type Service,
} from '../objects.ts';
import { canonicalJson } from './keys.ts';

export const maxEndpointsPerSlice = 100;

/** A Pod that has an address and has not ended is an endpoint, also while it is being deleted. */
export const isEndpoint = (pod: Pod): boolean => !isPodTerminal(pod) && (pod.status?.podIP ?? '') !== '';

/** Ready, serving and terminating, as a real control plane was seen to set them. */
export const endpointConditions = (service: Service, pod: Pod): Endpoint['conditions'] => {
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const serving = isPodReady(pod);
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  return { ready, serving, terminating };
};

/**
 * The ports of a Service on one Pod. A named target port is looked up among the Pod's containers; one that is not found
 * is left out, so that a Pod without any stands in a slice without ports.
 */
export const endpointPorts = (service: Service, pod: Pod): EndpointPort[] => {
  const found: EndpointPort[] = [];
  for (const { name = '', port, protocol = 'TCP', appProtocol, targetPort = port } of service.spec.ports ??
    []) {
    const number =
      typeof targetPort === 'number'
        ? targetPort
        : pod.spec.containers
            .flatMap((container) => container.ports ?? [])
            .find((declared) => declared.name === targetPort && (declared.protocol ?? 'TCP') === protocol)
            ?.containerPort;
    if (number === undefined) continue;
    found.push({
      name,
      port: number === 0 ? port : number,
      protocol,
      ...(appProtocol === undefined ? {} : { appProtocol }),
    });
  }
  return found;
};

/** One Pod as an endpoint of a Service. */
export const endpointOf = (service: Service, pod: Pod, node: Node | undefined): Endpoint => {
  const { name, namespace = 'default', uid } = pod.metadata;
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  const { hostname, subdomain, nodeName } = pod.spec;
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: endpointConditions(service, pod),
    ...(hostname !== undefined && subdomain === service.metadata.name ? { hostname } : {}),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
};

/** The same Pods as the subsets of an Endpoints object: none that terminates, unless those not ready are published. */
export const endpointSubsets = (
  service: Service,
  pods: readonly { readonly ports: readonly EndpointPort[]; readonly endpoint: Endpoint }[],
): NonNullable<Endpoints['subsets']> => {
  const subsets = new Map<
    string,
    { addresses: EndpointAddress[]; notReady: EndpointAddress[]; ports: readonly EndpointPort[] }
  >();
  for (const { ports, endpoint } of pods) {
    const { conditions, nodeName, targetRef } = endpoint;
    if (conditions.terminating && service.spec.publishNotReadyAddresses !== true) continue;
    if (ports.length === 0 && (service.spec.ports ?? []).length > 0) continue;
    const key = canonicalJson(ports);
    const subset = subsets.get(key) ?? { addresses: [], notReady: [], ports };
    const address: EndpointAddress = {
      ip: endpoint.addresses[0] ?? '',
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(targetRef === undefined ? {} : { targetRef }),
    };
    (conditions.ready ? subset.addresses : subset.notReady).push(address);
    subsets.set(key, subset);
  }
  return [...subsets.values()].map(({ addresses, notReady, ports }) => ({
    ...(addresses.length === 0 ? {} : { addresses }),
    ...(notReady.length === 0 ? {} : { notReadyAddresses: notReady }),
    ...(ports.length === 0 ? {} : { ports }),
  }));
};

export interface SlicePlan {
  readonly create: readonly {
    readonly ports: readonly EndpointPort[];
    readonly endpoints: readonly Endpoint[];
  }[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

const targetUid = (endpoint: Endpoint): string => endpoint.targetRef?.uid ?? '';

/**
 * The fewest changes that bring the slices of a Service to the wanted endpoints: each endpoint stays in the slice it is
 * in, new ones fill up what has room, only what is left over makes a new slice, and a slice that would go is used for it.
 * Without any endpoint one slice stays, with neither endpoints nor ports.
 */
export const planSlices = (
  wanted: readonly { readonly ports: readonly EndpointPort[]; readonly endpoint: Endpoint }[],
  existing: readonly EndpointSlice[],
): SlicePlan => {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Map<string, Endpoint> }>();
  for (const { ports, endpoint } of wanted) {
    const key = canonicalJson(ports);
    const group = groups.get(key) ?? { ports, endpoints: new Map<string, Endpoint>() };
    group.endpoints.set(targetUid(endpoint), endpoint);
    groups.set(key, group);
  }
  const kept: { slice: EndpointSlice; endpoints: Endpoint[]; group: string }[] = [];
  const remove: EndpointSlice[] = [];
  for (const slice of existing) {
    const group = canonicalJson(slice.ports ?? []);
    const endpoints: Endpoint[] = [];
    for (const endpoint of slice.endpoints ?? []) {
      const uid = targetUid(endpoint);
      const now = groups.get(group)?.endpoints.get(uid);
      if (now === undefined) continue;
      endpoints.push(now);
      groups.get(group)?.endpoints.delete(uid);
    }
    kept.push({ slice, endpoints, group });
  }
  const create: { ports: readonly EndpointPort[]; endpoints: readonly Endpoint[] }[] = [];
  for (const [key, { ports, endpoints }] of groups) {
    const left = [...endpoints.values()];
    for (const { endpoints: there, group } of kept) {
      if (group === key) there.push(...left.splice(0, Math.max(0, maxEndpointsPerSlice - there.length)));
    }
    while (left.length > 0) create.push({ ports, endpoints: left.splice(0, maxEndpointsPerSlice) });
  }
  const isPlaceholder = (slice: EndpointSlice): boolean =>
    (slice.ports ?? []).length === 0 && (slice.endpoints ?? []).length === 0;
  let placeholder: EndpointSlice | undefined;
  if (create.length === 0 && kept.every(({ endpoints }) => endpoints.length === 0)) {
    placeholder = kept.find(({ slice }) => isPlaceholder(slice))?.slice;
    if (placeholder === undefined) create.push({ ports: [], endpoints: [] });
  }
  const update: EndpointSlice[] = [];
  for (const { slice, endpoints } of kept) {
    if (slice === placeholder) continue;
    if (endpoints.length > 0) {
      if (canonicalJson(slice.endpoints ?? []) !== canonicalJson(endpoints))
        update.push({ ...slice, endpoints });
      continue;
    }
    const recycled = create.shift();
    if (recycled === undefined) remove.push(slice);
    else update.push({ ...slice, ...recycled });
  }
  return { create, update, remove };
};

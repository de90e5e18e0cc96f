import {
  endpointSlices,
  endpoints,
  type Node,
  type Pod,
  pathOf,
  type Service,
  selects,
  services,
} from '../objects.ts';
import { isStatus } from '../transport.ts';
import { createWorkQueue } from '../work-queue.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { endpointOf, endpointPorts, endpointSubsets, isEndpoint, planSlices } from './endpoints.ts';
import { canonicalJson, keyOf, nameSuffix, ownerReference, partsOf } from './keys.ts';

const serviceLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const ourselves = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';

const labelsOf = (service: Service): Record<string, string> => ({
  ...service.metadata.labels,
  ...(service.spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
  [serviceLabel]: service.metadata.name,
  [managedByLabel]: ourselves,
});

const hasSlices = (service: Service): boolean =>
  service.spec.type !== 'ExternalName' && Object.keys(service.spec.selector ?? {}).length > 0;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Keeps the EndpointSlices of each Service with a selector; they follow the Pods a few ten milliseconds later. */
export const startEndpointSlices = ({ client, sources, record, times }: ControllerContext): Controller => {
  const [leastMs, mostMs] = times.endpointsDelayMs;

  const nodeOf = (pod: Pod): Node | undefined => sources.nodes.get('', pod.spec.nodeName ?? '');

  const reconcile = async (key: string): Promise<void> => {
    const [namespace, name] = partsOf(key);
    const service = sources.services.get(namespace, name);
    if (service === undefined || !hasSlices(service)) return;
    const selector = { matchLabels: service.spec.selector ?? {} };
    const selected = sources.pods
      .list(namespace)
      .filter((pod) => isEndpoint(pod) && selects(selector, pod.metadata.labels));
    const missing = selected.filter((pod) => nodeOf(pod) === undefined);
    const wanted = selected
      .filter((pod) => !missing.includes(pod))
      .map((pod) => ({
        ports: endpointPorts(service, pod),
        endpoint: endpointOf(service, pod, nodeOf(pod)),
      }));
    const existing = sources.endpointSlices
      .list(namespace)
      .filter(
        ({ metadata: { labels, deletionTimestamp } }) =>
          labels?.[serviceLabel] === name &&
          labels[managedByLabel] === ourselves &&
          deletionTimestamp === undefined,
      );
    const plan = planSlices(wanted, existing);
    const labels = labelsOf(service);
    const relabelled = existing.filter(
      (slice) =>
        canonicalJson(slice.metadata.labels) !== canonicalJson(labels) &&
        ![...plan.update, ...plan.remove].some((other) => other.metadata.uid === slice.metadata.uid),
    );
    for (const slice of [...plan.update, ...relabelled]) {
      // An update with the version that was read: what changed meanwhile brings us back.
      sources.endpointSlices.learn(
        await client.update(endpointSlices, { ...slice, metadata: { ...slice.metadata, labels } }),
      );
    }
    for (const { ports, endpoints } of plan.create) {
      const created = await client.create(endpointSlices, namespace, {
        metadata: {
          name: `${name}-${nameSuffix()}`,
          generateName: `${name}-`,
          namespace,
          labels,
          ownerReferences: [ownerReference(services, service)],
        },
        addressType: 'IPv4',
        endpoints,
        ports,
      });
      sources.endpointSlices.learn(created);
    }
    for (const slice of plan.remove) {
      await client.delete(endpointSlices, namespace, slice.metadata.name).catch((error: unknown) => {
        if (!isStatus(error, 404)) throw error;
      });
      sources.endpointSlices.forget(slice);
    }
    await writeEndpoints(service, endpointSubsets(service, wanted));
    const [first] = missing;
    if (first !== undefined)
      throw new Error(`Pod ${first.metadata.name} is left out: there is no node ${first.spec.nodeName}`);
  };

  /** The Endpoints object of the Service, written only when it changes. */
  const writeEndpoints = async (service: Service, subsets: readonly unknown[]): Promise<void> => {
    const { namespace = 'default', name, labels } = service.metadata;
    const text = canonicalJson(subsets);
    if (written.get(service.metadata.uid) === text) return;
    const ours = { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' };
    const body = { metadata: { name, namespace, labels: { ...labels, ...ours } }, subsets };
    try {
      await client.patch(endpoints, namespace, name, 'merge', body);
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      await client.request('POST', pathOf(endpoints, namespace), {
        apiVersion: 'v1',
        kind: 'Endpoints',
        ...body,
      });
    }
    written.set(service.metadata.uid, text);
  };
  /** What was written last, by the Service's UID. */
  const written = new Map<string, string>();

  const queue = createWorkQueue({
    work: reconcile,
    // As long as upstream waits: a slice may be late by a second where an update failed.
    retryMs: [1_000, 1_000_000],
    onError: (key, error) => {
      const [namespace, name] = partsOf(key);
      const service = sources.services.get(namespace, name);
      // Not of our own stale view: that mends itself.
      if (service === undefined || isStatus(error, 409) || isStatus(error, 404)) return;
      const message = `Error updating Endpoint Slices for Service ${namespace}/${name}: ${messageOf(error)}`;
      record(services, service, 'Warning', 'FailedToUpdateEndpointSlices', message);
    },
  });
  const later = (service: Service): void =>
    queue.add(keyOf(service), leastMs + Math.random() * (mostMs - leastMs));

  const ofPod = (pod: Pod): void => {
    for (const service of sources.services.list(pod.metadata.namespace)) {
      if (hasSlices(service) && selects({ matchLabels: service.spec.selector ?? {} }, pod.metadata.labels))
        later(service);
    }
  };
  sources.services.onChange(({ type, object, previous }) => {
    const { labels } = object.metadata;
    const matters =
      canonicalJson([previous?.spec, previous?.metadata.labels]) !== canonicalJson([object.spec, labels]);
    if (type === 'deleted') {
      written.delete(object.metadata.uid);
      const { namespace = 'default', name } = object.metadata;
      if (hasSlices(object)) client.delete(endpoints, namespace, name).catch(() => undefined);
    } else if (previous === undefined || matters) later(object);
  });
  sources.pods.onChange(({ object, previous }) => {
    ofPod(object);
    if (
      previous !== undefined &&
      canonicalJson(previous.metadata.labels) !== canonicalJson(object.metadata.labels)
    ) {
      ofPod(previous);
    }
  });
  sources.endpointSlices.onChange(({ type, object }) => {
    const name = object.metadata.labels?.[serviceLabel];
    if (type !== 'deleted' || name === undefined) return;
    const service = sources.services.get(object.metadata.namespace ?? '', name);
    if (service !== undefined) later(service);
  });
  for (const service of sources.services.list()) later(service);
  return queue;
};

import { isNumber, type JsonObject, objectOf, objectsOf, textOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import {
  age,
  type Column,
  conditionOf,
  count,
  labelsText,
  name,
  orNone,
  since,
  specOf,
  statusOf,
} from './columns.ts';
import { serviceAddress } from './service-address.ts';

const containerStatuses = (pod: KubeObject): JsonObject[] => objectsOf(statusOf(pod).containerStatuses);

/** The STATUS of a Pod, as kubectl's printer derives it. */
const podStatus = (pod: KubeObject): string => {
  const status = statusOf(pod);
  let reason = textOf(status.reason) || textOf(status.phase);
  let running = false;
  for (const container of containerStatuses(pod).toReversed()) {
    const { waiting, terminated, running: runs } = objectOf(container.state);
    const waitingReason = textOf(objectOf(waiting).reason);
    const ended = objectOf(terminated);
    if (waitingReason !== '') reason = waitingReason;
    else if (textOf(ended.reason) !== '') reason = textOf(ended.reason);
    else if (terminated !== undefined) {
      reason =
        isNumber(ended.signal) && ended.signal !== 0
          ? `Signal:${ended.signal}`
          : `ExitCode:${count(ended.exitCode)}`;
    } else if (container.ready === true && runs !== undefined) running = true;
  }
  if (reason === 'Completed' && running) {
    reason = conditionOf(pod, 'Ready')?.status === 'True' ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  return textOf(status.reason) === 'NodeLost' ? 'Unknown' : 'Terminating';
};

/** `2 (5m ago)` */
const restarts = (pod: KubeObject, nowMs: number): string => {
  const total = containerStatuses(pod).reduce((sum, container) => sum + count(container.restartCount), 0);
  const ends = containerStatuses(pod)
    .map((container) => textOf(objectOf(objectOf(container.lastState).terminated).finishedAt))
    .filter((time) => time !== '')
    .sort();
  const last = ends.at(-1);
  return total === 0 || last === undefined ? String(total) : `${total} (${since(last, nowMs)} ago)`;
};

const readinessGates = (pod: KubeObject): string => {
  const gates = objectsOf(specOf(pod).readinessGates);
  if (gates.length === 0) return '<none>';
  const open = gates.filter((gate) => conditionOf(pod, textOf(gate.conditionType))?.status === 'True');
  return `${open.length}/${gates.length}`;
};

const pods: readonly Column[] = [
  name,
  {
    name: 'Ready',
    cell: (pod) => {
      const ready = containerStatuses(pod).filter((container) => container.ready === true).length;
      return `${ready}/${objectsOf(specOf(pod).containers).length}`;
    },
  },
  { name: 'Status', cell: podStatus },
  { name: 'Restarts', cell: restarts },
  age,
  { name: 'IP', wide: true, cell: (pod) => orNone(textOf(statusOf(pod).podIP)) },
  { name: 'Node', wide: true, cell: (pod) => orNone(textOf(specOf(pod).nodeName)) },
  { name: 'Nominated Node', wide: true, cell: (pod) => orNone(textOf(statusOf(pod).nominatedNodeName)) },
  { name: 'Readiness Gates', wide: true, cell: readinessGates },
];

const servicePorts = (service: KubeObject): string =>
  objectsOf(specOf(service).ports)
    .map((port) => {
      const nodePort = count(port.nodePort);
      return `${count(port.port)}${nodePort === 0 ? '' : `:${nodePort}`}/${textOf(port.protocol)}`;
    })
    .join(',');

const services: readonly Column[] = [
  name,
  { name: 'Type', cell: (service) => textOf(specOf(service).type) },
  { name: 'Cluster-IP', cell: (service) => orNone(textOf(specOf(service).clusterIP)) },
  { name: 'External-IP', cell: serviceAddress },
  { name: 'Port(s)', cell: (service) => orNone(servicePorts(service)) },
  age,
  { name: 'Selector', wide: true, cell: (service) => labelsText(specOf(service).selector) },
];

const nodeStatus = (node: KubeObject): string => {
  const ready = conditionOf(node, 'Ready');
  const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return specOf(node).unschedulable === true ? `${state},SchedulingDisabled` : state;
};

const rolePrefix = 'node-role.kubernetes.io/';

const nodeRoles = ({ metadata }: KubeObject): string =>
  orNone(
    Object.keys(metadata.labels ?? {})
      .filter((key) => key.startsWith(rolePrefix))
      .map((key) => key.slice(rolePrefix.length))
      .sort()
      .join(','),
  );

const nodeAddress =
  (type: string) =>
  (node: KubeObject): string =>
    orNone(textOf(objectsOf(statusOf(node).addresses).find((address) => address.type === type)?.address));

const nodeInfo =
  (field: string) =>
  (node: KubeObject): string => {
    const text = textOf(objectOf(statusOf(node).nodeInfo)[field]);
    return text === '' ? '<unknown>' : text;
  };

const nodes: readonly Column[] = [
  name,
  { name: 'Status', cell: nodeStatus },
  { name: 'Roles', cell: nodeRoles },
  age,
  { name: 'Version', cell: (node) => textOf(objectOf(statusOf(node).nodeInfo).kubeletVersion) },
  { name: 'Internal-IP', wide: true, cell: nodeAddress('InternalIP') },
  { name: 'External-IP', wide: true, cell: nodeAddress('ExternalIP') },
  { name: 'OS-Image', wide: true, cell: nodeInfo('osImage') },
  { name: 'Kernel-Version', wide: true, cell: nodeInfo('kernelVersion') },
  { name: 'Container-Runtime', wide: true, cell: nodeInfo('containerRuntimeVersion') },
];

const eventObject = (event: KubeObject): string => {
  const about = objectOf(event.involvedObject);
  return `${textOf(about.kind).toLowerCase()}/${textOf(about.name)}`;
};

const eventSource = (event: KubeObject): string => {
  const { component, host } = objectOf(event.source);
  const from = textOf(component) || textOf(event.reportingComponent);
  return textOf(host) === '' ? from : `${from}, ${textOf(host)}`;
};

const events: readonly Column[] = [
  {
    name: 'Last Seen',
    cell: (event, nowMs) => since(event.lastTimestamp ?? event.firstTimestamp ?? event.eventTime, nowMs),
  },
  { name: 'Type', cell: (event) => textOf(event.type) },
  { name: 'Reason', cell: (event) => textOf(event.reason) },
  { name: 'Object', cell: eventObject },
  { name: 'Subobject', wide: true, cell: (event) => textOf(objectOf(event.involvedObject).fieldPath) },
  { name: 'Source', wide: true, cell: eventSource },
  { name: 'Message', cell: (event) => textOf(event.message).trim() },
  {
    name: 'First Seen',
    wide: true,
    cell: (event, nowMs) => since(event.firstTimestamp ?? event.eventTime, nowMs),
  },
  { name: 'Count', wide: true, cell: (event) => count(event.count) || 1 },
  { ...name, wide: true },
];

const keys = (object: KubeObject, ...fields: string[]): number =>
  fields.reduce((sum, field) => sum + Object.keys(objectOf(object[field])).length, 0);

export const coreColumns: Readonly<Record<string, readonly Column[]>> = {
  pods,
  services,
  nodes,
  events,
  namespaces: [name, { name: 'Status', cell: (one) => textOf(statusOf(one).phase) }, age],
  configmaps: [name, { name: 'Data', cell: (one) => keys(one, 'data', 'binaryData') }, age],
  secrets: [
    name,
    { name: 'Type', cell: (one) => textOf(one.type) },
    { name: 'Data', type: 'integer', cell: (one) => keys(one, 'data') },
    age,
  ],
  serviceaccounts: [
    name,
    { name: 'Secrets', type: 'integer', cell: (one) => objectsOf(one.secrets).length },
    age,
  ],
  endpoints: [
    name,
    {
      name: 'Endpoints',
      cell: (one) =>
        orNone(
          objectsOf(one.subsets)
            .flatMap((subset) =>
              objectsOf(subset.addresses).flatMap((address) =>
                objectsOf(subset.ports).map((port) => `${textOf(address.ip)}:${count(port.port)}`),
              ),
            )
            .join(','),
        ),
    },
    age,
  ],
};

import type { Client } from '../client.ts';
import { type Condition, conditionOf, leases, type Node, namespaces, nodes, timestamp } from '../objects.ts';
import { isStatus } from '../transport.ts';

/** What a node of the sandbox offers. */
export interface NodeSettings {
  readonly name: string;
  readonly ip: string;
  /** What the cloud calls its machine, `ins-xxxxxxxx`; default: made from the name. */
  readonly instanceId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** How many Pods with an address of their own it can hold (`tke.cloud.tencent.com/eni-ip`); default 100. */
  readonly eniIps?: number;
  /** Default 110. */
  readonly pods?: number;
}

const leaseNamespace = 'kube-node-lease';
/** TKE writes the zone's number into a node's provider id. */
const zone = '800002';

/** The id of a node's machine: eight letters and digits, the same for the same name. */
export const instanceIdOf = (name: string): string => {
  let hash = 0x811c9dc5;
  let id = '';
  for (let round = 0; id.length < 8; round += 1) {
    for (const char of `${round} ${name}`)
      hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
    id += hash.toString(36);
  }
  return `ins-${id.slice(0, 8)}`;
};

const readyConditions = (now: string): Condition[] => {
  const beat = { lastHeartbeatTime: now, lastTransitionTime: now };
  return [
    {
      type: 'MemoryPressure',
      status: 'False',
      reason: 'KubeletHasSufficientMemory',
      message: 'kubelet has sufficient memory available',
      ...beat,
    },
    {
      type: 'DiskPressure',
      status: 'False',
      reason: 'KubeletHasNoDiskPressure',
      message: 'kubelet has no disk pressure',
      ...beat,
    },
    {
      type: 'PIDPressure',
      status: 'False',
      reason: 'KubeletHasSufficientPID',
      message: 'kubelet has sufficient PID available',
      ...beat,
    },
    {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      message: 'kubelet is posting ready status',
      ...beat,
    },
  ];
};

/** Creates the Node object, or takes over one of the same name, and posts it Ready without the not-ready taints. */
export const registerNode = async (client: Client, settings: NodeSettings): Promise<void> => {
  const { name, ip } = settings;
  const instance = settings.instanceId ?? instanceIdOf(name);
  const draft = {
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'node.kubernetes.io/instance-type': 'SANDBOX',
        'topology.kubernetes.io/region': 'sandbox',
        'topology.kubernetes.io/zone': zone,
        'cloud.tencent.com/node-instance-id': instance,
        ...settings.labels,
      },
    },
    spec: { providerID: `qcloud:///${zone}/${instance}` },
  };
  try {
    await client.create(nodes, '', draft);
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
  }
  const offered = {
    cpu: '8',
    memory: '16Gi',
    'ephemeral-storage': '50Gi',
    pods: String(settings.pods ?? 110),
    'tke.cloud.tencent.com/eni-ip': String(settings.eniIps ?? 100),
  };
  const status: Node['status'] = {
    capacity: offered,
    allocatable: offered,
    conditions: readyConditions(timestamp()),
    addresses: [
      { type: 'InternalIP', address: ip },
      { type: 'Hostname', address: name },
    ],
    nodeInfo: {
      architecture: 'amd64',
      bootID: instance,
      containerRuntimeVersion: 'sandbox://1',
      kernelVersion: 'sandbox',
      kubeProxyVersion: 'v1.36.3',
      kubeletVersion: 'v1.36.3',
      machineID: instance,
      operatingSystem: 'linux',
      osImage: 'clb-direct sandbox',
      systemUUID: instance,
    },
  };
  await client.patch(nodes, '', name, 'strategic', { status }, 'status');
  await takeTaintsAway(client, await client.get(nodes, '', name));
};

const ownTaints = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

const takeTaintsAway = async (client: Client, node: Node): Promise<void> => {
  const taints = node.spec?.taints ?? [];
  const left = taints.filter((taint) => !ownTaints.includes(taint.key));
  if (left.length === taints.length) return;
  const body = { spec: { taints: left.length === 0 ? null : left } };
  await client.patch(nodes, '', node.metadata.name, 'merge', body);
};

/** Posts a node Ready again that was taken for dead, e.g. because this process had stood still. */
export const postReady = async (client: Client, name: string): Promise<void> => {
  const node = await client.get(nodes, '', name);
  if (conditionOf(node.status?.conditions, 'Ready')?.status === 'True') return;
  const status = { conditions: readyConditions(timestamp()) };
  await client.patch(nodes, '', name, 'strategic', { status }, 'status');
  await takeTaintsAway(client, node);
};

/** Renews the node's Lease; who watches it learns that the node lives. */
export const renewLease = async (client: Client, name: string): Promise<void> => {
  const spec = {
    holderIdentity: name,
    leaseDurationSeconds: 40,
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  };
  try {
    await client.patch(leases, leaseNamespace, name, 'merge', { spec });
    return;
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
  }
  try {
    await client.create(namespaces, '', { metadata: { name: leaseNamespace } });
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
  }
  await client.create(leases, leaseNamespace, { metadata: { name, namespace: leaseNamespace }, spec });
};

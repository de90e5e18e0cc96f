// A cluster whose Pods are objects only: the real API server and EndpointSlice stand-ins, and a kubelet on paper that
// sets what a figure wants at the moment it wants. Fifty real Pods would measure the machine instead.
import { createServer, type Server } from 'node:net';
import type { Addresses } from '../../infra/sandbox/addresses.ts';
import { objectOf, objectsOf } from '../../infra/sandbox/cluster/api-server/json.ts';
import { type ApiServer, startApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import { type Client, createClient } from '../../infra/sandbox/cluster/client.ts';
import { startControllers } from '../../infra/sandbox/cluster/controllers/controllers.ts';
import { createSources } from '../../infra/sandbox/cluster/controllers/sources.ts';
import { nodes, pods, services, timestamp } from '../../infra/sandbox/cluster/objects.ts';
import { gateType } from '../../infra/sandbox/scenario/pod-seen.ts';

const namespace = 'default';
const node = 'node-1';
const graceSeconds = 300;

export interface PaperPod {
  readonly name: string;
  readonly ip: string;
}

export interface PaperCluster {
  readonly api: ApiServer;
  readonly client: Client;
  /** A Service of type LoadBalancer in direct mode; port 80 + n leads to port 80 + n of its Pods. */
  createService(name: string, ports?: number): Promise<void>;
  /** A Pod behind the Service whose sockets listen. `serving`: Ready, without a gate; else it waits for {@link containersReady}. */
  createPod(service: string, kind: 'serving' | 'gated', ports?: number): Promise<PaperPod>;
  /** From then on the gate alone keeps it from being Ready; when that opens, the kubelet sets Ready. */
  containersReady(pod: PaperPod): Promise<void>;
  /** Deletion begins; it goes on accepting. */
  delete(pod: PaperPod): Promise<void>;
  /** It ended: the object is gone, its sockets too. */
  end(pod: PaperPod): Promise<void>;
  annotate(pod: PaperPod, annotations: Readonly<Record<string, string>>): Promise<void>;
  /** One PATCH of a Pod's status, as who opens a gate sends it, to no effect. */
  touchStatus(pod: PaperPod): Promise<void>;
  /** Tells of each gate that opens. */
  onGateOpen(listener: (pod: PaperPod) => void): void;
  close(): Promise<void>;
}

const condition = (type: string, holds: boolean) => ({
  type,
  status: holds ? 'True' : 'False',
  lastTransitionTime: timestamp(),
});

const listenAt = (addresses: Addresses, ip: string, port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end());
    server.once('error', reject);
    server.listen(addresses.socketOf(ip, port), () => resolve(server));
  });

export const startPaperCluster = async (addresses: Addresses): Promise<PaperCluster> => {
  const api = await startApiServer();
  const client = createClient({ url: api.url, ca: api.caPem, token: api.adminToken });
  // A Pod of a node that is not there is in no slice.
  await client.create(nodes, '', { metadata: { name: node } });
  const ended = new AbortController();
  const controllers = await startControllers({
    client,
    sources: createSources(client, ended.signal),
    without: ['deployment', 'replicaset', 'statefulset', 'disruption', 'node-lifecycle', 'default-scheduler'],
  });
  const sockets = new Map<string, readonly Server[]>();
  const existing = new Map<string, PaperPod>();
  const open = new Set<string>();
  const gateListeners: ((pod: PaperPod) => void)[] = [];
  const closeSockets = (ip: string): void => {
    for (const server of sockets.get(ip) ?? []) server.close();
    sockets.delete(ip);
  };
  const patchConditions = async (pod: PaperPod, conditions: readonly object[]): Promise<void> => {
    await client.patch(pods, namespace, pod.name, 'strategic', { status: { conditions } }, 'status');
  };
  const stopWatching = api.store.collection('pods').subscribe(({ type, current: { object } }) => {
    const pod = existing.get(object.metadata.name);
    if (type === 'DELETED' || pod === undefined || open.has(pod.name)) return;
    const conditions = objectsOf(objectOf(object.status).conditions);
    if (conditions.find(({ type: of }) => of === gateType)?.status !== 'True') return;
    open.add(pod.name);
    for (const listener of gateListeners) listener(pod);
    // Its Pod may be gone by then, as with any kubelet.
    patchConditions(pod, [condition('Ready', true)]).catch(() => undefined);
  });
  let made = 0;
  return {
    api,
    client,
    createService: async (name, ports = 1) => {
      await client.create(services, namespace, {
        metadata: { name, annotations: { 'service.cloud.tencent.com/direct-access': 'true' } },
        spec: {
          type: 'LoadBalancer',
          selector: { app: name },
          ports: Array.from({ length: ports }, (_, n) => ({
            name: `port-${n}`,
            port: 80 + n,
            protocol: 'TCP',
            targetPort: 80 + n,
          })),
        },
      });
    },
    createPod: async (service, kind, ports = 1) => {
      const ip = addresses.allocate('pod');
      const numbers = Array.from({ length: ports }, (_, n) => 80 + n);
      sockets.set(ip, await Promise.all(numbers.map((port) => listenAt(addresses, ip, port))));
      made += 1;
      const pod = { name: `${service}-${made}`, ip };
      existing.set(pod.name, pod);
      await client.create(pods, namespace, {
        metadata: { name: pod.name, labels: { app: service } },
        spec: {
          nodeName: node,
          terminationGracePeriodSeconds: graceSeconds,
          ...(kind === 'gated' ? { readinessGates: [{ conditionType: gateType }] } : {}),
          containers: [
            { name: 'main', image: 'nginx', ports: numbers.map((containerPort) => ({ containerPort })) },
          ],
        },
      });
      const serves = kind === 'serving';
      await client.patch(
        pods,
        namespace,
        pod.name,
        'strategic',
        {
          status: {
            phase: 'Running',
            podIP: ip,
            podIPs: [{ ip }],
            conditions: [condition('ContainersReady', serves), condition('Ready', serves)],
          },
        },
        'status',
      );
      return pod;
    },
    containersReady: (pod) => patchConditions(pod, [condition('ContainersReady', true)]),
    delete: async (pod) => {
      await client.delete(pods, namespace, pod.name, { gracePeriodSeconds: graceSeconds });
    },
    end: async (pod) => {
      await client.delete(pods, namespace, pod.name, { gracePeriodSeconds: 0 });
      existing.delete(pod.name);
      closeSockets(pod.ip);
    },
    annotate: async (pod, annotations) => {
      await client.patch(pods, namespace, pod.name, 'merge', { metadata: { annotations } });
    },
    touchStatus: (pod) => patchConditions(pod, [{ type: 'bench', status: 'True' }]),
    onGateOpen: (listener) => void gateListeners.push(listener),
    close: async () => {
      stopWatching();
      controllers.close();
      ended.abort();
      client.close();
      for (const ip of [...sockets.keys()]) closeSockets(ip);
      await api.close();
    },
  };
};

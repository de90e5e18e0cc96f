// An API server filled with Pods as large ones as a cluster has, straight into its store: nobody waits for their creation.
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../infra/sandbox/cluster/api-server/kube-object.ts';
import type { ApiServer } from '../../infra/sandbox/cluster/api-server/server.ts';
import { timestamp } from '../../infra/sandbox/cluster/objects.ts';

export const podsOfService = 10;

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const condition = (type: string, holds: boolean, since: string) => ({
  type,
  status: holds ? 'True' : 'False',
  lastProbeTime: null,
  lastTransitionTime: since,
});

/** About 5 kB of JSON, as a Pod with one container, its volumes and its managed fields has. */
const podObject = (service: string, n: number, since: string): KubeObject => {
  const ip = `10.${1 + Math.floor(n / 65_536)}.${Math.floor(n / 256) % 256}.${n % 256}`;
  const name = `${service}-7d4b9c6f5-${n.toString(36).padStart(5, '0')}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${service}-7d4b9c6f5-`,
      namespace: 'default',
      uid: randomUUID(),
      creationTimestamp: since,
      labels: { app: service, 'pod-template-hash': '7d4b9c6f5', team: 'payments', tier: 'backend' },
      annotations: {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9090',
        'tke.cloud.tencent.com/networks-status': JSON.stringify([
          { name: 'tke-bridge', ips: [ip], default: true },
        ]),
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${service}-7d4b9c6f5`,
          uid: randomUUID(),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: times(2, (manager) => ({
        manager: manager === 0 ? 'kube-controller-manager' : 'kubelet',
        operation: 'Update',
        apiVersion: 'v1',
        time: since,
        fieldsType: 'FieldsV1',
        fieldsV1: Object.fromEntries(
          times(12, (field) => [`f:field-${field}`, { 'f:value': {}, 'f:name': {} }]),
        ),
      })),
    },
    spec: {
      nodeName: `node-${n % 100}`,
      serviceAccountName: 'default',
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      readinessGates: [{ conditionType: 'cloud.tencent.com/load-balancer-backendgroup-ready' }],
      containers: [
        {
          name: 'main',
          image: `registry.example.com/payments/${service}:1.2.3`,
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          env: times(12, (at) => ({ name: `SETTING_${at}`, value: `a value of the usual length ${at}` })),
          resources: { requests: { cpu: '250m', memory: '256Mi' }, limits: { cpu: '1', memory: '512Mi' } },
          volumeMounts: times(3, (at) => ({ name: `volume-${at}`, mountPath: `/var/lib/volume-${at}` })),
          readinessProbe: { httpGet: { path: '/ready', port: 80, scheme: 'HTTP' }, periodSeconds: 5 },
        },
      ],
      volumes: times(3, (at) => ({
        name: `volume-${at}`,
        configMap: { name: `config-${at}`, defaultMode: 420 },
      })),
      tolerations: times(2, (at) => ({
        key: at === 0 ? 'node.kubernetes.io/not-ready' : 'node.kubernetes.io/unreachable',
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
    },
    status: {
      phase: 'Running',
      hostIP: '10.250.0.1',
      podIP: ip,
      podIPs: [{ ip }],
      startTime: since,
      qosClass: 'Burstable',
      conditions: [
        condition('cloud.tencent.com/load-balancer-backendgroup-ready', true, since),
        condition('Initialized', true, since),
        condition('Ready', true, since),
        condition('ContainersReady', true, since),
        condition('PodScheduled', true, since),
      ],
      containerStatuses: [
        {
          name: 'main',
          image: `registry.example.com/payments/${service}:1.2.3`,
          imageID: `registry.example.com/payments/${service}@sha256:${'0123456789abcdef'.repeat(4)}`,
          containerID: `containerd://${'0123456789abcdef'.repeat(4)}`,
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: since } },
          lastState: {},
        },
      ],
    },
  };
};

const serviceObject = (name: string, since: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name,
    namespace: 'default',
    uid: randomUUID(),
    creationTimestamp: since,
    annotations: { 'service.cloud.tencent.com/direct-access': 'true' },
  },
  spec: {
    type: 'LoadBalancer',
    selector: { app: name },
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80, nodePort: 30_080 }],
  },
  status: { loadBalancer: {} },
});

const sliceObject = (service: string, behind: readonly KubeObject[], since: string): KubeObject => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: `${service}-abcde`,
    namespace: 'default',
    uid: randomUUID(),
    creationTimestamp: since,
    labels: {
      'kubernetes.io/service-name': service,
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    },
  },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  endpoints: behind.map(({ metadata: { name, uid = '' }, status }) => ({
    addresses: [String(Object(status).podIP)],
    conditions: { ready: true, serving: true, terminating: false },
    targetRef: { kind: 'Pod', namespace: 'default', name, uid },
  })),
});

/**
 * Services of ten Pods each.
 *
 * @returns bytes of the Pods' JSON
 */
export const fill = (api: ApiServer, pods: number): number => {
  const since = timestamp();
  let bytes = 0;
  for (let first = 0; first < pods; first += podsOfService) {
    const service = `web-${first / podsOfService}`;
    api.store.collection('services').put(serviceObject(service, since));
    const behind = times(Math.min(podsOfService, pods - first), (n) => podObject(service, first + n, since));
    for (const pod of behind) {
      api.store.collection('pods').put(pod);
      bytes += Buffer.byteLength(JSON.stringify(pod));
    }
    api.store.collection('endpointslices.discovery.k8s.io').put(sliceObject(service, behind, since));
  }
  return bytes;
};

/** The Pod's readiness turns. */
export const turn = (api: ApiServer, pod: KubeObject): void => {
  const changed = structuredClone(pod);
  const { conditions } = Object(changed.status);
  for (const of of conditions) {
    if (of.type !== 'Ready' && of.type !== 'ContainersReady') continue;
    of.status = of.status === 'True' ? 'False' : 'True';
    of.lastTransitionTime = timestamp();
  }
  api.store.collection('pods').put(changed);
};

import { request } from 'node:http';
import { afterAll, beforeAll } from 'vitest';
import { type Addresses, claimAddresses } from '../../infra/sandbox/addresses.ts';
import type { AttachOptions } from '../../infra/sandbox/cluster/attach.ts';
import {
  type Cluster,
  type ClusterOptions,
  type RunningCluster,
  startCluster,
} from '../../infra/sandbox/cluster/cluster.ts';
import {
  type Condition,
  type Deployment,
  type Draft,
  deployments,
  type Endpoint,
  endpointSlices,
  isPodReady,
  namespaces,
  type Pod,
  type PodSpec,
  pods,
  services,
} from '../../infra/sandbox/cluster/objects.ts';
import { isStatus } from '../../infra/sandbox/cluster/transport.ts';
import { buildSandboxPrograms, until } from './sandbox-programs.ts';

export const gate = 'cloud.tencent.com/load-balancer-backendgroup-ready';

/** A cluster for one test file, and what its tests say in a word. */
export interface Fixture<C extends RunningCluster = Cluster> {
  readonly cluster: C;
  readonly addresses: Addresses;
  readonly programsDir: string;
  /** A namespace of its own, so that tests leave each other alone. */
  namespace(name: string): Promise<string>;
  deploy(
    namespace: string,
    replicas: number,
    spec?: Partial<PodSpec>,
    more?: Partial<Deployment['spec']>,
  ): Promise<void>;
  pod(namespace: string, name: string, spec?: Partial<PodSpec>): Promise<Pod>;
  expose(namespace: string, spec?: object): Promise<void>;
  pods(namespace: string): Promise<Pod[]>;
  readyPod(namespace: string, name: string): Promise<Pod>;
  setGate(pod: Pod, status: Condition['status']): Promise<void>;
  untilAvailable(namespace: string, replicas: number): Promise<Deployment | undefined>;
  untilGone(namespace: string, name: string, timeoutMs?: number): Promise<void>;
  endpoints(namespace: string): Promise<Endpoint[]>;
  endpointOf(namespace: string, pod: string): Promise<Endpoint | undefined>;
  remove(namespace: string, name: string, gracePeriodSeconds?: number): Promise<void>;
  get(pod: Pod, path?: string): Promise<{ status: number; body: string; connection: string | undefined }>;
}

/** What every cluster of these tests is started with. */
export type GivenOptions = Required<Pick<AttachOptions, 'addresses' | 'programsDir' | 'kubeletTimes'>>;

/** Starts the cluster of a file before its tests and ends it after them. */
export const useCluster = (options: Partial<ClusterOptions> = {}): Fixture =>
  useRunning((given) => startCluster({ ...given, ...options }));

/** As {@link useCluster}, whichever way the cluster is started. */
export const useRunning = <C extends RunningCluster>(
  start: (given: GivenOptions) => Promise<C>,
): Fixture<C> => {
  let cluster: C | undefined;
  let addresses: Addresses | undefined;
  let programsDir = '';
  const running = (): C => {
    if (cluster === undefined) throw new Error('the cluster is not up');
    return cluster;
  };
  beforeAll(async () => {
    programsDir = await buildSandboxPrograms();
    addresses = await claimAddresses();
    cluster = await start({ addresses, programsDir, kubeletTimes: { podStartMs: 20 } });
  });
  afterAll(async () => {
    await cluster?.close();
    await addresses?.release();
  });

  const labels = { app: 'web' };
  const podSpec = (spec: Partial<PodSpec> = {}): PodSpec => ({
    containers: [{ name: 'nginx', image: 'nginx', env: [{ name: 'ACCEPT_SECONDS', value: '0' }] }],
    terminationGracePeriodSeconds: 10,
    ...spec,
  });
  const fixture: Fixture<C> = {
    get cluster() {
      return running();
    },
    get addresses() {
      if (addresses === undefined) throw new Error('the cluster is not up');
      return addresses;
    },
    get programsDir() {
      return programsDir;
    },
    namespace: async (name) => {
      await running().client.create(namespaces, '', { metadata: { name } });
      return name;
    },
    deploy: async (namespace, replicas, spec, more) => {
      const draft: Draft<Deployment> = {
        metadata: { name: 'web', namespace },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: podSpec(spec) },
          ...more,
        },
      };
      await running().client.create(deployments, namespace, draft);
    },
    pod: (namespace, name, spec) =>
      running().client.create(pods, namespace, {
        metadata: { name, namespace, labels },
        spec: podSpec(spec),
      }),
    expose: async (namespace, spec = {}) => {
      await running().client.create(services, namespace, {
        metadata: { name: 'web', namespace },
        spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 80 }], ...spec },
      });
    },
    pods: async (namespace) => (await running().client.list(pods, { namespace })).items,
    readyPod: async (namespace, name) => {
      const pod = await running().client.waitFor(
        pods,
        namespace,
        name,
        (one) => one !== undefined && isPodReady(one),
      );
      if (pod === undefined) throw new Error('no Pod');
      return pod;
    },
    setGate: async ({ metadata: { name, namespace = 'default', uid } }, status) => {
      const body = { metadata: { uid }, status: { conditions: [{ type: gate, status }] } };
      await running().client.patch(pods, namespace, name, 'strategic', body, 'status');
    },
    untilAvailable: (namespace, replicas) =>
      running().client.waitFor(
        deployments,
        namespace,
        'web',
        (web) =>
          web?.status?.availableReplicas === replicas &&
          web.status.updatedReplicas === replicas &&
          web.status.replicas === replicas &&
          web.status.observedGeneration === web.metadata.generation,
      ),
    untilGone: async (namespace, name, timeoutMs = 30_000) => {
      await running().client.waitFor(pods, namespace, name, (one) => one === undefined, { timeoutMs });
    },
    endpoints: async (namespace) =>
      (await running().client.list(endpointSlices, { namespace })).items.flatMap(
        (slice) => slice.endpoints ?? [],
      ),
    endpointOf: async (namespace, pod) =>
      (await fixture.endpoints(namespace)).find(({ targetRef }) => targetRef?.name === pod),
    remove: async (namespace, name, gracePeriodSeconds) => {
      const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
      await running()
        .client.delete(pods, namespace, name, grace)
        .catch((error: unknown) => {
          if (!isStatus(error, 404)) throw error;
        });
    },
    get: (pod, path = '/') =>
      new Promise((resolve, reject) => {
        const target = fixture.addresses.socketOf(pod.status?.podIP ?? '', 80);
        const asked = request(
          { ...target, path, agent: false, headers: { connection: 'keep-alive' } },
          (response) => {
            let body = '';
            response.on('data', (chunk) => {
              body += chunk;
            });
            response.on('end', () =>
              resolve({ status: response.statusCode ?? 0, body, connection: response.headers.connection }),
            );
            response.on('error', reject);
          },
        );
        asked.on('error', reject);
        asked.end();
      }),
  };
  return fixture;
};

export { until };

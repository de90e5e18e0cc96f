import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Addresses, claimAddresses, type SocketAddress } from './addresses.ts';
import type { ClbSettings } from './clb/settings.ts';
import { type ClbSimulator, startClbSimulator } from './clb/simulator.ts';
import { type Cluster, startCluster } from './cluster/cluster.ts';
import { type KubernetesObject, namespaces, type Resource } from './cluster/objects.ts';
import { createPrivateFolder } from './private-folder.ts';
import { type Standalone, startStandalone } from './standalone.ts';

export interface SandboxOptions {
  /** Divides the times that the CLB simulator takes. Default: 1. */
  readonly speed?: number;
  /** Whether new Pods get the readiness gate of this project. Default: true. */
  readonly gate?: boolean;
  /** 0 to 1, for what the CLB simulator draws. Default: Math.random. */
  readonly random?: () => number;
  readonly clbSettings?: Partial<ClbSettings>;
  /** More settings of the standalone process, over the usual ones. */
  readonly standaloneEnv?: Readonly<Record<string, string>>;
  readonly programsDir?: string;
  /** Each line that the standalone process writes. */
  readonly onStandaloneLine?: (line: string) => void;
  readonly onStandalone?: (change: 'started' | 'ended', pid: number, detail: string) => void;
}

/** A cluster, a CLB and this project's standalone process between them, on one machine. */
export interface Sandbox {
  readonly addresses: Addresses;
  readonly clb: ClbSimulator;
  readonly cluster: Cluster;
  readonly standalone: Standalone;
  /** File of a kubeconfig for its administrator, readable by its owner only; gone when the sandbox is. */
  readonly kubeconfigFile: string;
  readonly gate: boolean;
  readonly speed: number;
  /** Ends every process and gives every port and file back. */
  close(): Promise<void>;
}

const ownNamespace = 'clb-direct';
const webhookConfiguration = 'clb-direct';
const readyTimeoutMs = 30_000;

const webhookConfigurations: Resource<KubernetesObject> = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
};

/**
 * As an administrator of a cluster with one replica only would register it: `Fail`, because while that one starts
 * again, better no new Pod for a second than one without the gate. (With two replicas it is `Ignore`, as the forwarder
 * registers itself.) The forwarder adds the authority of its certificate and keeps the rest.
 */
const webhookObject = (url: string) => ({
  metadata: { name: webhookConfiguration },
  webhooks: [
    {
      name: 'pods.clb-direct.io',
      admissionReviewVersions: ['v1'],
      clientConfig: { url },
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      reinvocationPolicy: 'IfNeeded',
      sideEffects: 'None',
      timeoutSeconds: 2,
      namespaceSelector: {
        matchExpressions: [
          { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', ownNamespace] },
        ],
      },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    },
  ],
});

const hostPort = ({ host, port }: SocketAddress): string => `${host}:${port}`;

const standaloneEnvironment = (settings: {
  readonly clb: ClbSimulator;
  readonly kubeconfigFile: string;
  readonly health: SocketAddress;
  readonly webhook: { readonly listen: SocketAddress; readonly url: string } | undefined;
}): Record<string, string> => {
  const { clb, webhook } = settings;
  return {
    PATH: process.env['PATH'] ?? '',
    KUBECONFIG: settings.kubeconfigFile,
    TENCENTCLOUD_SECRET_ID: clb.secretId,
    TENCENTCLOUD_SECRET_KEY: clb.secretKey,
    CLB_DIRECT_CLB_ENDPOINT: clb.url.replace(/^http:\/\//, ''),
    CLB_DIRECT_CLB_PROTOCOL: 'http',
    CLB_DIRECT_CLB_REGION: clb.region,
    CLB_DIRECT_CLB_VPC_ID: clb.vpcId,
    CLB_DIRECT_CLUSTER_ID: 'sandbox',
    CLB_DIRECT_CLAIM: 'annotation',
    CLB_DIRECT_NAMESPACE: ownNamespace,
    CLB_DIRECT_IDENTITY: 'standalone',
    CLB_DIRECT_HEALTH_LISTEN: hostPort(settings.health),
    CLB_DIRECT_EXIT_WITH_PARENT: '1',
    ...(webhook === undefined
      ? {}
      : {
          CLB_DIRECT_WEBHOOK_CONFIGURATION: webhookConfiguration,
          CLB_DIRECT_WEBHOOK_LISTEN: hostPort(webhook.listen),
          CLB_DIRECT_WEBHOOK_URL: webhook.url,
          CLB_DIRECT_WEBHOOK_LINGER_SECONDS: '0',
        }),
  };
};

/**
 * Starts a whole sandbox; resolves when its standalone process is ready. Everything in it dies with this process,
 * however it ends.
 *
 * @throws Error when a part does not start; what had started is ended again
 */
export const startSandbox = async (options: SandboxOptions = {}): Promise<Sandbox> => {
  const { speed = 1, gate = true } = options;
  const programs = options.programsDir === undefined ? {} : { programsDir: options.programsDir };
  const ends: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const folder = createPrivateFolder();
    ends.push(folder.remove);
    const addresses = await claimAddresses();
    ends.push(addresses.release);
    const clb = await startClbSimulator({
      listen: { host: '127.0.0.1', port: 0 },
      addresses,
      speed,
      ...(options.clbSettings === undefined ? {} : { settings: options.clbSettings }),
      ...(options.random === undefined ? {} : { random: options.random }),
    });
    ends.push(clb.close);
    const cluster = await startCluster({ addresses, ...programs });
    ends.push(cluster.close);
    const kubeconfigFile = join(folder.path, 'kubeconfig');
    writeFileSync(kubeconfigFile, cluster.api.kubeconfig(), { mode: 0o600 });

    // The standalone process has an address of its own, so that its ports are nobody else's.
    const ip = addresses.allocate('node');
    const listen = addresses.socketOf(ip, 9443);
    const webhook = gate ? { listen, url: `https://${hostPort(listen)}/mutate` } : undefined;
    const health = addresses.socketOf(ip, 8080);
    await cluster.client.create(namespaces, '', { metadata: { name: ownNamespace } });
    if (webhook !== undefined) {
      await cluster.client.create(webhookConfigurations, '', webhookObject(webhook.url));
    }
    const standalone = startStandalone({
      env: {
        ...standaloneEnvironment({ clb, kubeconfigFile, health, webhook }),
        ...options.standaloneEnv,
      },
      health,
      ...programs,
      ...(options.onStandaloneLine === undefined ? {} : { onLine: options.onStandaloneLine }),
      onStarted: (pid) => options.onStandalone?.('started', pid, ''),
      onEnded: (pid, how) => options.onStandalone?.('ended', pid, how),
    });
    ends.push(standalone.close);
    await standalone.ready(readyTimeoutMs);
    return { addresses, clb, cluster, standalone, kubeconfigFile, gate, speed, close };
  } catch (error) {
    await close();
    throw error;
  }
};

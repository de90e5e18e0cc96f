import type { SocketAddress } from '../addresses.ts';
import type { ClbSimulator } from '../clb/simulator.ts';
import { ownNamespace, webhookConfiguration } from './webhook-object.ts';

export const hostPort = ({ host, port }: SocketAddress): string => `${host}:${port}`;

/** What every program of this project is told in a sandbox. */
export const commonEnvironment = (logLevel?: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  CLB_DIRECT_CLUSTER_ID: 'sandbox',
  CLB_DIRECT_CLAIM: 'annotation',
  CLB_DIRECT_NAMESPACE: ownNamespace,
  ...(logLevel === undefined ? {} : { CLB_DIRECT_LOG_LEVEL: logLevel }),
});

/** Who calls the CLB is told where. */
export const clbAddress = (clb: ClbSimulator): Record<string, string> => ({
  CLB_DIRECT_CLB_ENDPOINT: clb.url.replace(/^http:\/\//, ''),
  CLB_DIRECT_CLB_PROTOCOL: 'http',
  CLB_DIRECT_CLB_REGION: clb.region,
  CLB_DIRECT_CLB_VPC_ID: clb.vpcId,
});

/** Where, and by whose right. */
export const clbEnvironment = (clb: ClbSimulator): Record<string, string> => ({
  TENCENTCLOUD_SECRET_ID: clb.secretId,
  TENCENTCLOUD_SECRET_KEY: clb.secretKey,
  ...clbAddress(clb),
});

export interface Replica {
  readonly name: string;
  readonly health: SocketAddress;
  /** Undefined: it serves none. */
  readonly webhook:
    | { readonly entry: string; readonly listen: SocketAddress; readonly url: string }
    | undefined;
}

/** Who watches the cluster: a forwarder, or the standalone process. */
export const watcherEnvironment = (kubeconfigFile: string, replica: Replica): Record<string, string> => ({
  KUBECONFIG: kubeconfigFile,
  CLB_DIRECT_IDENTITY: replica.name,
  CLB_DIRECT_HEALTH_LISTEN: hostPort(replica.health),
  CLB_DIRECT_EXIT_WITH_PARENT: '1',
  ...(replica.webhook === undefined
    ? {}
    : {
        CLB_DIRECT_WEBHOOK_CONFIGURATION: webhookConfiguration,
        CLB_DIRECT_WEBHOOK_ENTRY: replica.webhook.entry,
        CLB_DIRECT_WEBHOOK_LISTEN: hostPort(replica.webhook.listen),
        CLB_DIRECT_WEBHOOK_URL: replica.webhook.url,
        CLB_DIRECT_WEBHOOK_LINGER_SECONDS: '0',
      }),
});

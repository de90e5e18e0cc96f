import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Deployment, deployments, type Service, services } from '../../infra/sandbox/cluster/objects.ts';
import { startClients } from '../../infra/sandbox/load/clients.ts';
import type { ClientReport } from '../../infra/sandbox/load/report.ts';
import { type Sandbox, startSandbox } from '../../infra/sandbox/sandbox.ts';

const namespace = 'default';
const preStop = 'clb-direct.io/pre-stop-sleep-seconds';

let sandbox: Sandbox;

beforeAll(async () => {
  // A drain takes a second, so that what happens within it is no luck.
  sandbox = await startSandbox({ speed: 10, clbSettings: { targetTaskMs: [10_000, 10_000] } });
});

afterAll(() => sandbox?.close());

const aService = (name: string, annotations: Record<string, string>): Service => {
  const service: unknown = {
    metadata: {
      name,
      namespace,
      annotations: { 'service.cloud.tencent.com/direct-access': 'true', ...annotations },
    },
    spec: {
      type: 'LoadBalancer',
      selector: { app: name },
      ports: [{ name: 'http', port: 80, targetPort: 80 }],
    },
  };
  return service as Service;
};

/** Two Pods of a server that closes everything the moment it gets SIGTERM. */
const aDeployment = (name: string): Deployment => {
  const deployment: unknown = {
    metadata: { name, namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'server', image: 'abrupt' }] },
      },
    },
  };
  return deployment as Deployment;
};

const isRolled = (deployment: Deployment | undefined): boolean => {
  const { status, metadata } = deployment ?? {};
  return (
    status?.observedGeneration === metadata?.generation &&
    status?.updatedReplicas === 2 &&
    status.availableReplicas === 2 &&
    status.replicas === 2
  );
};

const addressOf = (service: Service | undefined): string | undefined =>
  /"ingress":\[\{"ip":"([^"]+)"/.exec(JSON.stringify(service ?? {}))?.[1];

/** Service first, then the Deployment, then a rollout under load; gives what the client saw. */
const rollUnderLoad = async (name: string, annotations: Record<string, string>): Promise<ClientReport> => {
  const { client } = sandbox.cluster;
  await client.create(services, namespace, aService(name, annotations));
  const service = await client.waitFor(services, namespace, name, (found) => addressOf(found) !== undefined);
  const ip = addressOf(service) ?? '';
  await client.create(deployments, namespace, aDeployment(name));
  await client.waitFor(deployments, namespace, name, isRolled, { timeoutMs: 60_000 });
  const clients = startClients({
    addresses: sandbox.addresses,
    clients: [{ name, kind: 'new-connections', target: { ip, port: 80 }, ratePerSecond: 150 }],
  });
  try {
    await client.patch(deployments, namespace, name, 'strategic', {
      spec: { template: { metadata: { annotations: { rolled: 'once' } } } },
    });
    await client.waitFor(deployments, namespace, name, isRolled, { timeoutMs: 60_000 });
    await vi.waitFor(() => expect(targetsOf(ip)).toEqual([10, 10]), { timeout: 60_000, interval: 100 });
    const [report] = await clients.stop();
    if (report === undefined) throw new Error('no report');
    return report;
  } finally {
    clients.close();
  }
};

/** The weights of what is bound: old Pods are gone from it when only those of new ones are left. */
const targetsOf = (vip: string): readonly number[] =>
  sandbox.clb
    .state()
    .loadBalancers.filter((loadBalancer) => loadBalancer.vip === vip)
    .flatMap(({ listeners }) => listeners.flatMap(({ targets }) => targets.map(({ weight }) => weight)));

describe('a server that closes at once on SIGTERM', { timeout: 120_000 }, () => {
  it('loses no new connection with the preStop sleep that the Service asks for (L1)', async () => {
    const report = await rollUnderLoad('slept', { [preStop]: '5' });
    expect(report.failures).toEqual([]);
    expect(report.total).toBeGreaterThan(200);
  });

  it('does lose some without it', async () => {
    expect((await rollUnderLoad('unslept', {})).failed).toBeGreaterThan(0);
  });
});

it('a deleted Service takes its load balancer with it, and goes itself', { timeout: 60_000 }, async () => {
  const { client } = sandbox.cluster;
  await client.create(services, namespace, aService('brief', {}));
  await client.waitFor(services, namespace, 'brief', (found) => addressOf(found) !== undefined);
  const uid = (await client.get(services, namespace, 'brief')).metadata.uid ?? '';
  const mine = () =>
    sandbox.clb.state().loadBalancers.filter(({ tags }) => tags.some(({ TagValue }) => TagValue === uid));
  expect(mine()).toHaveLength(1);
  await client.delete(services, namespace, 'brief');
  await client.waitFor(services, namespace, 'brief', (found) => found === undefined);
  expect(mine()).toEqual([]);
});

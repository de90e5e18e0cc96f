import { expect, test } from 'vitest';
import { claimAddresses } from '../../infra/sandbox/addresses.ts';
import { startClbSimulator } from '../../infra/sandbox/clb/simulator.ts';
import type { Attributes } from '../../infra/sandbox/cluster/api-server/context.ts';
import { startCluster } from '../../infra/sandbox/cluster/cluster.ts';
import {
  deployments,
  type KubernetesObject,
  type Resource,
  services,
} from '../../infra/sandbox/cluster/objects.ts';
import { isStatus } from '../../infra/sandbox/cluster/transport.ts';
import type { Sandbox } from '../../infra/sandbox/sandbox.ts';
import { deployGuide, guide } from '../../infra/sandbox/scenario/rolling-update.ts';
import { Run } from '../../infra/sandbox/scenario/run.ts';
import { startSystem } from '../../infra/sandbox/system/system.ts';
import { settingDocs } from '../../shared/process/config.ts';
import { redisExpected } from '../support/redis.ts';
import { type Right, rights, textOf } from '../support/rights.ts';
import { until } from './sandbox-programs.ts';

const covers = (right: Right, asked: Attributes): boolean =>
  right.user === asked.user.name &&
  (right.namespace === undefined || right.namespace === asked.namespace) &&
  right.group === asked.group &&
  right.resource === (asked.subresource === '' ? asked.resource : `${asked.resource}/${asked.subresource}`) &&
  (right.names.length === 0 || right.names.includes(asked.name)) &&
  right.verb === asked.verb;

const defaultOf = (setting: string): string | undefined =>
  settingDocs.find(({ name }) => name === setting)?.default;

test('infra/deploy/rbac.yaml names what the settings name by default', () => {
  const named = (account: string, resource: string): readonly string[] | undefined =>
    rights.find(
      ({ user, resource: of, names }) => user.endsWith(account) && of === resource && names.length > 0,
    )?.names;
  const forwarder = `${defaultOf('CLB_DIRECT_NAMESPACE')}:clb-direct-forwarder`;
  expect(named(forwarder, 'leases')).toEqual([defaultOf('CLB_DIRECT_LEASE_NAME')]);
  expect(named(forwarder, 'secrets')).toEqual([defaultOf('CLB_DIRECT_WEBHOOK_SECRET')]);
  expect(named(forwarder, 'serviceaccounts/token')).toEqual([defaultOf('CLB_DIRECT_SERVICE_ACCOUNT')]);
  expect(new Set(rights.map(({ user }) => user))).toEqual(
    new Set([
      `system:serviceaccount:${forwarder}`,
      `system:serviceaccount:${defaultOf('CLB_DIRECT_NAMESPACE')}:${defaultOf('CLB_DIRECT_SERVICE_ACCOUNT')}`,
    ]),
  );
});

interface Ingress extends KubernetesObject {
  readonly spec: unknown;
  readonly status?: { readonly loadBalancer?: { readonly ingress?: unknown } };
}

const ingresses: Resource<Ingress> = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'ingresses',
  kind: 'Ingress',
  namespaced: true,
};

/** Not come to in a run of a minute. */
const rare = new Set([
  // When the authority of the webhook is renewed, after years.
  'clb-direct-forwarder update secrets clb-direct-webhook-ca',
  // Where the administrator has not made the configuration.
  'clb-direct-forwarder create mutatingwebhookconfigurations',
]);

test.runIf(redisExpected)(
  'all of it works with the rights of infra/deploy/rbac.yaml, and uses each of them',
  async () => {
    const used = new Set<string>();
    const refused: string[] = [];
    const authorize = (asked: Attributes): boolean => {
      if (asked.user.groups.includes('system:masters')) return true;
      const right = rights.find((candidate) => covers(candidate, asked));
      if (right !== undefined) used.add(textOf(right));
      else {
        const { user, verb, resource, subresource, namespace, name, path } = asked;
        refused.push(`${user.name} ${verb} ${resource}/${subresource} ${namespace}/${name}${path}`);
      }
      return right !== undefined;
    };

    const ends: (() => unknown)[] = [];
    const run = new Run();
    try {
      const addresses = await claimAddresses();
      ends.push(addresses.release);
      const clb = await startClbSimulator({ listen: { host: '127.0.0.1', port: 0 }, addresses, speed: 10 });
      ends.push(clb.close);
      const cluster = await startCluster({ addresses, kubeProxy: true, api: { authorize } });
      ends.push(cluster.close);
      for (const { instanceId, ip } of cluster.nodes) clb.instances.set(instanceId, ip);
      const system = await startSystem({
        platform: 'scf',
        addresses,
        clb,
        cluster,
        gate: true,
        onLine: (line, from) => run.history.add({ type: 'log', from, line }),
      });
      ends.push(system.close);
      const sandbox: Sandbox = {
        addresses,
        clb,
        cluster,
        system,
        kubeconfigFile: '',
        gate: true,
        speed: 10,
        close: async () => undefined,
      };

      ends.push(await deployGuide(sandbox, run));
      // One more Pod: it has a gate, which the functions open.
      await cluster.client.patch(deployments, guide.namespace, guide.deployment, 'merge', {
        spec: { replicas: 4 },
      });
      await run.until('the gate of the new Pod is open', 60_000, ({ pods }) =>
        pods.some(({ pod }) => pod.gate === 'open' && pod.ready),
      );

      // An Ingress is taken by its finalizer, and both are let go of when they are deleted.
      const backend = { service: { name: guide.service, port: { number: 80 } } };
      await cluster.client.create(ingresses, guide.namespace, {
        metadata: {
          name: 'rights',
          annotations: {
            'kubernetes.io/ingress.class': 'qcloud',
            'ingress.cloud.tencent.com/direct-access': 'true',
          },
        },
        spec: { rules: [{ http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
      });
      const isServed = async (): Promise<boolean> => {
        const { metadata, status } = await cluster.client.get(ingresses, guide.namespace, 'rights');
        return (metadata.finalizers ?? []).length > 0 && status?.loadBalancer?.ingress !== undefined;
      };
      await until(isServed, 'the Ingress is taken and has its address', 60_000);
      const deleted = async <T extends KubernetesObject>(of: Resource<T>, name: string): Promise<void> => {
        await cluster.client.delete(of, guide.namespace, name);
        const isGone = (): Promise<boolean> =>
          cluster.client.get(of, guide.namespace, name).then(
            () => false,
            (error: unknown) => isStatus(error, 404),
          );
        await until(isGone, `${of.kind} ${name} is gone`, 60_000);
      };
      await deleted(ingresses, 'rights');
      await deleted(services, guide.service);
    } finally {
      for (const end of ends.reverse()) await end();
    }
    expect([...new Set(refused)]).toEqual([]);
    expect(rights.map(textOf).filter((right) => !used.has(right) && !rare.has(right))).toEqual([]);
  },
  240_000,
);

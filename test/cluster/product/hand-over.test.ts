import { expect } from 'vitest';
import { createClient } from '../../../infra/sandbox/cluster/client.ts';
import type { ControlPlaneCluster } from '../../../infra/sandbox/cluster/cluster.ts';
import {
  type KubernetesObject,
  leases,
  pods,
  serviceAccounts,
} from '../../../infra/sandbox/cluster/objects.ts';
import type { ProgramName } from '../../../infra/sandbox/control-plane/assets.ts';
import { startSandboxOnControlPlane } from '../../../infra/sandbox/sandbox.ts';
import { type ChaosWorld, chaosSuiteIn, type Fault } from '../../chaos/world.ts';
import { until } from '../../integration/sandbox-programs.ts';
import { assetsUnderTest } from '../../support/control-plane.ts';

const hangsMs = 10_000;

/** A program of the control plane stands still for ten seconds, with every connection to it open. */
const hangs = (program: ProgramName, at: Fault['at']): Fault<ControlPlaneCluster> => ({
  at,
  lastsMs: hangsMs,
  begin: ({ sandbox }) => {
    const { controlPlane } = sandbox.cluster;
    controlPlane.signal(program, 'SIGSTOP');
    return () => controlPlane.signal(program, 'SIGCONT');
  },
});

const holderOf = async ({ sandbox }: ChaosWorld): Promise<string | undefined> => {
  const lease: KubernetesObject & { readonly spec?: { readonly holderIdentity?: string } } =
    await sandbox.cluster.client.get(leases, 'clb-direct', 'clb-direct-forwarder');
  return lease.spec?.holderIdentity;
};

/**
 * The forwarder that leads is killed, and killed again each time it comes back under the name that holds the Lease; the
 * fault is over when the other one leads by the Lease of the real API server.
 */
const handedOver = (at: Fault['at']): Fault => ({
  at,
  lastsMs: 0,
  begin: async (world) => {
    const before = await world.sandbox.system.leader();
    expect(await holderOf(world)).toBe(before.name);
    const hasPassed = async (): Promise<boolean> => {
      before.kill('SIGKILL');
      return (await holderOf(world)) !== before.name;
    };
    return async () => {
      await until(hasPassed, 'the Lease passes on', 60_000);
      const other = await holderOf(world);
      await until(async () => (await world.sandbox.system.leader()).name === other, 'the other one leads');
    };
  },
});

/** An API server holds a token for good for ten seconds after it has looked. */
const tokenCacheMs = 10_000;

/**
 * The forwarders' ServiceAccount is made anew: every token of the old one is refused from then on, and the file has one
 * of the new one, as after a rotation.
 */
const tokensRefused: Fault = {
  at: 'containers-ready',
  lastsMs: tokenCacheMs + 2_000,
  begin: async ({ sandbox: { cluster, system } }) => {
    const [namespace, name] = ['clb-direct', 'clb-direct-forwarder'];
    const old = await system.accounts.tokenOf('forwarder');
    await cluster.client.delete(serviceAccounts, namespace, name);
    await cluster.client.create(serviceAccounts, namespace, { metadata: { name, namespace } });
    await system.accounts.renew();
    return async () => {
      const asOld = createClient({ ...cluster.access, token: old });
      try {
        await expect(asOld.list(pods)).rejects.toMatchObject({ status: 401 });
      } finally {
        asOld.close();
      }
      const health = await Promise.all(system.processes.map((process) => process.readyz()));
      expect(health.flat().filter((line) => line === 'leading')).toHaveLength(1);
    };
  },
};

chaosSuiteIn((options) => startSandboxOnControlPlane(assetsUnderTest(), options), 'scf', [
  [
    'the forwarder that leads is killed as Pods come, and the Lease passes on',
    handedOver('containers-ready'),
  ],
  ['the API server hangs for ten seconds as Pods go', hangs('kube-apiserver', 'deleting')],
  ['etcd hangs for ten seconds as Pods come', hangs('etcd', 'containers-ready')],
  ['the tokens of the forwarders are refused, and their file has others', tokensRefused],
]);

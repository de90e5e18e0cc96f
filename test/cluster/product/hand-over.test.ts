import { expect } from 'vitest';
import type { ControlPlaneCluster } from '../../../infra/sandbox/cluster/cluster.ts';
import { type KubernetesObject, leases } from '../../../infra/sandbox/cluster/objects.ts';
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

chaosSuiteIn((options) => startSandboxOnControlPlane(assetsUnderTest(), options), 'scf', [
  [
    'the forwarder that leads is killed as Pods come, and the Lease passes on',
    handedOver('containers-ready'),
  ],
  ['the API server hangs for ten seconds as Pods go', hangs('kube-apiserver', 'deleting')],
  ['etcd hangs for ten seconds as Pods come', hangs('etcd', 'containers-ready')],
]);

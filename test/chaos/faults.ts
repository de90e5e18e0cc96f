import type { FaultEffect } from '../../infra/sandbox/clb/faults.ts';
import type { Fault as ApiFault, FaultMatch } from '../../infra/sandbox/cluster/api-server/faults.ts';
import { type ChaosWorld, type Fault, faultMs } from './world.ts';

/** Our own clients: the stand-ins of Kubernetes' controllers and kubelets have users of their own. */
const ours: FaultMatch = ({ user }) => user !== 'system:kube-controller-manager';

/** The API server answers us with this. */
export const apiServer = (fault: ApiFault, at: Fault['at'] = 'rolling'): Fault => ({
  at,
  lastsMs: faultMs,
  begin: ({ sandbox }) => {
    const { faults } = sandbox.cluster.api;
    const end = faults.add(ours, fault);
    faults.cutWatches(ours);
    return end;
  },
});

/** Every open watch of ours breaks, and cannot be resumed where it was. */
export const watchesForgotten = (at: Fault['at'] = 'rolling'): Fault => ({
  at,
  lastsMs: faultMs,
  begin: ({ sandbox }) => {
    const { faults } = sandbox.cluster.api;
    const resumed: FaultMatch = (request) =>
      ours(request) && request.isWatch && request.query.get('resourceVersion') !== null;
    const end = faults.add(resumed, { kind: 'status', code: 410, reason: 'Expired' });
    faults.cutWatches(ours);
    return end;
  },
});

/** The CLB API does this to every call, or to those of one action. */
export const clb = (effect: FaultEffect, action?: string | string[], at: Fault['at'] = 'rolling'): Fault => ({
  at,
  lastsMs: faultMs,
  begin: ({ sandbox }) => sandbox.clb.faults.inject({ effect, ...(action === undefined ? {} : { action }) }),
});

/** The leading process of this project is killed or stopped. */
export const leader = (signal: 'SIGKILL' | 'SIGSTOP', at: Fault['at']): Fault => ({
  at,
  lastsMs: signal === 'SIGKILL' ? 0 : faultMs,
  begin: async ({ sandbox }: ChaosWorld) => {
    const process = await sandbox.system.leader();
    process.kill(signal);
    return () => (signal === 'SIGSTOP' ? process.kill('SIGCONT') : undefined);
  },
});

import type { Client } from '../client.ts';
import { createEventRecorder } from '../event-recorder.ts';
import { type Controller, type ControllerTimes, usualControllerTimes } from './controller.ts';
import { startDeployments } from './deployment.ts';
import { startDisruption } from './disruption.ts';
import { startEndpointSlices } from './endpoint-slice.ts';
import { startNodeLifecycle } from './node-lifecycle.ts';
import { startReplicaSets } from './replica-set.ts';
import { startScheduler } from './scheduler.ts';
import type { Sources } from './sources.ts';
import { startStatefulSets } from './stateful-set.ts';

const all = {
  deployment: startDeployments,
  replicaset: startReplicaSets,
  statefulset: startStatefulSets,
  disruption: startDisruption,
  endpointslice: startEndpointSlices,
  'node-lifecycle': startNodeLifecycle,
  'default-scheduler': startScheduler,
};

export type ControllerName = keyof typeof all;

export interface ControllersOptions {
  readonly client: Client;
  readonly sources: Sources;
  readonly times?: Partial<ControllerTimes>;
  /** Those to leave out, e.g. because a real controller-manager runs. */
  readonly without?: readonly ControllerName[];
}

/** Starts the stand-ins for kube-controller-manager and kube-scheduler once their caches are filled. */
export const startControllers = async (options: ControllersOptions): Promise<Controller> => {
  const { client, sources } = options;
  const times = { ...usualControllerTimes, ...options.times };
  await Promise.all(
    [
      sources.pods,
      sources.nodes,
      sources.leases,
      sources.services,
      sources.endpointSlices,
      sources.deployments,
      sources.replicaSets,
      sources.statefulSets,
      sources.podDisruptionBudgets,
    ].map((source) => source.synced),
  );
  const running: Controller[] = [];
  for (const [name, start] of Object.entries(all)) {
    if (options.without?.some((left) => left === name)) continue;
    const component = name === 'default-scheduler' ? name : `${name}-controller`;
    running.push(start({ client, sources, times, record: createEventRecorder(client, component) }));
  }
  return {
    close: () => {
      for (const controller of running) controller.close();
    },
  };
};

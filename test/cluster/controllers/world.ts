import { afterEach } from 'vitest';
import type { AttachOptions } from '../../../infra/sandbox/cluster/attach.ts';
import {
  type RunningCluster,
  startCluster,
  startControlPlaneCluster,
} from '../../../infra/sandbox/cluster/cluster.ts';
import { type Fixture, useRunning } from '../../integration/sandbox-cluster-fixture.ts';
import { assetsUnderTest, isControlPlaneUnderTest } from '../../support/control-plane.ts';
import { type History, record } from './history.ts';

export interface WorldOptions extends Pick<AttachOptions, 'nodes' | 'kubeletTimes'> {
  /** How long a node may be silent before it is taken for dead. */
  readonly nodeMonitorGraceMs?: number;
  /** How long our stand-in leaves Pods alone whose node is gone; the real one takes 40 to 60 s. */
  readonly orphanedPodMs?: number;
}

/**
 * The same kubelets and containers around one of two sets of controllers: with `CLUSTER_UNDER_TEST=control-plane`
 * (`npm run test:cluster`) the real controller-manager and scheduler beside a real API server, else our stand-ins. A
 * test of this folder passes in both, so what it says of the stand-ins has a witness.
 */
export const useWorld = (options: WorldOptions = {}): Fixture<RunningCluster> =>
  useRunning<RunningCluster>(async (given) => {
    const { nodeMonitorGraceMs, orphanedPodMs, ...more } = options;
    const attach = {
      ...given,
      ...more,
      // No Pod is ready before the controllers have told of its beginning, however busy the machine is.
      kubeletTimes: { ...given.kubeletTimes, podStartMs: 200, ...options.kubeletTimes },
    };
    if (!isControlPlaneUnderTest) {
      const controllerTimes = {
        ...(nodeMonitorGraceMs === undefined ? {} : { nodeMonitorGraceMs }),
        ...(orphanedPodMs === undefined ? {} : { orphanedPodMs }),
      };
      return startCluster({ ...attach, controllerTimes, api: { rbac: true } });
    }
    return startControlPlaneCluster({
      ...attach,
      assets: assetsUnderTest(),
      ...(nodeMonitorGraceMs === undefined
        ? {}
        : { controllerFlags: { 'node-monitor-grace-period': `${nodeMonitorGraceMs}ms` } }),
    });
  });

/** Makes namespaces whose history is recorded until the test ends. */
export const useHistories = (
  fixture: Fixture<RunningCluster>,
): ((name: string) => Promise<{ namespace: string; history: History }>) => {
  const open: History[] = [];
  afterEach(() => {
    for (const history of open.splice(0)) history.close();
  });
  return async (name) => {
    const namespace = await fixture.namespace(name);
    const history = await record(fixture.cluster.client, namespace);
    open.push(history);
    return { namespace, history };
  };
};

import { beforeAll } from 'vitest';
import type { RunningCluster } from '../../../infra/sandbox/cluster/cluster.ts';
import { registerNode } from '../../../infra/sandbox/cluster/kubelet/node.ts';
import type { Condition, Pod, PodSpec, PodStatus } from '../../../infra/sandbox/cluster/objects.ts';
import { pods } from '../../../infra/sandbox/cluster/objects.ts';
import type { Fixture } from '../../integration/sandbox-cluster-fixture.ts';

/** Pods on nodes that no kubelet stands for: they run, are ready and end as the test says. */
export interface HandPods {
  /** Bound to the first of the nodes, and not started. */
  create(namespace: string, name: string, spec?: Partial<PodSpec>): Promise<Pod>;
  /** It has an address and is ready, or not. */
  running(
    namespace: string,
    name: string,
    ready?: Condition['status'],
    spec?: Partial<PodSpec>,
  ): Promise<Pod>;
  setStatus(pod: Pod, status: PodStatus): Promise<Pod>;
}

export const isReady = (status: Condition['status'], since?: string): PodStatus => ({
  conditions: [{ type: 'Ready', status, ...(since === undefined ? {} : { lastTransitionTime: since }) }],
});

let lastIp = 0;
/** An address that no other Pod by hand has. */
export const newIp = (): string => {
  lastIp += 1;
  return `10.200.1.${lastIp}`;
};

export const runningStatus = (ready: Condition['status'], ip = newIp(), since?: string): PodStatus => ({
  phase: 'Running',
  podIP: ip,
  podIPs: [{ ip }],
  ...isReady(ready, since),
});

/** Registers the nodes before the tests of a file. */
export const useHandPods = (
  fixture: Fixture<RunningCluster>,
  nodes: readonly [string, ...string[]],
): HandPods => {
  beforeAll(async () => {
    for (const [at, name] of nodes.entries())
      await registerNode(fixture.cluster.client, { name, ip: `10.200.0.${at + 1}` });
  });
  const hand: HandPods = {
    create: (namespace, name, spec) =>
      fixture.pod(namespace, name, { nodeName: nodes[0], terminationGracePeriodSeconds: 600, ...spec }),
    running: async (namespace, name, ready = 'True', spec = {}) =>
      hand.setStatus(await hand.create(namespace, name, spec), runningStatus(ready)),
    setStatus: ({ metadata: { namespace = '', name, uid } }, status) =>
      fixture.cluster.client.patch(pods, namespace, name, 'merge', { metadata: { uid }, status }, 'status'),
  };
  return hand;
};

import {
  type Condition,
  conditionOf,
  isPodTerminal,
  type Node,
  nodes,
  type Pod,
  type PodStatus,
  pods,
  timestamp,
} from '../objects.ts';
import { isStatus } from '../transport.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { byNode } from './sources.ts';

const checkMs = 1000;
const unreachable = 'node.kubernetes.io/unreachable';
const notReady = 'node.kubernetes.io/not-ready';
const nodeConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/**
 * Watches the nodes' Leases. A node that stops renewing becomes Unknown and tainted, and its Pods' Ready turns False
 * while nothing else of them changes; Pods that do not tolerate it are deleted in time; Pods of a node that is gone are
 * removed by force.
 */
export const startNodeLifecycle = ({ client, sources, record, times }: ControllerContext): Controller => {
  /** When a Lease was last seen to change: clocks are never compared. */
  const renewals = new Map<string, { value: string; atMs: number }>();
  const missingSince = new Map<string, number>();

  const ignoreGone = (error: unknown): void => {
    if (!isStatus(error, 404) && !isStatus(error, 409)) throw error;
  };

  const isAlive = (node: Node): boolean => {
    const { name } = node.metadata;
    const value = sources.leases.get('kube-node-lease', name)?.spec?.renewTime ?? '';
    const known = renewals.get(name);
    if (known === undefined || known.value !== value) {
      renewals.set(name, { value, atMs: Date.now() });
      return true;
    }
    return Date.now() - known.atMs <= times.nodeMonitorGraceMs;
  };

  const setTaints = async (node: Node, dead: boolean): Promise<void> => {
    const others = (node.spec?.taints ?? []).filter(({ key }) => key !== unreachable && key !== notReady);
    const timeAdded = timestamp();
    const ours = dead
      ? [
          { key: unreachable, effect: 'NoSchedule', timeAdded },
          { key: unreachable, effect: 'NoExecute', timeAdded },
        ]
      : [];
    const taints = [...others, ...ours];
    const body = { spec: { taints: taints.length === 0 ? null : taints } };
    sources.nodes.learn(await client.patch(nodes, '', node.metadata.name, 'merge', body));
  };

  const markDead = async (node: Node): Promise<void> => {
    const now = timestamp();
    const conditions: Condition[] = nodeConditions.map((type) => ({
      type,
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
      lastTransitionTime: now,
    }));
    await client.patch(nodes, '', node.metadata.name, 'strategic', { status: { conditions } }, 'status');
    await setTaints(node, true);
    record(nodes, node, 'Normal', 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`);
    for (const pod of sources.pods.by(byNode, node.metadata.name))
      await markPodNotReady(pod).catch(ignoreGone);
  };

  const markPodNotReady = async (pod: Pod): Promise<void> => {
    const ready = conditionOf(pod.status?.conditions, 'Ready');
    if (ready?.status !== 'True') return;
    const { namespace = 'default', name, uid } = pod.metadata;
    const condition = { ...ready, status: 'False', lastTransitionTime: timestamp() };
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    sources.pods.learn(await client.patch(pods, namespace, name, 'strategic', body, 'status'));
  };

  /** Says of a Pod why it is about to be deleted. */
  const disrupt = async (
    pod: Pod,
    why: Pick<Condition, 'reason' | 'message'>,
    status: PodStatus = {},
  ): Promise<void> => {
    const { namespace = 'default', name, uid } = pod.metadata;
    const condition = { type: 'DisruptionTarget', status: 'True', lastTransitionTime: timestamp(), ...why };
    const body = { metadata: { uid }, status: { ...status, conditions: [condition] } };
    sources.pods.learn(await client.patch(pods, namespace, name, 'strategic', body, 'status'));
  };

  /** Pods leave a node whose NoExecute taint they tolerate no longer; without a toleration, at once. */
  const evict = async (node: Node): Promise<void> => {
    for (const taint of node.spec?.taints ?? []) {
      if (taint.effect !== 'NoExecute') continue;
      const sinceMs = Date.parse(taint.timeAdded ?? '') || Date.now();
      for (const pod of sources.pods.by(byNode, node.metadata.name)) {
        if (pod.metadata.deletionTimestamp !== undefined) continue;
        const toleration = (pod.spec.tolerations ?? []).find(
          ({ key, effect }) => (!key || key === taint.key) && (!effect || effect === taint.effect),
        );
        if (toleration !== undefined && toleration.tolerationSeconds === undefined) continue;
        if (Date.now() - sinceMs < (toleration?.tolerationSeconds ?? 0) * 1000) continue;
        const message = 'Taint manager: deleting due to NoExecute taint';
        await disrupt(pod, { reason: 'DeletionByTaintManager', message }).catch(ignoreGone);
        const { namespace = 'default', name, uid } = pod.metadata;
        await client.delete(pods, namespace, name, { preconditions: { uid } }).catch(ignoreGone);
      }
    }
  };

  const collectOrphans = async (): Promise<void> => {
    const there = new Set(sources.nodes.list().map((node) => node.metadata.name));
    for (const pod of sources.pods.list()) {
      const { nodeName } = pod.spec;
      if (!nodeName || there.has(nodeName)) continue;
      const sinceMs = missingSince.get(nodeName) ?? Date.now();
      missingSince.set(nodeName, sinceMs);
      if (Date.now() - sinceMs < times.orphanedPodMs) continue;
      const { namespace = 'default', name, uid } = pod.metadata;
      const target = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' };
      await disrupt(pod, target, isPodTerminal(pod) ? {} : { phase: 'Failed' }).catch(ignoreGone);
      const options = { gracePeriodSeconds: 0, preconditions: { uid } };
      await client.delete(pods, namespace, name, options).catch(ignoreGone);
    }
    for (const name of there) missingSince.delete(name);
  };

  const check = async (): Promise<void> => {
    for (const node of sources.nodes.list()) {
      const alive = isAlive(node);
      const ready = conditionOf(node.status?.conditions, 'Ready')?.status;
      if (!alive && ready !== 'Unknown') await markDead(node);
      if (
        alive &&
        ready === 'True' &&
        node.spec?.taints?.some(({ key }) => key === unreachable || key === notReady)
      ) {
        await setTaints(node, false);
      }
      await evict(node);
    }
    await collectOrphans();
  };

  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    check()
      .catch(() => undefined)
      .finally(() => {
        busy = false;
      });
  }, checkMs);
  return { close: () => clearInterval(timer) };
};

import {
  conditionOf,
  isPodTerminal,
  type Node,
  type Pod,
  pods,
  type Toleration,
  timestamp,
} from '../objects.ts';
import { isStatus } from '../transport.ts';
import { createWorkQueue } from '../work-queue.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { keyOf, partsOf } from './keys.ts';
import { byNode } from './sources.ts';

const eniIp = 'tke.cloud.tencent.com/eni-ip';

/** How much of a countable resource a Pod asks for. */
export const requestOf = (pod: Pod, resource: string): number =>
  pod.spec.containers.reduce((total, { resources }) => {
    const asked = resources?.requests?.[resource] ?? resources?.limits?.[resource] ?? 0;
    return total + (Number(asked) || 0);
  }, 0);

const tolerates = (tolerations: readonly Toleration[], key: string, value: string, effect: string): boolean =>
  tolerations.some(
    (one) =>
      (one.effect === undefined || one.effect === '' || one.effect === effect) &&
      (one.key === undefined || one.key === '' || one.key === key) &&
      (one.operator === 'Exists' || (one.key === key && (one.value ?? '') === value)),
  );

/** Why a Pod cannot run on a node, in the scheduler's words; undefined when it can. */
export const unfit = (pod: Pod, node: Node, there: readonly Pod[]): string | undefined => {
  if (node.spec?.unschedulable === true) return 'node(s) were unschedulable';
  if (conditionOf(node.status?.conditions, 'Ready')?.status !== 'True') return 'node(s) were not ready';
  for (const { key, value = '', effect } of node.spec?.taints ?? []) {
    if (effect === 'PreferNoSchedule') continue;
    if (!tolerates(pod.spec.tolerations ?? [], key, value, effect))
      return `node(s) had untolerated taint {${key}: ${value}}`;
  }
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
    if (node.metadata.labels?.[key] !== value) return "node(s) didn't match Pod's node affinity/selector";
  }
  const offered = node.status?.allocatable ?? node.status?.capacity ?? {};
  if (there.length + 1 > Number(offered['pods'] ?? 110)) return 'Too many pods';
  const asked = requestOf(pod, eniIp);
  const used = there.reduce((total, other) => total + requestOf(other, eniIp), 0);
  if (asked > 0 && used + asked > Number(offered[eniIp] ?? 0)) return `Insufficient ${eniIp}`;
  return undefined;
};

const unschedulable = (reasons: readonly string[]): string => {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const each = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${reasons.length} nodes are available: ${each.join(', ')}.`;
};

/** Binds each Pod to the fitting node that has the fewest; asks again when a node or a place becomes free. */
export const startScheduler = ({ client, sources, record }: ControllerContext): Controller => {
  const waits = (pod: Pod): boolean =>
    !pod.spec.nodeName &&
    (pod.spec.schedulerName ?? 'default-scheduler') === 'default-scheduler' &&
    (pod.spec.schedulingGates ?? []).length === 0 &&
    pod.metadata.deletionTimestamp === undefined &&
    !isPodTerminal(pod);

  const refuse = async (pod: Pod, message: string): Promise<void> => {
    const before = conditionOf(pod.status?.conditions, 'PodScheduled');
    if (before?.status === 'False' && before.message === message) return;
    const { namespace = 'default', name, uid } = pod.metadata;
    record(pods, pod, 'Warning', 'FailedScheduling', message);
    const lastTransitionTime =
      before?.status === 'False' ? (before.lastTransitionTime ?? timestamp()) : timestamp();
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime,
    };
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    sources.pods.learn(await client.patch(pods, namespace, name, 'strategic', body, 'status'));
  };

  /** Bound by us, but not seen in the cache yet. */
  const assumed = new Map<string, { pod: Pod; node: string }>();

  const schedule = async (key: string): Promise<void> => {
    const pod = sources.pods.get(...partsOf(key));
    if (pod === undefined || !waits(pod) || assumed.has(pod.metadata.uid)) return;
    const on = (node: Node): Pod[] => [
      ...sources.pods.by(byNode, node.metadata.name).filter((other) => !isPodTerminal(other)),
      ...[...assumed.values()].filter((other) => other.node === node.metadata.name).map((other) => other.pod),
    ];
    const reasons: string[] = [];
    const fitting: { node: string; count: number }[] = [];
    for (const node of sources.nodes.list()) {
      const there = on(node);
      const reason = unfit(pod, node, there);
      if (reason === undefined) fitting.push({ node: node.metadata.name, count: there.length });
      else reasons.push(reason);
    }
    const best = fitting.sort((a, b) => a.count - b.count || (a.node < b.node ? -1 : 1))[0];
    if (best === undefined) {
      await refuse(pod, unschedulable(reasons));
      return;
    }
    const { namespace = 'default', name, uid } = pod.metadata;
    assumed.set(uid, { pod, node: best.node });
    try {
      await client.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: best.node },
      });
      record(pods, pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${best.node}`);
    } catch (error) {
      assumed.delete(uid);
      throw error;
    }
  };

  const queue = createWorkQueue({
    // One at a time: each decision counts on the one before.
    concurrency: 1,
    work: (key) =>
      schedule(key).catch((error: unknown) => {
        if (!isStatus(error, 404) && !isStatus(error, 409)) throw error;
      }),
  });
  const again = (): void => {
    for (const pod of sources.pods.by(byNode, '')) if (waits(pod)) queue.add(keyOf(pod));
  };
  sources.pods.onChange(({ type, object }) => {
    if (type === 'deleted' || object.spec.nodeName) assumed.delete(object.metadata.uid);
    if (type !== 'deleted' && waits(object)) queue.add(keyOf(object));
    else if (type === 'deleted' || isPodTerminal(object)) again();
  });
  sources.nodes.onChange(again);
  again();
  return queue;
};

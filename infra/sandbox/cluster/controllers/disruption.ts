import {
  controllerOf,
  type IntOrString,
  isPodReady,
  isPodTerminal,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  selects,
  timestamp,
} from '../objects.ts';
import { isStatus } from '../transport.ts';
import { createWorkQueue } from '../work-queue.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { keyOf, partsOf } from './keys.ts';
import { statusPatch } from './status-patch.ts';

type Status = NonNullable<PodDisruptionBudget['status']>;

const evictionExpiresMs = 120_000;
const always = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

const scaled = (value: IntOrString, of: number): number => {
  if (typeof value === 'number') return value;
  return Math.ceil((Number.parseInt(value, 10) * of) / 100) || 0;
};

/**
 * What a budget allows, as upstream's disruption controller counts.
 *
 * @param scales the wanted sizes of the controllers behind the Pods, each counted once
 */
export const budgetStatus = (
  budget: PodDisruptionBudget,
  selected: readonly Pod[],
  scales: readonly number[],
  nowMs: number,
): Status => {
  const { minAvailable, maxUnavailable } = budget.spec;
  const scale = scales.reduce((total, size) => total + size, 0);
  const byScale = maxUnavailable !== undefined || typeof minAvailable === 'string';
  const expectedPods = byScale ? scale : selected.length;
  const desiredHealthy =
    maxUnavailable === undefined
      ? scaled(minAvailable ?? 0, expectedPods)
      : Math.max(0, expectedPods - scaled(maxUnavailable, expectedPods));
  const disruptedPods = Object.fromEntries(
    Object.entries(budget.status?.disruptedPods ?? {}).filter(
      ([name, since]) =>
        nowMs - Date.parse(since) < evictionExpiresMs &&
        selected.some((pod) => pod.metadata.name === name && pod.metadata.deletionTimestamp === undefined),
    ),
  );
  const currentHealthy = selected.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      disruptedPods[pod.metadata.name] === undefined &&
      isPodReady(pod),
  ).length;
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  return {
    observedGeneration: budget.metadata.generation ?? 0,
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptedPods,
  };
};

/** Keeps the status of PodDisruptionBudgets, on which the eviction of Pods depends. */
export const startDisruption = ({ client, sources }: ControllerContext): Controller => {
  const scalesOf = (selected: readonly Pod[]): number[] => {
    const sizes = new Map<string, number>();
    for (const pod of selected) {
      const namespace = pod.metadata.namespace ?? '';
      const owner = controllerOf(pod);
      if (owner === undefined) continue;
      const set =
        owner.kind === 'StatefulSet'
          ? sources.statefulSets.get(namespace, owner.name)
          : sources.replicaSets.get(namespace, owner.name);
      const above = set === undefined ? undefined : controllerOf(set);
      const top = above === undefined ? set : (sources.deployments.get(namespace, above.name) ?? set);
      if (top !== undefined) sizes.set(top.metadata.uid, top.spec.replicas ?? 1);
    }
    return [...sizes.values()];
  };

  const reconcile = async (key: string): Promise<void> => {
    const budget = sources.podDisruptionBudgets.get(...partsOf(key));
    if (budget === undefined || budget.metadata.deletionTimestamp !== undefined) return;
    const { namespace = 'default', name, uid } = budget.metadata;
    const selected = sources.pods
      .list(namespace)
      .filter((pod) => !isPodTerminal(pod) && selects(budget.spec.selector, pod.metadata.labels));
    const counts = budgetStatus(budget, selected, scalesOf(selected), Date.now());
    const patch = statusPatch(budget.status, counts, always);
    if (budget.status !== undefined && patch === undefined) return;
    const allowed = (counts.disruptionsAllowed ?? 0) > 0;
    const before = budget.status?.conditions?.find(({ type }) => type === 'DisruptionAllowed');
    const status = allowed ? 'True' : 'False';
    const condition = {
      type: 'DisruptionAllowed',
      status,
      reason: allowed ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: budget.metadata.generation ?? 0,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : timestamp(),
    };
    const body = {
      metadata: { uid, resourceVersion: budget.metadata.resourceVersion },
      // A merge patch removes a member only where it says null.
      status: {
        ...patch,
        disruptedPods: removals(budget.status?.disruptedPods, counts),
        conditions: [condition],
      },
    };
    const written = await client.patch(podDisruptionBudgets, namespace, name, 'merge', body, 'status');
    sources.podDisruptionBudgets.learn(written);
    if (Object.keys(counts.disruptedPods ?? {}).length > 0) queue.add(key, evictionExpiresMs + 1000);
  };

  const queue = createWorkQueue({
    work: (key) =>
      reconcile(key).catch((error: unknown) => {
        if (!isStatus(error, 404)) throw error;
      }),
  });
  sources.podDisruptionBudgets.onChange(({ object }) => queue.add(keyOf(object)));
  const ofNamespace = (namespace: string | undefined): void => {
    for (const budget of sources.podDisruptionBudgets.list(namespace)) queue.add(keyOf(budget));
  };
  sources.pods.onChange(({ object }) => ofNamespace(object.metadata.namespace));
  sources.deployments.onChange(({ object }) => ofNamespace(object.metadata.namespace));
  for (const budget of sources.podDisruptionBudgets.list()) queue.add(keyOf(budget));
  return queue;
};

const removals = (before: Status['disruptedPods'], counts: Status): object | null =>
  Object.keys(counts.disruptedPods ?? {}).length === 0
    ? null
    : {
        ...Object.fromEntries(Object.keys(before ?? {}).map((name) => [name, null])),
        ...counts.disruptedPods,
      };

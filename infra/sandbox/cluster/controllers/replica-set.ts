import type { Condition, Pod, ReplicaSet } from '../objects.ts';
import {
  conditionOf,
  controllerOf,
  isPodActive,
  isPodReady,
  isPodTerminal,
  pods,
  replicaSets,
  selects,
  timestamp,
} from '../objects.ts';
import { isStatus } from '../transport.ts';
import { createWorkQueue } from '../work-queue.ts';
import { claim } from './claim.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { keyOf, nameSuffix, ownerReference, partsOf } from './keys.ts';
import { availableInMs, inDeletionOrder } from './pod-ranking.ts';
import { byController } from './sources.ts';
import { statusPatch } from './status-patch.ts';

const burst = 500;

/** What the status of a ReplicaSet says about these Pods. */
export const replicaSetStatus = (
  set: ReplicaSet,
  all: readonly Pod[],
  nowMs: number,
): NonNullable<ReplicaSet['status']> => {
  const active = all.filter(isPodActive);
  const templateLabels = { matchLabels: set.spec.template.metadata?.labels ?? {} };
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => selects(templateLabels, pod.metadata.labels)).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs) === 0)
      .length,
    terminatingReplicas: all.filter(
      (pod) => pod.metadata.deletionTimestamp !== undefined && !isPodTerminal(pod),
    ).length,
    observedGeneration: set.metadata.generation ?? 0,
  };
};

/** Makes Pods from templates, and deletes the ones that a ReplicaSet can best do without. */
export const startReplicaSets = ({ client, sources, record }: ControllerContext): Controller => {
  const createPod = async (set: ReplicaSet): Promise<void> => {
    const { namespace = 'default', name } = set.metadata;
    const { labels, annotations } = set.spec.template.metadata ?? {};
    const pod = await client.create(pods, namespace, {
      metadata: {
        name: `${name}-${nameSuffix()}`,
        generateName: `${name}-`,
        namespace,
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        ownerReferences: [ownerReference(replicaSets, set)],
      },
      spec: set.spec.template.spec,
    });
    sources.pods.learn(pod);
    record(replicaSets, set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
  };

  const deletePod = async (set: ReplicaSet, pod: Pod): Promise<void> => {
    const { namespace = 'default', name, uid } = pod.metadata;
    try {
      const left = await client.delete(pods, namespace, name, { preconditions: { uid } });
      // What had not started anywhere is gone at once; else its grace period has begun.
      if (left.metadata?.uid === uid && left.metadata.deletionTimestamp !== undefined)
        sources.pods.learn(left);
      else sources.pods.forget(pod);
    } catch (error) {
      if (!isStatus(error, 404) && !isStatus(error, 409)) throw error;
      return;
    }
    record(replicaSets, set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  };

  /** The active Pods of all ReplicaSets of the same owner; one without an owner has none, as upstream. */
  const relatedPods = (set: ReplicaSet): Pod[] => {
    const owner = controllerOf(set);
    if (owner === undefined) return [];
    return sources.replicaSets
      .by(byController, owner.uid)
      .flatMap(({ metadata }) => sources.pods.by(byController, metadata.uid))
      .filter(isPodActive);
  };

  /** 1, 2, 4, … Pods at once, so that what fails for all fails only a few times. */
  const createPods = async (set: ReplicaSet, count: number): Promise<void> => {
    let left = Math.min(count, burst);
    for (let size = 1; left > 0; size *= 2) {
      const now = Math.min(size, left);
      await Promise.all(Array.from({ length: now }, () => createPod(set)));
      left -= now;
    }
  };

  const failureCondition = (set: ReplicaSet, failure: unknown): Condition[] => {
    if (failure === undefined) return [];
    const before = conditionOf(set.status?.conditions, 'ReplicaFailure');
    const message = failure instanceof Error ? failure.message : String(failure);
    const since = before?.lastTransitionTime ?? timestamp();
    return [
      { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message, lastTransitionTime: since },
    ];
  };

  const writeStatus = async (set: ReplicaSet, all: readonly Pod[], failure: unknown): Promise<void> => {
    const status = { ...replicaSetStatus(set, all, Date.now()), conditions: failureCondition(set, failure) };
    const patch = statusPatch(set.status, status, ['replicas', 'terminatingReplicas']);
    if (patch === undefined) return;
    const { namespace = 'default', name, uid } = set.metadata;
    const body = { metadata: { uid }, status: patch };
    const written = await client.patch(replicaSets, namespace, name, 'merge', body, 'status');
    sources.replicaSets.learn(written);
  };

  const reconcile = async (key: string): Promise<void> => {
    const set = sources.replicaSets.get(...partsOf(key));
    if (set === undefined) return;
    const all = await claim(client, replicaSets, set, pods, sources.pods);
    const active = all.filter(isPodActive);
    let failure: unknown;
    if (set.metadata.deletionTimestamp === undefined) {
      const missing = (set.spec.replicas ?? 1) - active.length;
      if (missing > 0) {
        try {
          await createPods(set, missing);
        } catch (error) {
          failure = error;
          const message = error instanceof Error ? error.message : String(error);
          record(replicaSets, set, 'Warning', 'FailedCreate', `Error creating: ${message}`);
        }
      } else if (missing < 0) {
        const leaving = inDeletionOrder(active, relatedPods(set), Date.now()).slice(0, -missing);
        await Promise.all(leaving.map((pod) => deletePod(set, pod)));
      }
    }
    // It tells of the Pods that this pass began with; what it made or deleted brings it back.
    const current = sources.replicaSets.get(...partsOf(key)) ?? set;
    await writeStatus({ ...current, metadata: set.metadata }, all, failure).catch((error: unknown) => {
      if (!isStatus(error, 404)) throw error;
    });
    const waits = active
      .map((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, Date.now()) ?? 0)
      .filter((ms) => ms > 0);
    if (waits.length > 0) queue.add(key, Math.min(...waits) + 50);
    if (failure !== undefined) throw failure;
  };

  const queue = createWorkQueue({ work: reconcile });

  const ofPod = (pod: Pod | undefined): void => {
    if (pod === undefined) return;
    const owner = controllerOf(pod);
    if (owner?.kind === 'ReplicaSet') queue.add(`${pod.metadata.namespace ?? ''}/${owner.name}`);
    if (owner !== undefined) return;
    for (const set of sources.replicaSets.list(pod.metadata.namespace)) {
      if (selects(set.spec.selector, pod.metadata.labels)) queue.add(keyOf(set));
    }
  };
  sources.replicaSets.onChange(({ object }) => queue.add(keyOf(object)));
  sources.pods.onChange(({ object, previous }) => {
    ofPod(object);
    ofPod(previous);
  });
  for (const set of sources.replicaSets.list()) queue.add(keyOf(set));
  return queue;
};

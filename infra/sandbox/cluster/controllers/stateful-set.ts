import {
  controllerOf,
  isPodReady,
  isPodTerminal,
  type Pod,
  pods,
  type StatefulSet,
  statefulSets,
} from '../objects.ts';
import { isStatus } from '../transport.ts';
import { createWorkQueue } from '../work-queue.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { canonicalJson, keyOf, ownerReference, partsOf, shortHash } from './keys.ts';
import { availableInMs } from './pod-ranking.ts';
import { byController } from './sources.ts';
import { statusPatch } from './status-patch.ts';

const revisionLabel = 'controller-revision-hash';
const nameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';

/** The number at the end of a Pod's name; -1 when it has none. */
export const ordinalOf = (set: StatefulSet, pod: Pod): number => {
  const rest = pod.metadata.name.slice(set.metadata.name.length + 1);
  return pod.metadata.name.startsWith(`${set.metadata.name}-`) && /^\d+$/.test(rest) ? Number(rest) : -1;
};

export const revisionOf = (set: StatefulSet): string =>
  `${set.metadata.name}-${shortHash(JSON.parse(canonicalJson(set.spec.template)))}`;

const podRevision = (pod: Pod): string => pod.metadata.labels?.[revisionLabel] ?? '';

/** What is to be done next with the Pods of a StatefulSet. */
export interface StatefulStep {
  readonly create: readonly number[];
  readonly remove: readonly Pod[];
}

/**
 * One step of upstream's control loop. In order (OrderedReady): a Pod is made only when all before it are ready, the
 * last is removed only when the others are ready, and an update replaces one after the other from the last down to the
 * partition. In parallel: sizes change at once, updates as above.
 */
export const nextStep = (set: StatefulSet, all: readonly Pod[], nowMs: number): StatefulStep => {
  const wanted = set.spec.replicas ?? 1;
  const ordered = set.spec.podManagementPolicy !== 'Parallel';
  const healthy = (pod: Pod): boolean =>
    pod.metadata.deletionTimestamp === undefined &&
    isPodReady(pod) &&
    availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs) === 0;
  const byOrdinal = new Map(all.map((pod) => [ordinalOf(set, pod), pod]));
  const create: number[] = [];
  const remove: Pod[] = [];
  for (let ordinal = 0; ordinal < wanted; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) create.push(ordinal);
    else if (isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined) remove.push(pod);
    if (ordered && (pod === undefined || !healthy(pod))) {
      if (
        create.length > 0 ||
        remove.length > 0 ||
        pod === undefined ||
        podRevision(pod) === revisionOf(set)
      ) {
        return { create, remove };
      }
      break;
    }
  }
  const surplus = all
    .filter((pod) => ordinalOf(set, pod) >= wanted)
    .sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
  for (const pod of surplus) {
    if (pod.metadata.deletionTimestamp === undefined) remove.push(pod);
    if (ordered) return { create, remove };
  }
  if (create.length > 0 || remove.length > 0 || set.spec.updateStrategy?.type === 'OnDelete')
    return { create, remove };
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let ordinal = wanted - 1; ordinal >= partition; ordinal -= 1) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) break;
    if (podRevision(pod) !== revisionOf(set)) return { create, remove: [pod] };
    if (!healthy(pod)) break;
  }
  return { create, remove };
};

/**
 * What the status of a StatefulSet says about these Pods; those that are `leaving` count as terminating already.
 */
export const statefulSetStatus = (
  set: StatefulSet,
  all: readonly Pod[],
  leaving: readonly Pod[],
  nowMs: number,
): NonNullable<StatefulSet['status']> => {
  const updateRevision = revisionOf(set);
  const ready = all.filter(isPodReady);
  const staying = all.filter(
    (pod) => pod.metadata.deletionTimestamp === undefined && !leaving.some((other) => other === pod),
  );
  const updated = staying.filter((pod) => podRevision(pod) === updateRevision);
  const isDone =
    updated.length === all.length && ready.length === all.length && all.length === (set.spec.replicas ?? 1);
  const currentRevision = isDone ? updateRevision : (set.status?.currentRevision ?? updateRevision);
  return {
    observedGeneration: set.metadata.generation ?? 0,
    replicas: all.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, nowMs) === 0)
      .length,
    currentReplicas: staying.filter((pod) => podRevision(pod) === currentRevision).length,
    updatedReplicas: updated.length,
    currentRevision,
    updateRevision,
    collisionCount: 0,
  };
};

/** Runs StatefulSets: stable names, ordered start, ordered replacement. Volumes are not made. */
export const startStatefulSets = ({ client, sources, record }: ControllerContext): Controller => {
  const createPod = async (set: StatefulSet, ordinal: number): Promise<void> => {
    const { namespace = 'default' } = set.metadata;
    const name = `${set.metadata.name}-${ordinal}`;
    const { labels, annotations } = set.spec.template.metadata ?? {};
    const own = { [revisionLabel]: revisionOf(set), [nameLabel]: name, [indexLabel]: String(ordinal) };
    const { serviceName } = set.spec;
    const pod = await client.create(pods, namespace, {
      metadata: {
        name,
        generateName: `${set.metadata.name}-`,
        namespace,
        labels: { ...labels, ...own },
        ...(annotations === undefined ? {} : { annotations }),
        ownerReferences: [ownerReference(statefulSets, set)],
      },
      spec: {
        ...set.spec.template.spec,
        hostname: name,
        ...(serviceName === undefined || serviceName === '' ? {} : { subdomain: serviceName }),
      },
    });
    sources.pods.learn(pod);
    record(
      statefulSets,
      set,
      'Normal',
      'SuccessfulCreate',
      `Create Pod ${name} in StatefulSet ${set.metadata.name} successful`,
    );
  };

  const removePod = async (set: StatefulSet, pod: Pod): Promise<void> => {
    const { namespace = 'default', name, uid } = pod.metadata;
    try {
      const left = await client.delete(pods, namespace, name, { preconditions: { uid } });
      // What had not started anywhere is gone at once; else its grace period has begun.
      if (left.metadata?.uid === uid && left.metadata.deletionTimestamp !== undefined)
        sources.pods.learn(left);
      else sources.pods.forget(pod);
    } catch (error) {
      if (!isStatus(error, 404) && !isStatus(error, 409)) throw error;
    }
    record(
      statefulSets,
      set,
      'Normal',
      'SuccessfulDelete',
      `Delete Pod ${name} in StatefulSet ${set.metadata.name} successful`,
    );
  };

  const writeStatus = async (
    set: StatefulSet,
    all: readonly Pod[],
    leaving: readonly Pod[],
  ): Promise<void> => {
    const patch = statusPatch(set.status, statefulSetStatus(set, all, leaving, Date.now()), [
      'replicas',
      'availableReplicas',
      'collisionCount',
    ]);
    if (patch === undefined) return;
    const { namespace = 'default', name, uid } = set.metadata;
    const body = { metadata: { uid }, status: patch };
    sources.statefulSets.learn(await client.patch(statefulSets, namespace, name, 'merge', body, 'status'));
  };

  const reconcile = async (key: string): Promise<void> => {
    const set = sources.statefulSets.get(...partsOf(key));
    if (set === undefined) return;
    const all = sources.pods.by(byController, set.metadata.uid);
    let step: StatefulStep = { create: [], remove: [] };
    if (set.metadata.deletionTimestamp === undefined) {
      step = nextStep(set, all, Date.now());
      for (const ordinal of step.create) await createPod(set, ordinal);
      for (const pod of step.remove) await removePod(set, pod);
    }
    // It tells of the Pods that this pass began with; what it made or deleted brings it back.
    const current = sources.statefulSets.get(...partsOf(key)) ?? set;
    await writeStatus({ ...set, status: current.status ?? {} }, all, step.remove);
    const waits = sources.pods
      .by(byController, set.metadata.uid)
      .map((pod) => availableInMs(pod, set.spec.minReadySeconds ?? 0, Date.now()) ?? 0)
      .filter((ms) => ms > 0);
    if (waits.length > 0) queue.add(key, Math.min(...waits) + 50);
  };

  const queue = createWorkQueue({
    work: (key) =>
      reconcile(key).catch((error: unknown) => {
        if (!isStatus(error, 404)) throw error;
      }),
  });
  sources.statefulSets.onChange(({ object }) => queue.add(keyOf(object)));
  sources.pods.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind === 'StatefulSet') queue.add(`${object.metadata.namespace ?? ''}/${owner.name}`);
  });
  for (const set of sources.statefulSets.list()) queue.add(keyOf(set));
  return queue;
};

import {
  controllerOf,
  type Deployment,
  deployments,
  isPodTerminal,
  type Pod,
  type ReplicaSet,
  replicaSets,
} from '../objects.ts';
import { isStatus } from '../transport.ts';
import { createWorkQueue } from '../work-queue.ts';
import { claim } from './claim.ts';
import type { Controller, ControllerContext } from './controller.ts';
import {
  conditionsOfNewSet,
  conditionsOfPause,
  deadlineInMs,
  deploymentStatus,
} from './deployment-status.ts';
import { canonicalJson, keyOf, ownerReference, partsOf, shortHash } from './keys.ts';
import {
  desiredKey,
  isComplete,
  isResized,
  maxKey,
  newReplicas,
  oldReplicas,
  replicasOf,
  resizedReplicas,
  rolloutBounds,
} from './rollout.ts';
import { byController } from './sources.ts';
import { statusPatch } from './status-patch.ts';

const hashLabel = 'pod-template-hash';
const revisionKey = 'deployment.kubernetes.io/revision';
const notCopied = ['kubectl.kubernetes.io/last-applied-configuration', revisionKey, desiredKey, maxKey];

const revisionOf = (set: ReplicaSet): number => Number(set.metadata.annotations?.[revisionKey] ?? 0) || 0;

const templateText = (template: ReplicaSet['spec']['template']): string => {
  const { [hashLabel]: _hash, ...labels } = template.metadata?.labels ?? {};
  const annotations = template.metadata?.annotations ?? {};
  return canonicalJson({ metadata: { labels, annotations }, spec: template.spec });
};

const isRecreate = (deployment: Deployment): boolean => deployment.spec.strategy?.type === 'Recreate';

const byAge = (a: ReplicaSet, b: ReplicaSet): number =>
  a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
  a.metadata.name.localeCompare(b.metadata.name);

/** Rolls Deployments out over ReplicaSets, by upstream's algorithm. */
export const startDeployments = ({ client, sources, record }: ControllerContext): Controller => {
  const sizeAnnotations = (deployment: Deployment): Record<string, string> => {
    const wanted = deployment.spec.replicas ?? 1;
    return {
      [desiredKey]: String(wanted),
      [maxKey]: String(wanted + rolloutBounds(deployment).maxSurge),
    };
  };

  const scale = async (deployment: Deployment, set: ReplicaSet, replicas: number): Promise<ReplicaSet> => {
    const annotations = sizeAnnotations(deployment);
    const differs = Object.entries(annotations).some(
      ([key, value]) => set.metadata.annotations?.[key] !== value,
    );
    if (replicas === replicasOf(set) && !differs) return set;
    const { namespace = 'default', name, uid } = set.metadata;
    const body = { metadata: { uid, annotations }, spec: { replicas } };
    const scaled = await client.patch(replicaSets, namespace, name, 'merge', body);
    sources.replicaSets.learn(scaled);
    if (replicas !== replicasOf(set)) {
      const direction = replicas > replicasOf(set) ? 'up' : 'down';
      const message = `Scaled ${direction} replica set ${name} from ${replicasOf(set)} to ${replicas}`;
      record(deployments, deployment, 'Normal', 'ScalingReplicaSet', message);
    }
    return scaled;
  };

  const setRevision = async (
    deployment: Deployment,
    newSet: ReplicaSet,
    old: readonly ReplicaSet[],
  ): Promise<ReplicaSet> => {
    const { namespace = 'default', name, uid } = deployment.metadata;
    const revision = Math.max(0, ...old.map(revisionOf)) + 1;
    let set = newSet;
    if (revisionOf(set) < revision) {
      const metadata = { uid: set.metadata.uid, annotations: { [revisionKey]: String(revision) } };
      set = await client.patch(replicaSets, namespace, set.metadata.name, 'merge', { metadata });
      sources.replicaSets.learn(set);
    }
    const shown = String(revisionOf(set));
    if (deployment.metadata.annotations?.[revisionKey] !== shown) {
      const metadata = { uid, annotations: { [revisionKey]: shown } };
      // By way of the status: its own annotation makes no new generation of it.
      const written = await client.patch(deployments, namespace, name, 'merge', { metadata }, 'status');
      sources.deployments.learn(written);
    }
    return set;
  };

  const createSet = async (deployment: Deployment, old: readonly ReplicaSet[]): Promise<ReplicaSet> => {
    const { template, selector, minReadySeconds } = deployment.spec;
    const { namespace = 'default', name, annotations = {} } = deployment.metadata;
    const hash = shortHash(templateText(template));
    const labels = { ...template.metadata?.labels, [hashLabel]: hash };
    const draft: ReplicaSet['spec'] = {
      replicas: 0,
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    };
    const revision = Math.max(0, ...old.map(revisionOf)) + 1;
    const metadata = {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: {
        ...Object.fromEntries(Object.entries(annotations).filter(([key]) => !notCopied.includes(key))),
        ...sizeAnnotations(deployment),
        [revisionKey]: String(revision),
      },
      ownerReferences: [ownerReference(deployments, deployment)],
    };
    const empty: ReplicaSet = {
      metadata: { ...metadata, uid: '', resourceVersion: '', creationTimestamp: '' },
      spec: draft,
    };
    const replicas = isRecreate(deployment)
      ? (deployment.spec.replicas ?? 1)
      : newReplicas(deployment, empty, old);
    const set = await client.create(replicaSets, namespace, { metadata, spec: { ...draft, replicas } });
    sources.replicaSets.learn(set);
    if (replicas > 0) {
      const message = `Scaled up replica set ${set.metadata.name} from 0 to ${replicas}`;
      record(deployments, deployment, 'Normal', 'ScalingReplicaSet', message);
    }
    return set;
  };

  const hasRunningPods = (sets: readonly ReplicaSet[]): boolean =>
    sets.some((set) => sources.pods.by(byController, set.metadata.uid).some((pod) => !isPodTerminal(pod)));

  /** One step of the rollout; what it changes comes back as a change of its ReplicaSets. */
  const roll = async (
    deployment: Deployment,
    newSet: ReplicaSet,
    old: readonly ReplicaSet[],
  ): Promise<void> => {
    const wanted = deployment.spec.replicas ?? 1;
    if (isRecreate(deployment)) {
      for (const set of old) await scale(deployment, set, 0);
      if (!hasRunningPods(old)) await scale(deployment, newSet, wanted);
      return;
    }
    const size = newReplicas(deployment, newSet, old);
    const grown = await scale(deployment, newSet, size);
    if (size !== replicasOf(newSet)) return;
    const sizes = oldReplicas(deployment, grown, old);
    for (const set of old) await scale(deployment, set, sizes.get(set.metadata.name) ?? replicasOf(set));
  };

  /** A change of size alone, also of a paused rollout. */
  const resize = async (
    deployment: Deployment,
    newSet: ReplicaSet | undefined,
    all: readonly ReplicaSet[],
  ): Promise<void> => {
    for (const [name, size] of resizedReplicas(deployment, newSet, all)) {
      const set = all.find(({ metadata }) => metadata.name === name);
      if (set !== undefined) await scale(deployment, set, size);
    }
  };

  const prune = async (deployment: Deployment, old: readonly ReplicaSet[]): Promise<void> => {
    const kept = deployment.spec.revisionHistoryLimit ?? 10;
    const empty = old
      .filter((set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0)
      .filter((set) => set.metadata.deletionTimestamp === undefined)
      .sort((a, b) => revisionOf(a) - revisionOf(b));
    for (const set of empty.slice(0, Math.max(0, empty.length - kept))) {
      const { namespace = 'default', name, uid } = set.metadata;
      await client.delete(replicaSets, namespace, name, {
        preconditions: { uid },
        propagationPolicy: 'Background',
      });
    }
  };

  const patchStatus = async (deployment: Deployment, status: object): Promise<Deployment> => {
    const { namespace = 'default', name, uid } = deployment.metadata;
    const body = { metadata: { uid }, status };
    const written = await client.patch(deployments, namespace, name, 'merge', body, 'status');
    sources.deployments.learn(written);
    return written;
  };

  const writeStatus = async (
    deployment: Deployment,
    newSet: ReplicaSet | undefined,
    all: readonly ReplicaSet[],
    rolling: boolean,
  ): Promise<NonNullable<Deployment['status']>> => {
    const status = deploymentStatus(deployment, newSet, all, rolling, Date.now());
    const patch = statusPatch(deployment.status, status, ['terminatingReplicas']);
    if (patch !== undefined) await patchStatus(deployment, patch);
    return status;
  };

  /** As it is after our own writes. */
  const fresh = (set: ReplicaSet): ReplicaSet =>
    sources.replicaSets.get(set.metadata.namespace ?? '', set.metadata.name) ?? set;

  /**
   * @param isTold in this pass something was told already: upstream's next word is refused as stale then
   * @returns undefined where it is done for now
   */
  const rollOut = async (
    deployment: Deployment,
    newSet: ReplicaSet | undefined,
    old: readonly ReplicaSet[],
    isTold: boolean,
  ): Promise<ReplicaSet | undefined> => {
    if (newSet === undefined && isRecreate(deployment)) {
      for (const set of old) await scale(deployment, set, 0);
      if (hasRunningPods(old)) return undefined;
    }
    const isNew = newSet === undefined;
    const set = await setRevision(deployment, newSet ?? (await createSet(deployment, old)), old);
    if (isNew && !isTold) {
      const { namespace = '', name } = deployment.metadata;
      const current = sources.deployments.get(namespace, name) ?? deployment;
      await patchStatus(current, { conditions: conditionsOfNewSet(current, set, Date.now()) });
    }
    await roll(deployment, set, old);
    return set;
  };

  const reconcile = async (key: string): Promise<void> => {
    const seen = sources.deployments.get(...partsOf(key));
    if (seen === undefined) return;
    const all = (await claim(client, deployments, seen, replicaSets, sources.replicaSets)).sort(byAge);
    const wanted = templateText(seen.spec.template);
    let newSet = all.find((set) => templateText(set.spec.template) === wanted);
    const old = all.filter((set) => set !== newSet);
    if (seen.metadata.deletionTimestamp !== undefined) {
      await writeStatus(seen, newSet, all, false);
      return;
    }
    const paused = conditionsOfPause(seen, Date.now());
    const deployment = paused === undefined ? seen : await patchStatus(seen, { conditions: paused });
    const rolling = deployment.spec.paused !== true && !isResized(deployment, all);
    if (rolling) newSet = await rollOut(deployment, newSet, old, paused !== undefined);
    else await resize(deployment, newSet, all);
    const current = sources.deployments.get(...partsOf(key)) ?? deployment;
    const freshNew = newSet === undefined ? undefined : fresh(newSet);
    const freshAll = [...old.map(fresh), ...(freshNew === undefined ? [] : [freshNew])];
    const status = await writeStatus(current, freshNew, freshAll, rolling);
    if (isComplete(current, status)) await prune(current, old.map(fresh));
    const waitMs = deadlineInMs(sources.deployments.get(...partsOf(key)) ?? current, Date.now());
    if (waitMs !== undefined) queue.add(key, waitMs + 1000);
  };

  const queue = createWorkQueue({
    work: (key) =>
      reconcile(key).catch((error: unknown) => {
        // The Deployment or a ReplicaSet went meanwhile: its own deletion brings us back.
        if (!isStatus(error, 404)) throw error;
      }),
  });

  const ofSet = (set: ReplicaSet): void => {
    const owner = controllerOf(set);
    if (owner?.kind === 'Deployment') queue.add(`${set.metadata.namespace ?? ''}/${owner.name}`);
  };
  const ofPod = (pod: Pod): void => {
    const set = controllerOf(pod);
    if (set?.kind !== 'ReplicaSet') return;
    const owner = sources.replicaSets.get(pod.metadata.namespace ?? '', set.name);
    if (owner !== undefined) ofSet(owner);
  };
  sources.deployments.onChange(({ object }) => queue.add(keyOf(object)));
  sources.replicaSets.onChange(({ object, previous }) => {
    ofSet(object);
    if (previous !== undefined) ofSet(previous);
  });
  // Recreate waits for the last old Pod to be gone.
  sources.pods.onChange(({ type, object }) => {
    if (type === 'deleted') ofPod(object);
  });
  for (const deployment of sources.deployments.list()) queue.add(keyOf(deployment));
  return queue;
};

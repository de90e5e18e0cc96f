import type { Client } from '../../../infra/sandbox/cluster/client.ts';
import {
  type Deployment,
  deployments,
  type Endpoint,
  type EndpointSlice,
  endpointSlices,
  type KubernetesObject,
  type Pod,
  pods,
  type ReplicaSet,
  type Resource,
  replicaSets,
  type StatefulSet,
  statefulSets,
} from '../../../infra/sandbox/cluster/objects.ts';

/** Everything that controllers write about a workload in one namespace, as it was at one version. */
export interface Moment {
  readonly version: number;
  /** When this process heard of it. */
  readonly atMs: number;
  readonly pods: ReadonlyMap<string, Pod>;
  readonly slices: ReadonlyMap<string, EndpointSlice>;
  readonly replicaSets: ReadonlyMap<string, ReplicaSet>;
  readonly deployments: ReadonlyMap<string, Deployment>;
  readonly statefulSets: ReadonlyMap<string, StatefulSet>;
}

/** The history of one namespace from the start of the record on. */
export interface History {
  /** The moments so far, one for each write, in the order in which the server took them. */
  moments(): Moment[];
  close(): void;
}

interface Entry {
  readonly version: number;
  readonly atMs: number;
  readonly apply: (to: Mutable) => void;
}

interface Mutable {
  readonly pods: Map<string, Pod>;
  readonly slices: Map<string, EndpointSlice>;
  readonly replicaSets: Map<string, ReplicaSet>;
  readonly deployments: Map<string, Deployment>;
  readonly statefulSets: Map<string, StatefulSet>;
}

const copyOf = (now: Mutable): Mutable => ({
  pods: new Map(now.pods),
  slices: new Map(now.slices),
  replicaSets: new Map(now.replicaSets),
  deployments: new Map(now.deployments),
  statefulSets: new Map(now.statefulSets),
});

/**
 * Records a namespace. Each resource comes by a watch of its own; their resource versions, which both servers take from
 * one counter, bring the events of all of them into the one order in which they happened.
 */
export const record = async (client: Client, namespace: string): Promise<History> => {
  const entries: Entry[] = [];
  const closers: (() => void)[] = [];
  const follow = async <T extends KubernetesObject>(
    of: Resource<T>,
    into: (to: Mutable) => Map<string, T>,
  ): Promise<void> => {
    const informer = client.watch(of, { namespace });
    closers.push(() => informer.close());
    informer.onChange(({ type, object }) => {
      const { name, resourceVersion } = object.metadata;
      entries.push({
        version: Number(resourceVersion),
        atMs: performance.now(),
        apply: (to) => {
          if (type === 'deleted') into(to).delete(name);
          else into(to).set(name, object);
        },
      });
    });
    await informer.synced;
  };
  await Promise.all([
    follow(pods, (to) => to.pods),
    follow(endpointSlices, (to) => to.slices),
    follow(replicaSets, (to) => to.replicaSets),
    follow(deployments, (to) => to.deployments),
    follow(statefulSets, (to) => to.statefulSets),
  ]);
  return {
    moments: () => {
      let now: Mutable = {
        pods: new Map(),
        slices: new Map(),
        replicaSets: new Map(),
        deployments: new Map(),
        statefulSets: new Map(),
      };
      return [...entries]
        .sort((a, b) => a.version - b.version)
        .map(({ version, atMs, apply }) => {
          now = copyOf(now);
          apply(now);
          return { version, atMs, ...now };
        });
    },
    close: () => {
      for (const close of closers) close();
    },
  };
};

/** The endpoint of a Pod at one moment, whichever slice it is in. */
export const endpointAt = (moment: Moment, pod: string): Endpoint | undefined =>
  [...moment.slices.values()]
    .flatMap((slice) => slice.endpoints ?? [])
    .find(({ targetRef }) => targetRef?.name === pod);

/** What `of` says of each moment, each time it differs from the moment before. */
export const changesOf = <T>(moments: readonly Moment[], of: (moment: Moment) => T): T[] => {
  const found: T[] = [];
  for (const moment of moments) {
    const value = of(moment);
    if (found.length === 0 || JSON.stringify(found.at(-1)) !== JSON.stringify(value)) found.push(value);
  }
  return found;
};

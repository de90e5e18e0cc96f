import type { Client } from '../../../infra/sandbox/cluster/client.ts';
import {
  type Deployment,
  deployments,
  type Endpoint,
  type EndpointSlice,
  endpointSlices,
  isPodReady,
  type KubernetesObject,
  type Pod,
  pods,
  type ReplicaSet,
  type Resource,
  replicaSets,
  type StatefulSet,
  statefulSets,
} from '../../../infra/sandbox/cluster/objects.ts';
import { until } from '../../integration/sandbox-programs.ts';

interface Objects {
  readonly pods: Map<string, Pod>;
  readonly slices: Map<string, EndpointSlice>;
  readonly replicaSets: Map<string, ReplicaSet>;
  readonly deployments: Map<string, Deployment>;
  readonly statefulSets: Map<string, StatefulSet>;
}

type Kept = { readonly [Kind in keyof Objects]: ReadonlyMap<string, ValueOf<Objects[Kind]>> };
type ValueOf<M> = M extends Map<string, infer V> ? V : never;

/** What is in a namespace at one version, each kind by name and in the order in which its objects came. */
export interface Moment extends Kept {
  readonly version: number;
  /** When this process heard of it. */
  readonly atMs: number;
}

/** Everything that was written in one namespace since the record began. */
export interface History {
  /** One moment for each write, in the order in which the server took them; `from` leaves out older versions. */
  moments(from?: number): Moment[];
  /** The newest moment. */
  now(): Moment;
  /** Resolves when the newest moment `holds`. */
  until(holds: (now: Moment) => boolean, what: string): Promise<Moment>;
  close(): void;
}

interface Entry {
  readonly version: number;
  readonly atMs: number;
  readonly apply: (to: Objects) => void;
}

const nothing = (): Objects => ({
  pods: new Map(),
  slices: new Map(),
  replicaSets: new Map(),
  deployments: new Map(),
  statefulSets: new Map(),
});

const copyOf = (objects: Objects): Objects => ({
  pods: new Map(objects.pods),
  slices: new Map(objects.slices),
  replicaSets: new Map(objects.replicaSets),
  deployments: new Map(objects.deployments),
  statefulSets: new Map(objects.statefulSets),
});

/**
 * Records a namespace. Each kind comes by a watch of its own; their resource versions, which both servers take from
 * one counter, bring the events of all of them into the one order in which they happened.
 */
export const record = async (client: Client, namespace: string): Promise<History> => {
  const entries: Entry[] = [];
  const closers: (() => void)[] = [];
  const follow = async <T extends KubernetesObject>(
    of: Resource<T>,
    into: (to: Objects) => Map<string, T>,
  ): Promise<void> => {
    const informer = client.watch(of, { namespace });
    closers.push(() => informer.close());
    informer.onChange(({ type, object }) => {
      const { name, resourceVersion } = object.metadata;
      const apply = (to: Objects): void => {
        if (type === 'deleted') into(to).delete(name);
        else into(to).set(name, object);
      };
      entries.push({ version: Number(resourceVersion), atMs: performance.now(), apply });
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
  const inOrder = (): Entry[] => [...entries].sort((a, b) => a.version - b.version);
  const now = (): Moment => {
    const objects = nothing();
    const ordered = inOrder();
    for (const { apply } of ordered) apply(objects);
    const { version = 0, atMs = 0 } = ordered.at(-1) ?? {};
    return { version, atMs, ...objects };
  };
  return {
    moments: (from = 0) => {
      let objects = nothing();
      return inOrder()
        .map(({ version, atMs, apply }) => {
          objects = copyOf(objects);
          apply(objects);
          return { version, atMs, ...objects };
        })
        .filter(({ version }) => version >= from);
    },
    now,
    until: async (holds, what) => {
      let looked = -1;
      let last = now();
      await until(
        () => {
          if (looked === entries.length) return false;
          looked = entries.length;
          last = now();
          return holds(last);
        },
        () => `${what}; last seen: ${textOf(last)}`,
        40_000,
      );
      return last;
    },
    close: () => {
      for (const close of closers) close();
    },
  };
};

const textOf = (moment: Moment): string =>
  JSON.stringify({
    pods: [...moment.pods.values()].map(({ metadata, status }) => [
      metadata.name,
      metadata.deletionTimestamp,
      status,
    ]),
    endpoints: [...moment.slices.values()].map(({ ports, endpoints }) => [ports, endpoints]),
    sizes: [...moment.replicaSets.values()].map(({ metadata, spec, status }) => [
      metadata.name,
      spec.replicas,
      status,
    ]),
    deployments: [...moment.deployments.values()].map(({ status }) => status),
    statefulSets: [...moment.statefulSets.values()].map(({ status }) => status),
  });

/** All endpoints at one moment. */
export const endpointsAt = (moment: Moment): Endpoint[] =>
  [...moment.slices.values()].flatMap((slice) => slice.endpoints ?? []);

/** The endpoint of a Pod at one moment, whichever slice it is in. */
export const endpointAt = (moment: Moment, pod: string): Endpoint | undefined =>
  endpointsAt(moment).find(({ targetRef }) => targetRef?.name === pod);

/** What `of` says of each moment, each time it differs from the moment before. */
export const changesOf = <T>(moments: readonly Moment[], of: (moment: Moment) => T): T[] => {
  const found: T[] = [];
  for (const moment of moments) {
    const value = of(moment);
    if (found.length === 0 || JSON.stringify(found.at(-1)) !== JSON.stringify(value)) found.push(value);
  }
  return found;
};

/**
 * How long after each Pod its endpoint became ready, and terminating, as this process heard of both; milliseconds.
 * What is written in one sync of a controller is late once, however much it is.
 */
export const endpointLags = (
  moments: readonly Moment[],
): { readonly ready: number[]; readonly terminating: number[] } => {
  const lags = { ready: [] as number[], terminating: [] as number[] };
  for (const name of new Set(moments.flatMap((moment) => [...moment.pods.keys()]))) {
    const firstAt = (holds: (moment: Moment) => boolean): number => moments.find(holds)?.atMs ?? Number.NaN;
    const add = (to: number[], cause: number, effect: number): void => {
      if (Number.isFinite(effect - cause)) to.push(effect - cause);
    };
    const podReady = firstAt(({ pods: all }) => {
      const pod = all.get(name);
      return pod !== undefined && isPodReady(pod);
    });
    add(
      lags.ready,
      podReady,
      firstAt((moment) => endpointAt(moment, name)?.conditions.ready === true),
    );
    add(
      lags.terminating,
      firstAt(({ pods: all }) => all.get(name)?.metadata.deletionTimestamp !== undefined),
      firstAt((moment) => endpointAt(moment, name)?.conditions.terminating === true),
    );
  }
  return lags;
};

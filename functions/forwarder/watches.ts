import type { Change } from '../../shared/kubernetes/change.ts';
import type { Connection } from '../../shared/kubernetes/connection.ts';
import { endpointSliceFact } from '../../shared/kubernetes/facts/endpoint-slice-fact.ts';
import { ingressClassFact, ingressFact } from '../../shared/kubernetes/facts/ingress-fact.ts';
import { nodeFact } from '../../shared/kubernetes/facts/node-fact.ts';
import type { OwnerFactOptions } from '../../shared/kubernetes/facts/owner.ts';
import { podFact } from '../../shared/kubernetes/facts/pod-fact.ts';
import type { Parsed } from '../../shared/kubernetes/facts/read.ts';
import { serviceFact } from '../../shared/kubernetes/facts/service-fact.ts';
import { KubernetesError } from '../../shared/kubernetes/kubernetes-error.ts';
import { listPages } from '../../shared/kubernetes/list-pages.ts';
import { listPath } from '../../shared/kubernetes/object-path.ts';
import { type Reflector, startReflector } from '../../shared/kubernetes/reflector.ts';
import type { ReflectorCounters } from '../../shared/kubernetes/reflector-counters.ts';
import type { LiveView } from '../../shared/kubernetes/view.ts';
import type { DeriveOptions } from '../../shared/model/claim.ts';
import type { Clock, Random } from '../../shared/model/clock.ts';
import type { PodFact } from '../../shared/model/facts.ts';
import type { Log } from '../../shared/process/log.ts';
import type { watchedResources } from '../../shared/process/metrics.ts';
import type { Holders } from './unheld-gates.ts';
import { isUrgent } from './urgency.ts';

/**
 * Beside TKE's own controllers (`claim: class`) an object is direct by default and only our own keys say otherwise; else
 * as on TKE.
 */
export const ownerOptionsOf = (claim: DeriveOptions['claim']): OwnerFactOptions =>
  claim === 'class'
    ? { defaultMode: 'direct', ownKeysOnly: true }
    : { defaultMode: 'node-port', ownKeysOnly: false };

export interface WatchesDependencies {
  readonly connection: Connection;
  readonly view: LiveView;
  /** How Services and Ingresses are read. */
  readonly ownerOptions: OwnerFactOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** After the view has it: the objects whose desired state may differ now. */
  readonly onChange: (objectUids: ReadonlySet<string>, urgent: boolean) => void;
  readonly onPod: (change: Change<PodFact>) => void;
}

/** The reflectors of everything that desired states are made of, telling one view. */
export interface Watches {
  readonly synced: Promise<void>;
  /** Resolves when each watch has passed a resourceVersion that was read consistently after the call. */
  catchUp(): Promise<void>;
  /** What each reflector did, by the plural of its resource. */
  counters(): Readonly<Record<(typeof watchedResources)[number], Readonly<ReflectorCounters>>>;
  stop(): Promise<void>;
}

const ingressClassesPath = '/apis/networking.k8s.io/v1/ingressclasses';
const nodesPath = '/api/v1/nodes';

export const startWatches = (dependencies: WatchesDependencies): Watches => {
  const { connection, view, ownerOptions, clock, random, log, onChange, onPod } = dependencies;
  const common = { log, clock, random };
  const byResource = {
    services: startReflector(connection, {
      ...common,
      path: listPath('Service'),
      parse: (object) => serviceFact(object, ownerOptions),
      onChange: (change) => onChange(view.applyService(change), false),
    }),
    endpointslices: startReflector(connection, {
      ...common,
      path: listPath('EndpointSlice'),
      parse: endpointSliceFact,
      onChange: (change) => onChange(view.applyEndpointSlice(change), false),
    }),
    ingresses: startReflector(connection, {
      ...common,
      path: listPath('Ingress'),
      parse: (object) => ingressFact(object, ownerOptions),
      onChange: (change) => onChange(view.applyIngress(change), false),
    }),
    ingressclasses: startReflector(connection, {
      ...common,
      path: ingressClassesPath,
      parse: ingressClassFact,
      onChange: (change) => onChange(view.applyIngressClass(change), false),
    }),
    nodes: startReflector(connection, {
      ...common,
      path: nodesPath,
      parse: nodeFact,
      onChange: (change) => onChange(view.applyNode(change), false),
    }),
    pods: startReflector(connection, {
      ...common,
      path: listPath('Pod'),
      parse: podFact,
      onChange: (change) => {
        const urgent = isUrgent(view.pod(change.fact.ref.uid), change);
        const affected = view.applyPod(change);
        onPod(change);
        onChange(affected, urgent);
      },
    }),
  };
  const reflectors: readonly Reflector[] = Object.values(byResource);
  return {
    synced: Promise.all(reflectors.map(({ synced }) => synced)).then(() => undefined),
    catchUp: async () => {
      await Promise.all(reflectors.map((reflector) => reflector.catchUp()));
    },
    counters: () => ({
      services: byResource.services.counters,
      endpointslices: byResource.endpointslices.counters,
      ingresses: byResource.ingresses.counters,
      ingressclasses: byResource.ingressclasses.counters,
      nodes: byResource.nodes.counters,
      pods: byResource.pods.counters,
    }),
    stop: async () => {
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    },
  };
};

const listTiming = { answerMs: 30_000, pageSize: 500 };

/** All objects of a kind, read consistently, as facts; those that `keep` refuses are let go page by page. */
const readAll = async <T>(
  connection: Connection,
  path: string,
  parse: (object: unknown) => Parsed<T>,
  keep: (fact: T) => boolean,
  signal: AbortSignal,
): Promise<readonly T[]> => {
  const facts: T[] = [];
  for await (const { items } of listPages(connection, path, {}, listTiming, signal)) {
    for (const item of items) {
      const parsed = parse(item);
      // Half a list is no evidence (law L5).
      if ('dropped' in parsed) throw new Error(`${path}: ${parsed.dropped}`);
      if (keep(parsed.fact)) facts.push(parsed.fact);
    }
  }
  return facts;
};

/** Every Pod of the cluster that has one of the addresses. @throws when the list cannot be read as a whole */
export const readPodsAt = (
  connection: Connection,
  ips: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly PodFact[]> =>
  readAll(connection, listPath('Pod'), podFact, (pod) => pod.ips.some((ip) => ips.has(ip)), signal);

/** Everything that may hold a Pod's gate. @throws when a list cannot be read as a whole */
export const readHolders = async (
  connection: Connection,
  options: OwnerFactOptions,
  signal: AbortSignal,
): Promise<Holders> => {
  const all = <T>(path: string, parse: (object: unknown) => Parsed<T>) =>
    readAll(connection, path, parse, () => true, signal);
  const [services, ingresses, classes] = await Promise.all([
    all(listPath('Service'), (object) => serviceFact(object, options)),
    all(listPath('Ingress'), (object) => ingressFact(object, options)).catch(ifNotServed),
    all(ingressClassesPath, ingressClassFact).catch(ifNotServed),
  ]);
  return { services, ingresses, classes };
};

/** A resource that is not served counts as empty. */
const ifNotServed = (error: unknown): readonly never[] => {
  if (error instanceof KubernetesError && error.status === 404) return [];
  throw error;
};

import type { Change } from '../../shared/kubernetes/change.ts';
import type { Connection } from '../../shared/kubernetes/connection.ts';
import { endpointSliceFact } from '../../shared/kubernetes/facts/endpoint-slice-fact.ts';
import { podFact } from '../../shared/kubernetes/facts/pod-fact.ts';
import type { Parsed } from '../../shared/kubernetes/facts/read.ts';
import { serviceFact } from '../../shared/kubernetes/facts/service-fact.ts';
import { listPages } from '../../shared/kubernetes/list-pages.ts';
import { listPath } from '../../shared/kubernetes/object-path.ts';
import { type Reflector, startReflector } from '../../shared/kubernetes/reflector.ts';
import type { ReflectorCounters } from '../../shared/kubernetes/reflector-counters.ts';
import type { LiveView } from '../../shared/kubernetes/view.ts';
import type { DeriveOptions } from '../../shared/model/claim.ts';
import type { Clock, Random } from '../../shared/model/clock.ts';
import type { PodFact, ServiceFact } from '../../shared/model/facts.ts';
import type { Log } from '../../shared/process/log.ts';
import { isUrgent } from './urgency.ts';

export type DefaultMode = 'direct' | 'node-port';

/** Beside TKE's own controllers (`claim: class`) a Service is direct by default; else as on TKE. */
export const defaultModeOf = (claim: DeriveOptions['claim']): DefaultMode =>
  claim === 'class' ? 'direct' : 'node-port';

export interface WatchesDependencies {
  readonly connection: Connection;
  readonly view: LiveView;
  /** What a Service gets that says nothing of its mode. */
  readonly defaultMode: DefaultMode;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** After the view has it: the Services whose desired state may differ now. */
  readonly onChange: (serviceUids: ReadonlySet<string>, urgent: boolean) => void;
  readonly onPod: (change: Change<PodFact>) => void;
}

/** The reflectors of everything that desired states are made of, telling one view. */
export interface Watches {
  readonly synced: Promise<void>;
  /** Resolves when each watch has passed a resourceVersion that was read consistently after the call. */
  catchUp(): Promise<void>;
  /** What each reflector did, by the plural of its resource. */
  counters(): Readonly<Record<'services' | 'endpointslices' | 'pods', Readonly<ReflectorCounters>>>;
  stop(): Promise<void>;
}

export const startWatches = (dependencies: WatchesDependencies): Watches => {
  const { connection, view, defaultMode, clock, random, log, onChange, onPod } = dependencies;
  const common = { log, clock, random };
  const byResource = {
    services: startReflector(connection, {
      ...common,
      path: listPath('Service'),
      parse: (object) => serviceFact(object, { defaultMode }),
      onChange: (change) => onChange(view.applyService(change), false),
    }),
    endpointslices: startReflector(connection, {
      ...common,
      path: listPath('EndpointSlice'),
      parse: endpointSliceFact,
      onChange: (change) => onChange(view.applyEndpointSlice(change), false),
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

/** Every Service of the cluster. @throws when the list cannot be read as a whole */
export const readServices = (
  connection: Connection,
  defaultMode: DefaultMode,
  signal: AbortSignal,
): Promise<readonly ServiceFact[]> =>
  readAll(
    connection,
    listPath('Service'),
    (object) => serviceFact(object, { defaultMode }),
    () => true,
    signal,
  );

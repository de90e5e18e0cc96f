import type { Change } from '../../shared/kubernetes/change.ts';
import { createView } from '../../shared/kubernetes/view.ts';
import { type DeriveOptions, holdersOf } from '../../shared/model/claim.ts';
import type { Clock } from '../../shared/model/clock.ts';
import type {
  IngressClassFact,
  IngressFact,
  ObjectRef,
  PodFact,
  ServiceFact,
} from '../../shared/model/facts.ts';
import type { View } from '../../shared/model/view.ts';
import type { Log } from '../../shared/process/log.ts';

/** So long must the containers of a Pod have been ready before nobody's gate is opened. */
export const unheldAfterMs = 30_000;

/** Everything that may hold a Pod's gate. */
export interface Holders {
  readonly services: readonly ServiceFact[];
  readonly ingresses: readonly IngressFact[];
  readonly classes: readonly IngressClassFact[];
}

export interface UnheldGatesDependencies {
  readonly view: View;
  readonly options: DeriveOptions;
  /** All of them, read consistently (resourceVersion unset). */
  readonly readHolders: () => Promise<Holders>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Pods that carry our gate though no object of ours selects them: their gate would stay closed for ever (law L7).
 * Opened only after a consistent read of Services and Ingresses, never by what a watch has not seen yet.
 */
export interface UnheldGates {
  podChanged(change: Change<PodFact>): void;
  /** Looks for such Pods and proves them; to be called every few seconds. True: there are some. */
  look(): Promise<boolean>;
  /** Those that are proven. */
  proven(): readonly ObjectRef[];
}

const hasClosedGate = (pod: PodFact, gateType: string): boolean =>
  pod.terminatingAt === undefined &&
  !pod.ended &&
  pod.gates.some(({ type, status }) => type === gateType && status !== 'True');

export const createUnheldGates = (dependencies: UnheldGatesDependencies): UnheldGates => {
  const { view, options, readHolders, clock, log } = dependencies;
  const closed = new Set<string>();
  const proven = new Set<string>();

  const podChanged = ({ type, fact }: Change<PodFact>): void => {
    const { uid } = fact.ref;
    if (type === 'set' && hasClosedGate(fact, options.gateType)) closed.add(uid);
    else {
      closed.delete(uid);
      proven.delete(uid);
    }
  };

  const isUnheld = (pod: PodFact): boolean =>
    pod.containersReady &&
    pod.containersReadyChangedAt !== undefined &&
    pod.containersReadyChangedAt + unheldAfterMs <= clock.now() &&
    holdersOf(view, pod, options).length === 0;

  const podsOf = (uids: Iterable<string>): PodFact[] =>
    [...uids].flatMap((uid) => view.pod(uid) ?? []).filter(isUnheld);

  const prove = async (candidates: readonly PodFact[]): Promise<void> => {
    const read = createView(() => clock.now());
    const { services, ingresses, classes } = await readHolders();
    for (const fact of classes) read.applyIngressClass({ type: 'set', fact });
    for (const fact of services) read.applyService({ type: 'set', fact });
    for (const fact of ingresses) read.applyIngress({ type: 'set', fact });
    for (const pod of candidates) {
      if (!closed.has(pod.ref.uid) || holdersOf(read, pod, options).length > 0) continue;
      proven.add(pod.ref.uid);
      log.info('A Pod has our readiness gate and belongs to no load balancer; the gate is opened.', {
        pod: `${pod.ref.namespace}/${pod.ref.name}`,
      });
    }
  };

  return {
    podChanged,
    look: async () => {
      const candidates = podsOf(closed).filter(({ ref }) => !proven.has(ref.uid));
      if (candidates.length > 0) {
        try {
          await prove(candidates);
        } catch (error) {
          log.warn('Services and Ingresses could not be read to open the gates of Pods that nobody holds.', {
            error,
          });
        }
      }
      return proven.size > 0;
    },
    proven: () => podsOf(proven).map(({ ref }) => ref),
  };
};

import type { Clock } from '../../shared/model/clock.ts';
import type { PodFact } from '../../shared/model/facts.ts';
import type { Log } from '../../shared/process/log.ts';
import type { EvidenceRequest, Store } from '../../shared/queue/store/store.ts';
import type { Evidence } from './feeder.ts';

export interface EvidenceDependencies {
  readonly store: Pick<Store, 'evidenceWanted'>;
  /** Every Pod of the cluster that has one of the addresses, read consistently. */
  readonly readPods: (ips: ReadonlySet<string>) => Promise<readonly PodFact[]>;
  readonly answer: (objectUid: string, evidence: Evidence) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** A question asked again and again gets its answer in growing pauses: each costs a list of all Pods. */
const pauseFirstMs = 1_000;
const pauseMostMs = 30_000;
const forgetMs = 120_000;

interface Asked {
  readonly at: number;
  readonly pauseMs: number;
}

const addressesOf = (requests: readonly EvidenceRequest[]): ReadonlySet<string> =>
  new Set(requests.flatMap(({ wanted }) => wanted.flatMap(({ targets }) => targets.map(({ ip }) => ip))));

/**
 * Answers planners that face targets which nobody explained (law L5): reads the Pods anew, consistently, and has
 * the object put again with what was found. One list for all that ask.
 *
 * @returns to be called each second, and after reconciles; what comes while it works is seen by the next call
 */
export const createEvidence = (dependencies: EvidenceDependencies): (() => Promise<void>) => {
  const { store, readPods, answer, clock, log } = dependencies;
  const asked = new Map<string, Asked>();
  let working = false;

  const isTime = ({ objectUid }: EvidenceRequest): boolean => {
    const last = asked.get(objectUid);
    return last === undefined || clock.now() >= last.at + last.pauseMs;
  };

  const look = async (): Promise<void> => {
    const requests = (await store.evidenceWanted()).filter(isTime);
    for (const [uid, { at }] of asked) if (at + forgetMs < clock.now()) asked.delete(uid);
    if (requests.length === 0) return;
    const pods = await readPods(addressesOf(requests));
    for (const { objectUid, wanted } of requests) {
      const last = asked.get(objectUid);
      const pauseMs = last === undefined ? pauseFirstMs : Math.min(pauseMostMs, last.pauseMs * 2);
      asked.set(objectUid, { at: clock.now(), pauseMs });
      log.info('Pods were read anew to explain targets that nobody claims.', {
        objectUid,
        pods: pods.length,
      });
      answer(objectUid, { wanted, pods });
    }
  };

  return async () => {
    if (working) return;
    working = true;
    try {
      await look();
    } catch (error) {
      log.warn('Evidence could not be read; it is read again.', { error });
    } finally {
      working = false;
    }
  };
};

import type { Clock } from '../../shared/model/clock.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';

export interface SweepDependencies {
  readonly store: Pick<Store, 'loadBalancers' | 'markDue'>;
  /** Every object that the feeder knows. */
  readonly objects: () => ReadonlySet<string>;
  /** Derives an object anew; put only if it differs. */
  readonly recheck: (objectUid: string) => void;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const retryMs = 5_000;

/**
 * Within `everyMs` each load balancer is marked to be read and repaired, and each object is derived anew, spread
 * evenly: what no event told, or what others changed at the CLB, lasts no longer (law L3).
 *
 * @returns when the signal aborts
 */
export const sweep = async (dependencies: SweepDependencies, signal: AbortSignal): Promise<void> => {
  const { store, objects, recheck, everyMs, clock, log } = dependencies;
  await clock.sleep(everyMs, signal);
  while (!signal.aborted) {
    try {
      const loadBalancers = await store.loadBalancers();
      const uids = [...objects()];
      const rounds = Math.max(1, loadBalancers.length, uids.length);
      for (let round = 0; round < rounds && !signal.aborted; round += 1) {
        const [loadBalancer, uid] = [loadBalancers[round], uids[round]];
        if (loadBalancer !== undefined) await store.markDue(loadBalancer, 'sweep', true);
        if (uid !== undefined) recheck(uid);
        await clock.sleep(everyMs / rounds, signal);
      }
    } catch (error) {
      log.warn('The sweep was interrupted; it goes on.', { error });
      await clock.sleep(retryMs, signal);
    }
  }
};

import type { Log } from '../../shared/process/log.ts';
import type { Metrics } from '../../shared/process/metrics.ts';
import type { Store } from '../../shared/queue/store/store.ts';

export interface DeadLettersDependencies {
  readonly store: Pick<Store, 'deadLetters'>;
  readonly metrics: Pick<Metrics, 'set'>;
  readonly log: Log;
}

/** Tells of each state that the functions cannot read, once (law L12). Rejects when the store cannot be asked. */
export const createDeadLetters = ({
  store,
  metrics,
  log,
}: DeadLettersDependencies): (() => Promise<void>) => {
  let told = new Set<string>();
  return async () => {
    const letters = await store.deadLetters();
    metrics.set('clb_direct_dead_letters', {}, letters.length);
    const found = new Set<string>();
    for (const letter of letters) {
      const key = `${letter.objectUid} ${letter.sequence}`;
      found.add(key);
      if (told.has(key)) continue;
      log.error('A desired state cannot be read and is set aside; a newer one, or a newer build, frees it.', {
        ...letter,
      });
    }
    told = found;
  };
};

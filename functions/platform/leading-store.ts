import type { Hold } from '../../shared/model/hold.ts';
import type { Store } from '../../shared/queue/store/store.ts';

const guarded = (hold: Hold, isLeading: () => boolean): Hold => ({
  ...hold,
  check: async () => (isLeading() ? hold.check() : { answer: 'lost' }),
});

/**
 * A memory store knows nothing of other processes: who may write to a load balancer is who holds the Lease. Whoever
 * has lost it takes no hold, and finds lost the ones in hand (law L4).
 */
export const createLeadingStore = (store: Store, isLeading: () => boolean): Store => ({
  ...store,
  take: async (loadBalancerKey, owner) => {
    if (!isLeading()) return 'held';
    const hold = await store.take(loadBalancerKey, owner);
    return typeof hold === 'string' ? hold : guarded(hold, isLeading);
  },
});

import { type Lane, type LoadBalancerKey, lanes } from '../../model/desired-state.ts';
import type { Doorbell, Ring } from './doorbell.ts';

/**
 * The doorbell of one process. Rings of a load balancer that wait are one ring, in the most urgent lane of them.
 * A batch that its listener rejects is gone: what is still due rings again (`Store.due`).
 *
 * Each `listen` is one consumer. `close` ends them all and resolves when the batches on their way have settled;
 * awaited inside a batch it never would.
 */
export const createMemoryDoorbell = (): Doorbell => {
  const waiting = new Map<LoadBalancerKey, Lane>();
  const listeners = new Set<Promise<void>>();
  let sleepers: (() => void)[] = [];
  let closed = false;

  const wakeAll = (): void => {
    const woken = sleepers;
    sleepers = [];
    for (const wake of woken) wake();
  };

  const nextBatch = (batchSize: number): readonly Ring[] => {
    const batch = [...waiting]
      .map(([loadBalancerKey, lane]): Ring => ({ loadBalancerKey, lane }))
      .sort((a, b) => lanes.indexOf(a.lane) - lanes.indexOf(b.lane))
      .slice(0, batchSize);
    for (const { loadBalancerKey } of batch) waiting.delete(loadBalancerKey);
    return batch;
  };

  const consume = async (
    onBatch: (rings: readonly Ring[]) => Promise<void>,
    batchSize: number,
    isOver: () => boolean,
  ): Promise<void> => {
    // Rings of one tick come as one batch.
    await Promise.resolve();
    while (!isOver()) {
      const batch = nextBatch(batchSize);
      if (batch.length > 0) {
        // Whoever listens reports its own errors; the bell goes on.
        await Promise.resolve(batch)
          .then(onBatch)
          .catch(() => {});
      } else {
        await new Promise<void>((resolve) => sleepers.push(resolve));
      }
    }
  };

  return {
    ring: async (rings) => {
      if (closed) return;
      for (const { loadBalancerKey, lane } of rings) {
        const waits = waiting.get(loadBalancerKey);
        if (waits === undefined || lanes.indexOf(lane) < lanes.indexOf(waits)) {
          waiting.set(loadBalancerKey, lane);
        }
      }
      wakeAll();
    },
    listen: (onBatch, { batchSize }) => {
      let stopped = false;
      const consumed = consume(onBatch, batchSize, () => closed || stopped);
      listeners.add(consumed);
      return async () => {
        stopped = true;
        wakeAll();
        await consumed;
        listeners.delete(consumed);
      };
    },
    close: async () => {
      closed = true;
      wakeAll();
      await Promise.all(listeners);
    },
  };
};

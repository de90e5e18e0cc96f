import type { JobsOptions } from 'bullmq';
import type { Clock } from '../../model/clock.ts';
import type { Log } from '../../process/log.ts';
import { type ConnectionWatcher, type DoorbellRedis, openConnection } from './bullmq-connections.ts';
import { type BullmqListener, listenOnQueues } from './bullmq-listener.ts';
import { queueOf, type RingJob, ringQueues, shardOf } from './bullmq-queues.ts';
import type { Doorbell, Ring } from './doorbell.ts';
import { asDoorbellError, DoorbellError } from './doorbell-error.ts';

export interface BullmqDoorbellOptions {
  readonly redis: DoorbellRedis;
  /** What all keys begin with: names the cluster. No braces. */
  readonly prefix: string;
  /** Queues per lane; the same in every process. More than one spreads them over the nodes of a Redis Cluster. */
  readonly shards?: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** A ring that Redis did not take by then is given up: the store is asked within a second. */
const ringMs = 2_000;

/**
 * Nothing of a ring is kept: it is never tried again, and whoever fails at it has not lost it (the store rings
 * again). Rings of a load balancer that waits in the same lane are one, so a queue never holds more rings than there
 * are load balancers, though nobody listens for days. No job id of our own: BullMQ would silently drop a ring made
 * while one with that id runs.
 */
const ringOptions = (loadBalancerKey: string): JobsOptions => ({
  deduplication: { id: loadBalancerKey },
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 1,
});

/**
 * The doorbell on Redis, by BullMQ: a queue for each lane and shard, so that what is urgent never waits behind what
 * is not, nor behind its own load balancer in another lane.
 *
 * Only the resident dispatcher listens, never a function (a frozen one would swallow rings). Several listeners share
 * the rings: each goes to one of them. When Redis goes away, `ring` rejects within about 2 s with a DoorbellError and
 * listening resumes by itself; `close` waits for the batch on its way, never for Redis.
 *
 * @throws RangeError for a prefix with braces
 */
export const createBullmqDoorbell = (options: BullmqDoorbellOptions): Doorbell => {
  const { redis, prefix, shards = 1, clock, log } = options;
  let away = false;
  const onFailure = (error: unknown): void => {
    if (!away && !closed) {
      log.warn('The doorbell cannot reach Redis; rings are lost until it can, and the store is asked.', {
        error: asDoorbellError(error),
      });
    }
    away = true;
  };
  const watcher: ConnectionWatcher = {
    onError: onFailure,
    onReady: () => {
      if (away) log.info('The doorbell reaches Redis again.');
      away = false;
    },
  };
  let closed = false;
  const bounded = openConnection(redis, 'bounded', watcher);
  const queues = ringQueues(prefix, shards).map((ringQueue) => ({
    ringQueue,
    queue: queueOf(ringQueue, bounded),
  }));
  const listeners = new Set<BullmqListener>();

  const add = async (rings: readonly Ring[], signal: AbortSignal): Promise<void> => {
    await bounded.ready(signal);
    await Promise.all(
      queues.map(async ({ ringQueue, queue }) => {
        const keys = new Set(
          rings
            .filter(
              ({ lane, loadBalancerKey }) =>
                lane === ringQueue.lane && shardOf(loadBalancerKey, shards) === ringQueue.shard,
            )
            .map(({ loadBalancerKey }) => loadBalancerKey),
        );
        if (keys.size === 0) return;
        await queue.addBulk(
          [...keys].map((loadBalancerKey) => ({
            name: 'ring',
            data: { loadBalancerKey } satisfies RingJob,
            opts: ringOptions(loadBalancerKey),
          })),
        );
      }),
    );
  };

  const ring = async (rings: readonly Ring[]): Promise<void> => {
    if (closed || rings.length === 0) return;
    const over = new AbortController();
    const late = clock.sleep(ringMs, over.signal).then((): never => {
      throw new DoorbellError('no answer');
    });
    late.catch(() => {});
    try {
      await Promise.race([add(rings, over.signal), late]);
    } catch (error) {
      onFailure(error);
      throw asDoorbellError(error);
    } finally {
      over.abort();
    }
  };

  return {
    ring,
    listen: (onBatch, { batchSize }) => {
      if (closed) return () => Promise.resolve();
      const listener = listenOnQueues({
        queues,
        bounded,
        openBlocking: () => openConnection(redis, 'blocking', watcher),
        onBatch,
        batchSize,
        ringAgain: (rings) => void ring(rings).catch(() => {}),
        clock,
        onFailure,
      });
      listeners.add(listener);
      return async () => {
        listeners.delete(listener);
        await listener.stop();
      };
    },
    close: async () => {
      closed = true;
      const stopped = Promise.all([...listeners].map((listener) => listener.stop()));
      for (const { queue } of queues) queue.close().catch(() => {});
      bounded.close();
      await stopped;
    },
  };
};

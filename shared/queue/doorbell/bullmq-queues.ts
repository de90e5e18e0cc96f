import { Queue, QueueKeys, RedisConnection, RedisQueueBackend, Worker } from 'bullmq';
import { type Lane, type LoadBalancerKey, lanes } from '../../model/desired-state.ts';
import type { DoorbellConnection } from './bullmq-connections.ts';

/** One queue of rings: those of one lane, for a share of the load balancers. */
export interface RingQueue {
  readonly lane: Lane;
  readonly shard: number;
  /** Hash-tagged: all keys of a queue are in one slot of a Redis Cluster. */
  readonly bullmqPrefix: string;
}

export interface RingJob {
  readonly loadBalancerKey: LoadBalancerKey;
}

const queueName = 'doorbell';
/** A ring that was taken and neither heard nor removed is heard by somebody else, after this and once more. */
const takenMs = 10_000;
/** BullMQ writes what it does into a stream beside the queue, which nobody reads. */
const eventsKept = 100;

const prefixOf = (prefix: string, lane: Lane, shard: number): string => `{${prefix}:${lane}:${shard}}`;

/** The list in Redis that an autoscaler (KEDA's `redis` scaler) measures. */
export const ringListKey = (prefix: string, lane: Lane, shard: number): string =>
  `${prefixOf(prefix, lane, shard)}:${queueName}:wait`;

/** @throws when the prefix holds a brace, which would move the hash tag */
export const ringQueues = (prefix: string, shards: number): readonly RingQueue[] => {
  if (/[{}]/.test(prefix)) throw new RangeError('A prefix of the doorbell holds no braces.');
  return lanes.flatMap((lane) =>
    Array.from({ length: shards }, (_, shard) => ({
      lane,
      shard,
      bullmqPrefix: prefixOf(prefix, lane, shard),
    })),
  );
};

/** FNV-1a: the same load balancer rings in the same shard, in every process. */
export const shardOf = (loadBalancerKey: LoadBalancerKey, shards: number): number => {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(loadBalancerKey)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % shards;
};

const backendOn =
  ({ bullmqPrefix }: RingQueue, bounded: DoorbellConnection, blocking: DoorbellConnection | undefined) =>
  (name: string, opts: ConstructorParameters<typeof RedisQueueBackend>[4]): RedisQueueBackend => {
    const keys = new QueueKeys(bullmqPrefix);
    // `shared`: the connections are ours to close. No version check: its INFO would hang with Redis, and its
    // warnings go past our log; `doctor` looks at what it looks at.
    const shared = { shared: true, skipVersionCheck: true };
    return new RedisQueueBackend(
      new RedisConnection(bounded.redis, { ...shared, blocking: false, skipWaitingForReady: true }),
      name,
      keys.getKeys(name),
      (type) => keys.toKey(name, type),
      opts,
      blocking === undefined
        ? undefined
        : new RedisConnection(blocking.redis, { ...shared, blocking: true, skipWaitingForReady: true }),
    );
  };

/** Where rings of this lane and shard go in. */
export const queueOf = (ringQueue: RingQueue, bounded: DoorbellConnection): Queue<RingJob> => {
  const queue: Queue<RingJob> = new Queue(
    queueName,
    {
      connection: bounded.redis,
      prefix: ringQueue.bullmqPrefix,
      streams: { events: { maxLen: eventsKept } },
    },
    backendOn(ringQueue, bounded, undefined),
  );
  queue.on('error', () => {});
  return queue;
};

/** Takes rings of this lane and shard out, by hand: `getNextJob`. It is never run. */
export const workerOf = (
  ringQueue: RingQueue,
  bounded: DoorbellConnection,
  blocking: DoorbellConnection,
): Worker<unknown> => {
  const worker: Worker<unknown> = new Worker(
    queueName,
    null,
    {
      connection: bounded.redis,
      prefix: ringQueue.bullmqPrefix,
      autorun: false,
      lockDuration: takenMs,
      stalledInterval: takenMs,
    },
    backendOn(ringQueue, bounded, blocking),
  );
  worker.on('error', () => {});
  return worker;
};

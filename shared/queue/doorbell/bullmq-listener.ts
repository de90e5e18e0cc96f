import { randomUUID } from 'node:crypto';
import type { Job, Queue, Worker } from 'bullmq';
import type { Clock } from '../../model/clock.ts';
import { type Lane, type LoadBalancerKey, lanes } from '../../model/desired-state.ts';
import type { DoorbellConnection } from './bullmq-connections.ts';
import { type RingJob, type RingQueue, workerOf } from './bullmq-queues.ts';
import type { Ring } from './doorbell.ts';
import { DoorbellError } from './doorbell-error.ts';

export interface BullmqListenerDependencies {
  readonly queues: readonly { readonly ringQueue: RingQueue; readonly queue: Queue<RingJob> }[];
  readonly bounded: DoorbellConnection;
  readonly openBlocking: () => DoorbellConnection;
  readonly onBatch: (rings: readonly Ring[]) => Promise<void>;
  readonly batchSize: number;
  /** For others: what this one took and will not hand on. */
  readonly ringAgain: (rings: readonly Ring[]) => void;
  readonly clock: Clock;
  /** Redis did not answer; it is tried again. */
  readonly onFailure: (error: unknown) => void;
}

export interface BullmqListener {
  /** No batch begins any more; resolves when the one on its way has settled, whatever Redis does. */
  stop(): Promise<void>;
}

/** One round trip to Redis and back, at the longest. */
const answerMs = 2_500;
const pauseFirstMs = 50;
const pauseMostMs = 1_000;
/** Woken so often in a row for nothing, at once: somebody else takes the rings, and need not be raced. */
const idleWakes = 3;
const idleWakeMs = 20;
const idlePauseMs = 100;

interface Source {
  readonly lane: Lane;
  readonly worker: Worker<unknown>;
  readonly queue: Queue<RingJob>;
  readonly blocking: DoorbellConnection;
  /** Blocks for the next ring. */
  waiting: Promise<void> | undefined;
}

const keyOf = ({ data }: Job<unknown>): LoadBalancerKey | undefined =>
  typeof data === 'object' &&
  data !== null &&
  'loadBalancerKey' in data &&
  typeof data.loadBalancerKey === 'string'
    ? data.loadBalancerKey
    : undefined;

/** Our lock ended, or the data is another: whoever has the job now hears it. */
const isNotOurs = (error: unknown): boolean => error instanceof Error && error.message.startsWith('Missing ');

/**
 * Takes rings from all queues, most urgent first, and hands them on in batches.
 *
 * A ring is removed from its queue **before** it is handed on. While it is in the queue, or taken and not yet
 * removed, BullMQ drops further rings of its load balancer; each of those came before the batch begins, so none of
 * them is lost. If we die with what we took, it is lost: the store rings again for what is due.
 */
export const listenOnQueues = (dependencies: BullmqListenerDependencies): BullmqListener => {
  const { queues, bounded, openBlocking, onBatch, batchSize, ringAgain, clock, onFailure } = dependencies;
  const ending = new AbortController();
  const { signal } = ending;
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const token = randomUUID();
  const sources = queues.map(({ ringQueue, queue }): Source => {
    const blocking = openBlocking();
    const worker = workerOf(ringQueue, bounded, blocking);
    // Hands what a dead listener took to somebody else.
    void worker.startStalledCheckTimer();
    return { lane: ringQueue.lane, worker, queue, blocking, waiting: undefined };
  });
  /** Removed from their queues, not yet handed on. */
  const taken: Record<Lane, LoadBalancerKey[]> = { drain: [], ready: [], rest: [], sweep: [] };
  /** Redis did not say that they are removed: handed on, and once more when it does. */
  let unremoved: { readonly lane: Lane; readonly job: Job<unknown> }[] = [];

  const answered = async <T>(asked: Promise<T>): Promise<T> => {
    const over = new AbortController();
    const late = clock.sleep(answerMs, over.signal).then((): never => {
      throw new DoorbellError('no answer');
    });
    late.catch(() => {});
    try {
      return await Promise.race([asked, late]);
    } finally {
      over.abort();
    }
  };

  const remove = async (lane: Lane, job: Job<unknown>): Promise<void> => {
    try {
      await answered(job.moveToCompleted(undefined, token, false));
    } catch (error) {
      if (!isNotOurs(error)) {
        unremoved.push({ lane, job });
        onFailure(error);
      }
    }
    const key = keyOf(job);
    if (key !== undefined) taken[lane].push(key);
    if (signal.aborted) giveBack();
  };

  /** Redis may have answered the last blocking call, or a fetch, when nobody listened to it any more. */
  const giveBack = (): void => {
    const rings = lanes.flatMap((lane) =>
      taken[lane].splice(0).map((loadBalancerKey): Ring => ({ loadBalancerKey, lane })),
    );
    if (rings.length > 0) ringAgain(rings);
  };

  const take = async ({ lane, worker }: Source, most: number): Promise<void> => {
    const takeOne = async (): Promise<void> => {
      const asked: Promise<Job<unknown> | undefined> = worker.getNextJob(token, { block: false });
      // Also when the answer comes too late for this batch: it is ours, and goes into the next.
      const removed = asked.then((job) => (job === undefined ? undefined : remove(lane, job)));
      removed.catch(() => {});
      await answered(asked);
      await removed;
    };
    const taking = await Promise.allSettled(Array.from({ length: most }, takeOne));
    const failure = taking.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected' && !lanes.some((each) => taken[each].length > 0)) throw failure.reason;
  };

  /** As many as fit, the most urgent first, each load balancer once. */
  const nextBatch = async (): Promise<readonly Ring[]> => {
    // While there is no connection nothing is asked, so that nothing piles up to be asked later.
    await bounded.ready(signal);
    const late = unremoved;
    unremoved = [];
    await Promise.all(late.map(({ lane, job }) => remove(lane, job)));
    const waiting = await Promise.all(sources.map(({ queue }) => answered(queue.getJobCountByTypes('wait'))));
    let room = batchSize;
    const counted = new Set<Lane>();
    const takes: Promise<void>[] = [];
    for (const [index, source] of sources.entries()) {
      if (!counted.has(source.lane)) room -= Math.min(room, taken[source.lane].length);
      counted.add(source.lane);
      const most = Math.min(room, waiting[index] ?? 0);
      room -= most;
      takes.push(take(source, most));
    }
    await Promise.all(takes);
    const batch = new Map<LoadBalancerKey, Ring>();
    for (const lane of lanes) {
      while (batch.size < batchSize) {
        const loadBalancerKey = taken[lane].shift();
        if (loadBalancerKey === undefined) break;
        if (!batch.has(loadBalancerKey)) batch.set(loadBalancerKey, { loadBalancerKey, lane });
      }
    }
    return [...batch.values()];
  };

  /** Resolves when a ring of this source was taken. */
  const waitFor = async (source: Source): Promise<void> => {
    let pauseMs = pauseFirstMs;
    let wakes = 0;
    while (!signal.aborted) {
      const begunAt = clock.now();
      try {
        await bounded.ready(signal);
        const job: Job<unknown> | undefined = await source.worker.getNextJob(token);
        if (job !== undefined) {
          await remove(source.lane, job);
          return;
        }
        pauseMs = pauseFirstMs;
        wakes = clock.now() - begunAt < idleWakeMs ? wakes + 1 : 0;
        if (wakes > idleWakes) await clock.sleep(idlePauseMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        onFailure(error);
        await clock.sleep(pauseMs, signal);
        pauseMs = Math.min(pauseMostMs, pauseMs * 2);
      }
    }
  };

  const anyRing = async (): Promise<void> => {
    const waits = sources.map((source) => {
      source.waiting ??= waitFor(source).finally(() => {
        source.waiting = undefined;
      });
      return source.waiting;
    });
    // One of them may have ended since the batch was found empty.
    if (lanes.some((lane) => taken[lane].length > 0)) return;
    await Promise.race([...waits, ended]);
  };

  const consume = async (): Promise<void> => {
    let pauseMs = pauseFirstMs;
    while (!signal.aborted) {
      try {
        const batch = await Promise.race([nextBatch(), ended]);
        if (signal.aborted || batch === undefined) return;
        pauseMs = pauseFirstMs;
        // Whoever listens reports its own errors; the bell goes on.
        if (batch.length > 0)
          await Promise.resolve(batch)
            .then(onBatch)
            .catch(() => {});
        else await anyRing();
      } catch (error) {
        onFailure(error);
        await clock.sleep(pauseMs, signal);
        pauseMs = Math.min(pauseMostMs, pauseMs * 2);
      }
    }
  };
  const consumed = consume();

  return {
    stop: async () => {
      ending.abort();
      for (const { worker, blocking } of sources) {
        // It only learns that it is over: the connections are ours, and nothing of BullMQ's is waited for.
        worker.close(true).catch(() => {});
        blocking.close();
      }
      await consumed;
      giveBack();
    },
  };
};

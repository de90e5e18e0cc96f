import type { Clock } from '../../../model/clock.ts';
import { defaultBudgetPerSecond } from '../budget.ts';
import { createKeptStore } from '../kept-store.ts';
import type { Store } from '../store.ts';
import { openRedis, type RedisAddress } from './connect.ts';
import { createRedisEngine } from './redis-engine.ts';

export interface RedisStoreOptions extends RedisAddress {
  /** Of every key; one for each cluster that shares the Redis. */
  readonly prefix: string;
  /** How many parts the store has, for Redis Cluster; must never change. Default 8. */
  readonly shards?: number;
  /** Calls a second of each action, all lanes together; 18 by default. */
  readonly budgetPerSecond?: number;
  /** For tests; absent: the server's own time. */
  readonly clock?: Clock;
}

export const defaultShards = 8;

/** The store of several processes, on one Redis or a Redis Cluster. Everything it does may throw StoreError. */
export const createRedisStore = (options: RedisStoreOptions): Store =>
  createKeptStore(
    createRedisEngine({
      client: openRedis(options),
      prefix: options.prefix,
      shards: options.shards ?? defaultShards,
      budgetPerSecond: options.budgetPerSecond ?? defaultBudgetPerSecond,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    }),
  );

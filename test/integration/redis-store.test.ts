import { afterAll, beforeAll, describe } from 'vitest';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import { storeConformance } from '../../shared/queue/store/store-conformance.ts';
import { type RedisServer, redisExpected, startRedis } from '../support/redis.ts';

let made = 0;

describe.runIf(redisExpected)('on one Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
  });
  afterAll(() => redis?.close());

  storeConformance('redis', ({ clock, budgetPerSecond }) => {
    made += 1;
    return createRedisStore({
      urls: [redis.url],
      prefix: `t${made}`,
      shards: 3,
      clock,
      ...(budgetPerSecond === undefined ? {} : { budgetPerSecond }),
    });
  });
});

import type { RedisSettings } from '../../shared/process/config.ts';
import type { Log } from '../../shared/process/log.ts';
import { createBullmqDoorbell } from '../../shared/queue/doorbell/bullmq-doorbell.ts';
import type { Doorbell } from '../../shared/queue/doorbell/doorbell.ts';
import { checkRedis } from '../../shared/queue/store/redis/check-redis.ts';
import { openRedis } from '../../shared/queue/store/redis/connect.ts';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import type { Store } from '../../shared/queue/store/store.ts';

/** Store and doorbell on the same Redis, for the resident processes. */
export const openQueue = (
  settings: RedisSettings,
  log: Log,
): { readonly store: Store; readonly doorbell: Doorbell; close(): Promise<void> } => {
  const store = createRedisStore(settings);
  const doorbell = createBullmqDoorbell(settings);
  const checking = openRedis(settings);
  void checkRedis(checking)
    .then((problems) => {
      for (const problem of problems) log.warn('Redis may lose what it is given.', { ...problem });
    })
    .catch(() => undefined)
    .finally(() => checking.disconnect());
  return {
    store,
    doorbell,
    close: async () => {
      await doorbell.close();
      await store.close();
    },
  };
};

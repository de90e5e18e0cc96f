import { systemClock } from '../../shared/process/clock.ts';
import type { RedisSettings } from '../../shared/process/config.ts';
import type { Log } from '../../shared/process/log.ts';
import type { DoorbellRedis } from '../../shared/queue/doorbell/bullmq-connections.ts';
import { createBullmqDoorbell } from '../../shared/queue/doorbell/bullmq-doorbell.ts';
import type { Doorbell } from '../../shared/queue/doorbell/doorbell.ts';
import { checkRedis } from '../../shared/queue/store/redis/check-redis.ts';
import { openRedis, parseRedisUrl } from '../../shared/queue/store/redis/connect.ts';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import type { Store } from '../../shared/queue/store/store.ts';

const addressOf = ({ urls }: RedisSettings): DoorbellRedis => {
  const [url, ...others] = urls;
  if (others.length === 0) return { url };
  const { options } = parseRedisUrl(url);
  const { username, password, tls } = options;
  return {
    nodes: urls.map(parseRedisUrl).map(({ host, port }) => ({ host, port })),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined || password === null ? {} : { password }),
    ...(tls === undefined ? {} : { tls: true }),
  };
};

/** Store and doorbell on the same Redis, for the resident processes. */
export const openQueue = (
  settings: RedisSettings,
  log: Log,
): { readonly store: Store; readonly doorbell: Doorbell; close(): Promise<void> } => {
  const store = createRedisStore(settings);
  const doorbell = createBullmqDoorbell({
    redis: addressOf(settings),
    prefix: `${settings.prefix}:ring`,
    clock: systemClock,
    log,
  });
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

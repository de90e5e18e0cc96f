import { once } from 'node:events';
import { Cluster, Redis } from 'ioredis';

/** One Redis by URL (`redis://` or `rediss://`), or the first nodes of a Redis Cluster. */
export type DoorbellRedis =
  | { readonly url: string }
  | {
      readonly nodes: readonly { readonly host: string; readonly port: number }[];
      readonly username?: string;
      readonly password?: string;
      readonly tls?: boolean;
    };

/**
 * `bounded`: whatever is asked fails within about 2 s. `blocking`: waits for a marker, as long as BullMQ wants
 * (which has a watchdog of its own and forbids retries that end).
 */
export type ConnectionKind = 'bounded' | 'blocking';

export interface DoorbellConnection {
  readonly redis: Redis | Cluster;
  /** Resolves when commands can be sent; rejects when connecting fails, or the signal aborts. */
  ready(signal: AbortSignal): Promise<void>;
  /** At once, whatever state it is in; nothing brings it back. */
  close(): void;
}

export interface ConnectionWatcher {
  readonly onError: (error: unknown) => void;
  readonly onReady: () => void;
}

const connectTimeoutMs = 2_000;
/** No answer for so long. */
const commandTimeoutMs = 2_000;
/** Nothing heard for so long while answers are missing: the socket is dead, though nobody closed it. */
const silenceMs = 5_000;
const retryMostMs = 1_000;

const optionsOf = (kind: ConnectionKind) => ({
  connectTimeout: connectTimeoutMs,
  ...(kind === 'blocking'
    ? { maxRetriesPerRequest: null }
    : { maxRetriesPerRequest: 1, commandTimeout: commandTimeoutMs, socketTimeout: silenceMs }),
});

const openRedis = (
  address: DoorbellRedis,
  kind: ConnectionKind,
  retryAfter: (attempt: number) => number | null,
): Redis | Cluster => {
  if ('url' in address) return new Redis(address.url, { ...optionsOf(kind), retryStrategy: retryAfter });
  const { nodes, username, password, tls } = address;
  return new Cluster([...nodes], {
    clusterRetryStrategy: retryAfter,
    slotsRefreshTimeout: connectTimeoutMs,
    redisOptions: {
      ...optionsOf(kind),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === true ? { tls: {} } : {}),
    },
  });
};

/** A connection that comes back by itself until it is closed. No error of ioredis leaves it unhandled. */
export const openConnection = (
  address: DoorbellRedis,
  kind: ConnectionKind,
  { onError, onReady }: ConnectionWatcher,
): DoorbellConnection => {
  let open = true;
  const redis = openRedis(address, kind, (attempt) =>
    open ? Math.min(retryMostMs, 50 * 2 ** Math.min(attempt, 10)) : null,
  );
  // Also after the end: ioredis prints what nobody listens for, with what it was sending.
  redis.on('error', (error: unknown) => {
    if (open) onError(error);
  });
  redis.on('ready', onReady);
  // Each ring that waits for the connection listens to it, and each of BullMQ's queues.
  redis.setMaxListeners(Number.POSITIVE_INFINITY);
  // BullMQ's watchdog may be in the middle of connecting anew.
  redis.on('connect', () => {
    if (!open) redis.disconnect();
  });

  return {
    redis,
    ready: async (signal) => {
      if (redis.status !== 'ready') await once(redis, 'ready', { signal });
    },
    close: () => {
      open = false;
      redis.disconnect();
    },
  };
};

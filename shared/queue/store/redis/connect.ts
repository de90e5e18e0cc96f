import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { type ScriptName, scripts } from './scripts.ts';

export interface RedisAddress {
  /** One `redis://` or `rediss://` URL: one server. Several: nodes of a Redis Cluster. */
  readonly urls: readonly [string, ...string[]];
}

/** Redis did not answer, or refused. What was sent, and with which password, is never in it. */
export class StoreError extends Error {
  constructor(cause: unknown) {
    const message = cause instanceof Error ? cause.message : String(cause);
    super(`Redis: ${message.split('\n')[0]?.slice(0, 200) ?? ''}`);
    this.name = 'StoreError';
  }
}

/** A command that has no answer by then fails; so a Redis that hangs is an error like one that is gone. */
const commandTimeoutMs = 2_000;
/**
 * A connection that is silent for so long after a command is given up, and the command sent again on a new one: the
 * other end may have been gone since long before, without a word (a function was frozen, a NAT forgot it). What
 * was done though its answer was lost may be done twice, as after any broken connection.
 */
const silentMs = 1_000;

type Options = Omit<RedisOptions, 'replyMapping'>;

export const redisOptions: Options = {
  // What every Redis speaks; asking for the newer one costs a connection where it is not known.
  protocol: 2,
  commandTimeout: commandTimeoutMs,
  connectTimeout: commandTimeoutMs,
  socketTimeout: silentMs,
  // A command waits for one new connection, not for ever.
  maxRetriesPerRequest: 1,
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1_000),
  enableAutoPipelining: true,
  keepAlive: 5_000,
  lazyConnect: true,
};

export interface ParsedUrl {
  readonly host: string;
  readonly port: number;
  readonly options: Options;
}

/** @throws TypeError when it is no URL of a Redis; without the URL, which may hold a password */
export const parseRedisUrl = (url: string): ParsedUrl => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw new TypeError('The URL of Redis has to be redis://[user:password@]host[:port][/db], or rediss://.');
  }
  const { protocol, hostname, port, username, password, pathname } = parsed;
  const db = Number(pathname.slice(1) || '0');
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || '6379'),
    options: {
      ...(username === '' ? {} : { username: decodeURIComponent(username) }),
      ...(password === '' ? {} : { password: decodeURIComponent(password) }),
      ...(db === 0 ? {} : { db }),
      ...(protocol === 'rediss:' ? { tls: {} } : {}),
    },
  };
};

export type Client = Redis | Cluster;

/**
 * Opens a connection; it is made with the first command, and again whenever it breaks.
 *
 * @throws TypeError when a URL is none
 */
export const openRedis = ({ urls }: RedisAddress, more: Options = {}): Client => {
  const [first, ...others] = urls.map(parseRedisUrl);
  if (first === undefined) throw new TypeError('no Redis URL');
  const options = { ...redisOptions, ...first.options, ...more };
  const client: Client =
    others.length === 0
      ? new Redis({ ...options, host: first.host, port: first.port })
      : new Cluster(
          [first, ...others].map(({ host, port }) => ({ host, port })),
          {
            redisOptions: options,
            lazyConnect: true,
            // A cluster's queue ends with the connection only: who waits for one waits in `connected`.
            enableOfflineQueue: false,
            // A row of commands whose slots moved to several nodes is not sent on; each by itself is.
            enableAutoPipelining: false,
            clusterRetryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), 1_000),
            slotsRefreshTimeout: commandTimeoutMs,
          },
        );
  // Each command tells its own error; an error of the connection is nobody's.
  client.on('error', () => {});
  // Many wait at once for one connection.
  client.setMaxListeners(0);
  return client;
};

/** Runs the scripts, by their digest where the server knows them. */
export interface Scripts {
  run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

export const createScripts = (client: Client): Scripts => {
  for (const [name, { keys, lua }] of Object.entries(scripts)) {
    client.defineCommand(`clbDirect_${name}`, { numberOfKeys: keys, lua });
  }
  return {
    run: async (name, keys, args) => {
      const command: unknown = Reflect.get(client, `clbDirect_${name}`);
      if (typeof command !== 'function') throw new TypeError(`no script ${name}`);
      return told(client, () => command.call(client, ...keys, ...args));
    },
  };
};

const isReady = (client: Client): boolean => client.status === 'ready';

/** Resolves once a cluster is connected; what is asked of one server ioredis keeps until it is, for a while. */
const connected = async (client: Client): Promise<void> => {
  if (!(client instanceof Cluster) || isReady(client)) return;
  if (client.status === 'wait') client.connect().catch(() => {});
  await new Promise<void>((resolve) => {
    const go = (): void => {
      client.off('ready', go);
      client.off('end', go);
      clearTimeout(late);
      resolve();
    };
    const late = setTimeout(go, commandTimeoutMs);
    client.on('ready', go);
    client.on('end', go);
  });
  if (!isReady(client)) throw new Error('no connection to the cluster');
};

/** For a new connection and the answer together. */
const mostMs = commandTimeoutMs + 1_000;

/** A command, and an error where it has no answer in time, whatever it waits for. @throws StoreError */
export const told = async <T>(client: Client, command: () => Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), mostMs);
  });
  try {
    return await Promise.race([connected(client).then(command), late]);
  } catch (error) {
    throw new StoreError(error);
  } finally {
    clearTimeout(timer);
  }
};

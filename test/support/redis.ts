import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  hasRedisServer,
  type RedisServer,
  type RedisServerOptions,
  startRedisServer,
} from '../../infra/sandbox/redis-server.ts';

export { type RedisServer, startRedisServer as startRedis } from '../../infra/sandbox/redis-server.ts';

/** For `describe.runIf`: without Redis its suites are left out, but never on CI. */
export const redisExpected = hasRedisServer() || process.env['CI'] === 'true';

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  readonly urls: readonly [string, ...string[]];
  close(): Promise<void>;
}

/** Three nodes, each with a third of the slots. */
export const startRedisCluster = async (options: RedisServerOptions = {}): Promise<RedisCluster> => {
  const nodes = await Promise.all([1, 2, 3].map(() => startRedisServer({ ...options, cluster: true })));
  const clients = nodes.map(({ port }) => new Redis({ host: '127.0.0.1', port, protocol: 2 }));
  const slots = [0, 5461, 10923, 16384];
  const isWhole = async (): Promise<boolean> => {
    const states = await Promise.all(clients.map((client) => client.cluster('INFO')));
    return states.every((info) => /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info));
  };
  try {
    for (const [at, client] of clients.entries()) {
      await client.cluster('ADDSLOTSRANGE', slots[at] ?? 0, (slots[at + 1] ?? 0) - 1);
      for (const { port, busPort } of nodes) await client.cluster('MEET', '127.0.0.1', port, busPort);
    }
    const end = Date.now() + 20_000;
    while (!(await isWhole())) {
      if (Date.now() > end) throw new Error('the cluster is not whole within 20 s');
      await sleep(20);
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
  const [first, ...others] = nodes.map(({ url }) => url);
  return {
    nodes,
    urls: [first ?? '', ...others],
    close: async () => void (await Promise.all(nodes.map((node) => node.close()))),
  };
};

import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Forwarded, forward } from '../../infra/sandbox/net/forward.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import type { Hold } from '../../shared/model/hold.ts';
import { eventOf, recordedWith } from '../../shared/queue/store/conformance/fixture.ts';
import { checkRedis } from '../../shared/queue/store/redis/check-redis.ts';
import { openRedis, StoreError } from '../../shared/queue/store/redis/connect.ts';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import { storeConformance } from '../../shared/queue/store/store-conformance.ts';
import {
  type RedisCluster,
  type RedisServer,
  redisExpected,
  startRedis,
  startRedisCluster,
} from '../support/redis.ts';

let made = 0;
const prefix = (): string => {
  made += 1;
  return `t${made}`;
};

describe.runIf(redisExpected)('on one Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
  });
  afterAll(() => redis?.close());

  storeConformance('redis', ({ clock, budgetPerSecond }) =>
    createRedisStore({
      urls: [redis.url],
      prefix: prefix(),
      shards: 3,
      clock,
      ...(budgetPerSecond === undefined ? {} : { budgetPerSecond }),
    }),
  );
});

describe.runIf(redisExpected)('on a Redis Cluster of three', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ appendonly: true });
  });
  afterAll(() => cluster?.close());

  storeConformance(
    'redis cluster',
    ({ clock, budgetPerSecond }) =>
      createRedisStore({
        urls: cluster.urls,
        prefix: prefix(),
        shards: 6,
        clock,
        ...(budgetPerSecond === undefined ? {} : { budgetPerSecond }),
      }),
    25,
  );

  test('one node that lost its data makes another generation of the whole store, and nothing there is complete (L3, L5)', async () => {
    const store = createRedisStore({ urls: cluster.urls, prefix: prefix() });
    try {
      const { epoch, generation } = await store.takeOver();
      const keys = Array.from({ length: 24 }, (_, at) => `lb-${at}`);
      const put = (key: string, counter: number) =>
        store.put(eventOf(`web-${key}`, formatSequence(epoch, counter), key), 'rest');
      for (const [at, key] of keys.entries()) await put(key, at + 1);
      await store.complete(epoch);
      await cluster.nodes[1]?.restart('lost');
      await expect
        .poll(() => store.generation().catch(() => generation), { timeout: 15_000 })
        .not.toBe(generation);
      const kept = await store.loadBalancers();
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.length).toBeLessThan(keys.length);
      const answers = await Promise.all(keys.map((key, at) => put(key, 100 + at)));
      expect(answers.some((answer) => answer.generation !== generation)).toBe(true);
      const lost = keys.filter((key) => !kept.includes(key));
      for (const key of lost) {
        const hold = await store.take(key, 'reader');
        expect(hold).toMatchObject({ complete: false, inherited: 'first', mustObserve: true });
      }
    } finally {
      await store.close();
    }
  });

  /** Says what failed, and that it did not take long. */
  const failureOf = async (what: Promise<unknown>): Promise<unknown> => {
    const startedAt = Date.now();
    const failed = await what.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(StoreError);
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    return failed;
  };
  const answers = (store: Store) =>
    expect
      .poll(
        () =>
          store.loadBalancers().then(
            () => true,
            () => false,
          ),
        { timeout: 20_000 },
      )
      .toBe(true);

  test.each([
    ['gone', (node: RedisServer) => node.kill(), (node: RedisServer) => node.start('kept')],
    ['stopped', async (node: RedisServer) => node.pause(), async (node: RedisServer) => node.resume()],
  ])('while one node is %s what the others keep is still due, taken and put (L12)', async (_, end, begin) => {
    const store = createRedisStore({ urls: cluster.urls, prefix: prefix() });
    const node = cluster.nodes[2];
    if (node === undefined) return expect.fail('no node');
    try {
      const { epoch } = await store.takeOver();
      const keys = Array.from({ length: 40 }, (__, at) => `lb-${at}`);
      for (const [at, key] of keys.entries()) {
        await store.put(eventOf('web', formatSequence(epoch, at + 1), key), 'rest');
      }
      await end(node);
      try {
        // What nobody may take for the whole is not told in part.
        await failureOf(store.loadBalancers());
        const { due } = await store.due(100);
        expect(due.length).toBeGreaterThan(0);
        expect(due.length).toBeLessThan(keys.length);
        const key = due[0]?.loadBalancerKey ?? '';
        expect(typeof (await store.take(key, 'worker'))).toBe('object');
        const answer = await store.put(eventOf('web', formatSequence(epoch, 100), key), 'drain');
        expect(answer.outcome).toBe('kept');
      } finally {
        await begin(node);
      }
      await answers(store);
      expect(await store.loadBalancers()).toHaveLength(keys.length);
    } finally {
      await store.close();
    }
  });

  test('while all nodes are gone each step is an error within seconds, of a store in use and of a new one', async () => {
    const used = createRedisStore({ urls: cluster.urls, prefix: prefix() });
    const fresh = createRedisStore({ urls: cluster.urls, prefix: prefix() });
    try {
      await used.takeOver();
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      try {
        for (const store of [used, fresh, used, fresh]) await failureOf(store.due(1));
        await failureOf(used.readNote('token'));
      } finally {
        await Promise.all(cluster.nodes.map((node) => node.start('kept')));
      }
      await answers(used);
      await answers(fresh);
    } finally {
      await Promise.all([used.close(), fresh.close()]);
    }
  });

  test('each node that may forget is told of', async () => {
    const client = openRedis({ urls: cluster.urls });
    try {
      for (const node of cluster.nodes) {
        const direct = openRedis({ urls: [node.url] });
        await direct.config('SET', 'maxmemory-policy', 'volatile-lru');
        const problems = await checkRedis(client);
        await direct.config('SET', 'maxmemory-policy', 'noeviction');
        direct.disconnect();
        expect(problems).toMatchObject([
          { server: `127.0.0.1:${node.port}`, setting: 'maxmemory-policy', value: 'volatile-lru' },
        ]);
      }
    } finally {
      client.disconnect();
    }
  });
});

describe.runIf(redisExpected)('when Redis fails', () => {
  let redis: RedisServer;
  const stores: Store[] = [];
  const open = (of = 'kept'): Store => {
    const store = createRedisStore({ urls: [redis.url], prefix: of });
    stores.push(store);
    return store;
  };
  beforeAll(async () => {
    redis = await startRedis({ appendonly: true });
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });
  afterAll(() => redis?.close());

  const taken = async (store: Store, key: string): Promise<Hold> => {
    const hold = await store.take(key, 'worker');
    if (typeof hold === 'string') return expect.fail(`${key}: ${hold}`);
    return hold;
  };
  const answered = <T>(ask: () => Promise<T>): Promise<T> =>
    expect
      .poll(
        () =>
          ask().then(
            (value) => ({ value }),
            () => undefined,
          ),
        { timeout: 15_000 },
      )
      .toBeDefined()
      .then(ask);

  test('killed and started again with its file, it has everything: states, records, holds (L3)', async () => {
    const store = open();
    const { epoch, generation } = await store.takeOver();
    await store.put(eventOf('web', formatSequence(epoch, 1)), 'rest');
    await store.complete(epoch);
    const hold = await taken(store, 'lb-a');
    await hold.record(recordedWith('lb-1'));
    await store.writeNote('api-token', 'sealed');
    await redis.restart('kept');
    expect(await answered(() => store.generation())).toBe(generation);
    expect(await hold.check()).toEqual({ answer: 'mine' });
    expect(await open().take('lb-a', 'another')).toBe('held');
    await hold.done({ applied: { web: formatSequence(epoch, 1) }, released: [] });
    expect(await store.readNote('api-token')).toBe('sealed');
    const next = await taken(open(), 'lb-a');
    expect(next).toMatchObject({ inherited: 'released', complete: true, mustObserve: false });
    expect(next.recorded.loadBalancer?.loadBalancerId).toBe('lb-1');
    const answer = await store.put(eventOf('web', formatSequence(epoch, 2)), 'rest');
    expect(answer).toMatchObject({ outcome: 'kept', generation, applied: formatSequence(epoch, 1) });
  });

  test('started again without its data it is another store: nothing counts as complete (L3, L5)', async () => {
    const store = open('lost');
    const { epoch, generation } = await store.takeOver();
    await store.put(eventOf('web', formatSequence(epoch, 1)), 'rest');
    await store.complete(epoch);
    await redis.restart('lost');
    expect(await answered(() => store.generation())).not.toBe(generation);
    expect(await store.loadBalancers()).toEqual([]);
    const answer = await store.put(eventOf('web', formatSequence(epoch, 2)), 'rest');
    expect(answer.outcome).toBe('kept');
    expect(answer.generation).not.toBe(generation);
    await store.complete(epoch);
    expect((await taken(store, 'lb-a')).complete).toBe(false);
  });

  test('flushed under a hold: its holder finds it lost, and what is put again is taken as for the first time (L4)', async () => {
    const store = open('flushed');
    const { epoch, generation } = await store.takeOver();
    await store.put(eventOf('web', formatSequence(epoch, 1)), 'rest');
    const hold = await taken(store, 'lb-a');
    const client = openRedis({ urls: [redis.url] });
    await client.flushall();
    client.disconnect();
    expect(await hold.check()).toEqual({ answer: 'lost' });
    expect(await hold.record(recordedWith('lb-1'))).toBe(false);
    expect(await store.generation()).not.toBe(generation);
    await store.put(eventOf('web', formatSequence(epoch, 2)), 'rest');
    expect(await hold.check()).toEqual({ answer: 'lost' });
    expect(await taken(store, 'lb-a')).toMatchObject({ inherited: 'first', mustObserve: true });
  });

  test('of many that take at once one has it (L4)', async () => {
    const stores = Array.from({ length: 8 }, () => open('raced'));
    const [first] = stores;
    const { epoch } = (await first?.takeOver()) ?? { epoch: 0 };
    await first?.put(eventOf('web', formatSequence(epoch, 1)), 'rest');
    const answers = await Promise.all(stores.map((store, at) => store.take('lb-a', `worker-${at}`)));
    expect(answers.filter((answer) => typeof answer !== 'string')).toHaveLength(1);
  });

  test('puts of many at once are all counted, and none is lost', async () => {
    const stores = Array.from({ length: 4 }, () => open('many'));
    const [first] = stores;
    const { epoch } = (await first?.takeOver()) ?? { epoch: 0 };
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, at) =>
        stores[at % 4]?.put(eventOf(`web-${at % 20}`, formatSequence(epoch, at + 1)), 'rest'),
      ),
    );
    expect(new Set(answers.map((answer) => answer?.puts)).size).toBe(80);
    const hold = await taken(open('many'), 'lb-a');
    expect(hold.states).toHaveLength(20);
    expect(hold.states.map(({ sequence }) => sequence).sort()[0]).toBe(formatSequence(epoch, 61));
  });

  test.each([
    ['gone', () => redis.kill(), () => redis.start('kept')],
    ['stopped', async () => redis.pause(), async () => redis.resume()],
  ])(
    'while it is %s every step is an error within seconds, without a secret; then it goes on',
    async (_, end, begin) => {
      const store = open('failing');
      await store.takeOver();
      await end();
      const startedAt = Date.now();
      const failed = await store
        .put(eventOf('web', formatSequence(9_000_000_000, 1)), 'rest')
        .catch((error) => error);
      expect(failed).toBeInstanceOf(StoreError);
      expect(Date.now() - startedAt).toBeLessThan(8_000);
      expect(failed.message.length).toBeLessThan(250);
      expect(JSON.stringify(Object.getOwnPropertyNames(failed))).not.toContain('command');
      await begin();
      await answered(() => store.generation());
    },
  );

  test('a connection that fell silent without a word is given up, and the step is done on a new one', async () => {
    const connections = new Set<Forwarded>();
    const between = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
      const to = { host: '127.0.0.1', port: redis.port };
      connections.add(forward({ client, to, localAddress: undefined, onRefused: () => undefined }));
    });
    await once(between.listen(0, '127.0.0.1'), 'listening');
    const address = between.address();
    if (address === null || typeof address === 'string') throw new Error('it listens on no port');
    const store = createRedisStore({ urls: [`redis://127.0.0.1:${address.port}`], prefix: 'silent' });
    stores.push(store);
    const { epoch } = await store.takeOver();
    expect(connections.size).toBeGreaterThan(0);
    for (const connection of connections) connection.stop('stall');
    const answer = await store.put(eventOf('web', formatSequence(epoch, 1)), 'rest');
    expect(answer.outcome).toBe('kept');
    for (const connection of connections) connection.stop('cut');
    between.close();
  });

  test('closing does not wait for a Redis that hangs', async () => {
    const store = open('closing');
    await store.takeOver();
    redis.pause();
    const startedAt = Date.now();
    await store.close();
    expect(Date.now() - startedAt).toBeLessThan(2_000);
    redis.resume();
  });

  test('a Redis that may forget is told of', async () => {
    const client = openRedis({ urls: [redis.url] });
    expect(await checkRedis(client)).toEqual([]);
    await client.config('SET', 'appendonly', 'no');
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const server = `127.0.0.1:${redis.port}`;
    expect(await checkRedis(client)).toEqual([
      { server, setting: 'appendonly', value: 'no', wanted: 'yes' },
      { server, setting: 'maxmemory-policy', value: 'allkeys-lru', wanted: 'noeviction' },
    ]);
    client.disconnect();
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Lane } from '../../shared/model/desired-state.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type Log, silentLog } from '../../shared/process/log.ts';
import {
  type BullmqDoorbellOptions,
  createBullmqDoorbell,
} from '../../shared/queue/doorbell/bullmq-doorbell.ts';
import { ringListKey } from '../../shared/queue/doorbell/bullmq-queues.ts';
import type { Doorbell, Ring } from '../../shared/queue/doorbell/doorbell.ts';
import { doorbellConformance } from '../../shared/queue/doorbell/doorbell-conformance.ts';
import { DoorbellError } from '../../shared/queue/doorbell/doorbell-error.ts';
import {
  type RedisCluster,
  type RedisServer,
  redisExpected,
  startRedis,
  startRedisCluster,
} from '../support/redis.ts';

const ringOf = (loadBalancerKey: string, lane: Lane = 'rest'): Ring => ({ loadBalancerKey, lane });
const keysOf = (rings: readonly Ring[]): string[] => rings.map(({ loadBalancerKey }) => loadBalancerKey);
const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { interval: 20, timeout: 30_000 });

let prefixes = 0;
const newPrefix = (): string => {
  prefixes += 1;
  return `test:${process.pid}:${prefixes}`;
};

const made: Doorbell[] = [];
const open = (options: Pick<BullmqDoorbellOptions, 'redis'> & Partial<BullmqDoorbellOptions>): Doorbell => {
  const doorbell = createBullmqDoorbell({
    prefix: newPrefix(),
    clock: systemClock,
    log: silentLog,
    ...options,
  });
  made.push(doorbell);
  return doorbell;
};

const clients: Redis[] = [];
const clientOf = ({ port }: RedisServer): Redis => {
  const client = new Redis({ host: '127.0.0.1', port });
  client.on('error', () => {});
  clients.push(client);
  return client;
};

const buildListener = async (): Promise<string> => {
  const outfile = fileURLToPath(
    new URL('../../node_modules/.cache/doorbell-listener/main.mjs', import.meta.url),
  );
  await build({
    entryPoints: [fileURLToPath(new URL('../support/doorbell-listener-main.ts', import.meta.url))],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  return outfile;
};

/** Every log line, as text. */
const writtenLog = (): { readonly log: Log; readonly lines: string[] } => {
  const lines: string[] = [];
  const write = (message: string, fields?: unknown): void => {
    const error =
      typeof fields === 'object' && fields !== null && 'error' in fields ? String(fields.error) : '';
    lines.push(`${message} ${error}`);
  };
  return { log: { debug: write, info: write, warn: write, error: write }, lines };
};

describe.runIf(redisExpected)('the doorbell on Redis', () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  beforeAll(() => void process.on('unhandledRejection', onUnhandled));
  afterAll(() => void process.removeListener('unhandledRejection', onUnhandled));
  afterEach(async () => {
    await Promise.all(made.splice(0).map((doorbell) => doorbell.close()));
    for (const client of clients.splice(0)) client.disconnect();
    expect(unhandled.splice(0)).toEqual([]);
  });

  describe('one Redis', () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.close());

    doorbellConformance('bullmq', () =>
      createBullmqDoorbell({
        redis: { url: redis.url },
        prefix: newPrefix(),
        clock: systemClock,
        log: silentLog,
      }),
    );

    doorbellConformance('bullmq, three shards', () =>
      createBullmqDoorbell({
        redis: { url: redis.url },
        prefix: newPrefix(),
        shards: 3,
        clock: systemClock,
        log: silentLog,
      }),
    );

    doorbellConformance('bullmq, rung by another replica', () => {
      const shared = {
        redis: { url: redis.url },
        prefix: newPrefix(),
        clock: systemClock,
        log: silentLog,
      };
      const rings = createBullmqDoorbell(shared);
      const listens = createBullmqDoorbell(shared);
      return {
        ring: rings.ring,
        listen: listens.listen,
        close: async () => void (await Promise.all([rings.close(), listens.close()])),
      };
    });

    test('two replicas that listen share the rings: each ring is heard by one of them, and all are heard', async () => {
      const shared = { redis: { url: redis.url }, prefix: newPrefix() };
      const heard: string[][] = [[], []];
      let hold = true;
      for (const own of heard) {
        open(shared).listen(
          async (rings) => {
            own.push(...keysOf(rings));
            // Until both have something: neither may take all of it.
            await vi.waitUntil(() => !hold || heard.every(({ length }) => length > 0), { timeout: 30_000 });
          },
          { batchSize: 5 },
        );
      }
      const rings = open(shared);
      const keys = Array.from({ length: 100 }, (_, index) => `lb-${index}`);
      for (const key of keys) await rings.ring([ringOf(key)]);
      await eventually(() => expect(heard.flat()).toHaveLength(keys.length));
      hold = false;
      expect(new Set(heard.flat())).toEqual(new Set(keys));
      expect(heard.map(({ length }) => length > 0)).toEqual([true, true]);
    });

    test('nobody listens: 10,000 rings of 10 load balancers are 10 rings, and all are heard later', async () => {
      const prefix = newPrefix();
      const doorbell = open({ redis: { url: redis.url }, prefix });
      const client = clientOf(redis);
      const keys = Array.from({ length: 10 }, (_, index) => `lb-${index}`);
      for (let round = 0; round < 100; round += 1) {
        await Promise.all(
          Array.from({ length: 10 }, () => doorbell.ring(keys.map((key) => ringOf(key, 'drain')))),
        );
      }
      expect(await client.llen(ringListKey(prefix, 'drain', 0))).toBe(10);
      const before = await client.keys(`{${prefix}:*`);
      expect(before.length).toBeLessThan(50);
      const heard: string[] = [];
      doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 100 });
      await eventually(() => expect(new Set(heard)).toEqual(new Set(keys)));
      // Nothing is kept of what was heard.
      await eventually(async () => {
        const left = await client.keys(`{${prefix}:*`);
        expect(left.filter((key) => /:(wait|active|completed|failed|\d+|de:.*)$/.test(key))).toEqual([]);
      });
    });

    test('who dies with what it took: the load balancer rings again for those who live', async () => {
      const shared = { redis: { url: redis.url }, prefix: newPrefix() };
      const program = await buildListener();
      const child = spawn(process.execPath, [program, shared.redis.url, shared.prefix], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const took =
          child.stdout === null ? Promise.reject(new Error('no output')) : once(child.stdout, 'data');
        const rings = open(shared);
        await rings.ring([ringOf('a'), ringOf('b')]);
        await took;
        child.kill('SIGKILL');
        await once(child, 'exit');
        const heard: string[] = [];
        open(shared).listen(async (batch) => void heard.push(...keysOf(batch)), { batchSize: 10 });
        // What the dead one had may be lost; what is still due rings again, and nothing stands in its way.
        await rings.ring([ringOf('a'), ringOf('b')]);
        await eventually(() => expect(new Set(heard)).toEqual(new Set(['a', 'b'])));
      } finally {
        child.kill('SIGKILL');
      }
    });

    test('an empty bell is one blocking call for each lane: nothing is polled', async () => {
      const prefix = newPrefix();
      const quiet = await startRedis();
      try {
        const doorbell = open({ redis: { url: quiet.url }, prefix });
        const heard: string[] = [];
        doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 10 });
        await doorbell.ring([ringOf('a')]);
        await eventually(() => expect(heard).toEqual(['a']));
        const client = clientOf(quiet);
        const calls = async (): Promise<number> => {
          const stats = await client.info('commandstats');
          return [...stats.matchAll(/cmdstat_(evalsha|eval|bzpopmin|llen|info)\|?[^:]*:calls=(\d+)/g)]
            .filter(([, name]) => name !== 'info')
            .reduce((sum, [, , count]) => sum + Number(count), 0);
        };
        const blocked = async (): Promise<number> => {
          const clients = await client.info('clients');
          return Number(/blocked_clients:(\d+)/.exec(clients)?.[1] ?? 0);
        };
        await eventually(async () => expect(await blocked()).toBe(4));
        const before = await calls();
        const begunAt = Date.now();
        await vi.waitUntil(() => Date.now() - begunAt >= 3_000, { timeout: 30_000, interval: 100 });
        const perSecond = ((await calls()) - before) / ((Date.now() - begunAt) / 1_000);
        // A block of 5 s and one look afterwards, in each of 4 lanes, is below 2 a second.
        expect(perSecond).toBeLessThan(6);
      } finally {
        await Promise.all(made.splice(0).map((doorbell) => doorbell.close()));
        await quiet.close();
      }
    });

    test('a key with braces, colons and spaces rings like any other; a prefix with braces is refused', async () => {
      const doorbell = open({ redis: { url: redis.url }, shards: 2 });
      const heard: string[] = [];
      doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 10 });
      await doorbell.ring([ringOf('{lb}:1 é'), ringOf('0')]);
      await eventually(() => expect(new Set(heard)).toEqual(new Set(['{lb}:1 é', '0'])));
      expect(() => open({ redis: { url: redis.url }, prefix: 'a{b}' })).toThrow(RangeError);
    });
  });

  describe('a Redis that fails', () => {
    let redis: RedisServer;
    afterEach(() => redis.close());

    /** Rings again and again, as the dispatcher does for what is due, until it is heard. */
    const ringsUntilHeard = async (
      doorbell: Doorbell,
      key: string,
      heard: readonly string[],
    ): Promise<void> =>
      eventually(async () => {
        await doorbell.ring([ringOf(key)]).catch(() => {});
        expect(heard).toContain(key);
      });

    for (const appendonly of [true, false]) {
      test(`restarts ${appendonly ? 'with its data' : 'without its data'}: listening and ringing resume by themselves (L3)`, async () => {
        redis = await startRedis({ appendonly });
        const prefix = newPrefix();
        const { log, lines } = writtenLog();
        const doorbell = open({ redis: { url: redis.url }, prefix, log });
        const heard: string[] = [];
        const onBatch = async (rings: readonly Ring[]): Promise<void> => void heard.push(...keysOf(rings));
        doorbell.listen(onBatch, { batchSize: 10 });
        await doorbell.ring([ringOf('before')]);
        await eventually(() => expect(heard).toEqual(['before']));
        await redis.kill();
        await expect(doorbell.ring([ringOf('lost')])).rejects.toThrow(DoorbellError);
        await redis.restart('kept');
        await ringsUntilHeard(doorbell, 'after', heard);
        await ringsUntilHeard(doorbell, 'lost', heard);
        expect(lines.filter((line) => line.includes('cannot reach'))).toHaveLength(1);
        expect(lines.filter((line) => line.includes('again'))).not.toEqual([]);
      });
    }

    test('rings that waited are heard after a restart with its data', async () => {
      redis = await startRedis({ appendonly: true });
      const prefix = newPrefix();
      const rings = open({ redis: { url: redis.url }, prefix });
      await rings.ring([ringOf('kept')]);
      await redis.restart('kept');
      const heard: string[] = [];
      const listens = open({ redis: { url: redis.url }, prefix });
      listens.listen(async (batch) => void heard.push(...keysOf(batch)), { batchSize: 10 });
      await eventually(() => expect(heard).toEqual(['kept']));
    });

    test('all data flushed while a ring waits and the bell listens: the next ring is heard', async () => {
      redis = await startRedis();
      const prefix = newPrefix();
      const doorbell = open({ redis: { url: redis.url }, prefix });
      await doorbell.ring([ringOf('same')]);
      await clientOf(redis).flushall();
      const heard: string[] = [];
      doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 10 });
      await doorbell.ring([ringOf('same')]);
      await eventually(() => expect(heard).toEqual(['same']));
      await clientOf(redis).flushall();
      await doorbell.ring([ringOf('next')]);
      await eventually(() => expect(heard).toEqual(['same', 'next']));
    });

    test('stands still for 5 s: ringing fails meanwhile, and listening resumes by itself', async () => {
      redis = await startRedis();
      const doorbell = open({ redis: { url: redis.url } });
      const heard: string[] = [];
      doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 10 });
      await doorbell.ring([ringOf('before')]);
      await eventually(() => expect(heard).toEqual(['before']));
      redis.pause();
      const stoppedAt = performance.now();
      await expect(doorbell.ring([ringOf('during')])).rejects.toThrow(DoorbellError);
      expect(performance.now() - stoppedAt).toBeLessThan(15_000);
      await vi.waitUntil(() => performance.now() - stoppedAt >= 5_000, { timeout: 30_000, interval: 50 });
      redis.resume();
      await ringsUntilHeard(doorbell, 'after', heard);
    });

    for (const how of ['gone', 'never there', 'standing still'] as const) {
      test(`close does not wait for a Redis that is ${how}`, async () => {
        redis = await startRedis();
        if (how === 'never there') await redis.kill();
        const doorbell = open({ redis: { url: redis.url } });
        const heard: string[] = [];
        doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 10 });
        if (how !== 'never there') {
          await doorbell.ring([ringOf('a')]);
          await eventually(() => expect(heard).toEqual(['a']));
        }
        if (how === 'gone') await redis.kill();
        if (how === 'standing still') redis.pause();
        const ringing = doorbell.ring([ringOf('b')]).catch((error: unknown) => error);
        const closedAt = performance.now();
        await doorbell.close();
        expect(performance.now() - closedAt).toBeLessThan(15_000);
        expect(await ringing).toBeInstanceOf(DoorbellError);
        redis.resume();
      });
    }

    test('no password in an error or a log line, with a right one and with a wrong one', async () => {
      redis = await startRedis({ password: 'open-sesame' });
      const { log, lines } = writtenLog();
      const right = open({ redis: { url: redis.url }, log });
      await right.ring([ringOf('a')]);
      const wrong = open({ redis: { url: redis.url.replace('open-sesame', 'not-sesame') }, log });
      wrong.listen(async () => {}, { batchSize: 1 });
      const error = await wrong.ring([ringOf('a')]).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(DoorbellError);
      await redis.kill();
      const gone = await right.ring([ringOf('a')]).catch((reason: unknown) => reason);
      expect(gone).toBeInstanceOf(DoorbellError);
      const told = [...lines, ...[error, gone].map((each) => `${String(each)} ${JSON.stringify(each)}`)].join(
        '\n',
      );
      expect(told).not.toMatch(/sesame/);
      expect(lines).not.toEqual([]);
    });
  });

  describe('a Redis Cluster', () => {
    let cluster: RedisCluster;
    beforeAll(async () => {
      cluster = await startRedisCluster();
    });
    afterAll(() => cluster.close());
    const address = () => ({ nodes: cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })) });

    doorbellConformance('bullmq, Redis Cluster', () =>
      createBullmqDoorbell({
        redis: address(),
        prefix: newPrefix(),
        shards: 2,
        clock: systemClock,
        log: silentLog,
      }),
    );

    test('a node restarts without its data: the load balancers of all nodes ring again', async () => {
      const doorbell = open({ redis: address(), shards: 4 });
      const heard = new Set<string>();
      doorbell.listen(
        async (rings) => {
          for (const key of keysOf(rings)) heard.add(key);
        },
        { batchSize: 10 },
      );
      const keys = Array.from({ length: 16 }, (_, index) => `lb-${index}`);
      await doorbell.ring(keys.map((key) => ringOf(key)));
      await eventually(() => expect(heard).toEqual(new Set(keys)));
      await cluster.nodes[1]?.restart('lost');
      heard.clear();
      await eventually(async () => {
        await doorbell.ring(keys.map((key) => ringOf(key))).catch(() => {});
        expect(heard).toEqual(new Set(keys));
      });
    });
  });
});

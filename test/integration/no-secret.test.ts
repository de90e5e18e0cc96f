import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, test } from 'vitest';
import { readApiAccess } from '../../functions/platform/api-access.ts';
import { loadConnection } from '../../shared/kubernetes/load-connection.ts';
import { getObject } from '../../shared/kubernetes/request.ts';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import { type Command, startCommand, treeOf } from '../e2e/command.ts';
import { type RedisServer, redisExpected, startRedis } from '../support/redis.ts';
import { until } from './sandbox-programs.ts';

const password = 'redisPassword4TheTestAlone';

type Env = Readonly<Record<string, string>>;

/** What a process was started with, from the kernel. */
const environmentOf = (pid: number): Env => {
  try {
    return Object.fromEntries(
      readFileSync(`/proc/${pid}/environ`, 'utf8')
        .split('\0')
        .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    );
  } catch {
    // It has ended meanwhile.
    return {};
  }
};

interface Recorded {
  readonly type: string;
  readonly from?: string;
  readonly name?: string;
  readonly change?: string;
}

/** One run of the main job, and every secret that is in play in it, by what it is. */
class Watched {
  readonly secrets = new Map<string, string>();
  readonly history: string;
  readonly command: Command;
  readonly #redis: RedisServer;
  readonly #admin: Redis;

  constructor(platform: string, folder: string, redis: RedisServer, admin: Redis) {
    this.#redis = redis;
    this.#admin = admin;
    this.history = join(folder, `${platform}.jsonl`);
    this.command = startCommand(
      ['start', '--once', '--json', '--platform', platform, '--speed', '10', '--history', this.history],
      { REDIS_URL: redis.url.replace('redis://', `redis://:${password}@`) },
    );
  }

  /** @throws with what the command said, when it has ended meanwhile */
  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    await until(
      async () => {
        if (this.command.child.exitCode !== null) {
          throw new Error(`It ended before ${what}:\n${this.command.stderr.slice(-20).join('\n')}`);
        }
        return condition();
      },
      what,
      120_000,
    );
  }

  recorded(): Recorded[] {
    try {
      // The last line may be half written.
      return readFileSync(this.history, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line): Recorded => JSON.parse(line));
    } catch {
      return [];
    }
  }

  linesOf(from: string): number {
    return this.recorded().filter((event) => event.type === 'log' && event.from === from).length;
  }

  #environments(): Env[] {
    return treeOf(this.command.pid).map(environmentOf);
  }

  /** Those that the processes are given, and those that they make. */
  async learn(platform: string): Promise<void> {
    let forwarder: Env = {};
    let fn: Env = {};
    await this.until(() => {
      const environments = this.#environments();
      forwarder = environments.find((env) => env['CLB_DIRECT_IDENTITY'] === 'forwarder-a') ?? {};
      fn = environments.find((env) => env['SCF_RUNTIME_API'] ?? env['AWS_LAMBDA_RUNTIME_API']) ?? {};
      return Object.keys(forwarder).length > 0 && Object.keys(fn).length > 0;
    }, 'a forwarder and a function run');
    const add = (what: string, value: string | undefined): void => {
      if (value === undefined || value.length < 16) throw new Error(`There is no ${what}: ${value}`);
      this.secrets.set(what, value);
    };
    for (const env of [forwarder, fn]) {
      expect(env['CLB_DIRECT_REDIS_URL']).toContain(password);
      expect(env['CLB_DIRECT_TOKEN_KEY']).toBe(forwarder['CLB_DIRECT_TOKEN_KEY']);
    }
    add('Redis password', password);
    const tokenKey = fn['CLB_DIRECT_TOKEN_KEY'] ?? '';
    add('token key', tokenKey);
    const bytes = Buffer.from(tokenKey, 'base64');
    add('token key in hex', bytes.toString('hex'));
    add('token key as JSON', [...bytes].join(','));
    if (platform === 'scf') {
      add('id of the function’s role', fn['TENCENTCLOUD_SECRETID']);
      add('key of the function’s role', fn['TENCENTCLOUD_SECRETKEY']);
      add('session token of the function’s role', fn['TENCENTCLOUD_SESSIONTOKEN']);
      add('id of who invokes', forwarder['TENCENTCLOUD_SECRET_ID']);
      add('key of who invokes', forwarder['TENCENTCLOUD_SECRET_KEY']);
    } else {
      add('id of the CLB API', fn['TENCENTCLOUD_SECRET_ID']);
      add('key of the CLB API', fn['TENCENTCLOUD_SECRET_KEY']);
      add('id of who invokes', forwarder['AWS_ACCESS_KEY_ID']);
      add('key of who invokes', forwarder['AWS_SECRET_ACCESS_KEY']);
    }

    const kubeconfig = forwarder['KUBECONFIG'] ?? '';
    const credentials = [
      ...readFileSync(kubeconfig, 'utf8').matchAll(/"?(token|client-key-data)"?: ?"?([^"\s,]+)/g),
    ];
    expect(credentials.length).toBeGreaterThan(0);
    for (const [, kind, value] of credentials) add(`the kubeconfig’s ${kind}`, value);

    const connection = await loadConnection({ kind: 'kubeconfig', path: kubeconfig }, Date.now);
    const path = '/api/v1/namespaces/clb-direct/secrets/clb-direct-webhook-ca';
    let authorityKey = '';
    await this.until(async () => {
      const secret: { data?: Record<string, string> } = Object(
        await getObject(connection, path).catch(() => undefined),
      );
      authorityKey = Buffer.from(secret.data?.['ca.key'] ?? '', 'base64').toString('utf8');
      return authorityKey !== '';
    }, 'the webhook has its authority');
    connection.close();
    expect(authorityKey).toMatch(/^-----BEGIN (EC )?PRIVATE KEY-----/);
    // Whatever a line of it is put into, this part of it stays as it is.
    for (const [at, line] of authorityKey.split('\n').entries()) {
      if (line.length >= 16 && !line.startsWith('-----')) add(`line ${at} of the webhook’s key`, line);
    }

    const store = createRedisStore({
      urls: [this.#redis.url.replace('redis://', `redis://:${password}@`)],
      prefix: 'clb-direct:sandbox',
    });
    await this.until(async () => {
      const access = await readApiAccess(store, bytes).catch(() => undefined);
      if (access === undefined) return false;
      add('the functions’ API token', access.token);
      return true;
    }, 'the functions’ token is in the store');
    await store.close();
  }

  /** Errors say more than what goes well: Redis refuses the password for a moment, in the middle of an invocation. */
  async refusePassword(): Promise<void> {
    const isReconciling = (): boolean =>
      this.recorded().findLast((event) => event.type === 'function' && event.name === 'clb-direct-reconcile')
        ?.change === 'begin';
    await this.until(isReconciling, 'a function reconciles');
    await this.#admin.config('SET', 'requirepass', `${password}-changed`);
    await this.#admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await this.until(() => !isReconciling(), 'that invocation is over');
    await this.#admin.config('SET', 'requirepass', password);
  }
}

/** A text, and what else it may stand as. */
const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
  JSON.stringify(secret).slice(1, -1),
];

describe.runIf(redisExpected && process.platform === 'linux')('a whole run tells no secret', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-no-secret-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(['scf', 'lambda'])(
    'on %s, in what any process or function writes and in the history, also when Redis refuses its password',
    async (platform) => {
      const redis = await startRedis({ appendonly: true });
      const admin = new Redis({ host: '127.0.0.1', port: redis.port });
      await admin.config('SET', 'requirepass', password);
      const run = new Watched(platform, folder, redis, admin);
      try {
        await run.learn(platform);
        // Until a function itself had something to say about it.
        const before = run.linesOf('clb-direct-reconcile');
        for (let times = 0; run.linesOf('clb-direct-reconcile') === before && times < 5; times += 1) {
          await run.refusePassword();
        }
        expect(run.linesOf('clb-direct-reconcile'), 'what the function said').toBeGreaterThan(before);
        const exitCode = await run.command.ended;
        expect(exitCode, run.command.stderr.slice(-20).join('\n')).toBe(0);
      } finally {
        run.command.child.kill('SIGTERM');
        await run.command.ended;
        admin.disconnect();
        await redis.close();
      }

      // All that could tell something has been heard.
      for (const from of ['forwarder-a', 'forwarder-b', 'clb-direct-reconcile']) {
        expect(run.linesOf(from), `lines of ${from}`).toBeGreaterThan(0);
      }
      const functions = run.recorded().filter(({ type, change }) => type === 'function' && change === 'end');
      expect(new Set(functions.map(({ name }) => name))).toEqual(
        new Set(['clb-direct-reconcile', 'clb-direct-readiness']),
      );
      const outputs = {
        stdout: run.command.stdout.join('\n'),
        stderr: run.command.stderr.join('\n'),
        history: readFileSync(run.history, 'utf8'),
      };
      const told = Object.entries(outputs).flatMap(([where, text]) =>
        [...run.secrets].flatMap(([what, secret]) => {
          const form = formsOf(secret).find((candidate) => text.includes(candidate));
          const at = form === undefined ? -1 : text.indexOf(form);
          return at < 0 ? [] : [`${what} in ${where}: …${text.slice(Math.max(0, at - 200), at)}`];
        }),
      );
      expect(told).toEqual([]);
      // No token of the cluster at all, not even one that this test does not know of.
      const tokens = Object.values(outputs).flatMap(
        (text) => text.match(/eyJ[\w-]{10,}\.eyJ[\w-]{10,}/g) ?? [],
      );
      expect(tokens).toEqual([]);
      expect(/NOAUTH|WRONGPASS/.test(outputs.history), 'Redis refused the password').toBe(true);
    },
    300_000,
  );
});

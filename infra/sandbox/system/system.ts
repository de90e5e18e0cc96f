import { randomBytes } from 'node:crypto';
import type { Addresses } from '../addresses.ts';
import { newCredential } from '../clb/gateway/credentials.ts';
import type { ClbSimulator } from '../clb/simulator.ts';
import type { RunningCluster } from '../cluster/cluster.ts';
import { type FunctionHost, startFunctions } from '../functions/host.ts';
import type { FunctionChange, RoleCredentials } from '../functions/pool.ts';
import { startGuard } from '../guard.ts';
import { functionFile } from '../program-files.ts';
import { type RedisServer, startRedisServer } from '../redis-server.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import {
  clbAddress,
  clbEnvironment,
  commonEnvironment,
  hostPort,
  type Replica,
  watcherEnvironment,
} from './environment.ts';
import { type KeptProcess, keepProcess } from './kept-process.ts';
import { webhookConfigurations, webhookObject } from './webhook-object.ts';

/** `standalone`: all in one process, the store in its memory. Else the queue is on Redis. */
export type Platform = 'standalone' | 'lambda' | 'scf' | 'worker';

export const platforms: readonly Platform[] = ['standalone', 'lambda', 'scf', 'worker'];

/** A process of this project began or ended. */
export interface ProcessChange {
  readonly name: string;
  readonly change: 'started' | 'ended';
  readonly pid: number;
  readonly detail: string;
}

export interface SystemOptions {
  readonly platform: Platform;
  readonly addresses: Addresses;
  readonly clb: ClbSimulator;
  /** What an administrator does is done by its client. */
  readonly cluster: Pick<RunningCluster, 'client'>;
  /** Whether new Pods get the readiness gate of this project. */
  readonly gate: boolean;
  /** A Redis that is there already; absent: one of its own. */
  readonly redisUrl?: string;
  /** More settings, over the usual ones. */
  readonly env?: Readonly<Record<string, string>>;
  readonly programsDir?: string;
  /** Each line that a process writes. */
  readonly onLine?: (line: string, from: string) => void;
  readonly onProcess?: (change: ProcessChange) => void;
  readonly onFunction?: (change: FunctionChange) => void;
}

/** This project, as it runs in a sandbox. */
export interface System {
  readonly platform: Platform;
  /** As whom its processes talk to the cluster. */
  readonly accounts: Accounts;
  readonly processes: readonly KeptProcess[];
  /** Absent where the functions run in our own processes. */
  readonly functions?: FunctionHost;
  /** Absent in standalone, and where somebody else's is used. */
  readonly redis?: RedisServer;
  /** The process that leads now; the first one while nobody does. */
  leader(): Promise<KeptProcess>;
  close(): Promise<void>;
}

const readyTimeoutMs = 30_000;
const functionTimeoutMs = 60_000;
const region = 'ap-guangzhou';
const names = { reconcile: 'clb-direct-reconcile', readiness: 'clb-direct-readiness' } as const;

/** A replica has an address of its own, so that its ports are nobody else's. */
const replicaOf = (name: string, entry: string, { addresses, gate }: SystemOptions): Replica => {
  const ip = addresses.allocate('node');
  const listen = addresses.socketOf(ip, 9443);
  return {
    name,
    health: addresses.socketOf(ip, 8080),
    webhook: gate ? { entry, listen, url: `https://${hostPort(listen)}/mutate` } : undefined,
  };
};

/** What the cluster's administrator prepares beside our rights: whom the API server asks about new Pods. */
const registerWebhooks = async (
  { client }: SystemOptions['cluster'],
  replicas: readonly Replica[],
): Promise<void> => {
  const entries = replicas.flatMap(({ webhook }) => webhook ?? []);
  if (entries.length > 0) await client.create(webhookConfigurations, '', webhookObject(entries));
};

/** Collects what has to be ended, newest first. */
class Parts {
  readonly #ends: (() => unknown)[] = [];

  add<T>(part: T, end: (part: T) => unknown): T {
    this.#ends.push(() => end(part));
    return part;
  }

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

const keep = (
  options: SystemOptions,
  process: { name: string; program: string; env: Record<string, string>; health: Replica['health'] },
): KeptProcess =>
  keepProcess({
    ...process,
    env: { ...process.env, ...options.env },
    ...(options.programsDir === undefined ? {} : { programsDir: options.programsDir }),
    onLine: (line) => options.onLine?.(line, process.name),
    onStarted: (pid) => options.onProcess?.({ name: process.name, change: 'started', pid, detail: '' }),
    onEnded: (pid, detail) => options.onProcess?.({ name: process.name, change: 'ended', pid, detail }),
  });

const startStandalone = async (options: SystemOptions, accounts: Accounts): Promise<KeptProcess[]> => {
  const replica = replicaOf('standalone', 'pods.clb-direct.io', options);
  await registerWebhooks(options.cluster, [replica]);
  const env = {
    ...commonEnvironment(),
    ...clbEnvironment(options.clb),
    ...watcherEnvironment(await accounts.kubeconfigOf('standalone'), replica),
  };
  return [
    keep(options, {
      name: replica.name,
      program: 'functions/platform/standalone',
      env,
      health: replica.health,
    }),
  ];
};

/** SCF gives a function the temporary credentials of its role; elsewhere it is given a key of its own. */
const roleOf = (clb: ClbSimulator): RoleCredentials => {
  const role = { ...newCredential(), token: randomBytes(48).toString('base64url') };
  clb.addCredential(role);
  return role;
};

interface OnRedis {
  readonly redis?: RedisServer;
  readonly functions?: FunctionHost;
  readonly processes: KeptProcess[];
}

/** Two forwarders, and the functions: as bundles on a platform, or as two workers. */
const startOnRedis = async (options: SystemOptions, accounts: Accounts, parts: Parts): Promise<OnRedis> => {
  const { platform, clb, cluster } = options;
  const programs = options.programsDir === undefined ? {} : { programsDir: options.programsDir };
  const guard = parts.add(startGuard(options.programsDir), (started) => started.close());
  const redis =
    options.redisUrl === undefined
      ? parts.add(await startRedisServer({ appendonly: true, guard }), (server) => server.close())
      : undefined;
  const queue = { CLB_DIRECT_REDIS_URL: options.redisUrl ?? redis?.url ?? '' };
  const tokenKey = { CLB_DIRECT_TOKEN_KEY: randomBytes(32).toString('base64') };
  const invoker = { id: `AKID${randomBytes(12).toString('hex')}`, key: randomBytes(20).toString('hex') };
  const role = platform === 'scf' ? { role: roleOf(clb) } : {};
  const functionEnv = {
    ...commonEnvironment(),
    ...(platform === 'scf' ? clbAddress(clb) : clbEnvironment(clb)),
    ...queue,
    ...tokenKey,
    ...options.env,
  };
  const functions =
    platform === 'lambda' || platform === 'scf'
      ? parts.add(
          await startFunctions({
            platform,
            region,
            guard,
            credentials: invoker,
            ...programs,
            functions: (['reconcile', 'readiness'] as const).map((part) => ({
              name: names[part],
              file: functionFile(part, options.programsDir),
              env: functionEnv,
              ...role,
              timeoutMs: functionTimeoutMs,
            })),
            onLine: (line, name) => options.onLine?.(line, name),
            onChange: (change) => options.onFunction?.(change),
          }),
          (host) => host.close(),
        )
      : undefined;
  const invoking =
    functions === undefined
      ? { CLB_DIRECT_PLATFORM: 'worker' }
      : {
          CLB_DIRECT_PLATFORM: platform,
          CLB_DIRECT_FUNCTIONS_ENDPOINT: functions.endpoint,
          CLB_DIRECT_FUNCTIONS_PROTOCOL: 'http',
          CLB_DIRECT_FUNCTIONS_REGION: region,
          ...tokenKey,
          ...(platform === 'lambda'
            ? { AWS_ACCESS_KEY_ID: invoker.id, AWS_SECRET_ACCESS_KEY: invoker.key }
            : { TENCENTCLOUD_SECRET_ID: invoker.id, TENCENTCLOUD_SECRET_KEY: invoker.key }),
        };
  const replicas = ['a', 'b'].map((letter) =>
    replicaOf(`forwarder-${letter}`, `${letter}.pods.clb-direct.io`, options),
  );
  await registerWebhooks(cluster, replicas);
  const kubeconfigFile = await accounts.kubeconfigOf('forwarder');
  const forwarders = replicas.map((replica) =>
    keep(options, {
      name: replica.name,
      program: 'functions/forwarder/main',
      env: { ...commonEnvironment(), ...queue, ...invoking, ...watcherEnvironment(kubeconfigFile, replica) },
      health: replica.health,
    }),
  );
  const functionsKubeconfigFile =
    platform === 'worker' ? await accounts.kubeconfigOf('functions') : undefined;
  const workers =
    functionsKubeconfigFile === undefined
      ? []
      : ['a', 'b'].map((letter) => {
          const replica = { ...replicaOf(`worker-${letter}`, '', options), webhook: undefined };
          return keep(options, {
            name: replica.name,
            program: 'functions/platform/worker',
            env: {
              ...commonEnvironment(),
              ...queue,
              ...clbEnvironment(clb),
              ...watcherEnvironment(functionsKubeconfigFile, replica),
            },
            health: replica.health,
          });
        });
  return {
    processes: [...forwarders, ...workers],
    ...(redis === undefined ? {} : { redis }),
    ...(functions === undefined ? {} : { functions }),
  };
};

/**
 * Starts this project; resolves when all of it is ready.
 *
 * @throws Error with what a process wrote last, when it does not get ready
 */
export const startSystem = async (options: SystemOptions): Promise<System> => {
  const parts = new Parts();
  try {
    const accounts = parts.add(await createAccounts(options.cluster.client), (made) => made.close());
    const started: OnRedis =
      options.platform === 'standalone'
        ? { processes: await startStandalone(options, accounts) }
        : await startOnRedis(options, accounts, parts);
    const { processes } = started;
    for (const process of processes) parts.add(process, (kept) => kept.close());
    await Promise.all(processes.map((process) => process.ready(readyTimeoutMs)));
    const [first] = processes;
    if (first === undefined) throw new Error('nothing was started');
    return {
      ...started,
      platform: options.platform,
      accounts,
      leader: async () => {
        const states = await Promise.all(processes.map((process) => process.readyz()));
        return processes.find((_, at) => states[at]?.includes('leading') === true) ?? first;
      },
      close: () => parts.close(),
    };
  } catch (error) {
    await parts.close();
    throw error;
  }
};

import { hostname } from 'node:os';
import type * as z from 'zod/mini';
import { defaultGateType } from '../model/names.ts';
import type { Policy } from '../model/plan-types.ts';
import type { LogLevel } from './log.ts';
import { type ListenAddress, ownGateType, type Setting, settingTable } from './setting-table.ts';

/** A setting that cannot be used, as a person needs to read it. */
export interface SettingProblem {
  readonly name: string;
  /** What was given; undefined: nothing. A value that may be a secret is not repeated. */
  readonly value: string | undefined;
  readonly hidden?: true;
  readonly allowed: string;
}

export interface WebhookSettings {
  /** Name of the MutatingWebhookConfiguration. */
  readonly configuration: string;
  /** Name of our entry in it. */
  readonly entry: string;
  readonly listen: ListenAddress;
  /** What the API server calls: a URL, or a Service of the own namespace. */
  readonly target: { readonly url: string } | { readonly service: string };
  /** Name of the Secret with the CA and its key. */
  readonly secret: string;
  /** How long it serves on after SIGTERM. */
  readonly lingerMs: number;
  /** Injected where nothing else is asked for; 0: only where asked. */
  readonly preStopSleepSeconds: number;
}

/** How the API server is reached: KUBECONFIG, else what the kubelet gives each container. */
export type KubernetesSource =
  | { readonly kind: 'kubeconfig'; readonly path: string }
  | { readonly kind: 'in-cluster'; readonly host: string; readonly port: string };

export interface ClbSettings {
  /** Host, or host:port. */
  readonly endpoint: string;
  readonly protocol: 'https' | 'http';
  readonly region: string;
  readonly vpcId?: string;
}

export interface Credentials {
  readonly secretId: string;
  readonly secretKey: string;
  /** Of temporary ones. */
  readonly token?: string;
}

export interface KubernetesSettings {
  readonly source: KubernetesSource;
  readonly identity: string;
  readonly namespace: string;
  readonly leaseName: string;
}

export interface RedisSettings {
  /** Several: nodes of a Redis Cluster. */
  readonly urls: readonly [string, ...string[]];
  /** Of every key; one for each cluster that shares the Redis. */
  readonly prefix: string;
}

/** How the forwarder reaches the functions; with `worker` they take their work themselves. */
export interface FunctionsSettings {
  readonly platform: 'lambda' | 'scf' | 'worker';
  readonly reconcile: string;
  readonly readiness: string;
  readonly region?: string;
  readonly endpoint?: string;
  readonly protocol: 'https' | 'http';
  readonly timeoutMs: number;
  /** Whose tokens they use, and what seals those in the store; absent with `worker`. */
  readonly token?: { readonly serviceAccount: string; readonly key: Buffer; readonly apiServer?: string };
}

/** What only some programs are told, by name; read once, in `main`. */
interface Parts {
  readonly kubernetes: KubernetesSettings;
  readonly clb: ClbSettings;
  readonly credentials: Credentials;
  readonly redis: RedisSettings;
  readonly functions: FunctionsSettings;
  readonly tokenKey: Buffer;
}

/** What every program is told. */
export interface CommonSettings {
  readonly claim: 'annotation' | 'class';
  readonly gateType: string;
  readonly requireEni: boolean;
  readonly policy: Policy;
  readonly webhook?: WebhookSettings;
  readonly health?: ListenAddress;
  readonly dispatch: { readonly maxInvocations: number; readonly batchSize: number };
  readonly resyncMs: number;
  readonly logLevel: LogLevel;
  readonly exitWithParent: boolean;
}

/** A function is given its credentials with each invocation, not when it is loaded. */
const needs = {
  standalone: ['kubernetes', 'clb', 'credentials'],
  forwarder: ['kubernetes', 'redis', 'functions'],
  worker: ['kubernetes', 'clb', 'credentials', 'redis'],
  function: ['clb', 'redis', 'tokenKey'],
} as const satisfies Record<string, readonly (keyof Parts)[]>;

export type Program = keyof typeof needs;

export type SettingsOf<P extends Program> = CommonSettings & Pick<Parts, (typeof needs)[P][number]>;

type Table = typeof settingTable;
type Values = { [K in keyof Table]: z.output<Table[K]['schema']> };

const prefix = 'CLB_DIRECT_';

/** For the documentation: each setting with its full name. */
export const settingDocs: readonly {
  readonly name: string;
  readonly meaning: string;
  readonly allowed: string;
  readonly default?: string;
}[] = Object.entries<Setting<unknown>>(settingTable).map(([name, of]) => ({
  name: prefix + name,
  meaning: of.meaning,
  allowed: of.allowed,
  ...(of.default === undefined ? {} : { default: of.default }),
}));

type Env = Readonly<Record<string, string | undefined>>;

/** An empty variable is an absent one. */
const given = (env: Env, name: string): string | undefined => (env[name] === '' ? undefined : env[name]);

const isLoopback = (endpoint: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/.test(endpoint);

const isKnown = (name: string): name is keyof Table => Object.hasOwn(settingTable, name);

/** Names of others that we read too, each set by itself: a key of one with the token of the other opens nothing. */
const credentialNames = [
  {
    secretId: 'TENCENTCLOUD_SECRET_ID',
    secretKey: 'TENCENTCLOUD_SECRET_KEY',
    token: ['TENCENTCLOUD_SESSION_TOKEN', 'TENCENTCLOUD_TOKEN'],
  },
  // SCF's own spelling, of its role's credentials.
  {
    secretId: 'TENCENTCLOUD_SECRETID',
    secretKey: 'TENCENTCLOUD_SECRETKEY',
    token: ['TENCENTCLOUD_SESSIONTOKEN'],
  },
] as const;

/**
 * Tencent Cloud credentials as they are now: a platform that hands out temporary ones changes them under us.
 *
 * @returns undefined when there are none, or half of them
 */
export const findCredentials = (env: Env): Credentials | undefined => {
  for (const names of credentialNames) {
    const [secretId, secretKey] = [given(env, names.secretId), given(env, names.secretKey)];
    if (secretId === undefined || secretKey === undefined) continue;
    const token = names.token.map((name) => given(env, name)).find((value) => value !== undefined);
    return { secretId, secretKey, ...(token === undefined ? {} : { token }) };
  }
  return undefined;
};

const credentials = (env: Env, problems: SettingProblem[]): Credentials | undefined => {
  const found = findCredentials(env);
  if (found !== undefined) return found;
  const [usual, scf] = credentialNames;
  for (const part of ['secretId', 'secretKey'] as const) {
    if (given(env, usual[part]) !== undefined) continue;
    problems.push({ name: usual[part], value: undefined, allowed: `a credential (or ${scf[part]})` });
  }
  return undefined;
};

const kubernetesSource = (env: Env, problems: SettingProblem[]): KubernetesSource | undefined => {
  const path = given(env, 'KUBECONFIG');
  if (path !== undefined) return { kind: 'kubeconfig', path };
  const host = given(env, 'KUBERNETES_SERVICE_HOST');
  if (host !== undefined) {
    return { kind: 'in-cluster', host, port: given(env, 'KUBERNETES_SERVICE_PORT') ?? '443' };
  }
  problems.push({
    name: 'KUBECONFIG',
    value: undefined,
    allowed: 'the path of a kubeconfig; needed outside of a cluster',
  });
  return undefined;
};

const parseAll = (env: Env, problems: SettingProblem[]): Partial<Values> => {
  for (const name of Object.keys(env)) {
    if (name.startsWith(prefix) && !isKnown(name.slice(prefix.length))) {
      problems.push({
        name,
        value: undefined,
        hidden: true,
        allowed: 'no such setting; remove it or correct its name',
      });
    }
  }
  const values: Record<string, unknown> = {};
  for (const [name, of] of Object.entries<Setting<unknown>>(settingTable)) {
    const value = given(env, prefix + name);
    const parsed = of.schema.safeParse(value ?? of.default);
    if (parsed.success) values[name] = parsed.data;
    else {
      const shown = of.secret === true ? { value: undefined, hidden: true as const } : { value };
      problems.push({ name: prefix + name, ...shown, allowed: of.allowed });
    }
  }
  return values;
};

const isWhole = (values: Partial<Values>): values is Values =>
  Object.keys(settingTable).every((name) => Object.hasOwn(values, name));

const missing = (name: keyof Table, values: Partial<Values>, problems: SettingProblem[]): void => {
  // One that could not be read has its problem already.
  if (Object.hasOwn(values, name)) {
    problems.push({ name: prefix + name, value: undefined, allowed: settingTable[name].allowed });
  }
};

const webhookOf = (values: Partial<Values>, problems: SettingProblem[]): WebhookSettings | undefined => {
  const configuration = values.WEBHOOK_CONFIGURATION;
  if (configuration === undefined) return undefined;
  const listen = values.WEBHOOK_LISTEN;
  if (listen === undefined) {
    if (!problems.some(({ name }) => name === `${prefix}WEBHOOK_LISTEN`)) {
      problems.push({
        name: `${prefix}WEBHOOK_LISTEN`,
        value: undefined,
        allowed: `host:port, because ${prefix}WEBHOOK_CONFIGURATION is set`,
      });
    }
    return undefined;
  }
  if (!isWhole(values)) return undefined;
  return {
    configuration,
    entry: values.WEBHOOK_ENTRY,
    listen,
    target:
      values.WEBHOOK_URL === undefined ? { service: values.WEBHOOK_SERVICE } : { url: values.WEBHOOK_URL },
    secret: values.WEBHOOK_SECRET,
    lingerMs: values.WEBHOOK_LINGER_SECONDS * 1000,
    preStopSleepSeconds: values.PRE_STOP_SLEEP_SECONDS,
  };
};

/** A host of our own machine may be spoken to without protection, no other. */
const unprotected = (
  name: 'CLB' | 'FUNCTIONS',
  protocol: string | undefined,
  endpoint: string | undefined,
  problems: SettingProblem[],
): void => {
  if (protocol !== 'http' || (endpoint !== undefined && isLoopback(endpoint))) return;
  problems.push({
    name: `${prefix}${name}_PROTOCOL`,
    value: 'http',
    allowed: `https, because ${prefix}${name}_ENDPOINT (${endpoint ?? 'not set'}) is not on this machine`,
  });
};

/** Each part, or undefined with the problem noted; asked for only where a program needs it. */
const readers: {
  readonly [K in keyof Parts]: (
    values: Partial<Values>,
    env: Env,
    problems: SettingProblem[],
  ) => Parts[K] | undefined;
} = {
  kubernetes: (values, env, problems) => {
    const source = kubernetesSource(env, problems);
    const { NAMESPACE: namespace, LEASE_NAME: leaseName } = values;
    if (source === undefined || namespace === undefined || leaseName === undefined) return undefined;
    return { source, identity: values.IDENTITY ?? hostname(), namespace, leaseName };
  },
  credentials: (_values, env, problems) => credentials(env, problems),
  clb: (values, _env, problems) => {
    const { CLB_ENDPOINT: endpoint, CLB_PROTOCOL: protocol, CLB_REGION: region } = values;
    unprotected('CLB', protocol, endpoint, problems);
    if (region === undefined) missing('CLB_REGION', values, problems);
    if (endpoint === undefined || protocol === undefined || region === undefined) return undefined;
    return {
      endpoint,
      protocol,
      region,
      ...(values.CLB_VPC_ID === undefined ? {} : { vpcId: values.CLB_VPC_ID }),
    };
  },
  redis: (values, _env, problems) => {
    const { REDIS_URL: urls, CLUSTER_ID: clusterId } = values;
    if (urls === undefined) missing('REDIS_URL', values, problems);
    return urls === undefined || clusterId === undefined
      ? undefined
      : { urls, prefix: `clb-direct:${clusterId}` };
  },
  tokenKey: (values, _env, problems) => {
    if (values.TOKEN_KEY === undefined) missing('TOKEN_KEY', values, problems);
    return values.TOKEN_KEY;
  },
  functions: (values, env, problems) => {
    if (!isWhole(values)) return undefined;
    const { PLATFORM: platform, TOKEN_KEY: key, API_SERVER: apiServer } = values;
    unprotected('FUNCTIONS', values.FUNCTIONS_PROTOCOL, values.FUNCTIONS_ENDPOINT, problems);
    if (platform !== 'worker' && key === undefined) missing('TOKEN_KEY', values, problems);
    if (platform === 'scf' && values.FUNCTIONS_REGION === undefined) {
      missing('FUNCTIONS_REGION', values, problems);
    }
    if (platform === 'scf') credentials(env, problems);
    return {
      platform,
      reconcile: values.RECONCILE_FUNCTION,
      readiness: values.READINESS_FUNCTION,
      ...(values.FUNCTIONS_REGION === undefined ? {} : { region: values.FUNCTIONS_REGION }),
      ...(values.FUNCTIONS_ENDPOINT === undefined ? {} : { endpoint: values.FUNCTIONS_ENDPOINT }),
      protocol: values.FUNCTIONS_PROTOCOL,
      timeoutMs: values.FUNCTIONS_TIMEOUT_SECONDS * 1000,
      ...(key === undefined
        ? {}
        : {
            token: {
              serviceAccount: values.SERVICE_ACCOUNT,
              key,
              ...(apiServer === undefined ? {} : { apiServer }),
            },
          }),
    };
  },
};

/**
 * Reads every setting that a program needs and finds every problem at once.
 *
 * @param env usually `process.env`
 */
export const readSettings = <P extends Program>(
  env: Env,
  program: P,
):
  | { readonly settings: SettingsOf<P>; readonly problems: readonly [] }
  | { readonly problems: readonly SettingProblem[] } => {
  const problems: SettingProblem[] = [];
  const values = parseAll(env, problems);
  const webhook = webhookOf(values, problems);
  const parts: Partial<Record<keyof Parts, unknown>> = {};
  for (const part of needs[program]) parts[part] = readers[part](values, env, problems);
  if (problems.length > 0 || !isWhole(values)) return { problems };
  const common: CommonSettings = {
    claim: values.CLAIM,
    gateType: values.GATE_TYPE ?? (values.CLAIM === 'class' ? ownGateType : defaultGateType),
    requireEni: values.REQUIRE_ENI,
    policy: {
      clusterId: values.CLUSTER_ID,
      defaultWeight: values.DEFAULT_WEIGHT,
      drainSeconds: values.DRAIN_SECONDS,
      drainSlackSeconds: values.DRAIN_SLACK_SECONDS,
    },
    ...(webhook === undefined ? {} : { webhook }),
    ...(values.HEALTH_LISTEN === undefined ? {} : { health: values.HEALTH_LISTEN }),
    dispatch: { maxInvocations: values.MAX_INVOCATIONS, batchSize: values.BATCH_SIZE },
    resyncMs: values.RESYNC_SECONDS * 1000,
    logLevel: values.LOG_LEVEL,
    exitWithParent: values.EXIT_WITH_PARENT,
  };
  // Every part is there: one that is missing has noted its problem.
  return { problems: [], settings: { ...common, ...parts } as SettingsOf<P> };
};

/** @throws Error when there are none */
export const readCredentials = (env: Env): Credentials => {
  const found = findCredentials(env);
  if (found === undefined) throw new Error('There are no Tencent Cloud credentials.');
  return found;
};

/** The refusal as a person reads it on stderr. */
export const describeProblems = (problems: readonly SettingProblem[]): string =>
  [
    `${problems.length} ${problems.length === 1 ? 'setting is' : 'settings are'} missing or wrong:`,
    ...problems.map(
      ({ name, value, hidden, allowed }) =>
        `  ${name}: ${hidden ? '' : `${value === undefined ? 'not set' : JSON.stringify(value)}; allowed: `}${allowed}`,
    ),
    '',
  ].join('\n');

/** `EX_CONFIG` of sysexits.h. */
export const wrongSettingsExitCode = 78;

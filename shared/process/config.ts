import { hostname } from 'node:os';
import type { z } from 'zod';
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
  readonly credentials: { readonly secretId: string; readonly secretKey: string; readonly token?: string };
}

/** Everything that the standalone process and the forwarder are told; read once, in `main`. */
export interface Settings {
  readonly claim: 'annotation' | 'class';
  readonly gateType: string;
  readonly requireEni: boolean;
  readonly policy: Policy;
  readonly kubernetes: {
    readonly source: KubernetesSource;
    readonly identity: string;
    readonly namespace: string;
    readonly leaseName: string;
  };
  readonly clb: ClbSettings;
  readonly webhook?: WebhookSettings;
  readonly health?: ListenAddress;
  readonly dispatch: { readonly maxInvocations: number; readonly batchSize: number };
  readonly resyncMs: number;
  readonly logLevel: LogLevel;
  readonly exitWithParent: boolean;
}

type Table = typeof settingTable;
type Values = { [K in keyof Table]: z.output<Table[K]['schema']> };

const prefix = 'CLB_DIRECT_';

/** Names of others that we read too; SCF's own spelling is taken where the usual one is absent. */
const credentialNames = {
  secretId: ['TENCENTCLOUD_SECRET_ID', 'TENCENTCLOUD_SECRETID'],
  secretKey: ['TENCENTCLOUD_SECRET_KEY', 'TENCENTCLOUD_SECRETKEY'],
  token: ['TENCENTCLOUD_SESSION_TOKEN', 'TENCENTCLOUD_SESSIONTOKEN', 'TENCENTCLOUD_TOKEN'],
} as const;

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

const credentials = (env: Env, problems: SettingProblem[]): ClbSettings['credentials'] => {
  const find = (names: readonly string[]): string | undefined =>
    names.map((name) => given(env, name)).find((value) => value !== undefined);
  const required = (names: readonly [string, string]): string => {
    const value = find(names);
    if (value === undefined) {
      problems.push({ name: names[0], value: undefined, allowed: `a credential (or ${names[1]})` });
    }
    return value ?? '';
  };
  const token = find(credentialNames.token);
  return {
    secretId: required(credentialNames.secretId),
    secretKey: required(credentialNames.secretKey),
    ...(token === undefined ? {} : { token }),
  };
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
    else problems.push({ name: prefix + name, value, allowed: of.allowed });
  }
  return values;
};

const isWhole = (values: Partial<Values>): values is Values =>
  Object.keys(settingTable).every((name) => Object.hasOwn(values, name));

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

/**
 * Reads every setting at once and finds every problem at once.
 *
 * @param env usually `process.env`
 */
export const readSettings = (
  env: Env,
):
  | { readonly settings: Settings; readonly problems: readonly [] }
  | { readonly problems: readonly SettingProblem[] } => {
  const problems: SettingProblem[] = [];
  const values = parseAll(env, problems);
  const clbCredentials = credentials(env, problems);
  const source = kubernetesSource(env, problems);
  const webhook = webhookOf(values, problems);
  if (
    values.CLB_PROTOCOL === 'http' &&
    values.CLB_ENDPOINT !== undefined &&
    !isLoopback(values.CLB_ENDPOINT)
  ) {
    problems.push({
      name: `${prefix}CLB_PROTOCOL`,
      value: 'http',
      allowed: `https, because ${prefix}CLB_ENDPOINT (${values.CLB_ENDPOINT}) is not on this machine`,
    });
  }
  if (problems.length > 0 || !isWhole(values) || source === undefined) return { problems };
  return {
    problems: [],
    settings: {
      claim: values.CLAIM,
      gateType: values.GATE_TYPE ?? (values.CLAIM === 'class' ? ownGateType : defaultGateType),
      requireEni: values.REQUIRE_ENI,
      policy: {
        clusterId: values.CLUSTER_ID,
        defaultWeight: values.DEFAULT_WEIGHT,
        drainSeconds: values.DRAIN_SECONDS,
        drainSlackSeconds: values.DRAIN_SLACK_SECONDS,
      },
      kubernetes: {
        source,
        identity: values.IDENTITY ?? hostname(),
        namespace: values.NAMESPACE,
        leaseName: values.LEASE_NAME,
      },
      clb: {
        endpoint: values.CLB_ENDPOINT,
        protocol: values.CLB_PROTOCOL,
        region: values.CLB_REGION,
        ...(values.CLB_VPC_ID === undefined ? {} : { vpcId: values.CLB_VPC_ID }),
        credentials: clbCredentials,
      },
      ...(webhook === undefined ? {} : { webhook }),
      ...(values.HEALTH_LISTEN === undefined ? {} : { health: values.HEALTH_LISTEN }),
      dispatch: { maxInvocations: values.MAX_INVOCATIONS, batchSize: values.BATCH_SIZE },
      resyncMs: values.RESYNC_SECONDS * 1000,
      logLevel: values.LOG_LEVEL,
      exitWithParent: values.EXIT_WITH_PARENT,
    },
  };
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

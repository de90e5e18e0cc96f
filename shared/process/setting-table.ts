import * as z from 'zod/mini';
import { clusterIdMaxLength, defaultGateType } from '../model/names.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Setting<T> {
  readonly meaning: string;
  /** As a person would write it; absent: must be given, or its absence has a meaning of its own. */
  readonly default?: string;
  readonly allowed: string;
  /** Never shown, not even when it is wrong. */
  readonly secret?: true;
  readonly schema: z.ZodMiniType<T, string | undefined>;
}

const matching = (pattern: RegExp) => z.string().check(z.regex(pattern));

const text = (allowed: string, pattern: RegExp) => ({ allowed, schema: matching(pattern) });
const optionalText = (allowed: string, pattern: RegExp) => ({
  allowed,
  schema: z.optional(matching(pattern)),
});
const oneOf = <const T extends readonly [string, ...string[]]>(values: T) => ({
  allowed: `one of ${values.join(', ')}`,
  schema: z.enum(values),
});
const whole = (least: number, most: number) => ({
  allowed: `a whole number from ${least} to ${most}`,
  schema: z.pipe(
    z.pipe(matching(/^\d{1,9}$/), z.transform(Number)),
    z.number().check(z.minimum(least), z.maximum(most)),
  ),
});
const flag = {
  allowed: 'true or false (1 or 0)',
  schema: z.pipe(
    z.enum(['true', 'false', '1', '0']),
    z.transform((value): boolean => value === 'true' || value === '1'),
  ),
};
const portOf = (value: string): number => Number(value.slice(value.lastIndexOf(':') + 1));
const address = {
  allowed: 'host:port',
  schema: z.optional(
    z.pipe(
      z.string().check(
        z.regex(/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/),
        z.refine((value) => portOf(value) <= 65_535),
      ),
      z.transform(
        (value): ListenAddress => ({
          host: value.slice(0, value.lastIndexOf(':')).replace(/^\[|\]$/g, ''),
          port: portOf(value),
        }),
      ),
    ),
  ),
};
const isRedisUrl = (url: string): boolean => /^rediss?:\/\/[^\s,]+$/.test(url) && URL.canParse(url);
const redisUrls = {
  allowed: 'a redis:// or rediss:// URL; several of them, separated by commas: nodes of a Redis Cluster',
  schema: z.optional(
    z.pipe(
      z.string().check(z.refine((value) => value.split(',').every(isRedisUrl))),
      z.transform((value): readonly [string, ...string[]] => {
        const [first = '', ...others] = value.split(',');
        return [first, ...others];
      }),
    ),
  ),
};
const key = {
  allowed: '32 bytes in base64, as `openssl rand -base64 32` prints them',
  schema: z.optional(
    z.pipe(
      z.string().check(z.refine((value) => Buffer.from(value, 'base64').length === 32)),
      z.transform((value) => Buffer.from(value, 'base64')),
    ),
  ),
};
const dnsName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const conditionType = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const hostWithPort = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?$/;
const id = /^[A-Za-z0-9._-]+$/;
const functionName = /^[A-Za-z0-9_:-]{1,170}$/;

/** The gate beside TKE's own controllers, so that two owners never write one condition. */
export const ownGateType = 'clb-direct.io/load-balancer-ready';

const setting = <T>(of: Setting<T>): Setting<T> => of;

/** Every setting of ours, its meaning and its default; the names carry the prefix `CLB_DIRECT_`. */
export const settingTable = {
  CLUSTER_ID: setting({
    meaning: 'Names the cluster in listener names and tags of load balancers.',
    ...text(
      `1 to ${clusterIdMaxLength} characters of a-z, 0-9 and -`,
      new RegExp(`^[a-z0-9-]{1,${clusterIdMaxLength}}$`),
    ),
  }),
  CLAIM: setting({
    meaning: 'Which Services are ours: every LoadBalancer Service without a class, or those of our class.',
    default: 'class',
    ...oneOf(['annotation', 'class']),
  }),
  GATE_TYPE: setting({
    meaning: `Condition type of the readiness gate; by default ${defaultGateType}, with CLAIM=class ${ownGateType}.`,
    ...optionalText('a qualified condition type such as example.com/name', conditionType),
  }),
  REQUIRE_ENI: setting({
    meaning: 'Direct Pods must ask for an ENI address (GlobalRouter clusters with VPC-CNI added).',
    default: 'false',
    ...flag,
  }),
  NAMESPACE: setting({
    meaning: 'Our own namespace: Lease, Secret, webhook Service.',
    default: 'clb-direct',
    ...text('a namespace', label),
  }),
  IDENTITY: setting({
    meaning: 'Who holds the Lease; the same after a restart. By default the host name.',
    ...optionalText('up to 253 printable characters', /^[\x21-\x7e]{1,253}$/),
  }),
  LEASE_NAME: setting({
    meaning: 'The Lease that its holder leads by.',
    default: 'clb-direct-forwarder',
    ...text('a DNS name', dnsName),
  }),
  CLB_ENDPOINT: setting({
    meaning: 'Host of the CLB API.',
    default: 'clb.tencentcloudapi.com',
    ...text('host or host:port', hostWithPort),
  }),
  CLB_PROTOCOL: setting({
    meaning: 'http only for an endpoint on this machine.',
    default: 'https',
    ...oneOf(['https', 'http']),
  }),
  CLB_REGION: setting({
    meaning: 'Region of the load balancers, such as ap-guangzhou.',
    ...optionalText('a region such as ap-guangzhou', /^[a-z0-9-]{1,64}$/),
  }),
  CLB_VPC_ID: setting({
    meaning: 'VPC of the cluster, for load balancers that are created.',
    ...optionalText('a VPC id', id),
  }),
  WEBHOOK_CONFIGURATION: setting({
    meaning: 'Name of the MutatingWebhookConfiguration; absent: no webhook.',
    ...optionalText('a DNS name', dnsName),
  }),
  WEBHOOK_ENTRY: setting({
    meaning: 'Name of this replica’s entry in the MutatingWebhookConfiguration.',
    default: 'pods.clb-direct.io',
    ...text('a DNS name of at least three parts', /^[a-z0-9-]+(\.[a-z0-9-]+){2,}$/),
  }),
  WEBHOOK_LISTEN: setting({ meaning: 'Where the webhook listens.', ...address }),
  WEBHOOK_URL: setting({
    meaning: 'What the API server calls; absent: the Service.',
    ...optionalText('an https URL', /^https:\/\/[^\s?#]+$/),
  }),
  WEBHOOK_SERVICE: setting({
    meaning: 'Service of our namespace that leads to the webhook.',
    default: 'clb-direct-webhook',
    ...text('a DNS label', label),
  }),
  WEBHOOK_SECRET: setting({
    meaning: 'Secret of our namespace that keeps the webhook’s CA and its key.',
    default: 'clb-direct-webhook-ca',
    ...text('a DNS name', dnsName),
  }),
  WEBHOOK_LINGER_SECONDS: setting({
    meaning: 'How long the webhook serves on after SIGTERM.',
    default: '10',
    ...whole(0, 300),
  }),
  PRE_STOP_SLEEP_SECONDS: setting({
    meaning: 'preStop sleep for Pods of direct Services that ask for none; 0: only where asked.',
    default: '0',
    ...whole(0, 3600),
  }),
  HEALTH_LISTEN: setting({ meaning: 'Where /healthz, /readyz and /metrics are served.', ...address }),
  DRAIN_SECONDS: setting({
    meaning: 'An endpoint that left while its Pod lives is deregistered so long after its weight became 0.',
    default: '30',
    ...whole(0, 3600),
  }),
  DRAIN_SLACK_SECONDS: setting({
    meaning: 'A terminating Pod that never ends is deregistered so long after its deletionTimestamp.',
    default: '30',
    ...whole(0, 3600),
  }),
  DEFAULT_WEIGHT: setting({
    meaning: 'Weight of a target unless an annotation says otherwise.',
    default: '10',
    ...whole(1, 100),
  }),
  RESYNC_SECONDS: setting({
    meaning: 'Within so long each load balancer is read and repaired once.',
    default: '600',
    ...whole(1, 86_400),
  }),
  MAX_INVOCATIONS: setting({
    meaning: 'At most so many invocations of the reconcile function side by side.',
    default: '8',
    ...whole(1, 1000),
  }),
  BATCH_SIZE: setting({
    meaning: 'At most so many load balancers in one invocation.',
    default: '16',
    ...whole(1, 100),
  }),
  REDIS_URL: setting({
    meaning: 'The Redis of store and doorbell; its password stays hidden.',
    secret: true,
    ...redisUrls,
  }),
  PLATFORM: setting({
    meaning: 'Where the functions run: on AWS Lambda, on Tencent SCF, or in workers in the cluster.',
    default: 'worker',
    ...oneOf(['lambda', 'scf', 'worker']),
  }),
  RECONCILE_FUNCTION: setting({
    meaning: 'Name (Lambda: or ARN) of the reconcile function.',
    default: 'clb-direct-reconcile',
    ...text('a function name or ARN', functionName),
  }),
  READINESS_FUNCTION: setting({
    meaning: 'Name (Lambda: or ARN) of the readiness function.',
    default: 'clb-direct-readiness',
    ...text('a function name or ARN', functionName),
  }),
  FUNCTIONS_REGION: setting({
    meaning: 'Region of the functions.',
    ...optionalText('a region such as ap-guangzhou or us-east-1', /^[a-z0-9-]{1,64}$/),
  }),
  FUNCTIONS_ENDPOINT: setting({
    meaning: 'Host of the platform’s API, if not its usual one.',
    ...optionalText('host or host:port', hostWithPort),
  }),
  FUNCTIONS_PROTOCOL: setting({
    meaning: 'http only for an endpoint on this machine.',
    default: 'https',
    ...oneOf(['https', 'http']),
  }),
  FUNCTIONS_TIMEOUT_SECONDS: setting({
    meaning: 'An invocation without an answer is given up after so long; as long as the functions may run.',
    default: '90',
    ...whole(20, 900),
  }),
  SERVICE_ACCOUNT: setting({
    meaning: 'ServiceAccount of our namespace whose tokens the functions use.',
    default: 'clb-direct-functions',
    ...text('a DNS name', dnsName),
  }),
  TOKEN_KEY: setting({
    meaning: 'Seals the functions’ API token in the store; the same for forwarder and functions.',
    secret: true,
    ...key,
  }),
  API_SERVER: setting({
    meaning: 'Where the functions reach the API server, if not where the forwarder does.',
    ...optionalText('an https URL', /^https:\/\/[^\s?#]+$/),
  }),
  LOG_LEVEL: setting({
    meaning: 'Least severity that is logged.',
    default: 'INFO',
    ...oneOf(['DEBUG', 'INFO', 'WARN', 'ERROR', 'SILENT']),
  }),
  EXIT_WITH_PARENT: setting({
    meaning: 'End when stdin ends.',
    default: 'false',
    ...flag,
  }),
} as const;

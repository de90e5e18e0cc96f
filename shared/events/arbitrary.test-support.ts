import fc from 'fast-check';
import {
  type Backends,
  type DesiredState,
  type Endpoint,
  type LeavingEndpoint,
  type ListenerWant,
  lanes,
  type NodeState,
  type PodState,
} from '../model/desired-state.ts';
import type { GateFact, ObjectRef, OrdinalWeights } from '../model/facts.ts';
import type { Place } from '../model/place.ts';
import { type Problem, type ProblemCode, problemTable } from '../model/problems.ts';

/** Optional members are there or not, never undefined; so is JSON. */
const record = <T>(
  model: { [K in keyof T]-?: fc.Arbitrary<Exclude<T[K], undefined>> },
  requiredKeys: (keyof T)[],
): fc.Arbitrary<T> =>
  fc.record(model as { [K in keyof T]: fc.Arbitrary<T[K]> }, { requiredKeys }) as fc.Arbitrary<T>;

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
const uid = fc.uuid();
const ip = fc.ipV4();
const port = fc.integer({ min: 1, max: 65_535 });
const weight = fc.integer({ min: 0, max: 100 });
const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
const count = fc.nat(3_600);
const protocol = fc.constantFrom('TCP' as const, 'UDP' as const);
const version = fc.nat().map(String);
const message = fc.string({ maxLength: 12 });
const few = { maxLength: 2 };

const refOf = (kind: ObjectRef['kind']): fc.Arbitrary<ObjectRef> =>
  fc.record({ kind: fc.constant(kind), namespace: name, name, uid });

const gate = record<GateFact>(
  {
    type: name,
    status: fc.constantFrom('True', 'False', 'Unknown', 'absent'),
    changedAt: time,
    message,
  },
  ['type', 'status'],
);

const pod = record<PodState>(
  {
    ref: refOf('Pod'),
    resourceVersion: version,
    ips: fc.array(fc.oneof(ip, fc.ipV6()), few),
    containersReady: fc.boolean(),
    containersReadyChangedAt: time,
    ready: fc.boolean(),
    readyChangedAt: time,
    gate,
    foreignGatesOpen: fc.boolean(),
    terminatingAt: time,
    ended: fc.boolean(),
    customWeight: weight,
    heldBy: fc.array(uid, few),
  },
  ['ref', 'resourceVersion', 'ips', 'containersReady', 'ready', 'foreignGatesOpen', 'ended', 'heldBy'],
);

const leaving = record<LeavingEndpoint>(
  {
    ip,
    port,
    backendUid: uid,
    cause: fc.constantFrom(
      'pod-deleted',
      'pod-ended',
      'absent',
      'address-changed',
      'other-pod',
      'unselected',
      'port-changed',
      'mode-changed',
      'node-deleted',
    ),
    since: time,
  },
  ['ip', 'port', 'cause', 'since'],
);

const rule = fc.record({ domain: fc.oneof(fc.constant(''), name), url: fc.constantFrom('/', '/a') });

const place = record<Place>({ protocol: fc.constantFrom('TCP', 'HTTP'), port, rule }, ['protocol', 'port']);

const endpoint = record<Endpoint>({ ip, port, backendUid: uid, instanceId: name }, [
  'ip',
  'port',
  'backendUid',
]);

const node = record<NodeState>({ uid, name, ips: fc.array(ip, few), weight }, ['uid', 'name', 'ips']);

const backends: fc.Arbitrary<Backends> = record<Backends>(
  {
    endpoints: fc.array(endpoint, few),
    leaving: fc.array(leaving, few),
    podUids: fc.array(uid, few),
    publishNotReadyAddresses: fc.boolean(),
  },
  ['endpoints', 'leaving', 'publishNotReadyAddresses'],
);

const listener: fc.Arbitrary<ListenerWant> = record<ListenerWant>(
  {
    protocol: fc.constantFrom('TCP', 'UDP', 'HTTP'),
    port,
    rule,
    settings: fc.record({
      healthCheck: fc.record({
        enabled: fc.boolean(),
        intervalSeconds: count,
        timeoutSeconds: count,
        healthyCount: count,
        unhealthyCount: count,
      }),
      sessionExpireSeconds: count,
      scheduler: fc.constantFrom('WRR', 'LEAST_CONN'),
    }),
    backends,
  },
  ['protocol', 'port', 'settings', 'backends'],
);

const network: fc.Arbitrary<{ type: 'public' } | { type: 'internal'; subnetId: string }> = fc.oneof(
  fc.constant({ type: 'public' as const }),
  fc.record({ type: fc.constant('internal' as const), subnetId: name }),
);

const loadBalancer: fc.Arbitrary<DesiredState['loadBalancer']> = fc.oneof(
  fc.record(
    { source: fc.constant('created' as const), network, life: count },
    { requiredKeys: ['source', 'network'] },
  ),
  fc.record({ source: fc.constant('existing' as const), loadBalancerId: name }),
);

const ordinalWeights: fc.Arbitrary<OrdinalWeights> = fc.record({
  defaultWeight: weight,
  groups: fc.array(
    fc.record({
      protocol,
      port,
      statefulSets: fc.array(
        fc.record({ name, weights: fc.array(fc.record({ weight, ordinals: fc.array(count, few) }), few) }),
        few,
      ),
    }),
    few,
  ),
});

const about = record<NonNullable<Problem['about']>>({ listener: place, podUid: uid }, []);

const problem = record<Problem>(
  {
    code: fc.constantFrom(...(Object.keys(problemTable) as ProblemCode[])),
    severity: fc.constantFrom('error', 'warning'),
    message,
    about,
  },
  ['code', 'severity', 'message'],
);

/** Any desired state of a Service that the types allow, with every optional member there or not. */
export const anyDesiredState: fc.Arbitrary<DesiredState> = record<DesiredState>(
  {
    object: fc.oneof(refOf('Service'), refOf('Ingress')),
    resourceVersion: version,
    createdAt: time,
    loadBalancerKey: uid,
    intent: fc.constantFrom('serve', 'release', 'skip', 'report'),
    finalizer: fc.boolean(),
    deleting: fc.boolean(),
    loadBalancer,
    shown: fc.record({ loadBalancerId: name, addresses: fc.array(ip, few) }, { requiredKeys: ['addresses'] }),
    listeners: fc.array(listener, few),
    pods: fc.array(pod, few),
    nodes: fc.array(node, few),
    ordinalWeights,
    problems: fc.array(problem, few),
  },
  [
    'object',
    'resourceVersion',
    'createdAt',
    'loadBalancerKey',
    'intent',
    'finalizer',
    'deleting',
    'loadBalancer',
    'shown',
    'listeners',
    'pods',
    'problems',
  ],
);

export const anyLane = fc.constantFrom(...lanes);

export const anyTraceparent = fc
  .tuple(fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }), fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }))
  .map(
    ([traceId, spanId]) =>
      `00-${traceId.toString(16).padStart(32, '0')}-${spanId.toString(16).padStart(16, '0')}-01`,
  );

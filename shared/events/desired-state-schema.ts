import * as z from 'zod/mini';
import type {
  Backends,
  DesiredState,
  Endpoint,
  LeavingEndpoint,
  ListenerSettings,
  ListenerWant,
  LoadBalancerWant,
  NodeState,
  PodState,
} from '../model/desired-state.ts';
import type { GateFact, ObjectRef, OrdinalWeights } from '../model/facts.ts';
import type { Place } from '../model/place.ts';
import { type Problem, type ProblemCode, problemTable } from '../model/problems.ts';
import { count, ip, port, schemaOf, text, time, weight } from './schema.ts';

const protocol = z.enum(['TCP', 'UDP']);

const objectRef = schemaOf<ObjectRef>()(
  z.object({
    kind: z.enum(['Service', 'Ingress', 'Pod', 'EndpointSlice']),
    namespace: text,
    name: text,
    uid: text,
  }),
);

const rule = z.object({ domain: z.string(), url: text });

const place = schemaOf<Place>()(z.object({ protocol: text, port, rule: z.exactOptional(rule) }));

const isProblemCode = (value: unknown): value is ProblemCode =>
  typeof value === 'string' && Object.hasOwn(problemTable, value);

const problem = schemaOf<Problem>()(
  z.object({
    code: z.custom<ProblemCode>(isProblemCode, { error: 'no known problem code' }),
    severity: z.enum(['error', 'warning']),
    message: z.string(),
    about: z.exactOptional(
      z.object({
        listener: z.exactOptional(place),
        podUid: z.exactOptional(text),
      }),
    ),
  }),
);

const gate = schemaOf<GateFact>()(
  z.object({
    type: text,
    status: z.enum(['True', 'False', 'Unknown', 'absent']),
    changedAt: z.exactOptional(time),
    message: z.exactOptional(z.string()),
  }),
);

const pod = schemaOf<PodState>()(
  z.object({
    ref: objectRef,
    resourceVersion: text,
    ips: z.array(ip),
    containersReady: z.boolean(),
    containersReadyChangedAt: z.exactOptional(time),
    ready: z.boolean(),
    readyChangedAt: z.exactOptional(time),
    gate: z.exactOptional(gate),
    foreignGatesOpen: z.boolean(),
    terminatingAt: z.exactOptional(time),
    ended: z.boolean(),
    customWeight: z.exactOptional(weight),
    heldBy: z.array(text),
  }),
);

const endpoint = schemaOf<Endpoint>()(
  z.object({ ip, port, backendUid: text, instanceId: z.exactOptional(text) }),
);

const leavingEndpoint = schemaOf<LeavingEndpoint>()(
  z.object({
    ip,
    port,
    backendUid: z.exactOptional(text),
    cause: z.enum([
      'pod-deleted',
      'pod-ended',
      'absent',
      'address-changed',
      'other-pod',
      'unselected',
      'port-changed',
      'mode-changed',
      'node-deleted',
    ]),
    since: time,
  }),
);

const listenerSettings = schemaOf<ListenerSettings>()(
  z.object({
    healthCheck: z.object({
      enabled: z.boolean(),
      intervalSeconds: count,
      timeoutSeconds: count,
      healthyCount: count,
      unhealthyCount: count,
    }),
    sessionExpireSeconds: count,
    scheduler: z.enum(['WRR', 'LEAST_CONN']),
  }),
);

const backends = schemaOf<Backends>()(
  z.object({
    endpoints: z.array(endpoint),
    leaving: z.array(leavingEndpoint),
    podUids: z.exactOptional(z.array(text)),
    publishNotReadyAddresses: z.boolean(),
  }),
);

const listener = schemaOf<ListenerWant>()(
  z.object({
    protocol: z.enum(['TCP', 'UDP', 'HTTP']),
    port,
    rule: z.exactOptional(rule),
    settings: listenerSettings,
    backends,
  }),
);

const node = schemaOf<NodeState>()(
  z.object({ uid: text, name: text, ips: z.array(ip), weight: z.exactOptional(weight) }),
);

const loadBalancer = schemaOf<LoadBalancerWant>()(
  z.discriminatedUnion('source', [
    z.object({
      source: z.literal('created'),
      network: z.discriminatedUnion('type', [
        z.object({ type: z.literal('public') }),
        z.object({ type: z.literal('internal'), subnetId: text }),
      ]),
      life: z.exactOptional(count),
    }),
    z.object({ source: z.literal('existing'), loadBalancerId: text }),
  ]),
);

const ordinalWeights = schemaOf<OrdinalWeights>()(
  z.object({
    defaultWeight: weight,
    groups: z.array(
      z.object({
        protocol,
        port,
        statefulSets: z.array(
          z.object({ name: text, weights: z.array(z.object({ weight, ordinals: z.array(count) })) }),
        ),
      }),
    ),
  }),
);

/** All of a desired state, field by field; fields that it does not know are dropped. */
export const desiredStateSchema = schemaOf<DesiredState>()(
  z.object({
    object: objectRef,
    resourceVersion: text,
    createdAt: time,
    loadBalancerKey: text,
    intent: z.enum(['serve', 'release', 'skip', 'report']),
    finalizer: z.boolean(),
    deleting: z.boolean(),
    loadBalancer,
    shown: z.object({ loadBalancerId: z.exactOptional(z.string()), addresses: z.array(z.string()) }),
    listeners: z.array(listener),
    pods: z.array(pod),
    nodes: z.exactOptional(z.array(node)),
    ordinalWeights: z.exactOptional(ordinalWeights),
    problems: z.array(problem),
  }),
);

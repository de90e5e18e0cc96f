import * as z from 'zod/mini';
import type { OrdinalWeights } from '../../model/facts.ts';
import { type Problem, problem } from '../../model/problems.ts';

/** The annotations that users write, as TKE names them. */
export const annotationKeys = {
  directAccess: 'service.cloud.tencent.com/direct-access',
  mode: 'service.cloud.tencent.com/mode',
  existingLoadBalancer: 'service.kubernetes.io/tke-existed-lbid',
  internalSubnet: 'service.kubernetes.io/qcloud-loadbalancer-internal-subnetid',
  ordinalWeights: 'service.cloud.tencent.com/lb-rs-weight',
  customWeight: 'service.cloud.tencent.com/custom-weight',
  backendsLabel: 'service.kubernetes.io/qcloud-loadbalancer-backends-label',
  onlyNodesWithPods: 'service.kubernetes.io/local-svc-only-bind-node-with-pod',
  nodesByPods: 'service.cloud.tencent.com/local-svc-weighted-balance',
  ingressClass: 'kubernetes.io/ingress.class',
  ingressDirectAccess: 'ingress.cloud.tencent.com/direct-access',
  ingressMode: 'ingress.cloud.tencent.com/mode',
  ingressExistingLoadBalancer: 'kubernetes.io/ingress.existLbId',
  ingressInternalSubnet: 'kubernetes.io/ingress.subnetId',
  ingressListenPorts: 'ingress.cloud.tencent.com/listen-ports',
  ingressOrdinalWeights: 'ingress.cloud.tencent.com/lb-rs-weight',
  ingressCustomWeight: 'ingress.cloud.tencent.com/custom-weight',
  /** Ours, on Services and Ingresses. */
  ownMode: 'clb-direct.io/mode',
  sessionExpireSeconds: 'clb-direct.io/session-expire-seconds',
  networks: 'tke.cloud.tencent.com/networks',
  /** On a Pod (template): have our gate added, whoever selects it. */
  readinessGate: 'clb-direct.io/readiness-gate',
  /** On a Pod (template) or a Service: preStop `sleep` for containers that have no preStop handler. */
  preStopSleepSeconds: 'clb-direct.io/pre-stop-sleep-seconds',
} as const;

/** An annotation that was read: its value, or the problem with it. Neither: the object does not carry it. */
export interface Read<T> {
  readonly value?: T;
  readonly problem?: Problem;
}

const maxShown = 200;

/** Annotation values are the users' own text: long ones are cut before they are shown. */
const shown = (value: string): string =>
  JSON.stringify(value.length > maxShown ? `${value.slice(0, maxShown)}…` : value);

/** The longest preStop sleep that can be asked for. */
export const maxPreStopSleepSeconds = 3_600;

/** The problem with an annotation: key, value and what is allowed. */
export const notAllowed = (
  key: string,
  value: string,
  allowed: string,
  severity: Problem['severity'],
  podUid?: string,
): Problem =>
  problem('D1001', `Annotation ${key} is ${shown(value)}; allowed: ${allowed}.`, {
    severity,
    ...(podUid === undefined ? {} : { about: { podUid } }),
  });

/** One of the allowed values, written exactly so. */
export const readChoice = <T extends string>(
  annotations: Readonly<Record<string, string>>,
  key: string,
  allowed: readonly T[],
): Read<T> => {
  const value = annotations[key];
  if (value === undefined) return {};
  const choice = allowed.find((entry) => entry === value);
  if (choice !== undefined) return { value: choice };
  return {
    problem: notAllowed(key, value, allowed.map((entry) => JSON.stringify(entry)).join(' or '), 'error'),
  };
};

/** An id of Tencent Cloud, such as `lb-1a2b3c4d`. */
export const readId = (
  annotations: Readonly<Record<string, string>>,
  key: string,
  prefix: string,
): Read<string> => {
  const value = annotations[key];
  if (value === undefined) return {};
  if (value.startsWith(`${prefix}-`) && /^[0-9a-z]+-[0-9a-z]+$/.test(value)) return { value };
  return { problem: notAllowed(key, value, `an id like "${prefix}-1a2b3c4d"`, 'error') };
};

const weight = z.int().check(z.minimum(0), z.maximum(100));

const ordinalWeights = z.object({
  defaultWeight: z._default(weight, 10),
  groups: z._default(
    z.array(
      z.object({
        key: z.object({
          proto: z.enum(['TCP', 'UDP']),
          port: z.int().check(z.minimum(1), z.maximum(65535)),
        }),
        statefulSets: z.array(
          z.object({
            name: z.string().check(z.minLength(1)),
            weights: z.array(z.object({ weight, podIndexes: z.array(z.int().check(z.minimum(0))) })),
          }),
        ),
      }),
    ),
    [],
  ),
});

const ordinalWeightsAllowed =
  'JSON {"defaultWeight":10,"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"web","weights":[{"weight":0,"podIndexes":[0,1]}]}]}]}, weights 0 to 100';

export const jsonOf = (value: string): unknown => {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
};

/**
 * Annotation `lb-rs-weight` (docs/facts.md: weights by StatefulSet ordinal). What cannot be read is ignored as a whole, with a warning:
 * half of somebody's weights would be worse than none.
 */
export const readOrdinalWeights = (
  annotations: Readonly<Record<string, string>>,
  key: string,
): Read<OrdinalWeights> => {
  const value = annotations[key];
  if (value === undefined) return {};
  const read = ordinalWeights.safeParse(jsonOf(value));
  if (!read.success) {
    const at = read.error.issues[0]?.path.join('.') ?? '';
    const where = at === '' ? '' : ` (wrong at ${at})`;
    return { problem: notAllowed(key, value, `${ordinalWeightsAllowed}${where}`, 'warning') };
  }
  return {
    value: {
      defaultWeight: read.data.defaultWeight,
      groups: read.data.groups.map(({ key: { proto, port }, statefulSets }) => ({
        protocol: proto,
        port,
        statefulSets: statefulSets.map(({ name, weights }) => ({
          name,
          weights: weights.map(({ weight: value, podIndexes }) => ({ weight: value, ordinals: podIndexes })),
        })),
      })),
    },
  };
};

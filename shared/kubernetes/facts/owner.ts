import type { OwnerFact, ServiceMode } from '../../model/facts.ts';
import {
  finalizer,
  lifeAnnotation,
  loadBalancerIdAnnotationOf,
  sourceAnnotation,
} from '../../model/names.ts';
import type { Problem } from '../../model/problems.ts';
import {
  annotationKeys,
  notAllowed,
  type Read,
  readChoice,
  readId,
  readOrdinalWeights,
} from './annotations.ts';
import {
  type Identity,
  type Json,
  list,
  optional,
  parseWhole,
  record,
  stringMap,
  text,
  unixMs,
} from './read.ts';

export interface OwnerFactOptions {
  /** What an object gets that says nothing of its mode; `node-port`, as on TKE, unless told. */
  readonly defaultMode?: 'direct' | 'node-port';
  /** Beside TKE's own controllers: only our own keys say the mode. */
  readonly ownKeysOnly?: boolean;
}

/** What TKE's annotations are called on each kind. */
const keysOf = {
  Service: {
    directAccess: annotationKeys.directAccess,
    mode: annotationKeys.mode,
    existing: annotationKeys.existingLoadBalancer,
    subnet: annotationKeys.internalSubnet,
    ordinalWeights: annotationKeys.ordinalWeights,
  },
  Ingress: {
    directAccess: annotationKeys.ingressDirectAccess,
    mode: annotationKeys.ingressMode,
    existing: annotationKeys.ingressExistingLoadBalancer,
    subnet: annotationKeys.ingressInternalSubnet,
    ordinalWeights: annotationKeys.ingressOrdinalWeights,
  },
} as const;

type OwnerKind = keyof typeof keysOf;

const addressesOf = (status: Json): readonly string[] =>
  list(record(status['loadBalancer'])['ingress']).flatMap((entry) => {
    const ingress = record(entry);
    return text(ingress['ip']) ?? text(ingress['hostname']) ?? [];
  });

const sourceOf = (value: string | undefined): NonNullable<OwnerFact['source']> =>
  value === undefined || value === 'created' ? 'created' : { loadBalancerId: value };

const modes = ['direct', 'node-port', 'skip'] as const;

/** What asks for skip, and what for direct; by TKE's keys, or by our own alone. */
const modeOf = (
  annotations: Readonly<Record<string, string>>,
  kind: OwnerKind,
  { ownKeysOnly = false, defaultMode = 'node-port' }: OwnerFactOptions,
): { readonly mode: ServiceMode; readonly problems: readonly Problem[] } => {
  const keys = keysOf[kind];
  const own = readChoice(annotations, annotationKeys.ownMode, modes);
  const theirs = !ownKeysOnly;
  const skip: Read<'skip'> = theirs ? readChoice(annotations, keys.mode, ['skip']) : {};
  const direct: Read<'true' | 'false'> = theirs
    ? readChoice(annotations, keys.directAccess, ['true', 'false'])
    : {};
  const asked = direct.value === undefined ? defaultMode : direct.value === 'true' ? 'direct' : 'node-port';
  return {
    mode: own.value ?? skip.value ?? asked,
    problems: [own, skip, direct].flatMap((read) => read.problem ?? []),
  };
};

/** The session's length of a layer-4 listener; a rule's may be longer. */
const sessionSeconds = { least: 30, most: 3_600 };

/**
 * The owner's side of a Service or an Ingress.
 *
 * An annotation that decides how or by which load balancer it is served (`direct-access`, `mode`, the existing load
 * balancer, the internal subnet) and cannot be read leaves `mode` undefined: to guess could make an internal Service
 * public. Weights that cannot be read are ignored with a warning.
 */
export const ownerFact = (
  object: unknown,
  identity: Identity,
  kind: OwnerKind,
  options: OwnerFactOptions,
): OwnerFact => {
  const keys = keysOf[kind];
  const { ref, resourceVersion, metadata } = identity;
  const status = record(record(object)['status']);
  const annotations = stringMap(metadata['annotations']);
  const claim = options.ownKeysOnly === true ? 'class' : 'annotation';
  const loadBalancerIdKey = loadBalancerIdAnnotationOf(kind, claim);
  const { mode, problems: modeProblems } = modeOf(annotations, kind, options);
  const existing = readId(annotations, keys.existing, 'lb');
  const subnet = readId(annotations, keys.subnet, 'subnet');
  const weights = readOrdinalWeights(annotations, keys.ordinalWeights);
  const deciding = [...modeProblems, ...[existing, subnet].flatMap((read) => read.problem ?? [])];
  const problems: Problem[] = [...deciding, ...(weights.problem === undefined ? [] : [weights.problem])];

  const whole = (key: string, least: number, most: number, allowed: string): number | undefined => {
    const value = annotations[key];
    const read = value === undefined ? undefined : parseWhole(value, least, most);
    if (value !== undefined && read === undefined) problems.push(notAllowed(key, value, allowed, 'warning'));
    return read;
  };
  const life = whole(
    lifeAnnotation,
    1,
    Number.MAX_SAFE_INTEGER,
    'a whole number from 1, written by clb-direct',
  );
  const sessionExpireSeconds = whole(
    annotationKeys.sessionExpireSeconds,
    sessionSeconds.least,
    sessionSeconds.most,
    `a whole number ${sessionSeconds.least} to ${sessionSeconds.most}`,
  );
  return {
    ref,
    resourceVersion,
    createdAt: unixMs(metadata['creationTimestamp']) ?? 0,
    deleting: metadata['deletionTimestamp'] !== undefined && metadata['deletionTimestamp'] !== null,
    finalizer: list(metadata['finalizers']).includes(finalizer),
    ...optional('life', life),
    source: sourceOf(annotations[sourceAnnotation]),
    ...optional('writtenLoadBalancerId', text(annotations[loadBalancerIdKey])),
    statusAddresses: addressesOf(status),
    ...(deciding.length > 0 && mode !== 'skip' ? {} : { mode }),
    ...optional('internalSubnetId', subnet.value),
    ...optional('existingLoadBalancerId', existing.value),
    ...optional('ordinalWeights', weights.value),
    ...optional('sessionExpireSeconds', sessionExpireSeconds),
    problems,
  };
};

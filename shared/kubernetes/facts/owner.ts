import type { OwnerFact, ServiceMode } from '../../model/facts.ts';
import { finalizer, lifeAnnotation, sourceAnnotation } from '../../model/names.ts';
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

/** How an owner is named in the annotations of its kind, and what it gets that says nothing. */
export interface OwnerKeys {
  readonly directAccess: string;
  readonly mode: string;
  readonly existing: string;
  readonly subnet: string;
  readonly ordinalWeights: string;
  /** Where the load balancer's id is written. */
  readonly loadBalancerId: string;
  /** Only our own keys count for mode; beside TKE's controllers. */
  readonly ownKeysOnly: boolean;
  readonly defaultMode: 'direct' | 'node-port';
}

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
  keys: OwnerKeys,
): { readonly mode: ServiceMode; readonly problems: readonly Problem[] } => {
  const own = readChoice(annotations, annotationKeys.ownMode, modes);
  const theirs = !keys.ownKeysOnly;
  const skip: Read<'skip'> = theirs ? readChoice(annotations, keys.mode, ['skip']) : {};
  const direct: Read<'true' | 'false'> = theirs
    ? readChoice(annotations, keys.directAccess, ['true', 'false'])
    : {};
  const asked =
    direct.value === undefined ? keys.defaultMode : direct.value === 'true' ? 'direct' : 'node-port';
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
export const ownerFact = (object: unknown, identity: Identity, keys: OwnerKeys): OwnerFact => {
  const { ref, resourceVersion, metadata } = identity;
  const status = record(record(object)['status']);
  const annotations = stringMap(metadata['annotations']);
  const { mode, problems: modeProblems } = modeOf(annotations, keys);
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
    ...optional('writtenLoadBalancerId', text(annotations[keys.loadBalancerId])),
    statusAddresses: addressesOf(status),
    ...(deciding.length > 0 && mode !== 'skip' ? {} : { mode }),
    ...optional('internalSubnetId', subnet.value),
    ...optional('existingLoadBalancerId', existing.value),
    ...optional('ordinalWeights', weights.value),
    ...optional('sessionExpireSeconds', sessionExpireSeconds),
    problems,
  };
};

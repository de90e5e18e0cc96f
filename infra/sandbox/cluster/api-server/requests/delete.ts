import type { ApiContext, Target } from '../context.ts';
import { notSupported } from '../field-errors.ts';
import { cloneJson, isObject, isText, type Json, numberOf, objectOf, textOf, textsOf } from '../json.ts';
import { type KubeObject, timestamp } from '../kube-object.ts';
import { collectionKey } from '../resources/definition.ts';
import { badRequest, conflict, forbidden, invalidObject, type StatusError } from '../status-error.ts';
import { type Collection, Stored } from '../store/collection.ts';
import { getObject } from './read.ts';

export interface DeleteOptions {
  readonly graceSeconds?: number;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
  readonly dryRun: boolean;
}

const wholeSeconds = (value: Json | undefined): number | undefined => {
  if (value === undefined || value === null) return undefined;
  const seconds = numberOf(value) ?? Number.NaN;
  if (!Number.isInteger(seconds))
    throw badRequest(
      'json: cannot unmarshal into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
    );
  return seconds;
};

const invalidOptions = (field: string, value: Json, supported: readonly string[]): StatusError =>
  invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [notSupported(field, value, supported)]);

/** DeleteOptions from the body and the query; the body wins. @throws StatusError 400, 422 */
export const parseDeleteOptions = (body: Json, query: URLSearchParams): DeleteOptions => {
  const given = isObject(body) ? body : {};
  const inQuery = query.get('gracePeriodSeconds');
  const asked =
    wholeSeconds(given.gracePeriodSeconds) ?? wholeSeconds(inQuery === null ? null : Number(inQuery));
  const graceSeconds = asked !== undefined && asked < 0 ? 1 : asked;
  const { uid, resourceVersion } = objectOf(given.preconditions);
  const policy = textOf(given.propagationPolicy) || query.get('propagationPolicy') || '';
  const orphan = given.orphanDependents === true || query.get('orphanDependents') === 'true';
  const dryRuns = [...query.getAll('dryRun'), ...textsOf(given.dryRun)];
  if (dryRuns.some((value) => value !== 'All')) throw invalidOptions('dryRun', dryRuns, ['All']);
  const dryRun = dryRuns.length > 0;
  const propagation = orphan ? 'Orphan' : policy;
  if (!['', 'Background', 'Foreground', 'Orphan'].includes(propagation)) {
    throw invalidOptions('propagationPolicy', propagation, ['Foreground', 'Background', 'Orphan', 'nil']);
  }
  return {
    dryRun,
    ...(graceSeconds === undefined ? {} : { graceSeconds }),
    ...(isText(uid) ? { uid } : {}),
    ...(isText(resourceVersion) ? { resourceVersion } : {}),
    ...(propagation === 'Background' || propagation === 'Foreground' || propagation === 'Orphan'
      ? { propagation }
      : {}),
  };
};

const checkPreconditions = (
  { definition, name }: Target,
  { metadata }: KubeObject,
  options: DeleteOptions,
): void => {
  const { uid = '', resourceVersion = '' } = metadata;
  // Here, and only here, the kind stands where messages have the resource.
  const asKind = { ...definition, resource: definition.kind };
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`;
    throw conflict(asKind, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`;
    throw conflict(asKind, name, why);
  }
};

const undying = new Set(['default', 'kube-public', 'kube-system']);

const garbageFinalizers = { Foreground: 'foregroundDeletion', Orphan: 'orphan' } as const;

const finalizersAfter = (metadata: KubeObject['metadata'], { propagation }: DeleteOptions): string[] => {
  const present = metadata.finalizers ?? [];
  if (propagation === undefined) return present;
  const own: readonly string[] = Object.values(garbageFinalizers);
  const others = present.filter((finalizer) => !own.includes(finalizer));
  return propagation === 'Background' ? others : [...others, garbageFinalizers[propagation]];
};

/** The grace period of a Pod (`podStrategy.CheckGracefulDelete`); other kinds have none. */
const graceOf = ({ definition }: Target, object: KubeObject, options: DeleteOptions): number => {
  if (definition.resource !== 'pods') return 0;
  const spec = objectOf(object.spec);
  const { phase } = objectOf(object.status);
  if (textOf(spec.nodeName) === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
  return options.graceSeconds ?? numberOf(spec.terminationGracePeriodSeconds) ?? 0;
};

interface Deletion {
  readonly timestampMs: number;
  readonly graceSeconds: number;
}

/** When the object's grace period ends: a second deletion can only make it sooner. */
const deletionOf = (target: Target, object: KubeObject, options: DeleteOptions, nowMs: number): Deletion => {
  const { deletionTimestamp, deletionGracePeriodSeconds: before } = object.metadata;
  if (deletionTimestamp === undefined) {
    const graceSeconds = graceOf(target, object, options);
    return { timestampMs: nowMs + graceSeconds * 1000, graceSeconds };
  }
  const endMs = Date.parse(deletionTimestamp);
  if (before === undefined) return { timestampMs: endMs, graceSeconds: 0 };
  const asked = options.graceSeconds;
  if (asked === undefined || asked >= before) return { timestampMs: endMs, graceSeconds: before };
  return { timestampMs: endMs + (asked - before) * 1000, graceSeconds: asked };
};

const mark = (object: KubeObject, deletion: Deletion, finalizers: string[]): KubeObject => {
  const draft = cloneJson<KubeObject>(object);
  const { metadata } = draft;
  const first = metadata.deletionTimestamp === undefined;
  metadata.deletionTimestamp = timestamp(deletion.timestampMs);
  if (draft.kind !== 'Namespace') metadata.deletionGracePeriodSeconds = deletion.graceSeconds;
  if (first && metadata.generation !== undefined) metadata.generation += 1;
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (draft.kind === 'Namespace') draft.status = { ...objectOf(draft.status), phase: 'Terminating' };
  return draft;
};

const isSame = (draft: KubeObject, object: KubeObject): boolean =>
  (['deletionTimestamp', 'deletionGracePeriodSeconds'] as const).every(
    (field) => draft.metadata[field] === object.metadata[field],
  ) && JSON.stringify(draft.metadata.finalizers) === JSON.stringify(object.metadata.finalizers);

/**
 * Deletes an object: at once, or, where a grace period or finalizers hold it, by marking it.
 *
 * @returns its last state, and whether it is gone
 * @throws StatusError 403, 404, 409 for a precondition that does not hold
 */
export const deleteObject = (
  context: ApiContext,
  target: Target,
  options: DeleteOptions,
): { stored: Stored; gone: boolean } => {
  const stored = getObject(context, target);
  const { object } = stored;
  checkPreconditions(target, object, options);
  if (target.definition.resource === 'namespaces' && undying.has(target.name)) {
    throw forbidden(target.definition, target.name, 'this namespace may not be deleted');
  }
  const collection: Collection = context.store.collection(collectionKey(target.definition));
  const finalizers = finalizersAfter(object.metadata, options);
  const deletion = deletionOf(target, object, options, context.now());
  const held =
    deletion.graceSeconds > 0 || finalizers.length > 0 || target.definition.resource === 'namespaces';
  // A Pod that goes at once is marked first, which watches see; other kinds go as they were.
  const isMarked = held || target.definition.resource === 'pods';
  const draft = isMarked ? mark(object, deletion, finalizers) : object;
  if (options.dryRun) return { stored: new Stored(draft, stored.version), gone: !held };
  const marked = !isMarked || isSame(draft, object) ? stored : collection.put(draft);
  return held ? { stored: marked, gone: false } : { stored: collection.remove(marked), gone: true };
};

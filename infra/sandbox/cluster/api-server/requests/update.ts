import { isDeepStrictEqual } from 'node:util';
import type { ApiContext, Target, WriteOptions } from '../context.ts';
import { cloneJson } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { metadataErrors, metadataUpdateErrors } from '../metadata-validation.ts';
import { collectionKey, type ResourceDefinition } from '../resources/definition.ts';
import { invalidObject, modified, notFound } from '../status-error.ts';
import { Stored } from '../store/collection.ts';

const attempts = 5;

export interface UpdateRequest {
  readonly target: Target;
  /** `status`, or empty for the object itself. */
  readonly subresource: '' | 'status';
  /** The wanted state, made anew from what is stored; it is called again when somebody else was faster. */
  readonly change: (current: KubeObject) => KubeObject;
}

/** Times that are the same moment are the same, however the client wrote them; none is the present one. */
const alignDeletion = ({ metadata }: KubeObject, old: KubeObject): void => {
  const before = old.metadata.deletionTimestamp;
  if (before === undefined) return;
  const given = metadata.deletionTimestamp;
  if (given === undefined || Date.parse(given) === Date.parse(before)) metadata.deletionTimestamp = before;
};

/** Puts back what no writer decides, and what a writer may leave out. */
const keepMetadata = (draft: KubeObject, old: KubeObject): void => {
  const { metadata } = draft;
  const own: readonly string[] = ['generation', 'creationTimestamp'];
  const kept = ['uid', 'generation', 'creationTimestamp', 'deletionGracePeriodSeconds'] as const;
  for (const field of kept) {
    if (!own.includes(field) && metadata[field] !== undefined && metadata[field] !== '') continue;
    const before = old.metadata[field];
    if (before === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: before });
  }
  if (old.metadata.namespace !== undefined) metadata.namespace ??= old.metadata.namespace;
  if (old.metadata.generateName !== undefined) metadata.generateName ??= old.metadata.generateName;
  alignDeletion(draft, old);
};

/** A write to the status keeps everything else but the metadata; a write to the object keeps the status. */
const isolate = (
  draft: KubeObject,
  old: KubeObject,
  definition: ResourceDefinition,
  subresource: '' | 'status',
): KubeObject => {
  if (subresource === '') {
    if (!definition.subresources.includes('status')) return draft;
    const result: KubeObject = { ...draft };
    if (old.status === undefined) delete result.status;
    else result.status = cloneJson(old.status);
    return result;
  }
  const result: KubeObject = { ...cloneJson<KubeObject>(old), metadata: draft.metadata };
  if (draft.status === undefined) delete result.status;
  else result.status = draft.status;
  const { labels, ownerReferences } = old.metadata;
  if (!definition.statusMayLabel) {
    if (labels === undefined) delete result.metadata.labels;
    else result.metadata.labels = labels;
  }
  if (definition.resource === 'pods') {
    if (ownerReferences === undefined) delete result.metadata.ownerReferences;
    else result.metadata.ownerReferences = ownerReferences;
  }
  return result;
};

/** What the generation counts the changes of. */
const desired = (object: KubeObject, { generationCounts }: ResourceDefinition): unknown => {
  const { metadata, status: _status, ...rest } = object;
  return { ...rest, counted: generationCounts.map((field) => metadata[field] ?? {}) };
};

/** A deleted object that nothing holds any longer. */
const mayGo = ({ metadata, kind }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined &&
  (metadata.finalizers ?? []).length === 0 &&
  (metadata.deletionGracePeriodSeconds ?? 0) === 0 &&
  kind !== 'Namespace';

/**
 * Replaces an object, or its status. An unchanged object keeps its version; a deleted one whose last finalizer goes,
 * goes with it.
 *
 * @throws StatusError 404, 409 for a stale `resourceVersion`, 422, or what a webhook answers
 */
export const updateObject = async (
  context: ApiContext,
  { target, subresource, change }: UpdateRequest,
  options: WriteOptions,
): Promise<{ stored: Stored; warnings: readonly string[] }> => {
  const { definition, namespace, name } = target;
  const { strategy } = definition;
  const collection = context.store.collection(collectionKey(definition));
  const strategyContext = { store: context.store, nowMs: context.now(), serviceCidr: context.serviceCidr };
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const present = collection.get(namespace, name);
    if (present === undefined) throw notFound(definition, name);
    const old = present.object;
    const wanted = change(old);
    const { resourceVersion = '' } = wanted.metadata;
    if (resourceVersion !== '' && resourceVersion !== old.metadata.resourceVersion)
      throw modified(definition, name);
    keepMetadata(wanted, old);
    let draft = isolate(wanted, old, definition, subresource);
    strategy.complete?.(draft);
    const admitted = await context.admission.admit({
      operation: 'UPDATE',
      target,
      subresource,
      object: draft,
      oldObject: old,
      ...options,
    });
    if (admitted.object !== draft) {
      draft = isolate(admitted.object, old, definition, subresource);
      strategy.complete?.(draft);
    }
    if (collection.get(namespace, name) !== present) continue;
    strategy.prepareUpdate?.(draft, old, strategyContext);
    const specific = subresource === 'status' ? strategy.validateStatus : strategy.validate;
    const errors = [
      ...metadataErrors(draft, definition.nameRule),
      ...metadataUpdateErrors(draft, old),
      ...(specific?.(draft, old) ?? []),
    ];
    if (errors.length > 0) throw invalidObject(definition, name, errors);
    draft.metadata.resourceVersion = old.metadata.resourceVersion ?? '';
    if (isDeepStrictEqual(draft, old)) return { stored: present, warnings: admitted.warnings };
    const isCounted = definition.generation && subresource === '';
    if (isCounted && !isDeepStrictEqual(desired(draft, definition), desired(old, definition))) {
      draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
    }
    if (options.dryRun) return { stored: new Stored(draft, present.version), warnings: admitted.warnings };
    if (mayGo(draft)) return { stored: collection.removeAs(draft), warnings: admitted.warnings };
    return { stored: collection.put(draft), warnings: admitted.warnings };
  }
  throw modified(definition, name);
};

import { randomInt, randomUUID } from 'node:crypto';
import type { ApiContext, Target, WriteOptions } from '../context.ts';
import { cloneJson } from '../json.ts';
import { type KubeObject, timestamp } from '../kube-object.ts';
import { metadataErrors } from '../metadata-validation.ts';
import { collectionKey, type ResourceDefinition } from '../resources/definition.ts';
import { resourceByKey } from '../resources/table.ts';
import {
  alreadyExists,
  badRequest,
  forbidden,
  invalidObject,
  notFound,
  StatusError,
} from '../status-error.ts';
import { Stored } from '../store/collection.ts';

const letters = 'bcdfghjklmnpqrstvwxz2456789';
const generatedLength = 5;
const nameMax = 63;

const generateName = (prefix: string): string => {
  const suffix = Array.from(
    { length: generatedLength },
    () => letters[randomInt(letters.length)] ?? 'x',
  ).join('');
  return prefix.slice(0, nameMax - generatedLength) + suffix;
};

const checkNamespace = (context: ApiContext, { definition, namespace }: Target, name: string): void => {
  if (!definition.namespaced) return;
  const holder = context.store.collection('namespaces').get('', namespace);
  const namespaces = resourceByKey('namespaces');
  if (holder === undefined) throw notFound(namespaces ?? definition, namespace);
  if (holder.object.metadata.deletionTimestamp === undefined) return;
  const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbidden(definition, name, message, [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ]);
};

const initialMetadata = (
  draft: KubeObject,
  definition: ResourceDefinition,
  namespace: string,
  nowMs: number,
): void => {
  const { metadata } = draft;
  if (definition.namespaced) metadata.namespace = namespace;
  else delete metadata.namespace;
  if (metadata.name === '' && (metadata.generateName ?? '') !== '') {
    metadata.name = generateName(metadata.generateName ?? '');
  }
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(nowMs);
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.resourceVersion;
  if (definition.generation) metadata.generation = 1;
  else delete metadata.generation;
};

/**
 * Creates an object. `draft` is in the stored version and becomes the server's.
 *
 * @throws StatusError 400, 403, 404 (namespace), 409, 422, or what a webhook answers
 */
export const createObject = async (
  context: ApiContext,
  definition: ResourceDefinition,
  namespace: string,
  draft: KubeObject,
  options: WriteOptions,
): Promise<{ stored: Stored; warnings: readonly string[] }> => {
  const given = draft.metadata.namespace ?? '';
  if (definition.namespaced && given !== '' && given !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if ((draft.metadata.resourceVersion ?? '') !== '') {
    throw new StatusError(500, '', 'resourceVersion should not be set on objects to be created');
  }
  initialMetadata(draft, definition, namespace, context.now());
  const target: Target = { definition, namespace, name: draft.metadata.name };
  checkNamespace(context, target, draft.metadata.name);
  const { strategy } = definition;
  strategy.complete?.(draft);
  const identity = cloneJson(draft.metadata);
  const admitted = await context.admission.admit({
    operation: 'CREATE',
    target,
    subresource: '',
    object: draft,
    oldObject: undefined,
    ...options,
  });
  const { object } = admitted;
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp', 'generation'] as const) {
    if (identity[field] === undefined) delete object.metadata[field];
    else Object.assign(object.metadata, { [field]: identity[field] });
  }
  checkNamespace(context, target, object.metadata.name);
  strategy.complete?.(object);
  strategy.prepareCreate?.(object, {
    store: context.store,
    nowMs: context.now(),
    serviceCidr: context.serviceCidr,
  });
  const errors = [
    ...metadataErrors(object, definition.nameRule),
    ...(strategy.validate?.(object, undefined) ?? []),
  ];
  if (errors.length > 0) throw invalidObject(definition, object.metadata.name, errors);
  const collection = context.store.collection(collectionKey(definition));
  if (collection.get(namespace, object.metadata.name) !== undefined) {
    throw alreadyExists(definition, object.metadata.name);
  }
  const stored = options.dryRun ? new Stored(object, 0) : collection.put(object);
  return { stored, warnings: admitted.warnings };
};

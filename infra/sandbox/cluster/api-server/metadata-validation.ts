import { type FieldError, forbiddenField, invalid, required, tooLong } from './field-errors.ts';
import type { KubeObject, ObjectMeta } from './kube-object.ts';
import { labelValue, type NameRule, qualifiedName } from './names.ts';

const standardFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);
const annotationBytesMax = 256 * 1024;

const labelErrors = (labels: ObjectMeta['labels'], field: string): FieldError[] =>
  Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...qualifiedName(key).map((fault) => invalid(field, key, fault)),
    ...labelValue(value).map((fault) => invalid(field, value, fault)),
  ]);

const annotationErrors = (annotations: ObjectMeta['annotations'], field: string): FieldError[] => {
  const entries = Object.entries(annotations ?? {});
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return [
    ...entries.flatMap(([key]) =>
      qualifiedName(key.toLowerCase()).map((fault) => invalid(field, key, fault)),
    ),
    ...(bytes > annotationBytesMax
      ? [tooLong(field, `may not be more than ${annotationBytesMax} bytes`)]
      : []),
  ];
};

const finalizerErrors = (finalizers: readonly string[]): FieldError[] =>
  finalizers.flatMap((finalizer) => {
    const faults = qualifiedName(finalizer);
    if (faults.length > 0) return faults.map((fault) => invalid('metadata.finalizers', finalizer, fault));
    if (finalizer.includes('/') || standardFinalizers.has(finalizer)) return [];
    return [
      invalid(
        'metadata.finalizers[0]',
        finalizer,
        'name is neither a standard finalizer name nor is it fully qualified',
      ),
    ];
  });

const ownerErrors = (metadata: ObjectMeta): FieldError[] => {
  const field = 'metadata.ownerReferences';
  const owners = metadata.ownerReferences ?? [];
  const controllers = owners.filter((owner) => owner.controller === true);
  const missing = owners.flatMap((owner) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((key) => owner[key] === '')
      .map((key) => invalid(`${field}.${key}`, '', 'must not be empty')),
  );
  if (controllers.length < 2) return missing;
  const [first, second] = controllers.map((owner) => `${owner.kind}/${owner.name}`);
  return [
    ...missing,
    invalid(
      field,
      owners,
      `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`,
    ),
  ];
};

/** The faults of an object's metadata, on create as on update. */
export const metadataErrors = (object: KubeObject, nameRule: NameRule): FieldError[] => {
  const { metadata } = object;
  const name =
    metadata.name === ''
      ? [required('metadata.name', 'name or generateName is required')]
      : nameRule(metadata.name).map((fault) => invalid('metadata.name', metadata.name, fault));
  return [
    ...name,
    ...labelErrors(metadata.labels, 'metadata.labels'),
    ...annotationErrors(metadata.annotations, 'metadata.annotations'),
    ...finalizerErrors(metadata.finalizers ?? []),
    ...ownerErrors(metadata),
  ];
};

const immutable = ['uid', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/** The faults of a change of metadata: what can never change, and finalizers that come too late. */
export const metadataUpdateErrors = (draft: KubeObject, old: KubeObject): FieldError[] => {
  const errors = immutable
    .filter((field) => draft.metadata[field] !== old.metadata[field])
    .map((field) => invalid(`metadata.${field}`, draft.metadata[field] ?? null, 'field is immutable'));
  if (old.metadata.deletionTimestamp === undefined) return errors;
  const before = new Set(old.metadata.finalizers ?? []);
  const added = (draft.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (added.length === 0) return errors;
  const shown = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  return [
    ...errors,
    forbiddenField(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`,
    ),
  ];
};

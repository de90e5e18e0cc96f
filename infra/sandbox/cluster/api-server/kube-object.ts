import { dropNulls, isObject, isText, type Json, type JsonObject } from './json.ts';
import { badRequest } from './status-error.ts';

export interface OwnerReference extends JsonObject {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface TextMap extends JsonObject {
  [key: string]: string;
}

export interface ObjectMeta extends JsonObject {
  name: string;
  generateName?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: TextMap;
  annotations?: TextMap;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

/** An API object. One in the store is never changed; a changed copy takes its place. */
export interface KubeObject extends JsonObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** A time as Kubernetes writes it: whole seconds, UTC. */
export const timestamp = (timeMs: number): string => new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

const isTextMap = (value: Json): boolean => isObject(value) && Object.values(value).every(isText);

const isOwnerReference = (value: Json): boolean =>
  isObject(value) &&
  isText(value.apiVersion) &&
  isText(value.kind) &&
  isText(value.name) &&
  isText(value.uid);

const metadataShape: Readonly<Record<string, readonly [string, (value: Json) => boolean]>> = {
  name: ['string', isText],
  generateName: ['string', isText],
  namespace: ['string', isText],
  uid: ['string', isText],
  resourceVersion: ['string', isText],
  generation: ['int64', (value) => typeof value === 'number'],
  creationTimestamp: ['Time', isText],
  deletionTimestamp: ['Time', isText],
  deletionGracePeriodSeconds: ['int64', (value) => typeof value === 'number'],
  labels: ['map of strings', isTextMap],
  annotations: ['map of strings', isTextMap],
  finalizers: ['list of strings', (value) => Array.isArray(value) && value.every(isText)],
  ownerReferences: [
    'list of OwnerReference',
    (value) => Array.isArray(value) && value.every(isOwnerReference),
  ],
};

const isMeta = (value: JsonObject, fail: (field: string, wanted: string) => never): value is ObjectMeta => {
  for (const [field, [wanted, holds]] of Object.entries(metadataShape)) {
    const present = value[field];
    if (present !== undefined && !holds(present)) fail(field, wanted);
  }
  return true;
};

const isEmpty = (value: Json | undefined): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const hasShape = (value: JsonObject): value is KubeObject =>
  isText(value.apiVersion) && isText(value.kind) && isObject(value.metadata);

/**
 * Takes a decoded body as an API object: the type fields and `metadata` have their types afterwards, nulls are gone.
 *
 * @param fallback the type that is taken where the body names none
 * @throws StatusError 400 where a field has the wrong type
 */
export const parseKubeObject = (body: Json, fallback: { apiVersion: string; kind: string }): KubeObject => {
  if (!isObject(body)) {
    throw badRequest(`couldn't get version/kind; json parse error: json: cannot unmarshal into Go value`);
  }
  dropNulls(body);
  body.apiVersion ??= fallback.apiVersion;
  body.kind ??= fallback.kind;
  body.metadata ??= {};
  const metadata = body.metadata;
  if (!isObject(metadata))
    throw badRequest('json: cannot unmarshal into Go struct field .metadata of type v1.ObjectMeta');
  metadata.name ??= '';
  delete metadata.managedFields;
  delete metadata.selfLink;
  isMeta(metadata, (field, wanted) => {
    throw badRequest(
      `${fallback.kind} in version "${fallback.apiVersion.split('/').at(-1)}" cannot be handled as a ${fallback.kind}: ` +
        `json: cannot unmarshal into Go struct field ObjectMeta.metadata.${field} of type ${wanted}`,
    );
  });
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
    if (isEmpty(metadata[field])) delete metadata[field];
  }
  if (!hasShape(body)) throw badRequest("Object 'Kind' is missing");
  return body;
};

export const labelsOf = (object: KubeObject): TextMap => object.metadata.labels ?? {};

/** The owner that controls an object. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((owner) => owner.controller === true);

import { invalid } from '../field-errors.ts';
import { isObject, type Json } from '../json.ts';
import { type KubeObject, parseKubeObject } from '../kube-object.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { mergePatch } from '../patch/merge-patch.ts';
import { mergeSchemaOf } from '../patch/merge-schema.ts';
import { strategicMergePatch } from '../patch/strategic-merge.ts';
import {
  apiVersionOf,
  type ResourceDefinition,
  type ServedVersion,
  storedApiVersion,
} from '../resources/definition.ts';
import { checkShape } from '../shapes.ts';
import { badRequest, invalidObject, StatusError } from '../status-error.ts';
import type { PatchType } from './content.ts';
import { encodeVersion } from './views.ts';

interface Served {
  readonly definition: ResourceDefinition;
  readonly served: ServedVersion;
}

/** From the version a client speaks to the stored one. Changes `draft`. */
export const toStored = (draft: KubeObject, { definition, served }: Served): KubeObject => {
  served.decode?.(draft);
  draft.apiVersion = storedApiVersion(definition);
  draft.kind = definition.kind;
  return draft;
};

/**
 * Takes a decoded body as an object of the version that the path names.
 *
 * @throws StatusError 400 where it says another type, or a field has the wrong one
 */
export const parseBody = (body: Json, of: Served): KubeObject => {
  const apiVersion = apiVersionOf(of.definition, of.served.version);
  const draft = parseKubeObject(body, { apiVersion, kind: of.definition.kind });
  if (draft.kind !== of.definition.kind) {
    const version = draft.apiVersion.split('/').at(-1) ?? '';
    throw badRequest(
      `${draft.kind} in version "${version}" cannot be handled as a ${of.definition.kind}: converting (${version}.${draft.kind}) to (${of.definition.group || 'core'}.${of.definition.kind}): unknown conversion`,
    );
  }
  if (draft.apiVersion !== apiVersion) {
    throw badRequest(
      `the API version in the data (${draft.apiVersion}) does not match the expected API version (${apiVersion})`,
    );
  }
  toStored(draft, of);
  checkShape(draft, draft.kind, of.served.version);
  return draft;
};

/** What a patch makes of a document. */
export const patchDocument = (document: Json, type: PatchType, patch: Json, kind: string): Json => {
  switch (type) {
    case 'json':
      return jsonPatch(document, patch);
    case 'merge':
      if (!isObject(patch))
        throw badRequest(
          'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
        );
      return mergePatch(document, patch);
    case 'strategic':
      return strategicMergePatch(isObject(document) ? document : {}, patch, mergeSchemaOf(kind));
  }
};

/** What a patch leaves that is no such object is the patch's fault. */
const parseEdited = (edited: Json, of: Served): KubeObject => {
  const text = JSON.stringify(edited);
  try {
    return parseBody(edited, of);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw invalidObject({ group: '', kind: '' }, '', [invalid('patch', text, error.message)]);
  }
};

/**
 * What an edit makes of a stored object, in the stored version again.
 *
 * @param edit works on the version that the path names
 * @throws StatusError 400, 422
 */
export const editObject = (
  current: KubeObject,
  of: Served,
  edit: (document: KubeObject) => Json,
): KubeObject => {
  const draft = parseEdited(edit(structuredClone(encodeVersion(current, of))), of);
  if (draft.metadata.name !== current.metadata.name) {
    throw badRequest(
      `the name of the object (${draft.metadata.name}) does not match the name on the URL (${current.metadata.name})`,
    );
  }
  if (draft.metadata.namespace !== current.metadata.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  return draft;
};

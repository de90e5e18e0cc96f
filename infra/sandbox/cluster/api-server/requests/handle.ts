import type { ApiContext } from '../context.ts';
import { invalid, notSupported, required } from '../field-errors.ts';
import { isObject, type Json } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { renewLastApplied } from '../patch/last-applied.ts';
import { mergeSchemaOf } from '../patch/merge-schema.ts';
import { collectionKey } from '../resources/definition.ts';
import {
  badRequest,
  conflict,
  invalidObject,
  methodNotAllowed,
  noSuchResource,
  notFound,
  StatusError,
  success,
} from '../status-error.ts';
import { decodeApply, decodeBody, decodePatch, isApply, negotiate } from './content.ts';
import { createObject } from './create.ts';
import { type DeleteOptions, deleteObject, parseDeleteOptions } from './delete.ts';
import { type ApiRequest, type ApiResponse, json, jsonText } from './exchange.ts';
import { editObject, parseBody, patchDocument } from './patch.ts';
import { getObject, listObjects, parseVersion, requireReached } from './read.ts';
import type { ResourcePath } from './resource-path.ts';
import { answerObject, type ResourceRequest } from './resource-request.ts';
import { handleSubresource } from './subresources.ts';
import { updateObject } from './update.ts';
import { renderList } from './views.ts';
import { watchObjects } from './watch.ts';

const isTrue = (value: string | null): boolean => value === 'true' || value === '1';

const read = ({ context, request, path, target, rendering }: ResourceRequest): ApiResponse => {
  const { definition, namespace, name } = path;
  const { query } = request;
  if (name !== '' && !isTrue(query.get('watch'))) {
    requireReached(parseVersion(query), context.store.version);
    return answerObject(200, getObject(context, target), rendering);
  }
  if (name !== '') query.set('fieldSelector', `metadata.name=${name}`);
  if (isTrue(query.get('watch'))) return watchObjects(context, definition, namespace, query, rendering);
  const { items, metadata } = listObjects(context, definition, namespace, query);
  return jsonText(200, renderList(items, metadata, rendering));
};

const create = async ({
  context,
  request,
  path,
  options,
  rendering,
}: ResourceRequest): Promise<ApiResponse> => {
  const draft = parseBody(decodeBody(request.body, request.contentType), path);
  const { stored, warnings } = await createObject(context, path.definition, path.namespace, draft, options);
  return answerObject(201, stored, rendering, warnings);
};

const isThere = (context: ApiContext, { definition, namespace, name }: ResourcePath): boolean =>
  context.store.collection(collectionKey(definition)).get(namespace, name) !== undefined;

const checkName = ({ metadata }: KubeObject, name: string): void => {
  if (metadata.name === name) return;
  throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
};

const replace = async (
  { context, request, path, target, options, rendering }: ResourceRequest,
  subresource: '' | 'status',
): Promise<ApiResponse> => {
  const { definition } = path;
  const body = decodeBody(request.body, request.contentType);
  if (definition.createdByUpdate && subresource === '' && !isThere(context, path)) {
    const draft = parseBody(structuredClone(body), path);
    checkName(draft, path.name);
    const { stored, warnings } = await createObject(context, definition, path.namespace, draft, options);
    return answerObject(201, stored, rendering, warnings);
  }
  const change: Parameters<typeof updateObject>[1]['change'] = (current) => {
    const draft = parseBody(structuredClone(body), path);
    const { uid = '' } = draft.metadata;
    checkName(draft, path.name);
    if (uid !== '' && uid !== current.metadata.uid) {
      const key = ['/registry', path.definition.resource, path.namespace, path.name]
        .filter((part) => part !== '')
        .join('/');
      const why =
        `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ` +
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`;
      throw conflict(path.definition, path.name, why);
    }
    if (definition.updateNeedsVersion && (draft.metadata.resourceVersion ?? '') === '') {
      throw invalidObject({ group: definition.group, kind: definition.resource }, path.name, [
        invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
      ]);
    }
    return draft;
  };
  const { stored, warnings } = await updateObject(context, { target, subresource, change }, options);
  return answerObject(200, stored, rendering, warnings);
};

const patch = async (
  { context, request, path, target, options, rendering }: ResourceRequest,
  subresource: '' | 'status',
): Promise<ApiResponse> => {
  const { type, patch: body } = decodePatch(request.body, request.contentType);
  const { kind } = path.definition;
  const change = (current: KubeObject): KubeObject =>
    editObject(current, path, (document) => patchDocument(document, type, body, kind));
  const { stored, warnings } = await updateObject(context, { target, subresource, change }, options);
  return answerObject(200, stored, rendering, warnings);
};

/** Server-side apply: creates what is not there. */
const apply = async (
  { context, request, path, target, options, rendering }: ResourceRequest,
  subresource: '' | 'status',
): Promise<ApiResponse> => {
  const config = decodeApply(request.body);
  const manager = request.query.get('fieldManager') ?? '';
  if (manager === '') {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      required('fieldManager', 'is required for apply patch'),
    ]);
  }
  if (!isObject(config))
    throw badRequest('error decoding YAML: json: cannot unmarshal into Go value of type map');
  const schema = mergeSchemaOf(path.definition.kind);
  const change = (current: KubeObject): KubeObject =>
    editObject(current, path, (document) => {
      const applied = context.applied.apply(document, current.metadata.uid ?? '', manager, config, schema);
      return renewLastApplied(applied, manager, config);
    });
  const exists = isThere(context, path);
  if (!exists && subresource !== '') throw notFound(path.definition, path.name);
  const body = structuredClone(config);
  const { stored, warnings } = exists
    ? await updateObject(context, { target, subresource, change }, options)
    : await createObject(context, path.definition, path.namespace, parseBody(body, path), options);
  if (!options.dryRun) context.applied.record(stored.object.metadata.uid ?? '', manager, config);
  return answerObject(exists ? 200 : 201, stored, rendering, warnings);
};

const deleteBody = (request: ApiRequest): Json => {
  if (request.body === '') return null;
  return decodeBody(request.body, request.contentType);
};

const remove = ({ context, request, path, target, rendering }: ResourceRequest): ApiResponse => {
  const { definition } = path;
  const options = parseDeleteOptions(deleteBody(request), request.query);
  const { stored, gone } = deleteObject(context, target, options);
  if (!gone || definition.answersDeleted) return answerObject(200, stored, rendering);
  const uid = stored.object.metadata.uid ?? '';
  const group = definition.group === '' ? {} : { group: definition.group };
  return json(200, success({ name: path.name, ...group, kind: definition.resource, uid }));
};

const removeCollection = ({ context, request, path, rendering }: ResourceRequest): ApiResponse => {
  const { definition, namespace } = path;
  const options: DeleteOptions = parseDeleteOptions(deleteBody(request), request.query);
  const { items, metadata } = listObjects(context, definition, namespace, request.query);
  for (const { object } of items) {
    const name = object.metadata.name;
    deleteObject(context, { definition, namespace: object.metadata.namespace ?? '', name }, options);
  }
  return jsonText(200, renderList(items, metadata, rendering));
};

const requestBytesMax = 3 * 1024 * 1024;

const optionsOf: Readonly<Record<string, string>> = {
  POST: 'CreateOptions',
  PUT: 'UpdateOptions',
  PATCH: 'PatchOptions',
};

/** What is refused whatever the resource. @throws StatusError 413, 422 */
const checkRequest = ({ method, query, body }: ApiRequest): void => {
  if (Buffer.byteLength(body) > requestBytesMax) {
    const message = `Request entity too large: limit is ${requestBytesMax}`;
    throw new StatusError(413, 'RequestEntityTooLarge', message);
  }
  const dryRuns = query.getAll('dryRun');
  const kind = optionsOf[method];
  if (kind !== undefined && dryRuns.some((value) => value !== 'All')) {
    throw invalidObject({ group: 'meta.k8s.io', kind }, '', [notSupported('dryRun', dryRuns, ['All'])]);
  }
};

/** Answers a request for a resource. @throws StatusError */
export const handleResource = async (
  context: ApiContext,
  request: ApiRequest,
  path: ResourcePath,
): Promise<ApiResponse> => {
  const { definition, namespace, name, served, subresource } = path;
  const on: ResourceRequest = {
    context,
    request,
    path,
    target: { definition, namespace, name },
    options: { user: request.user, dryRun: request.query.get('dryRun') === 'All' },
    rendering: {
      definition,
      served,
      view: negotiate(request.accept),
      includeObject: request.query.get('includeObject') ?? 'Metadata',
      nowMs: context.now(),
    },
  };
  checkRequest(request);
  if (subresource !== '' && subresource !== 'status') return handleSubresource(on);
  if (subresource === 'status' && !definition.subresources.includes('status')) {
    throw noSuchResource();
  }
  const part = subresource === 'status' ? 'status' : '';
  // All namespaces at once can only be read.
  const isAcross = definition.namespaced && namespace === '';
  if (isAcross && request.method !== 'GET') throw methodNotAllowed();
  switch (request.method) {
    case 'GET':
      return read(on);
    case 'POST':
      if (name !== '') throw methodNotAllowed();
      return create(on);
    case 'PUT':
      if (name === '') throw methodNotAllowed();
      return replace(on, part);
    case 'PATCH':
      if (name === '') throw methodNotAllowed();
      return isApply(request.contentType) ? apply(on, part) : patch(on, part);
    case 'DELETE':
      if (part === 'status') throw methodNotAllowed();
      return name === '' ? removeCollection(on) : remove(on);
    default:
      throw methodNotAllowed();
  }
};

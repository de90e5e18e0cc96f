import { requireAllowed } from './auth/authorize.ts';
import type { ApiContext, Attributes } from './context.ts';
import { discover, isUnknownGroup } from './discovery/discovery.ts';
import { openApi } from './discovery/open-api.ts';
import type { JsonObject } from './json.ts';
import { type ApiRequest, type ApiResponse, json, plain } from './requests/exchange.ts';
import { handleResource } from './requests/handle.ts';
import { parseResourcePath, type ResourcePath } from './requests/resource-path.ts';
import { handleReview } from './requests/reviews.ts';
import { noSuchResource, StatusError } from './status-error.ts';

const methodVerbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

const verbOf = (request: ApiRequest, path: ResourcePath): string => {
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      if (['1', 'true'].includes(request.query.get('watch') ?? '')) return 'watch';
      return path.name === '' ? 'list' : 'get';
    case 'DELETE':
      return path.name === '' ? 'deletecollection' : 'delete';
    default:
      return methodVerbs[request.method] ?? request.method.toLowerCase();
  }
};

const resourceAttributes = (request: ApiRequest, path: ResourcePath): Attributes => ({
  user: request.user,
  verb: verbOf(request, path),
  group: path.definition.group,
  resource: path.definition.resource,
  subresource: path.subresource,
  namespace: path.definition.resource === 'namespaces' ? path.name : path.namespace,
  // A list or watch of one object by its name counts as one for that name.
  name: path.name || (/^metadata\.name=+([^,]+)$/.exec(request.query.get('fieldSelector') ?? '')?.[1] ?? ''),
  path: request.path,
});

const plainAttributes = (request: ApiRequest): Attributes => ({
  user: request.user,
  verb: request.method === 'HEAD' ? 'head' : (methodVerbs[request.method] ?? request.method.toLowerCase()),
  group: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  path: request.path,
});

const healthPath = /^\/(healthz|livez|readyz)(\/.*)?$/;

const route = async (context: ApiContext, request: ApiRequest, version: JsonObject): Promise<ApiResponse> => {
  const { path } = request;
  if (healthPath.test(path)) return plain(200, 'ok');
  if (path === '/version' || path === '/version/') return json(200, version);
  if (isUnknownGroup(path)) {
    requireAllowed(context.authorize, plainAttributes(request));
    return plain(404, '404 page not found\n');
  }
  const review = handleReview(context, request);
  if (review !== undefined) return review;
  const resource = parseResourcePath(path);
  if (resource !== undefined) {
    requireAllowed(context.authorize, resourceAttributes(request, resource));
    return handleResource(context, request, resource);
  }
  requireAllowed(context.authorize, plainAttributes(request));
  if (path === '/openapi/v2') return openApi(request);
  const document = discover(path);
  if (document !== undefined) return json(200, document);
  if (path.startsWith('/api')) throw noSuchResource();
  return plain(404, '404 page not found\n');
};

const errorResponse = (error: StatusError): ApiResponse => {
  const retry = error.details?.retryAfterSeconds;
  const headers = retry === undefined ? undefined : { 'Retry-After': String(retry) };
  return json(error.code, error.toJson(), headers);
};

/** Answers a request; every error becomes the Status that Kubernetes answers with. */
export const answer = async (
  context: ApiContext,
  request: ApiRequest,
  version: JsonObject,
): Promise<ApiResponse> => {
  try {
    return await route(context, request, version);
  } catch (error) {
    if (error instanceof StatusError) return errorResponse(error);
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return errorResponse(new StatusError(500, 'InternalError', `Internal error occurred: ${message}`));
  }
};

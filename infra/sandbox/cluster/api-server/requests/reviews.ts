import { requireAllowed } from '../auth/authorize.ts';
import type { ApiContext, Attributes, User } from '../context.ts';
import { reviewResources } from '../discovery/discovery.ts';
import { isObject, type Json, type JsonObject, objectOf, textOf, textsOf } from '../json.ts';
import { methodNotAllowed, StatusError, unauthorized } from '../status-error.ts';
import { decodeBody, mediaType, protobuf } from './content.ts';
import { type ApiRequest, type ApiResponse, json } from './exchange.ts';
import { decodeReview } from './protobuf.ts';

const attributesOf = (user: User, spec: JsonObject): Attributes => {
  const asked = objectOf(spec.resourceAttributes);
  const path = objectOf(spec.nonResourceAttributes);
  const isPath = isObject(spec.nonResourceAttributes);
  return {
    user,
    verb: textOf(isPath ? path.verb : asked.verb),
    group: textOf(asked.group),
    resource: isPath ? '' : textOf(asked.resource),
    subresource: textOf(asked.subresource),
    namespace: textOf(asked.namespace),
    name: textOf(asked.name),
    path: textOf(path.path),
  };
};

const userInfo = ({ name, uid, groups }: User): JsonObject => ({
  username: name,
  ...(uid === undefined ? {} : { uid }),
  groups: [...groups],
});

const tokenStatus = (context: ApiContext, token: string): JsonObject => {
  try {
    return { authenticated: true, user: userInfo(context.identify(token)) };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { authenticated: false, error: 'invalid bearer token' };
  }
};

const everything: Json = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }];

const statusOf = (context: ApiContext, kind: string, user: User, spec: JsonObject): JsonObject => {
  switch (kind) {
    case 'TokenReview':
      return tokenStatus(context, textOf(spec.token));
    case 'SelfSubjectReview':
      return { userInfo: userInfo(user) };
    case 'SelfSubjectRulesReview':
      return {
        resourceRules: context.rulesOf?.(user, textOf(spec.namespace)) ?? everything,
        nonResourceRules: [],
        incomplete: false,
      };
    case 'SelfSubjectAccessReview':
      return { allowed: context.authorize(attributesOf(user, spec)) };
    default: {
      const asked = { name: textOf(spec.user), groups: textsOf(spec.groups) };
      return { allowed: context.authorize(attributesOf(asked, spec)) };
    }
  }
};

const pattern = /^\/apis\/([^/]+)\/v1\/(?:namespaces\/[^/]+\/)?([^/]+)$/;

/**
 * Answers a question about tokens or rights.
 *
 * @returns undefined where the path names no such question
 * @throws StatusError 400, 401, 405
 */
export const handleReview = (context: ApiContext, request: ApiRequest): ApiResponse | undefined => {
  const [, group, resource] = pattern.exec(request.path) ?? [];
  const review = reviewResources.find((one) => one.group === group && one.resource === resource);
  if (review === undefined) return undefined;
  if (request.method !== 'POST') throw methodNotAllowed();
  if (request.user.groups.includes('system:unauthenticated')) throw unauthorized();
  requireAllowed(context.authorize, {
    user: request.user,
    verb: 'create',
    group: review.group,
    resource: review.resource,
    subresource: '',
    namespace: '',
    name: '',
    path: request.path,
  });
  const body =
    mediaType(request.contentType) === protobuf
      ? decodeReview(review.kind, Buffer.from(request.body, 'latin1'))
      : decodeBody(request.body, request.contentType);
  const given = isObject(body) ? body : {};
  const status = statusOf(context, review.kind, request.user, objectOf(given.spec));
  const metadata = { creationTimestamp: null };
  return json(201, { ...given, kind: review.kind, apiVersion: `${review.group}/v1`, metadata, status });
};

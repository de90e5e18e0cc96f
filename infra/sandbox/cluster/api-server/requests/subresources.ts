import { randomUUID } from 'node:crypto';
import { invalid } from '../field-errors.ts';
import { childOf, cloneJson, isObject, type Json, objectOf, objectsOf, textOf } from '../json.ts';
import { type KubeObject, timestamp } from '../kube-object.ts';
import { addTopologyLabels } from '../resources/pod.ts';
import { badRequest, conflict, invalidObject, methodNotAllowed, noSuchResource } from '../status-error.ts';
import { decodeBody, decodePatch } from './content.ts';
import { evictPod } from './eviction.ts';
import { type ApiResponse, json, plain } from './exchange.ts';
import { getObject } from './read.ts';
import type { ResourceRequest } from './resource-request.ts';
import { getScale, scalePatch, updateScale } from './scale.ts';

const scale = async ({ context, request, target, options }: ResourceRequest): Promise<ApiResponse> => {
  switch (request.method) {
    case 'GET':
      return json(200, getScale(context, target));
    case 'PUT': {
      const body = decodeBody(request.body, request.contentType);
      return json(200, await updateScale(context, target, () => body, options));
    }
    case 'PATCH': {
      const { type, patch } = decodePatch(request.body, request.contentType);
      return json(200, await updateScale(context, target, scalePatch(type, patch), options));
    }
    default:
      throw methodNotAllowed();
  }
};

/** Puts a Pod on a Node, as a scheduler does. */
const bind = async ({ context, request, target, options }: ResourceRequest): Promise<ApiResponse> => {
  if (request.method !== 'POST') throw methodNotAllowed();
  const body = decodeBody(request.body, request.contentType);
  if (textOf(objectOf(objectOf(body).metadata).name) !== target.name) {
    throw badRequest('name in URL does not match name in Binding object');
  }
  const node = textOf(objectOf(objectOf(body).target).name);
  const { object } = getObject(context, target);
  const present = textOf(objectOf(object.spec).nodeName);
  if (node === '') throw badRequest('target.name is required');
  if (present !== '') {
    throw conflict(
      { ...target.definition, resource: 'pods/binding' },
      target.name,
      `pod ${target.name} is already assigned to node "${present}"`,
    );
  }
  const draft = cloneJson<KubeObject>(object);
  childOf(draft, 'spec').nodeName = node;
  addTopologyLabels(draft, context.store);
  const status = childOf(draft, 'status');
  const others = objectsOf(status.conditions).filter((condition) => condition.type !== 'PodScheduled');
  const lastTransitionTime = timestamp(context.now());
  status.conditions = [...others, { type: 'PodScheduled', status: 'True', lastTransitionTime }];
  if (!options.dryRun) context.store.collection('pods').put(draft);
  return json(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
};

const evict = ({ context, request, target }: ResourceRequest): ApiResponse => {
  if (request.method !== 'POST') throw methodNotAllowed();
  evictPod(context, target, decodeBody(request.body, request.contentType), request.query);
  return json(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
};

const log = ({ context, request, target }: ResourceRequest): ApiResponse => {
  if (request.method !== 'GET') throw methodNotAllowed();
  const { object } = getObject(context, target);
  const containers = objectsOf(objectOf(object.spec).containers).map((one) => textOf(one.name));
  const container = request.query.get('container') ?? containers[0] ?? '';
  if (!containers.includes(container)) {
    throw badRequest(`container ${container} is not valid for pod ${target.name}`);
  }
  // No node, no kubelet to ask: there is no log, and that is no error.
  if (textOf(objectOf(object.spec).nodeName) === '') return plain(200, '');
  const text = context.podLog(object, container);
  if (text === undefined) {
    throw badRequest(
      `container "${container}" in pod "${target.name}" is waiting to start: ContainerCreating`,
    );
  }
  const tail = request.query.get('tailLines');
  return plain(
    200,
    tail === null
      ? text
      : text
          .split('\n')
          .slice(-Number(tail) - 1)
          .join('\n'),
  );
};

const minTokenSeconds = 600;

const token = ({ context, request, target }: ResourceRequest): ApiResponse => {
  if (request.method !== 'POST') throw methodNotAllowed();
  const body: Json = decodeBody(request.body, request.contentType);
  const review = isObject(body) ? body : {};
  const spec = objectOf(review.spec);
  const seconds = typeof spec.expirationSeconds === 'number' ? spec.expirationSeconds : 3600;
  const of = { group: 'authentication.k8s.io', kind: 'TokenRequest' };
  if (seconds < minTokenSeconds) {
    throw invalidObject(of, '', [
      invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'),
    ]);
  }
  const { object } = getObject(context, target);
  const issued = context.issueToken(object, seconds);
  return json(201, {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {
      name: object.metadata.name,
      namespace: object.metadata.namespace ?? '',
      uid: randomUUID(),
      creationTimestamp: timestamp(context.now()),
    },
    spec: {
      audiences: spec.audiences ?? ['https://kubernetes.default.svc'],
      ...spec,
      expirationSeconds: seconds,
    },
    status: { token: issued.token, expirationTimestamp: timestamp(issued.expiresMs) },
  });
};

/** Answers a request for a subresource other than `status`. @throws StatusError */
export const handleSubresource = async (on: ResourceRequest): Promise<ApiResponse> => {
  const { definition, subresource } = on.path;
  const known = definition.subresources.find((name) => name === subresource);
  switch (known) {
    case 'scale':
      return scale(on);
    case 'binding':
      return bind(on);
    case 'eviction':
      return evict(on);
    case 'log':
      return log(on);
    case 'token':
      return token(on);
    default:
      throw noSuchResource();
  }
};

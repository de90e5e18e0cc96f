import type { ObjectRef } from '../model/facts.ts';

const kinds = {
  Pod: { apiVersion: 'v1', prefix: '/api/v1', plural: 'pods' },
  Service: { apiVersion: 'v1', prefix: '/api/v1', plural: 'services' },
  EndpointSlice: {
    apiVersion: 'discovery.k8s.io/v1',
    prefix: '/apis/discovery.k8s.io/v1',
    plural: 'endpointslices',
  },
} as const satisfies Record<ObjectRef['kind'], unknown>;

/** The API version that names the kind, for `involvedObject`. */
export const apiVersionOf = (kind: ObjectRef['kind']): string => kinds[kind].apiVersion;

/** The path of all objects of a kind, in all namespaces: what a reflector watches. */
export const listPath = (kind: ObjectRef['kind']): string => `${kinds[kind].prefix}/${kinds[kind].plural}`;

/** The path of one object; names come from outside and are encoded. */
export const objectPath = (ref: ObjectRef): string => {
  const { prefix, plural } = kinds[ref.kind];
  return `${prefix}/namespaces/${encodeURIComponent(ref.namespace)}/${plural}/${encodeURIComponent(ref.name)}`;
};

/** The path of core/v1 Events of a namespace. */
export const eventsPath = (namespace: string): string =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;

import type { ObjectRef } from './facts.ts';

/** Where the API server serves each kind that we know. */
export const kinds = {
  Pod: { apiVersion: 'v1', root: '/api/v1', plural: 'pods' },
  Service: { apiVersion: 'v1', root: '/api/v1', plural: 'services' },
  EndpointSlice: {
    apiVersion: 'discovery.k8s.io/v1',
    root: '/apis/discovery.k8s.io/v1',
    plural: 'endpointslices',
  },
  Ingress: {
    apiVersion: 'networking.k8s.io/v1',
    root: '/apis/networking.k8s.io/v1',
    plural: 'ingresses',
  },
} as const satisfies Record<ObjectRef['kind'], unknown>;

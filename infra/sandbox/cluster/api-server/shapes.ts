import { isObject, type Json } from './json.ts';
import { badRequest } from './status-error.ts';

/** What a field must be: a type, the shape of an object's fields, of an array's elements, or of a map's values. */
type Shape =
  | 'boolean'
  | 'int32'
  | 'intOrString'
  | 'string'
  | { readonly [field: string]: Shape }
  | readonly [Shape]
  | MapShape;

interface MapShape {
  readonly mapOf: Shape;
}

const texts: Shape = { mapOf: 'string' };

const handler: Shape = {
  exec: { command: ['string'] },
  httpGet: { path: 'string', port: 'intOrString', host: 'string', scheme: 'string' },
  tcpSocket: { port: 'intOrString' },
  grpc: { port: 'int32' },
  sleep: { seconds: 'int32' },
};

const probe: Shape = {
  ...handler,
  initialDelaySeconds: 'int32',
  timeoutSeconds: 'int32',
  periodSeconds: 'int32',
  successThreshold: 'int32',
  failureThreshold: 'int32',
};

const container: Shape = {
  name: 'string',
  image: 'string',
  command: ['string'],
  args: ['string'],
  env: [{ name: 'string', value: 'string' }],
  ports: [{ name: 'string', containerPort: 'int32', hostPort: 'int32', protocol: 'string' }],
  lifecycle: { preStop: handler, postStart: handler },
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
};

const podSpec: Shape = {
  containers: [container],
  initContainers: [container],
  nodeName: 'string',
  nodeSelector: texts,
  restartPolicy: 'string',
  hostNetwork: 'boolean',
  terminationGracePeriodSeconds: 'int32',
  readinessGates: [{ conditionType: 'string' }],
};

const selector: Shape = { matchLabels: texts };

const condition: Shape = { type: 'string', status: 'string', reason: 'string', message: 'string' };

const template: Shape = { metadata: { labels: texts, annotations: texts }, spec: podSpec };

const workload: Shape = {
  spec: { replicas: 'int32', minReadySeconds: 'int32', paused: 'boolean', selector, template },
};

const backend: Shape = { service: { name: 'string', port: { name: 'string', number: 'int32' } } };

const loadBalancer: Shape = { ingress: [{ ip: 'string', hostname: 'string', ipMode: 'string' }] };

/** Only the fields that people write and mistype; what is not named here may be anything. */
const shapes: Readonly<Record<string, Shape>> = {
  Pod: {
    spec: podSpec,
    status: { phase: 'string', podIP: 'string', podIPs: [{ ip: 'string' }], conditions: [condition] },
  },
  Deployment: workload,
  ReplicaSet: workload,
  StatefulSet: workload,
  DaemonSet: workload,
  Service: {
    spec: {
      type: 'string',
      clusterIP: 'string',
      selector: texts,
      sessionAffinity: 'string',
      externalTrafficPolicy: 'string',
      loadBalancerClass: 'string',
      allocateLoadBalancerNodePorts: 'boolean',
      ports: [
        { name: 'string', port: 'int32', nodePort: 'int32', targetPort: 'intOrString', protocol: 'string' },
      ],
    },
    status: { loadBalancer, conditions: [condition] },
  },
  Ingress: {
    spec: {
      ingressClassName: 'string',
      defaultBackend: backend,
      rules: [{ host: 'string', http: { paths: [{ path: 'string', pathType: 'string', backend }] } }],
      tls: [{ hosts: ['string'], secretName: 'string' }],
    },
    status: { loadBalancer },
  },
  ConfigMap: { data: texts, binaryData: texts, immutable: 'boolean' },
  Secret: { data: texts, stringData: texts, type: 'string' },
  EndpointSlice: {
    addressType: 'string',
    endpoints: [{ addresses: ['string'], hostname: 'string', nodeName: 'string' }],
    ports: [{ name: 'string', port: 'int32', protocol: 'string' }],
  },
  Lease: { spec: { holderIdentity: 'string', leaseDurationSeconds: 'int32', leaseTransitions: 'int32' } },
  PodDisruptionBudget: { spec: { selector, minAvailable: 'intOrString', maxUnavailable: 'intOrString' } },
};

const kindOf = (value: Json): string => (Array.isArray(value) ? 'array' : typeof value);

const isMap = (shape: Shape): shape is MapShape => typeof shape === 'object' && 'mapOf' in shape;

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);

const goType: Readonly<Record<string, string>> = {
  boolean: 'bool',
  int32: 'int32',
  intOrString: 'intstr.IntOrString',
  string: 'string',
};

const fits = (value: Json, type: string): boolean => {
  switch (type) {
    case 'int32':
      return Number.isInteger(value);
    case 'intOrString':
      return typeof value === 'string' || Number.isInteger(value);
    default:
      return typeof value === type;
  }
};

const check = (
  value: Json | undefined,
  shape: Shape,
  path: string,
  fail: (found: string, path: string, wanted: string) => never,
): void => {
  if (value === undefined || value === null) return;
  if (typeof shape === 'string') {
    if (!fits(value, shape)) fail(kindOf(value), path, goType[shape] ?? shape);
  } else if (isList(shape)) {
    if (!Array.isArray(value)) fail(kindOf(value), path, 'slice');
    else for (const element of value) check(element, shape[0], path, fail);
  } else if (!isObject(value)) fail(kindOf(value), path, 'struct');
  else if (isMap(shape)) for (const child of Object.values(value)) check(child, shape.mapOf, path, fail);
  else
    for (const [field, inner] of Object.entries(shape)) check(value[field], inner, `${path}.${field}`, fail);
};

/**
 * Refuses a field of the wrong type, which the API's Go types could not be decoded from.
 *
 * @throws StatusError 400
 */
export const checkShape = (object: Json, kind: string, version: string): void => {
  const shape = shapes[kind];
  if (shape === undefined) return;
  check(object, shape, '', (found, path, wanted) => {
    throw badRequest(
      `${kind} in version "${version}" cannot be handled as a ${kind}: json: cannot unmarshal ${found} into Go struct field ${kind}${path} of type ${wanted}`,
    );
  });
};

import { type FieldError, invalid, notSupported, required } from '../field-errors.ts';
import {
  childOf,
  isObject,
  type Json,
  type JsonObject,
  objectOf,
  objectsOf,
  setDefault,
  textOf,
} from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { dns1035Label, dns1123Subdomain, ianaServiceName, isPortNumber, portRange } from '../names.ts';
import type { ObjectStore } from '../store/store.ts';
import type { ServedVersion, Strategy } from './definition.ts';
import { ingressStatusErrors } from './service-validation.ts';

const toV1Backend = (backend: Json | undefined): Json | undefined => {
  if (!isObject(backend)) return backend;
  const { serviceName, servicePort, ...rest } = backend;
  if (serviceName === undefined && servicePort === undefined) return rest;
  const port = typeof servicePort === 'number' ? { number: servicePort } : { name: textOf(servicePort) };
  return { ...rest, service: { name: textOf(serviceName), port } };
};

const toBetaBackend = (backend: Json | undefined): Json | undefined => {
  if (!isObject(backend)) return backend;
  const { service, ...rest } = backend;
  if (!isObject(service)) return rest;
  const port = objectOf(service.port);
  return {
    ...rest,
    serviceName: textOf(service.name),
    servicePort: textOf(port.name) === '' ? (port.number ?? 0) : textOf(port.name),
  };
};

const eachPath = (spec: JsonObject, change: (path: JsonObject) => void): void => {
  for (const rule of objectsOf(spec.rules)) {
    for (const path of objectsOf(objectOf(rule.http).paths)) change(path);
  }
};

const setOrDrop = (object: JsonObject, field: string, value: Json | undefined): void => {
  if (value === undefined) delete object[field];
  else object[field] = value;
};

/** networking.k8s.io/v1beta1, which real servers stopped serving with 1.22: the guide's manifests are written in it. */
export const ingressBeta: ServedVersion = {
  version: 'v1beta1',
  decode: (draft) => {
    const spec = childOf(draft, 'spec');
    setOrDrop(spec, 'defaultBackend', toV1Backend(spec.backend));
    delete spec.backend;
    eachPath(spec, (path) => {
      setDefault(path, 'pathType', 'ImplementationSpecific');
      setOrDrop(path, 'backend', toV1Backend(path.backend));
    });
  },
  encode: (draft) => {
    const spec = childOf(draft, 'spec');
    setOrDrop(spec, 'backend', toBetaBackend(spec.defaultBackend));
    delete spec.defaultBackend;
    eachPath(spec, (path) => setOrDrop(path, 'backend', toBetaBackend(path.backend)));
  },
};

const backendErrors = (backend: Json | undefined, field: string): FieldError[] => {
  const { service, resource } = objectOf(backend);
  if (isObject(service) && isObject(resource)) {
    return [invalid(field, '', 'cannot set both resource and service backends')];
  }
  if (!isObject(service)) {
    return isObject(resource) ? [] : [invalid(field, '', 'resource or service backend is required')];
  }
  const errors: FieldError[] = [];
  const name = textOf(service.name);
  if (name === '') errors.push(required(`${field}.service.name`));
  else errors.push(...dns1035Label(name).map((fault) => invalid(`${field}.service.name`, name, fault)));
  const { number = 0, name: portName } = objectOf(service.port);
  if (number === 0 && textOf(portName) === '')
    errors.push(required(field, 'port name or number is required'));
  else if (number !== 0 && textOf(portName) !== '') {
    errors.push(invalid(`${field}`, '', 'cannot set both port name & port number'));
  } else if (number !== 0 && !isPortNumber(number)) {
    errors.push(invalid(`${field}.service.port.number`, number, portRange));
  } else if (number === 0) {
    const at = `${field}.service.port.name`;
    errors.push(...ianaServiceName(textOf(portName)).map((fault) => invalid(at, textOf(portName), fault)));
  }
  return errors;
};

const refusedInPaths = ['//', '/./', '/../', '%2f', '%2F'];
const refusedAtEnd = ['/..', '/.'];

const pathErrors = (path: JsonObject, field: string): FieldError[] => {
  const types = ['Exact', 'ImplementationSpecific', 'Prefix'];
  const errors: FieldError[] = [];
  const text = textOf(path.path);
  if (path.pathType === undefined) errors.push(required(`${field}.pathType`, 'pathType must be specified'));
  else if (!types.includes(textOf(path.pathType))) {
    errors.push(notSupported(`${field}.pathType`, path.pathType, types));
  }
  const mustBeAbsolute = path.pathType !== 'ImplementationSpecific' || text !== '';
  if (mustBeAbsolute && !text.startsWith('/'))
    errors.push(invalid(`${field}.path`, text, 'must be an absolute path'));
  if (path.pathType === 'Exact' || path.pathType === 'Prefix') {
    for (const part of refusedInPaths) {
      if (text.includes(part)) errors.push(invalid(`${field}.path`, text, `must not contain '${part}'`));
    }
    for (const end of refusedAtEnd) {
      if (text.endsWith(end)) errors.push(invalid(`${field}.path`, text, `cannot end with '${end}'`));
    }
  }
  return [...errors, ...backendErrors(path.backend, `${field}.backend`)];
};

const hostErrors = (host: string, field: string): FieldError[] => {
  if (host === '') return [];
  if (/^[\d.]+$/.test(host)) return [invalid(field, host, 'must be a DNS name, not an IP address')];
  return dns1123Subdomain(host.replace(/^\*\./, '')).map((fault) => invalid(field, host, fault));
};

const classAnnotation = 'kubernetes.io/ingress.class';

const ingressErrors = (draft: KubeObject, old: KubeObject | undefined): FieldError[] => {
  const spec = objectOf(draft.spec);
  const rules = objectsOf(spec.rules);
  const errors: FieldError[] = [];
  if (rules.length === 0 && spec.defaultBackend === undefined) {
    errors.push(invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec.defaultBackend !== undefined) {
    errors.push(...backendErrors(spec.defaultBackend, 'spec.defaultBackend'));
  }
  const annotation = draft.metadata.annotations?.[classAnnotation];
  const className = spec.ingressClassName;
  if (old === undefined && annotation !== undefined && className !== undefined && annotation !== className) {
    errors.push(
      invalid(
        'annotations.kubernetes.io/ingress.class',
        annotation,
        'must match `ingressClassName` when both are specified',
      ),
    );
  }
  if (className !== undefined) {
    const faults = dns1123Subdomain(textOf(className));
    errors.push(...faults.map((fault) => invalid('spec.ingressClassName', className, fault)));
  }
  for (const [index, rule] of rules.entries()) {
    const at = `spec.rules[${index}]`;
    errors.push(...hostErrors(textOf(rule.host), `${at}.host`));
    const { http } = rule;
    if (!isObject(http)) continue;
    const paths = objectsOf(http.paths);
    if (paths.length === 0) errors.push(required(`${at}.http.paths`));
    for (const [pathIndex, path] of paths.entries()) {
      errors.push(...pathErrors(path, `${at}.http.paths[${pathIndex}]`));
    }
  }
  for (const [index, tls] of objectsOf(spec.tls).entries()) {
    for (const [hostIndex, host] of (Array.isArray(tls.hosts) ? tls.hosts : []).entries()) {
      errors.push(...hostErrors(textOf(host), `spec.tls[${index}].hosts[${hostIndex}]`));
    }
  }
  return errors;
};

const statusErrors = (draft: KubeObject): FieldError[] => {
  const ingress = objectsOf(objectOf(objectOf(draft.status).loadBalancer).ingress);
  return ingressStatusErrors(ingress, false);
};

const defaultAnnotation = 'ingressclass.kubernetes.io/is-default-class';

/** The class of Ingresses that name none: the newest of those that are marked, then the first by name. */
const defaultClass = (store: ObjectStore): string | undefined => {
  const marked = [...store.collection('ingressclasses.networking.k8s.io').values()]
    .map(({ object }) => object.metadata)
    .filter(({ annotations }) => annotations?.[defaultAnnotation] === 'true')
    .sort((a, b) => {
      const [before, after] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
      return before === after ? (a.name < b.name ? -1 : 1) : before > after ? -1 : 1;
    });
  return marked[0]?.name;
};

export const ingressStrategy: Strategy = {
  prepareCreate: (draft, { store }) => {
    draft.status = { loadBalancer: {} };
    const spec = childOf(draft, 'spec');
    if (spec.ingressClassName !== undefined || draft.metadata.annotations?.[classAnnotation] !== undefined)
      return;
    const found = defaultClass(store);
    if (found !== undefined) spec.ingressClassName = found;
  },
  validate: ingressErrors,
  validateStatus: statusErrors,
};

const classErrors = (draft: KubeObject, old: KubeObject | undefined): FieldError[] => {
  const controller = textOf(objectOf(draft.spec).controller);
  const errors: FieldError[] = [];
  if (old !== undefined && controller !== objectOf(old.spec).controller) {
    errors.push(invalid('spec.controller', controller, 'field is immutable'));
  }
  if (controller === '') errors.push(required('spec.controller'));
  else if (!controller.includes('/')) {
    const fault = 'must be a domain-prefixed path (such as "acme.io/foo")';
    errors.push(invalid('spec.controller', controller, fault));
  }
  return errors;
};

export const ingressClassStrategy: Strategy = { validate: classErrors };

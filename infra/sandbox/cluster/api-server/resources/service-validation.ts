import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalid,
  notSupported,
  required,
} from '../field-errors.ts';
import { isObject, type JsonObject, numberOf, objectOf, objectsOf, textOf, textsOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  ianaServiceName,
  isPortNumber,
  portRange,
  qualifiedName,
} from '../names.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];

/** A port as messages show it: by the names of the Go struct. */
const portAsGo = ({ protocol = '', port = 0 }: JsonObject): JsonObject => ({
  Name: '',
  Protocol: protocol,
  AppProtocol: null,
  Port: port,
  TargetPort: 0,
  NodePort: 0,
});

const portErrors = (spec: JsonObject): FieldError[] => {
  const ports = objectsOf(spec.ports);
  const names = new Set<string>();
  const seen = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = `spec.ports[${index}]`;
    const errors: FieldError[] = [];
    const name = textOf(port.name);
    if (name === '' && ports.length > 1) errors.push(required(`${at}.name`));
    else if (name !== '') {
      errors.push(...dns1123Label(name).map((fault) => invalid(`${at}.name`, name, fault)));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    if (!isPortNumber(port.port)) errors.push(invalid(`${at}.port`, port.port ?? 0, portRange));
    const protocol = textOf(port.protocol);
    if (!protocols.includes(protocol)) errors.push(notSupported(`${at}.protocol`, protocol, protocols));
    const target = port.targetPort;
    if (typeof target === 'number' && !isPortNumber(target)) {
      errors.push(invalid(`${at}.targetPort`, target, portRange));
    }
    if (typeof target === 'string') {
      errors.push(...ianaServiceName(target).map((fault) => invalid(`${at}.targetPort`, target, fault)));
    }
    const key = `${protocol} ${numberOf(port.port) ?? 0}`;
    if (seen.has(key)) errors.push(duplicate(at, portAsGo(port)));
    seen.add(key);
    return errors;
  });
};

const addressErrors = (spec: JsonObject, type: string): FieldError[] => {
  const [first] = textsOf(spec.clusterIPs);
  if (first === undefined) return [];
  if (type === 'ExternalName') {
    return first === ''
      ? []
      : [forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services')];
  }
  if (first === 'None') {
    return type === 'LoadBalancer' || type === 'NodePort'
      ? [invalid('spec.clusterIPs[0]', first, `may not be set to 'None' for ${type} services`)]
      : [];
  }
  if (isIP(first) !== 0) return [];
  return [
    invalid('spec.clusterIPs[0]', first, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
  ];
};

const onlyFor = (
  spec: JsonObject,
  field: string,
  allowed: readonly string[],
  detail: string,
): FieldError[] =>
  spec[field] !== undefined && !allowed.includes(textOf(spec.type))
    ? [forbiddenField(`spec.${field}`, detail)]
    : [];

const choices = (spec: JsonObject, field: string, supported: readonly string[]): FieldError[] =>
  spec[field] === undefined || supported.includes(textOf(spec[field]))
    ? []
    : [notSupported(`spec.${field}`, spec[field] ?? '', supported)];

const changeErrors = (spec: JsonObject, old: JsonObject): FieldError[] => {
  const errors: FieldError[] = [];
  const external = [spec, old].some((one) => one.type === 'ExternalName');
  const [before, now] = [textsOf(old.clusterIPs), textsOf(spec.clusterIPs)];
  if (!external && before.length > 0 && before[0] !== now[0]) {
    errors.push(invalid('spec.clusterIPs[0]', now, 'may not change once set'));
  }
  const checksNodes = (one: JsonObject): boolean =>
    one.type === 'LoadBalancer' && one.externalTrafficPolicy === 'Local';
  const [healthBefore, healthNow] = [old, spec].map((one) => numberOf(one.healthCheckNodePort) ?? 0);
  if (checksNodes(old) && checksNodes(spec) && healthBefore !== healthNow) {
    errors.push(forbiddenField('spec.healthCheckNodePort', 'field is immutable'));
  }
  const wasLoadBalancer = old.type === 'LoadBalancer' && spec.type === 'LoadBalancer';
  if (wasLoadBalancer && !isDeepStrictEqual(old.loadBalancerClass, spec.loadBalancerClass)) {
    errors.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'));
  }
  return errors;
};

/** The faults of a Service. */
export const serviceErrors = (draft: KubeObject, old: KubeObject | undefined): FieldError[] => {
  const spec = objectOf(draft.spec);
  const type = textOf(spec.type);
  const headless = textsOf(spec.clusterIPs)[0] === 'None';
  const errors: FieldError[] = [];
  if (!types.includes(type)) errors.push(notSupported('spec.type', type, types));
  if (type === 'ExternalName') {
    const name = textOf(spec.externalName).replace(/\.$/, '');
    if (name === '') errors.push(required('spec.externalName'));
    else errors.push(...dns1123Subdomain(name).map((fault) => invalid('spec.externalName', name, fault)));
  } else if (objectsOf(spec.ports).length === 0 && !headless) errors.push(required('spec.ports'));
  for (const [key, value] of Object.entries(objectOf(spec.selector))) {
    errors.push(...qualifiedName(key).map((fault) => invalid('spec.selector', key, fault)));
    if (typeof value !== 'string') errors.push(invalid('spec.selector', value ?? null, 'must be a string'));
  }
  const withNodes = ['LoadBalancer', 'NodePort'];
  errors.push(
    ...portErrors(spec),
    ...addressErrors(spec, type),
    ...choices(spec, 'sessionAffinity', ['ClientIP', 'None']),
    ...choices(spec, 'internalTrafficPolicy', ['Cluster', 'Local']),
    ...onlyFor(spec, 'loadBalancerClass', ['LoadBalancer'], "may only be used when `type` is 'LoadBalancer'"),
    ...onlyFor(
      spec,
      'allocateLoadBalancerNodePorts',
      ['LoadBalancer'],
      "may only be used when `type` is 'LoadBalancer'",
    ),
  );
  const policy = textOf(spec.externalTrafficPolicy);
  if (withNodes.includes(type)) errors.push(...choices(spec, 'externalTrafficPolicy', ['Cluster', 'Local']));
  else if (policy !== '') {
    errors.push(
      invalid('spec.externalTrafficPolicy', policy, 'may only be set for externally-accessible services'),
    );
  }
  if (type === 'LoadBalancer' && spec.loadBalancerClass !== undefined) {
    const className = textOf(spec.loadBalancerClass);
    errors.push(
      ...qualifiedName(className).map((fault) => invalid('spec.loadBalancerClass', className, fault)),
    );
  }
  return old === undefined ? errors : [...errors, ...changeErrors(spec, objectOf(old.spec))];
};

/** The faults of a Service's status. */
export const serviceStatusErrors = (draft: KubeObject): FieldError[] => {
  const ingress = objectsOf(objectOf(objectOf(draft.status).loadBalancer).ingress);
  if (ingress.length > 0 && objectOf(draft.spec).type !== 'LoadBalancer') {
    return [
      forbiddenField('status.loadBalancer.ingress', "may only be used when `spec.type` is 'LoadBalancer'"),
    ];
  }
  return ingressStatusErrors(ingress, true);
};

/** The faults of `status.loadBalancer.ingress` of a Service or an Ingress. */
export const ingressStatusErrors = (ingress: readonly JsonObject[], withMode: boolean): FieldError[] =>
  ingress.flatMap((one, index) => {
    const at = `status.loadBalancer.ingress[${index}]`;
    const ip = textOf(one.ip);
    const hostname = textOf(one.hostname);
    const errors: FieldError[] = [];
    if (ip !== '' && isIP(ip) === 0) {
      errors.push(invalid(`${at}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    }
    if (withMode && one.ipMode !== undefined) {
      if (ip === '') errors.push(forbiddenField(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
      else if (!['Proxy', 'VIP'].includes(textOf(one.ipMode))) {
        errors.push(notSupported(`${at}.ipMode`, one.ipMode, ['Proxy', 'VIP']));
      }
    }
    if (hostname !== '') {
      errors.push(...dns1123Subdomain(hostname).map((fault) => invalid(`${at}.hostname`, hostname, fault)));
      if (isIP(hostname) !== 0)
        errors.push(invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
    }
    return isObject(one) ? errors : [];
  });

import { isDeepStrictEqual } from 'node:util';
import { type FieldError, invalid } from '../field-errors.ts';
import {
  childOf,
  type JsonObject,
  numberOf,
  objectOf,
  objectsOf,
  setDefault,
  textOf,
  textsOf,
} from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { internalError, invalidObject } from '../status-error.ts';
import type { Strategy, StrategyContext } from './definition.ts';
import {
  freeAddress,
  freeNodePort,
  inCidr,
  isNodePort,
  usedAddresses,
  usedNodePorts,
} from './service-addresses.ts';
import { serviceErrors, serviceStatusErrors } from './service-validation.ts';

const takesNodePorts = (spec: JsonObject): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

const isExternal = (spec: JsonObject): boolean => spec.type === 'LoadBalancer' || spec.type === 'NodePort';

const complete = (draft: KubeObject): void => {
  const spec = childOf(draft, 'spec');
  setDefault(spec, 'type', 'ClusterIP');
  setDefault(spec, 'sessionAffinity', 'None');
  if (spec.sessionAffinity === 'ClientIP') {
    setDefault(childOf(childOf(spec, 'sessionAffinityConfig'), 'clientIP'), 'timeoutSeconds', 10_800);
  } else if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  for (const port of objectsOf(spec.ports)) {
    setDefault(port, 'protocol', 'TCP');
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') {
      port.targetPort = port.port ?? 0;
    }
  }
  if (isExternal(spec)) setDefault(spec, 'externalTrafficPolicy', 'Cluster');
  if (spec.type === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true);
  for (const ingress of objectsOf(objectOf(objectOf(draft.status).loadBalancer).ingress)) {
    if (spec.type === 'LoadBalancer' && textOf(ingress.ip) !== '') setDefault(ingress, 'ipMode', 'VIP');
  }
  if (spec.type !== 'ExternalName') setDefault(spec, 'internalTrafficPolicy', 'Cluster');
  const ip = textOf(spec.clusterIP);
  if (ip !== '' && textsOf(spec.clusterIPs).length === 0) spec.clusterIPs = [ip];
  const [first] = textsOf(spec.clusterIPs);
  if (ip === '' && first !== undefined) spec.clusterIP = first;
};

const refuse = (draft: KubeObject, error: FieldError): never => {
  throw invalidObject({ group: '', kind: 'Service' }, draft.metadata.name, [error]);
};

const allocateAddress = (
  draft: KubeObject,
  spec: JsonObject,
  { store, serviceCidr }: StrategyContext,
): void => {
  if (spec.type === 'ExternalName') return;
  if (!['ClusterIP', 'LoadBalancer', 'NodePort'].includes(textOf(spec.type))) return;
  const [asked] = textsOf(spec.clusterIPs);
  const isBoth = asked === 'None' && Object.keys(objectOf(spec.selector)).length === 0;
  setDefault(spec, 'ipFamilies', isBoth ? ['IPv4', 'IPv6'] : ['IPv4']);
  setDefault(spec, 'ipFamilyPolicy', isBoth ? 'RequireDualStack' : 'SingleStack');
  if (asked === 'None') return;
  if (asked === undefined) {
    const ip = freeAddress(store, serviceCidr);
    spec.clusterIP = ip;
    spec.clusterIPs = [ip];
    return;
  }
  const failed = (why: string): never =>
    refuse(draft, invalid('spec.clusterIPs', [asked], `failed to allocate IP ${asked}: ${why}`));
  if (/^[\d.]+$/.test(asked) && !inCidr(asked, serviceCidr)) {
    failed(`the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${serviceCidr}`);
  }
  if (usedAddresses(store).has(asked)) failed('provided IP is already allocated');
};

const allocateNodePorts = (draft: KubeObject, spec: JsonObject, { store }: StrategyContext): void => {
  const used = usedNodePorts(store, draft.metadata.uid);
  const ports = objectsOf(spec.ports);
  for (const [index, port] of ports.entries()) {
    const asked = numberOf(port.nodePort) ?? 0;
    if (asked === 0) continue;
    const at = `spec.ports[${index}].nodePort`;
    if (!isExternal(spec)) {
      refuse(draft, {
        type: 'FieldValueForbidden',
        field: at,
        message: `Forbidden: may not be used when \`type\` is '${textOf(spec.type)}'`,
      });
    }
    if (!isNodePort(asked)) {
      refuse(
        draft,
        invalid(
          at,
          asked,
          'provided port is not in the valid range. The range of valid ports is 30000-32767',
        ),
      );
    }
    const key = `${textOf(port.protocol)} ${asked}`;
    if (used.has(key)) refuse(draft, invalid(at, asked, 'provided port is already allocated'));
    used.add(key);
  }
  if (takesNodePorts(spec)) {
    for (const port of ports) {
      if ((numberOf(port.nodePort) ?? 0) !== 0) continue;
      // The same port over another protocol gets the same node port.
      const same = ports.find((other) => other.port === port.port && other.nodePort !== undefined);
      port.nodePort = same?.nodePort ?? freeNodePort(used, textOf(port.protocol));
    }
  }
  if (spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local') {
    const asked = numberOf(spec.healthCheckNodePort) ?? 0;
    if (asked === 0) spec.healthCheckNodePort = freeNodePort(used, 'TCP');
    else {
      const why = !isNodePort(asked)
        ? 'provided port is not in the valid range. The range of valid ports is 30000-32767'
        : 'provided port is already allocated';
      if (!isNodePort(asked) || used.has(`TCP ${asked}`)) {
        throw internalError(`failed to allocate requested HealthCheck NodePort ${asked}: ${why}`);
      }
    }
  } else delete spec.healthCheckNodePort;
};

/** Who writes only one form of the cluster IP means both. */
const alignAddresses = (spec: JsonObject, old: JsonObject): void => {
  const isSameList = isDeepStrictEqual(spec.clusterIPs, old.clusterIPs);
  if (spec.clusterIP === old.clusterIP || !isSameList) return;
  const ip = textOf(spec.clusterIP);
  if (ip === '') delete spec.clusterIPs;
  else spec.clusterIPs = [ip];
};

/** What an update keeps of the old state although the writer left it out. */
const keepAllocated = (spec: JsonObject, old: JsonObject): void => {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  if (textsOf(spec.clusterIPs).length === 0) {
    for (const field of ['clusterIP', 'clusterIPs']) spec[field] = old[field] ?? null;
  }
  for (const field of ['ipFamilies', 'ipFamilyPolicy']) spec[field] ??= old[field] ?? null;
  if (takesNodePorts(spec) && takesNodePorts(old)) {
    const before = objectsOf(old.ports);
    for (const port of objectsOf(spec.ports)) {
      if ((numberOf(port.nodePort) ?? 0) !== 0) continue;
      const same = before.find((one) => one.port === port.port && one.protocol === port.protocol);
      if (same?.nodePort !== undefined) port.nodePort = same.nodePort;
    }
  }
  if (old.healthCheckNodePort !== undefined) spec.healthCheckNodePort ??= old.healthCheckNodePort;
};

/** What belongs to the old type and was not asked for goes with it. */
const dropOfOldType = (spec: JsonObject, old: JsonObject): void => {
  if (spec.type === old.type) return;
  if (!isExternal(spec)) {
    const before = objectsOf(old.ports).map((port) => port.nodePort);
    for (const port of objectsOf(spec.ports)) {
      if (before.includes(port.nodePort)) delete port.nodePort;
    }
    if (spec.externalTrafficPolicy === old.externalTrafficPolicy) delete spec.externalTrafficPolicy;
  }
  if (spec.type !== 'LoadBalancer') {
    for (const field of ['loadBalancerClass', 'allocateLoadBalancerNodePorts', 'healthCheckNodePort']) {
      if (spec[field] === old[field]) delete spec[field];
    }
  }
  if (spec.type === 'ExternalName') {
    for (const field of [
      'clusterIP',
      'clusterIPs',
      'ipFamilies',
      'ipFamilyPolicy',
      'internalTrafficPolicy',
    ]) {
      if (JSON.stringify(spec[field]) === JSON.stringify(old[field])) delete spec[field];
    }
  }
};

export const serviceStrategy: Strategy = {
  complete,
  prepareCreate: (draft, context) => {
    const spec = childOf(draft, 'spec');
    draft.status = { loadBalancer: {} };
    const errors = serviceErrors(draft, undefined);
    if (errors.length > 0) return;
    allocateAddress(draft, spec, context);
    allocateNodePorts(draft, spec, context);
  },
  prepareUpdate: (draft, old, context) => {
    const spec = childOf(draft, 'spec');
    const before = objectOf(old.spec);
    alignAddresses(spec, before);
    dropOfOldType(spec, before);
    keepAllocated(spec, before);
    for (const [key, value] of Object.entries(spec)) if (value === null) delete spec[key];
    if (serviceErrors(draft, old).length > 0) return;
    if (textsOf(spec.clusterIPs).length === 0) allocateAddress(draft, spec, context);
    allocateNodePorts(draft, spec, context);
    if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
      draft.status = { ...objectOf(draft.status), loadBalancer: {} };
    }
  },
  validate: serviceErrors,
  validateStatus: serviceStatusErrors,
};

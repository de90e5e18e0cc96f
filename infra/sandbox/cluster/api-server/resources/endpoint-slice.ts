import { isIP } from 'node:net';
import { duplicate, type FieldError, invalid, notSupported, required, tooMany } from '../field-errors.ts';
import { childOf, type JsonObject, objectOf, objectsOf, setDefault, textOf, textsOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { dns1123Label, dns1123Subdomain } from '../names.ts';
import type { Strategy } from './definition.ts';

/** What Kubernetes refuses in an endpoint's address (`ValidateEndpointIP`). */
const reserved = (ip: string): string | undefined => {
  if (ip === '0.0.0.0' || ip === '::') return `may not be unspecified (${ip})`;
  if (ip.startsWith('127.') || ip === '::1') return 'may not be in the loopback range (127.0.0.0/8, ::1/128)';
  if (ip.startsWith('169.254.') || /^fe[89ab]/i.test(ip)) {
    return 'may not be in the link-local range (169.254.0.0/16, fe80::/10)';
  }
  if (ip.startsWith('224.0.0.') || /^ff02:/i.test(ip)) {
    return 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)';
  }
  return undefined;
};

/** The faults of an address that stands for an endpoint. */
export const endpointAddressErrors = (ip: string, field: string): FieldError[] => {
  if (isIP(ip) === 0)
    return [invalid(field, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
  const why = reserved(ip);
  return why === undefined ? [] : [invalid(field, ip, why)];
};

const familyErrors = (ip: string, type: string, endpoint: string, field: string): FieldError[] => {
  if (type === 'FQDN') return dns1123Subdomain(ip).map((fault) => invalid(field, ip, fault));
  const family = type === 'IPv6' ? 6 : 4;
  const wrong = isIP(ip) !== 0 && isIP(ip) !== family;
  return [
    ...endpointAddressErrors(ip, field),
    ...(wrong ? [invalid(`${endpoint}.addresses`, ip, `must be an ${type} address`)] : []),
  ];
};

const endpointErrors = (endpoint: JsonObject, type: string, field: string): FieldError[] => {
  const addresses = textsOf(endpoint.addresses);
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(`${field}.addresses`, 'must contain at least 1 address'));
  if (addresses.length > 100) errors.push(tooMany(`${field}.addresses`, addresses.length, 100));
  for (const [index, address] of addresses.entries()) {
    errors.push(...familyErrors(address, type, field, `${field}.addresses[${index}]`));
  }
  const hostname = textOf(endpoint.hostname);
  if (hostname !== '')
    errors.push(...dns1123Label(hostname).map((fault) => invalid(`${field}.hostname`, hostname, fault)));
  return errors;
};

/** The faults of the ports of an EndpointSlice or an Endpoints subset. */
const portErrors = (ports: readonly JsonObject[]): FieldError[] => {
  const protocols = ['SCTP', 'TCP', 'UDP'];
  const names = ports.map((port) => textOf(port.name));
  return ports.flatMap((port, index) => {
    const errors: FieldError[] = [];
    const name = names[index] ?? '';
    if (name !== '')
      errors.push(...dns1123Label(name).map((fault) => invalid(`ports[${index}].name`, name, fault)));
    if (names.indexOf(name) < index) {
      errors.push(duplicate(`ports[${index}].name`, name));
    }
    if (!protocols.includes(textOf(port.protocol))) {
      errors.push(notSupported(`ports[${index}].protocol`, port.protocol ?? '', protocols));
    }
    return errors;
  });
};

const sliceErrors = (draft: KubeObject, old: KubeObject | undefined): FieldError[] => {
  const types = ['FQDN', 'IPv4', 'IPv6'];
  const type = textOf(draft.addressType);
  const endpoints = objectsOf(draft.endpoints);
  const ports = objectsOf(draft.ports);
  const errors: FieldError[] = [];
  if (type === '') errors.push(required('addressType'));
  else if (!types.includes(type)) errors.push(notSupported('addressType', type, types));
  if (old !== undefined && old.addressType !== draft.addressType) {
    errors.push(invalid('addressType', type, 'field is immutable'));
  }
  if (endpoints.length > 1000) errors.push(tooMany('endpoints', endpoints.length, 1000));
  if (ports.length > 20_000) errors.push(tooMany('ports', ports.length, 20_000));
  return [
    ...errors,
    ...endpoints.flatMap((endpoint, index) => endpointErrors(endpoint, type, `endpoints[${index}]`)),
    ...portErrors(ports),
  ];
};

export const endpointSliceStrategy: Strategy = {
  complete: (draft) => {
    for (const port of objectsOf(draft.ports)) {
      setDefault(port, 'name', '');
      setDefault(port, 'protocol', 'TCP');
    }
    for (const endpoint of objectsOf(draft.endpoints)) childOf(endpoint, 'conditions');
    // A slice says null where it has none, never nothing.
    for (const field of ['endpoints', 'ports']) if (!Array.isArray(draft[field])) draft[field] = null;
  },
  validate: sliceErrors,
};

export const endpointsStrategy: Strategy = {
  complete: (draft) => {
    for (const subset of objectsOf(draft.subsets)) {
      for (const port of objectsOf(subset.ports)) setDefault(port, 'protocol', 'TCP');
    }
  },
  validate: (draft) =>
    objectsOf(draft.subsets).flatMap((subset, index) =>
      objectsOf(objectOf(subset).addresses).flatMap((address, at) =>
        endpointAddressErrors(textOf(address.ip), `subsets[${index}].addresses[${at}].ip`),
      ),
    ),
};

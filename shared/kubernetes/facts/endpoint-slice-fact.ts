import type { EndpointSliceFact, SliceEndpointFact } from '../../model/facts.ts';
import { identityOf, list, optional, type Parsed, portNumber, record, text } from './read.ts';

const serviceNameLabel = 'kubernetes.io/service-name';

const endpointOf = (entry: unknown): SliceEndpointFact => {
  const endpoint = record(entry);
  const conditions = record(endpoint['conditions']);
  const targetRef = record(endpoint['targetRef']);
  const kind = text(targetRef['kind']);
  // An unset `ready` means ready, an unset `serving` follows it (discovery.k8s.io/v1, EndpointConditions).
  const ready = conditions['ready'] !== false;
  const serving = conditions['serving'];
  return {
    addresses: list(endpoint['addresses']).flatMap((address) => text(address) ?? []),
    ready,
    serving: typeof serving === 'boolean' ? serving : ready,
    terminating: conditions['terminating'] === true,
    ...optional(
      'target',
      kind === undefined
        ? undefined
        : {
            kind,
            namespace: text(targetRef['namespace']) ?? '',
            name: text(targetRef['name']) ?? '',
            uid: text(targetRef['uid']) ?? '',
          },
    ),
  };
};

const portsOf = (ports: unknown): EndpointSliceFact['ports'] =>
  list(ports).flatMap((entry) => {
    const raw = record(entry);
    const protocol = text(raw['protocol']) ?? 'TCP';
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    return [{ name: text(raw['name']) ?? '', protocol, ...optional('port', portNumber(raw['port'])) }];
  });

/** An EndpointSlice, parsed once at the door. Never throws; one without a Service's name is of no use and dropped. */
export const endpointSliceFact = (object: unknown): Parsed<EndpointSliceFact> => {
  const identity = identityOf(object, 'EndpointSlice');
  if (identity === undefined) {
    return { dropped: 'an EndpointSlice without namespace, name, uid or resourceVersion' };
  }
  const serviceName = text(record(identity.metadata['labels'])[serviceNameLabel]);
  if (serviceName === undefined) return { dropped: `an EndpointSlice without label ${serviceNameLabel}` };
  const slice = record(object);
  const addressType = slice['addressType'];
  return {
    fact: {
      ref: identity.ref,
      serviceName,
      addressType: addressType === 'IPv6' || addressType === 'FQDN' ? addressType : 'IPv4',
      ports: portsOf(slice['ports']),
      endpoints: list(slice['endpoints']).map(endpointOf),
    },
  };
};

import type { ServiceFact, ServiceMode, ServicePortFact } from '../../model/facts.ts';
import { finalizer, lifeAnnotation, loadBalancerIdAnnotation } from '../../model/names.ts';
import { type Problem, problem } from '../../model/problems.ts';
import {
  annotationKeys,
  maxPreStopSleepSeconds,
  notAllowed,
  readChoice,
  readId,
  readOrdinalWeights,
} from './annotations.ts';
import {
  identityOf,
  type Json,
  list,
  optional,
  type Parsed,
  parseWhole,
  portNumber,
  record,
  stringMap,
  text,
  unixMs,
} from './read.ts';

export interface ServiceFactOptions {
  /** What a Service without `direct-access` gets; `node-port`, as on TKE, unless told. */
  readonly defaultMode?: 'direct' | 'node-port';
}

const portsOf = (spec: Json, problems: Problem[]): readonly ServicePortFact[] =>
  list(spec['ports']).flatMap((entry) => {
    const raw = record(entry);
    const port = portNumber(raw['port']);
    const protocol = text(raw['protocol']) ?? 'TCP';
    if (port === undefined) return [];
    if (protocol !== 'TCP' && protocol !== 'UDP') {
      problems.push(
        problem('D1004', `Port ${port} asks for protocol ${protocol}, which no listener speaks.`, {
          about: { listener: { protocol, port } },
        }),
      );
      return [];
    }
    const targetPort = portNumber(raw['targetPort']) ?? text(raw['targetPort']) ?? port;
    return [{ name: text(raw['name']) ?? '', protocol, port, targetPort }];
  });

const addressesOf = (status: Json): readonly string[] =>
  list(record(status['loadBalancer'])['ingress']).flatMap((entry) => {
    const ingress = record(entry);
    return text(ingress['ip']) ?? text(ingress['hostname']) ?? [];
  });

/**
 * A Service, parsed once at the door.
 *
 * Never throws. An annotation that decides how or by which load balancer the Service is served (`direct-access`,
 * `mode`, the existing load balancer, the internal subnet) and cannot be read leaves `mode` undefined: to guess
 * could make an internal Service public. Weights that cannot be read are ignored with a warning.
 */
export const serviceFact = (object: unknown, options: ServiceFactOptions = {}): Parsed<ServiceFact> => {
  const identity = identityOf(object, 'Service');
  if (identity === undefined) return { dropped: 'a Service without namespace, name, uid or resourceVersion' };
  const { ref, resourceVersion, metadata } = identity;
  const spec = record(record(object)['spec']);
  const status = record(record(object)['status']);
  const annotations = stringMap(metadata['annotations']);

  const skip = readChoice(annotations, annotationKeys.mode, ['skip']);
  const directAccess = readChoice(annotations, annotationKeys.directAccess, ['true', 'false']);
  const existing = readId(annotations, annotationKeys.existingLoadBalancer, 'lb');
  const subnet = readId(annotations, annotationKeys.internalSubnet, 'subnet');
  const weights = readOrdinalWeights(annotations);
  const deciding = [skip, directAccess, existing, subnet].flatMap((read) => read.problem ?? []);
  const problems: Problem[] = [...deciding, ...(weights.problem === undefined ? [] : [weights.problem])];

  const sleepText = annotations[annotationKeys.preStopSleepSeconds];
  const preStopSleepSeconds =
    sleepText === undefined ? undefined : parseWhole(sleepText, 0, maxPreStopSleepSeconds);
  if (sleepText !== undefined && preStopSleepSeconds === undefined) {
    const allowed = `a whole number 0 to ${maxPreStopSleepSeconds}`;
    problems.push(notAllowed(annotationKeys.preStopSleepSeconds, sleepText, allowed, 'warning'));
  }

  const lifeText = annotations[lifeAnnotation];
  const life = lifeText === undefined ? undefined : parseWhole(lifeText, 1, Number.MAX_SAFE_INTEGER);
  if (lifeText !== undefined && life === undefined) {
    problems.push(
      notAllowed(lifeAnnotation, lifeText, 'a whole number from 1, written by clb-direct', 'warning'),
    );
  }

  const asked: ServiceMode =
    directAccess.value === undefined
      ? (options.defaultMode ?? 'node-port')
      : directAccess.value === 'true'
        ? 'direct'
        : 'node-port';
  const mode = skip.value ?? (deciding.length > 0 ? undefined : asked);
  const selector = stringMap(spec['selector']);
  return {
    fact: {
      ref,
      resourceVersion,
      createdAt: unixMs(metadata['creationTimestamp']) ?? 0,
      type: text(spec['type']) ?? 'ClusterIP',
      ...optional('loadBalancerClass', text(spec['loadBalancerClass'])),
      ...(Object.keys(selector).length === 0 ? {} : { selector }),
      ports: portsOf(spec, problems),
      publishNotReadyAddresses: spec['publishNotReadyAddresses'] === true,
      deleting: metadata['deletionTimestamp'] !== undefined && metadata['deletionTimestamp'] !== null,
      finalizer: list(metadata['finalizers']).includes(finalizer),
      ...optional('life', life),
      ...optional('writtenLoadBalancerId', text(annotations[loadBalancerIdAnnotation])),
      statusAddresses: addressesOf(status),
      ...optional('mode', mode),
      ...optional('internalSubnetId', subnet.value),
      ...optional('existingLoadBalancerId', existing.value),
      ...optional('ordinalWeights', weights.value),
      ...optional('preStopSleepSeconds', preStopSleepSeconds),
      problems,
    },
  };
};

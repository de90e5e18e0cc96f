import type { NodeChoice, ServiceFact, ServicePortFact } from '../../model/facts.ts';
import { type Problem, problem } from '../../model/problems.ts';
import { annotationKeys, maxPreStopSleepSeconds, notAllowed, readChoice } from './annotations.ts';
import { type OwnerFactOptions, ownerFact } from './owner.ts';
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
} from './read.ts';

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
    return [
      {
        name: text(raw['name']) ?? '',
        protocol,
        port,
        targetPort,
        ...optional('nodePort', portNumber(raw['nodePort'])),
      },
    ];
  });

const selectorAllowed = 'labels such as "group=access,zone=1"';

/** `a=b,c=d`; undefined: it is no such list. */
const labelsOf = (value: string): Readonly<Record<string, string>> | undefined => {
  const pairs = value.split(',').map((pair) => pair.trim().split('='));
  return pairs.every(([key, label, ...more]) => key && label !== undefined && more.length === 0)
    ? Object.fromEntries(pairs)
    : undefined;
};

const nodesOf = (
  spec: Json,
  annotations: Readonly<Record<string, string>>,
  problems: Problem[],
): NodeChoice => {
  const flag = (key: string): boolean => {
    const read = readChoice(annotations, key, ['true', 'false']);
    if (read.problem !== undefined) problems.push({ ...read.problem, severity: 'warning' });
    return read.value === 'true';
  };
  const asked = annotations[annotationKeys.backendsLabel];
  const labels = asked === undefined ? undefined : labelsOf(asked);
  if (asked !== undefined && labels === undefined) {
    problems.push(notAllowed(annotationKeys.backendsLabel, asked, selectorAllowed, 'warning'));
  }
  return {
    local: spec['externalTrafficPolicy'] === 'Local',
    onlyWithPods: flag(annotationKeys.onlyNodesWithPods),
    byPods: flag(annotationKeys.nodesByPods),
    ...optional('labels', labels),
  };
};

/** A Service, parsed once at the door. Never throws. */
export const serviceFact = (object: unknown, options: OwnerFactOptions = {}): Parsed<ServiceFact> => {
  const identity = identityOf(object, 'Service');
  if (identity === undefined) return { dropped: 'a Service without namespace, name, uid or resourceVersion' };
  const spec = record(record(object)['spec']);
  const annotations = stringMap(identity.metadata['annotations']);
  const owner = ownerFact(object, identity, 'Service', options);
  const problems: Problem[] = [...owner.problems];

  const sleepText = annotations[annotationKeys.preStopSleepSeconds];
  const preStopSleepSeconds =
    sleepText === undefined ? undefined : parseWhole(sleepText, 0, maxPreStopSleepSeconds);
  if (sleepText !== undefined && preStopSleepSeconds === undefined) {
    const allowed = `a whole number 0 to ${maxPreStopSleepSeconds}`;
    problems.push(notAllowed(annotationKeys.preStopSleepSeconds, sleepText, allowed, 'warning'));
  }
  const selector = stringMap(spec['selector']);
  return {
    fact: {
      ...owner,
      type: text(spec['type']) ?? 'ClusterIP',
      ...optional('loadBalancerClass', text(spec['loadBalancerClass'])),
      ...(Object.keys(selector).length === 0 ? {} : { selector }),
      ports: portsOf(spec, problems),
      publishNotReadyAddresses: spec['publishNotReadyAddresses'] === true,
      nodes: nodesOf(spec, annotations, problems),
      ...optional('preStopSleepSeconds', preStopSleepSeconds),
      problems,
    },
  };
};

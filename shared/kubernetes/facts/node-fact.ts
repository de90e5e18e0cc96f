import type { NodeFact } from '../../model/facts.ts';
import { conditionOf, list, optional, type Parsed, record, stringMap, text } from './read.ts';

const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';
const masterLabels = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** `qcloud:///800002/ins-1a2b3c4d`. */
const instanceOf = (providerId: string | undefined): string | undefined =>
  /^qcloud:\/\/.*\/(ins-[0-9a-z]+)$/.exec(providerId ?? '')?.[1];

/** A node, parsed once at the door: which take traffic is TKE's rule (docs/facts.md). */
export const nodeFact = (object: unknown): Parsed<NodeFact> => {
  const metadata = record(record(object)['metadata']);
  const spec = record(record(object)['spec']);
  const status = record(record(object)['status']);
  const [name, uid] = [text(metadata['name']), text(metadata['uid'])];
  if (name === undefined || uid === undefined) return { dropped: 'a Node without name or uid' };
  const labels = stringMap(metadata['labels']);
  const ready = conditionOf(status, 'Ready')?.['status'] === 'True';
  const excluded = [excludeLabel, ...masterLabels].some((label) => Object.hasOwn(labels, label));
  return {
    fact: {
      ref: { name, uid },
      labels,
      ips: list(status['addresses']).flatMap((entry) => {
        const address = record(entry);
        return address['type'] === 'InternalIP' ? (text(address['address']) ?? []) : [];
      }),
      ...optional('instanceId', instanceOf(text(spec['providerID']))),
      takesTraffic:
        ready &&
        spec['unschedulable'] !== true &&
        !excluded &&
        (metadata['deletionTimestamp'] === undefined || metadata['deletionTimestamp'] === null),
    },
  };
};

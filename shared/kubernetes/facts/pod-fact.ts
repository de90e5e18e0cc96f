import type { ConditionStatus, GateFact, PodFact } from '../../model/facts.ts';
import type { Problem } from '../../model/problems.ts';
import { annotationKeys, notAllowed } from './annotations.ts';
import {
  conditionOf,
  identityOf,
  type Json,
  list,
  optional,
  type Parsed,
  parseWhole,
  record,
  stringMap,
  text,
  unixMs,
} from './read.ts';

const eniResource = 'tke.cloud.tencent.com/eni-ip';
const eniNetwork = 'tke-route-eni';

const isAsked = (quantity: unknown): boolean =>
  quantity !== undefined && quantity !== null && String(quantity) !== '0';

const asksForEni = (container: unknown): boolean => {
  const resources = record(record(container)['resources']);
  return [resources['requests'], resources['limits']].some((asked) => isAsked(record(asked)[eniResource]));
};

const statusOf = (condition: Json): ConditionStatus => {
  const status = condition['status'];
  return status === 'True' || status === 'False' ? status : 'Unknown';
};

/** The API accepts a gate twice; it is one gate. */
const gatesOf = (spec: Json, status: Json): readonly GateFact[] => {
  const types = list(spec['readinessGates']).flatMap((gate) => text(record(gate)['conditionType']) ?? []);
  return [...new Set(types)].map((type) => {
    const condition = conditionOf(status, type);
    if (condition === undefined) return { type, status: 'absent' };
    return {
      type,
      status: statusOf(condition),
      ...optional('changedAt', unixMs(condition['lastTransitionTime'])),
      ...optional('message', text(condition['message'])),
    };
  });
};

/** Sidecars: init containers that go on beside the others, and so may still serve. */
const longRunning = (spec: Json): readonly unknown[] => [
  ...list(spec['containers']),
  ...list(spec['initContainers']).filter((container) => record(container)['restartPolicy'] === 'Always'),
];

const has = (state: Json, key: string): boolean => Object.keys(record(state[key])).length > 0;

/**
 * How far a container is. Waiting after an earlier run counts as running: the kubelet may be starting it again
 * and not know yet that the Pod is to go.
 */
const progressOf = (status: Json | undefined): 'unstarted' | 'running' | 'terminated' | 'unknown' => {
  if (status === undefined) return 'unknown';
  const state = record(status['state']);
  if (has(state, 'terminated')) return 'terminated';
  if ('running' in state) return 'running';
  const restarts = status['restartCount'];
  const ranBefore =
    has(record(status['lastState']), 'terminated') || (typeof restarts === 'number' && restarts > 0);
  return ranBefore ? 'running' : 'unstarted';
};

/**
 * Every container that started has terminated, and at least one did. A Pod of which nothing ever started, or of
 * whose containers one has no status, has not ended: only that it is gone tells.
 */
const containersEnded = (spec: Json, status: Json): boolean => {
  const statuses = new Map<string, Json>();
  for (const entry of [...list(status['initContainerStatuses']), ...list(status['containerStatuses'])]) {
    const containerStatus = record(entry);
    const name = text(containerStatus['name']);
    if (name !== undefined) statuses.set(name, containerStatus);
  }
  const progress = longRunning(spec).map((container) =>
    progressOf(statuses.get(text(record(container)['name']) ?? '')),
  );
  return progress.includes('terminated') && progress.every((at) => at === 'terminated' || at === 'unstarted');
};

const ipsOf = (status: Json): readonly string[] => {
  const ips = list(status['podIPs']).flatMap((entry) => text(record(entry)['ip']) ?? []);
  const primary = text(status['podIP']);
  return ips.length === 0 && primary !== undefined ? [primary] : ips;
};

/**
 * A Pod, parsed once at the door.
 *
 * Never throws: what cannot be read is left out, and what a user wrote wrong is a problem on the fact. An object
 * without name, UID or resourceVersion is dropped.
 *
 * `ended` errs to false: a target is then kept until the Pod is gone or its drain deadline passed.
 */
export const podFact = (object: unknown): Parsed<PodFact> => {
  const identity = identityOf(object, 'Pod');
  if (identity === undefined) return { dropped: 'a Pod without namespace, name, uid or resourceVersion' };
  const { ref, resourceVersion, metadata } = identity;
  const spec = record(record(object)['spec']);
  const status = record(record(object)['status']);
  const annotations = stringMap(metadata['annotations']);
  const problems: Problem[] = [];

  const weightOf = (key: string): number | undefined => {
    const asked = annotations[key];
    const weight = asked === undefined ? undefined : parseWhole(asked, 0, 100);
    if (asked !== undefined && weight === undefined) {
      problems.push(notAllowed(key, asked, 'a whole number 0 to 100', 'warning', ref.uid));
    }
    return weight;
  };
  const customWeight = weightOf(annotationKeys.customWeight);
  const ingressCustomWeight = weightOf(annotationKeys.ingressCustomWeight);
  const networks = (annotations[annotationKeys.networks] ?? '').split(',').map((network) => network.trim());
  const containersReady = conditionOf(status, 'ContainersReady') ?? {};
  const ready = conditionOf(status, 'Ready') ?? {};
  const terminatingAt = unixMs(metadata['deletionTimestamp']);
  const phase = status['phase'];
  return {
    fact: {
      ref,
      resourceVersion,
      labels: stringMap(metadata['labels']),
      ips: ipsOf(status),
      ...optional('nodeName', text(spec['nodeName'])),
      hostNetwork: spec['hostNetwork'] === true,
      eni: networks.includes(eniNetwork) || longRunning(spec).some(asksForEni),
      containersReady: containersReady['status'] === 'True',
      ...optional('containersReadyChangedAt', unixMs(containersReady['lastTransitionTime'])),
      ready: ready['status'] === 'True',
      ...optional('readyChangedAt', unixMs(ready['lastTransitionTime'])),
      gates: gatesOf(spec, status),
      ...optional('terminatingAt', terminatingAt),
      ended:
        phase === 'Succeeded' ||
        phase === 'Failed' ||
        (terminatingAt !== undefined && containersEnded(spec, status)),
      ...optional('customWeight', customWeight),
      ...optional('ingressCustomWeight', ingressCustomWeight),
      problems,
    },
  };
};

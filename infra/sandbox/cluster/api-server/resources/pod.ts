import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { type FieldError, forbiddenField, invalid } from '../field-errors.ts';
import {
  childOf,
  cloneJson,
  isObject,
  type JsonObject,
  numberOf,
  objectOf,
  objectsOf,
  setDefault,
  textOf,
} from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { qualifiedName } from '../names.ts';
import type { FieldReader } from '../selectors.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Strategy } from './definition.ts';
import { podSpecErrors } from './pod-spec-validation.ts';
import { completePodSpec } from './pod-template.ts';

const topologyLabels = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'];

/** A Pod gets the zone and the region of the Node that it is bound to. */
export const addTopologyLabels = (pod: KubeObject, store: ObjectStore): void => {
  const node = store.collection('nodes').get('', textOf(objectOf(pod.spec).nodeName));
  for (const label of topologyLabels) {
    const value = node?.object.metadata.labels?.[label];
    if (value !== undefined) pod.metadata.labels = { ...pod.metadata.labels, [label]: value };
  }
};

const amounts = (container: JsonObject, side: string): JsonObject =>
  objectOf(objectOf(container.resources)[side]);

/** `status.qosClass` (k8s.io/kubernetes `ComputePodQOS`). */
const qosClass = (spec: JsonObject): string => {
  const containers = [...objectsOf(spec.containers), ...objectsOf(spec.initContainers)];
  const some = containers.some((one) =>
    ['cpu', 'memory'].some((name) => amounts(one, 'requests')[name] ?? amounts(one, 'limits')[name]),
  );
  if (!some) return 'BestEffort';
  const guaranteed = containers.every((one) =>
    ['cpu', 'memory'].every((name) => {
      const limit = amounts(one, 'limits')[name];
      return limit !== undefined && isDeepStrictEqual(amounts(one, 'requests')[name] ?? limit, limit);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
};

const notReadyTolerations = (spec: JsonObject): void => {
  const present = objectsOf(spec.tolerations);
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
    .filter(
      (key) =>
        !present.some((one) => one.key === key || (one.key === undefined && one.operator === 'Exists')),
    )
    .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  if (added.length > 0) spec.tolerations = [...present, ...added];
};

const immutableSpecMessage =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** A spec with the fields that may change taken from `old`, so that what still differs is a forbidden change. */
const withMutableFieldsOf = (spec: JsonObject, old: JsonObject): JsonObject => {
  const result = cloneJson(spec);
  for (const list of ['containers', 'initContainers']) {
    const before = objectsOf(old[list]);
    for (const [index, container] of objectsOf(result[list]).entries()) {
      const image = before[index]?.image;
      if (image !== undefined) container.image = image;
    }
  }
  for (const field of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates']) {
    const value = old[field];
    if (value === undefined) delete result[field];
    else result[field] = value;
  }
  if ((numberOf(old.terminationGracePeriodSeconds) ?? 0) < 0 && result.terminationGracePeriodSeconds === 1) {
    result.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds ?? 0;
  }
  return result;
};

const updateErrors = (spec: JsonObject, old: JsonObject): FieldError[] => {
  const kept = objectsOf(old.tolerations).every((one) =>
    objectsOf(spec.tolerations).some((other) => isDeepStrictEqual(one, other)),
  );
  const errors = kept
    ? []
    : [
        forbiddenField(
          'spec.tolerations',
          'existing toleration can not be modified except its tolerationSeconds',
        ),
      ];
  return isDeepStrictEqual(withMutableFieldsOf(spec, old), old)
    ? errors
    : [...errors, forbiddenField('spec', immutableSpecMessage)];
};

const podIpErrors = (status: JsonObject): FieldError[] => {
  const ips = objectsOf(status.podIPs).map((one) => textOf(one.ip));
  const errors = ips.flatMap((ip, index) =>
    isIP(ip) === 0
      ? [
          invalid(
            `status.podIPs[${index}]`,
            ip,
            'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
          ),
        ]
      : [],
  );
  const onePerFamily = ips.length < 2 || (ips.length === 2 && isIP(ips[0] ?? '') !== isIP(ips[1] ?? ''));
  if (!onePerFamily && errors.length === 0) {
    errors.push(invalid('status.podIPs', ips, 'may specify no more than one IP for each IP family'));
  }
  return errors;
};

const statusErrors = (draft: KubeObject): FieldError[] => {
  const status = objectOf(draft.status);
  const types = objectsOf(status.conditions).map((condition) => textOf(condition.type));
  return [
    ...types.flatMap((type, index) =>
      qualifiedName(type).map((fault) => invalid(`status.conditions[${index}].Type`, type, fault)),
    ),
    ...podIpErrors(status),
  ];
};

/** `podIP` and the first of `podIPs` are one field in two forms; where they differ, `podIP` is right. */
const alignPodIps = (draft: KubeObject): void => {
  const { status } = draft;
  if (!isObject(status)) return;
  const ip = textOf(status.podIP);
  const [first] = objectsOf(status.podIPs).map((one) => textOf(one.ip));
  if (ip !== '' && ip !== first) status.podIPs = [{ ip }];
  else if (first !== undefined) status.podIP = first;
};

export const podStrategy: Strategy = {
  complete: (draft) => {
    const spec = childOf(draft, 'spec');
    completePodSpec(spec);
    setDefault(spec, 'enableServiceLinks', true);
    notReadyTolerations(spec);
  },
  prepareCreate: (draft, { store }) => {
    addTopologyLabels(draft, store);
    const spec = childOf(draft, 'spec');
    setDefault(spec, 'priority', 0);
    setDefault(spec, 'preemptionPolicy', 'PreemptLowerPriority');
    draft.status = { phase: 'Pending', qosClass: qosClass(spec) };
  },
  prepareUpdate: alignPodIps,
  validate: (draft, old) => {
    const spec = objectOf(draft.spec);
    const errors = podSpecErrors(spec, 'spec');
    return old === undefined ? errors : [...errors, ...updateErrors(spec, objectOf(old.spec))];
  },
  validateStatus: statusErrors,
};

const field =
  (...path: string[]): FieldReader =>
  (object) => {
    let at: unknown = object;
    for (const part of path) at = objectOf(at)[part];
    return typeof at === 'boolean' ? String(at) : textOf(at);
  };

export const podFields: Readonly<Record<string, FieldReader>> = {
  'spec.nodeName': field('spec', 'nodeName'),
  'spec.restartPolicy': field('spec', 'restartPolicy'),
  'spec.schedulerName': field('spec', 'schedulerName'),
  'spec.serviceAccountName': field('spec', 'serviceAccountName'),
  'status.phase': field('status', 'phase'),
  'status.podIP': field('status', 'podIP'),
  'status.nominatedNodeName': field('status', 'nominatedNodeName'),
};

import { isDeepStrictEqual } from 'node:util';
import { type FieldError, forbiddenField, invalid, notSupported, required } from '../field-errors.ts';
import {
  childOf,
  isObject,
  type JsonObject,
  numberOf,
  objectOf,
  objectsOf,
  setDefault,
  textMapOf,
} from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { labelSelectorMatch } from '../selectors.ts';
import type { Strategy } from './definition.ts';
import { podSpecErrors } from './pod-spec-validation.ts';
import { completeTemplate } from './pod-template.ts';

const isEmptySelector = (selector: JsonObject): boolean =>
  Object.keys(textMapOf(selector.matchLabels)).length === 0 &&
  objectsOf(selector.matchExpressions).length === 0;

/** What the message about an empty selector names; it says deployment for ReplicaSets too. */
const emptyFor: Readonly<Record<string, string>> = { DaemonSet: 'daemonset', StatefulSet: 'statefulset' };

const mutable = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
];

const statefulSetUpdateErrors = (spec: JsonObject, old: KubeObject | undefined): FieldError[] => {
  if (old === undefined) return [];
  const fixed = (of: JsonObject) =>
    Object.fromEntries(Object.entries(of).filter(([field]) => !mutable.includes(field)));
  if (isDeepStrictEqual(fixed(spec), fixed(objectOf(old.spec)))) return [];
  const named = mutable
    .map((field) => `'${field}'`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');
  return [forbiddenField('spec', `updates to statefulset spec for fields other than ${named} are forbidden`)];
};

const workloadErrors = (draft: KubeObject, old: KubeObject | undefined): FieldError[] => {
  const spec = objectOf(draft.spec);
  const errors: FieldError[] = [];
  const replicas = numberOf(spec.replicas) ?? 0;
  if (replicas < 0 && draft.kind !== 'DaemonSet')
    errors.push(invalid('spec.replicas', replicas, 'must be greater than or equal to 0'));
  const selector = spec.selector;
  const template = objectOf(spec.template);
  const labels = textMapOf(objectOf(template.metadata).labels);
  const mismatch = invalid(
    'spec.template.metadata.labels',
    labels,
    '`selector` does not match template `labels`',
  );
  if (!isObject(selector))
    errors.push(mismatch, ...(draft.kind === 'DaemonSet' ? [] : [required('spec.selector')]));
  else if (isEmptySelector(selector)) {
    errors.push(
      invalid(
        'spec.selector',
        selector,
        `empty selector is invalid for ${emptyFor[draft.kind] ?? 'deployment'}`,
      ),
    );
  } else if (!labelSelectorMatch(selector)(labels)) {
    errors.push(mismatch);
  }
  errors.push(...podSpecErrors(objectOf(template.spec), 'spec.template.spec'));
  const restart = objectOf(template.spec).restartPolicy;
  if (restart !== 'Always') {
    errors.push(notSupported('spec.template.spec.restartPolicy', restart ?? '', ['Always']));
  }
  const before = old === undefined ? selector : objectOf(old.spec).selector;
  if (draft.kind === 'StatefulSet') return [...errors, ...statefulSetUpdateErrors(spec, old)];
  if (!isDeepStrictEqual(before, selector)) {
    errors.push(invalid('spec.selector', selector ?? null, 'field is immutable'));
  }
  return errors;
};

const isWholeOrPercent = (value: unknown): boolean =>
  (typeof value === 'number' && Number.isInteger(value) && value >= 0) ||
  (typeof value === 'string' && /^\d+%$/.test(value));

const strategyErrors = (spec: JsonObject): FieldError[] => {
  const strategy = objectOf(spec.strategy);
  const rolling = strategy.rollingUpdate;
  if (strategy.type === 'Recreate') {
    return rolling === undefined
      ? []
      : [
          {
            type: 'FieldValueForbidden',
            field: 'spec.strategy.rollingUpdate',
            message: "Forbidden: may not be specified when strategy `type` is 'Recreate'",
          },
        ];
  }
  if (strategy.type !== 'RollingUpdate') {
    const shown = { Type: strategy.type ?? '', RollingUpdate: null };
    return [notSupported('spec.strategy', shown, ['Recreate', 'RollingUpdate'])];
  }
  const { maxSurge, maxUnavailable } = objectOf(rolling);
  const errors = Object.entries({ maxUnavailable, maxSurge }).flatMap(([name, value]) =>
    isWholeOrPercent(value)
      ? []
      : typeof value === 'number'
        ? [invalid(`spec.strategy.rollingUpdate.${name}`, value, 'must be greater than or equal to 0')]
        : [
            invalid(
              `spec.strategy.rollingUpdate.${name}`,
              value ?? null,
              "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
            ),
          ],
  );
  const isZero = (value: unknown): boolean => value === 0 || value === '0%';
  if (isZero(maxSurge) && isZero(maxUnavailable)) {
    errors.push(
      invalid(
        'spec.strategy.rollingUpdate.maxUnavailable',
        maxUnavailable ?? 0,
        'may not be 0 when `maxSurge` is 0',
      ),
    );
  }
  return errors;
};

const empty = (draft: KubeObject): void => {
  draft.status = {};
};

export const deploymentStrategy: Strategy = {
  complete: (draft) => {
    const spec = childOf(draft, 'spec');
    setDefault(spec, 'replicas', 1);
    setDefault(spec, 'revisionHistoryLimit', 10);
    setDefault(spec, 'progressDeadlineSeconds', 600);
    // What it would mean anyway is not kept.
    if (spec.paused === false) delete spec.paused;
    if (spec.minReadySeconds === 0) delete spec.minReadySeconds;
    const strategy = childOf(spec, 'strategy');
    setDefault(strategy, 'type', 'RollingUpdate');
    if (strategy.type === 'RollingUpdate') {
      const rolling = childOf(strategy, 'rollingUpdate');
      setDefault(rolling, 'maxUnavailable', '25%');
      setDefault(rolling, 'maxSurge', '25%');
    }
    completeTemplate(spec);
  },
  prepareCreate: empty,
  validate: (draft, old) => [...workloadErrors(draft, old), ...strategyErrors(objectOf(draft.spec))],
};

export const replicaSetStrategy: Strategy = {
  complete: (draft) => {
    const spec = childOf(draft, 'spec');
    setDefault(spec, 'replicas', 1);
    completeTemplate(spec);
  },
  prepareCreate: (draft) => {
    draft.status = { replicas: 0 };
  },
  validate: workloadErrors,
};

export const statefulSetStrategy: Strategy = {
  complete: (draft) => {
    const spec = childOf(draft, 'spec');
    setDefault(spec, 'replicas', 1);
    setDefault(spec, 'revisionHistoryLimit', 10);
    setDefault(spec, 'podManagementPolicy', 'OrderedReady');
    setDefault(spec, 'serviceName', '');
    const claims = childOf(spec, 'persistentVolumeClaimRetentionPolicy');
    setDefault(claims, 'whenDeleted', 'Retain');
    setDefault(claims, 'whenScaled', 'Retain');
    const strategy = childOf(spec, 'updateStrategy');
    setDefault(strategy, 'type', 'RollingUpdate');
    if (strategy.type === 'RollingUpdate') setDefault(childOf(strategy, 'rollingUpdate'), 'partition', 0);
    completeTemplate(spec);
  },
  prepareCreate: (draft) => {
    draft.status = { replicas: 0, availableReplicas: 0 };
  },
  validate: workloadErrors,
};

export const daemonSetStrategy: Strategy = {
  complete: (draft) => {
    const spec = childOf(draft, 'spec');
    setDefault(spec, 'revisionHistoryLimit', 10);
    const strategy = childOf(spec, 'updateStrategy');
    setDefault(strategy, 'type', 'RollingUpdate');
    if (strategy.type === 'RollingUpdate') {
      const rolling = childOf(strategy, 'rollingUpdate');
      setDefault(rolling, 'maxUnavailable', 1);
      setDefault(rolling, 'maxSurge', 0);
    }
    completeTemplate(spec);
  },
  prepareCreate: (draft) => {
    draft.status = {
      currentNumberScheduled: 0,
      desiredNumberScheduled: 0,
      numberMisscheduled: 0,
      numberReady: 0,
    };
  },
  validate: workloadErrors,
};

import { isDeepStrictEqual } from 'node:util';
import {
  type FieldError,
  forbiddenField,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../field-errors.ts';
import {
  childOf,
  isObject,
  type JsonObject,
  numberOf,
  objectOf,
  objectsOf,
  setDefault,
  textOf,
  textsOf,
} from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import type { FieldReader } from '../selectors.ts';
import type { Strategy } from './definition.ts';

export const namespaceStrategy: Strategy = {
  complete: (draft) => {
    draft.metadata.labels = { ...draft.metadata.labels, 'kubernetes.io/metadata.name': draft.metadata.name };
  },
  prepareCreate: (draft) => {
    childOf(draft, 'spec').finalizers = ['kubernetes'];
    draft.status = { phase: 'Active' };
  },
  prepareUpdate: (draft, old) => {
    draft.spec = { ...objectOf(draft.spec), finalizers: objectOf(old.spec).finalizers ?? [] };
  },
};

const notReadyTaint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export const nodeStrategy: Strategy = {
  complete: (draft) => {
    childOf(draft, 'spec');
  },
  prepareCreate: (draft) => {
    const spec = childOf(draft, 'spec');
    const taints = objectsOf(spec.taints);
    if (!taints.some((taint) => taint.key === notReadyTaint.key))
      spec.taints = [...taints, { ...notReadyTaint }];
    const { capacity, allocatable = capacity, addresses, conditions, nodeInfo } = objectOf(draft.status);
    draft.status = structuredClone(
      Object.fromEntries(
        Object.entries({ capacity, allocatable, addresses, conditions, nodeInfo }).filter(
          ([, value]) => value !== undefined,
        ),
      ),
    );
  },
};

export const nodeFields: Readonly<Record<string, FieldReader>> = {
  'spec.unschedulable': (object) => String(objectOf(object.spec).unschedulable === true),
};

const dataKeyErrors = (draft: KubeObject): FieldError[] =>
  ['data', 'binaryData', 'stringData'].flatMap((field) =>
    Object.keys(objectOf(draft[field]))
      .filter((key) => !/^[-._a-zA-Z0-9]+$/.test(key))
      .map((key) =>
        invalid(
          `${field}[${key}]`,
          key,
          "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ),
      ),
  );

const dataBytesMax = 1024 * 1024;

/** @param field where the error stands, which is nowhere for a ConfigMap */
const sizeErrors = (draft: KubeObject, field: string): FieldError[] => {
  const bytes = (values: JsonObject, encoding: BufferEncoding): number =>
    Object.values(values).reduce((sum: number, value) => sum + Buffer.byteLength(textOf(value), encoding), 0);
  const data = bytes(objectOf(draft.data), draft.kind === 'Secret' ? 'base64' : 'utf8');
  const size = data + bytes(objectOf(draft.binaryData), 'base64');
  return size > dataBytesMax ? [tooLong(field, `may not be more than ${dataBytesMax} bytes`)] : [];
};

const immutableErrors = (draft: KubeObject, old: KubeObject | undefined): FieldError[] => {
  if (old?.immutable !== true) return [];
  const errors: FieldError[] = [];
  if (draft.immutable !== true)
    errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'));
  if (!isDeepStrictEqual(draft.data, old.data)) {
    errors.push(forbiddenField('data', 'field is immutable when `immutable` is set'));
  }
  return errors;
};

export const configMapStrategy: Strategy = {
  complete: (draft) => {
    for (const field of ['data', 'binaryData']) {
      if (isObject(draft[field]) && Object.keys(draft[field]).length === 0) delete draft[field];
    }
  },
  validate: (draft, old) => [
    ...dataKeyErrors(draft),
    ...sizeErrors(draft, '[]'),
    ...immutableErrors(draft, old),
  ],
};

export const secretStrategy: Strategy = {
  complete: (draft) => {
    setDefault(draft, 'type', 'Opaque');
    const plain = draft.stringData;
    if (!isObject(plain)) return;
    const data = childOf(draft, 'data');
    for (const [key, value] of Object.entries(plain))
      data[key] = Buffer.from(textOf(value)).toString('base64');
    delete draft.stringData;
  },
  validate: (draft, old) => {
    const errors = [...dataKeyErrors(draft), ...sizeErrors(draft, 'data'), ...immutableErrors(draft, old)];
    if (draft.type === 'kubernetes.io/tls') {
      for (const key of ['tls.crt', 'tls.key']) {
        if (objectOf(draft.data)[key] === undefined) errors.push(required(`data[${key}]`));
      }
    }
    if (old !== undefined && old.type !== draft.type) {
      errors.push(invalid('type', draft.type ?? '', 'field is immutable'));
    }
    return errors;
  },
};

export const leaseStrategy: Strategy = {
  validate: (draft) => {
    const spec = objectOf(draft.spec);
    const errors: FieldError[] = [];
    const seconds = numberOf(spec.leaseDurationSeconds);
    if (seconds !== undefined && seconds <= 0) {
      errors.push(invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
    }
    const transitions = numberOf(spec.leaseTransitions);
    if (transitions !== undefined && transitions < 0) {
      errors.push(invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0'));
    }
    return errors;
  },
};

export const disruptionBudgetStrategy: Strategy = {
  prepareCreate: (draft) => {
    draft.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validate: (draft) => {
    const spec = objectOf(draft.spec);
    const policies = ['AlwaysAllow', 'IfHealthyBudget'];
    const policy = spec.unhealthyPodEvictionPolicy;
    const { minAvailable = null, selector = null, maxUnavailable = null } = spec;
    const shown = {
      MinAvailable: minAvailable,
      Selector: selector,
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: policy ?? null,
    };
    const errors: FieldError[] = [];
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      errors.push(invalid('spec', shown, 'minAvailable and maxUnavailable cannot be both set'));
    }
    if (policy !== undefined && !policies.includes(textOf(policy))) {
      errors.push(notSupported('spec.unhealthyPodEvictionPolicy', policy, policies));
    }
    return errors;
  },
};

/** Mutating and validating webhook configurations. */
export const webhookStrategy: Strategy = {
  complete: (draft) => {
    for (const webhook of objectsOf(draft.webhooks)) {
      setDefault(webhook, 'failurePolicy', 'Fail');
      setDefault(webhook, 'matchPolicy', 'Equivalent');
      setDefault(webhook, 'timeoutSeconds', 10);
      setDefault(webhook, 'namespaceSelector', {});
      setDefault(webhook, 'objectSelector', {});
      if (draft.kind === 'MutatingWebhookConfiguration') setDefault(webhook, 'reinvocationPolicy', 'Never');
      for (const rule of objectsOf(webhook.rules)) setDefault(rule, 'scope', '*');
      const service = objectOf(webhook.clientConfig).service;
      if (isObject(service)) setDefault(service, 'port', 443);
    }
  },
  validate: (draft) =>
    objectsOf(draft.webhooks).flatMap((webhook, index) => {
      const at = `webhooks[${index}]`;
      const errors: FieldError[] = [];
      const name = textOf(webhook.name);
      if (name.split('.').length < 3) {
        errors.push(
          invalid(`${at}.name`, name, 'should be a domain with at least three segments separated by dots'),
        );
      }
      const { url, service } = objectOf(webhook.clientConfig);
      if ((url === undefined) === (service === undefined)) {
        errors.push(required(`${at}.clientConfig`, 'exactly one of url or service is required'));
      }
      if (url !== undefined && !textOf(url).startsWith('https://')) {
        errors.push(
          invalid(
            `${at}.clientConfig.url`,
            textOf(url).split(':')[0] ?? '',
            "'https' is the only allowed URL scheme; desired format: https://host[/path]",
          ),
        );
      }
      const effects = ['None', 'NoneOnDryRun'];
      if (!effects.includes(textOf(webhook.sideEffects))) {
        errors.push(notSupported(`${at}.sideEffects`, webhook.sideEffects ?? '', effects));
      }
      if (objectsOf(webhook.matchConditions).length > 0) {
        // They are CEL, which is not spoken here; to pass them over would call a webhook that must not be called.
        errors.push(forbiddenField(`${at}.matchConditions`, 'this server cannot evaluate match conditions'));
      }
      const seconds = numberOf(webhook.timeoutSeconds) ?? 10;
      if (seconds < 1 || seconds > 30) {
        errors.push(
          invalid(`${at}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds'),
        );
      }
      const versions = textsOf(webhook.admissionReviewVersions);
      if (!versions.includes('v1')) {
        errors.push(
          versions.length === 0
            ? required(`${at}.admissionReviewVersions`, 'must specify one of v1, v1beta1')
            : invalid(`${at}.admissionReviewVersions`, versions, 'must include at least one of v1, v1beta1'),
        );
      }
      return errors;
    }),
};

const roleRefErrors = (draft: KubeObject, old: KubeObject | undefined): FieldError[] => {
  const { apiGroup, kind, name } = objectOf(draft.roleRef);
  const kinds = draft.kind === 'RoleBinding' ? ['ClusterRole', 'Role'] : ['ClusterRole'];
  const errors: FieldError[] = [];
  if (!kinds.includes(textOf(kind))) errors.push(notSupported('roleRef.kind', kind ?? '', kinds));
  if (textOf(name) === '') errors.push(required('roleRef.name'));
  if (old !== undefined && !isDeepStrictEqual(old.roleRef, draft.roleRef)) {
    errors.push(
      invalid(
        'roleRef',
        { APIGroup: apiGroup ?? '', Kind: kind ?? '', Name: name ?? '' },
        'cannot change roleRef',
      ),
    );
  }
  return errors;
};

export const roleBindingStrategy: Strategy = {
  complete: (draft) => {
    setDefault(childOf(draft, 'roleRef'), 'apiGroup', 'rbac.authorization.k8s.io');
    for (const subject of objectsOf(draft.subjects)) {
      if (subject.kind !== 'ServiceAccount') setDefault(subject, 'apiGroup', 'rbac.authorization.k8s.io');
      else if (draft.kind === 'RoleBinding') setDefault(subject, 'namespace', draft.metadata.namespace ?? '');
    }
  },
  validate: roleRefErrors,
};

export const roleStrategy: Strategy = {
  validate: (draft) =>
    objectsOf(draft.rules).flatMap((rule, index) =>
      textsOf(rule.verbs).length === 0
        ? [required(`rules[${index}].verbs`, 'verbs must contain at least one value')]
        : [],
    ),
};

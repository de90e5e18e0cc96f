import type { AdmissionRequest } from '../context.ts';
import { isObject, type Json, type JsonObject, objectsOf, textOf, textsOf } from '../json.ts';
import { labelsOf } from '../kube-object.ts';
import { labelSelectorMatch } from '../selectors.ts';
import type { ObjectStore } from '../store/store.ts';

const names = (list: Json | undefined, value: string): boolean => {
  const all = textsOf(list);
  return all.includes('*') || all.includes(value);
};

const namesResource = (list: Json | undefined, resource: string, subresource: string): boolean =>
  textsOf(list).some((pattern) => {
    const [main = '', sub = ''] = pattern.split('/');
    if (main !== '*' && main !== resource) return false;
    if (pattern === '*/*') return true;
    return sub === '*' || sub === subresource;
  });

const ruleMatches = (rule: JsonObject, { operation, target, subresource }: AdmissionRequest): boolean => {
  const { definition } = target;
  const scope = textOf(rule.scope);
  if (scope === 'Namespaced' && !definition.namespaced) return false;
  if (scope === 'Cluster' && definition.namespaced) return false;
  return (
    names(rule.operations, operation) &&
    names(rule.apiGroups, definition.group) &&
    definition.versions.some(({ version }) => names(rule.apiVersions, version)) &&
    namesResource(rule.resources, definition.resource, subresource)
  );
};

/** Whether a webhook wants to see a request: its rules, then its namespace and object selectors. */
export const webhookMatches = (
  webhook: JsonObject,
  request: AdmissionRequest,
  store: ObjectStore,
): boolean => {
  const { target, object, oldObject } = request;
  if (!objectsOf(webhook.rules).some((rule) => ruleMatches(rule, request))) return false;
  const { namespaceSelector, objectSelector } = webhook;
  if (isObject(namespaceSelector) && target.definition.namespaced) {
    const namespace = store.collection('namespaces').get('', target.namespace)?.object;
    if (!labelSelectorMatch(namespaceSelector)(namespace === undefined ? {} : labelsOf(namespace)))
      return false;
  }
  if (!isObject(objectSelector)) return true;
  const matches = labelSelectorMatch(objectSelector);
  return matches(labelsOf(object)) || (oldObject !== undefined && matches(labelsOf(oldObject)));
};

import { type FieldError, invalid, required } from '../field-errors.ts';
import { childOf, type JsonObject, objectOf, setDefault, textOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import type { FieldReader } from '../selectors.ts';
import type { ServedVersion, Strategy } from './definition.ts';

/** How the fields of an Event are named in core/v1 and in events.k8s.io/v1: one stored object, two forms. */
const renamed: readonly (readonly [string, string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
];

const rename = (object: JsonObject, from: string, to: string): void => {
  const value = object[from];
  if (value === undefined) return;
  object[to] = value;
  delete object[from];
};

/** events.k8s.io/v1 over the Events that core/v1 serves too. */
export const groupEvents: ServedVersion = {
  version: 'v1',
  decode: (draft) => {
    for (const [core, group] of renamed) rename(draft, group, core);
  },
  encode: (draft) => {
    for (const [core, group] of renamed) rename(draft, core, group);
  },
};

const namespaceErrors = (draft: KubeObject, field: string): FieldError[] => {
  const about = textOf(objectOf(draft.involvedObject).namespace);
  const own = draft.metadata.namespace ?? '';
  const fits = about === '' ? own === 'default' : about === own;
  return fits ? [] : [invalid(`${field}.namespace`, about, 'does not match event.namespace')];
};

const complete = (draft: KubeObject): void => {
  childOf(draft, 'source');
  setDefault(draft, 'reportingComponent', '');
  setDefault(draft, 'reportingInstance', '');
};

/** core/v1 asks for nothing but the right namespace. */
export const eventStrategy: Strategy = {
  complete,
  validate: (draft) => namespaceErrors(draft, 'involvedObject'),
};

/** events.k8s.io/v1 asks for all that makes an Event useful. */
export const groupEventStrategy: Strategy = {
  complete,
  validate: (draft, old) => {
    if (old !== undefined) return [];
    const missing = ['eventTime', 'reportingInstance', 'action', 'reason'].filter(
      (field) => draft[field] === undefined,
    );
    const errors = missing.map((field) => required(field));
    if (textOf(draft.reportingComponent) === '') errors.push(required('reportingController'));
    return [...errors, ...namespaceErrors(draft, 'regarding')];
  },
};

const involved =
  (field: string): FieldReader =>
  (object) =>
    textOf(objectOf(object.involvedObject)[field]);

const involvedFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** What Events can be selected by. @param about `involvedObject` or `regarding` */
export const eventFields = (about: string): Readonly<Record<string, FieldReader>> => ({
  ...Object.fromEntries(involvedFields.map((field) => [`${about}.${field}`, involved(field)])),
  reason: (object) => textOf(object.reason),
  reportingComponent: (object) => textOf(object.reportingComponent),
  reportingController: (object) => textOf(object.reportingComponent),
  source: (object) => textOf(objectOf(object.source).component) || textOf(object.reportingComponent),
  type: (object) => textOf(object.type),
});

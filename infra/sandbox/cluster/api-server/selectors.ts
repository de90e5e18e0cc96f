import { isObject, type JsonObject, objectsOf, textMapOf, textOf, textsOf } from './json.ts';
import type { KubeObject } from './kube-object.ts';
import { badRequest } from './status-error.ts';

export type LabelMatch = (labels: { readonly [key: string]: string | undefined }) => boolean;

const requirement = (source: string): LabelMatch => {
  const text = source.trim();
  const set = /^([^\s!=()]+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', operator, inner = ''] = set;
    const values = new Set(inner.split(',').map((value) => value.trim()));
    return operator === 'in'
      ? (labels) => {
          const value = labels[key];
          return value !== undefined && values.has(value);
        }
      : (labels) => {
          const value = labels[key];
          return value === undefined || !values.has(value);
        };
  }
  const compared = /^([^\s!=()]+)\s*(==|!=|=)\s*([^\s!=()]*)$/.exec(text);
  if (compared !== null) {
    const [, key = '', operator, value = ''] = compared;
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const exists = /^(!?)\s*([^\s!=(),]+)$/.exec(text);
  if (exists !== null) {
    const [, not, key = ''] = exists;
    return not === '!' ? (labels) => labels[key] === undefined : (labels) => labels[key] !== undefined;
  }
  throw badRequest(`unable to parse requirement: found '${text}', expected: '=', '==', '!=', 'in', notin'`);
};

/** Splits at commas that stand outside parentheses. */
const splitRequirements = (text: string): string[] =>
  text.split(/,(?![^(]*\))/).filter((part) => part.trim() !== '');

/**
 * A `labelSelector` as it stands in a query, equality- and set-based.
 *
 * @returns undefined where everything matches
 * @throws StatusError 400
 */
export const parseLabelSelector = (text: string | null): LabelMatch | undefined => {
  if (text === null || text.trim() === '') return undefined;
  const all = splitRequirements(text).map(requirement);
  return (labels) => all.every((match) => match(labels));
};

/** A `LabelSelector` object (`matchLabels`, `matchExpressions`); an empty one matches everything, an absent one nothing. */
export const labelSelectorMatch = (selector: unknown): LabelMatch => {
  if (!isObject(selector)) return () => false;
  const equal = Object.entries(textMapOf(selector.matchLabels));
  const expressions = objectsOf(selector.matchExpressions).map(expressionMatch);
  return (labels) =>
    equal.every(([key, value]) => labels[key] === value) && expressions.every((match) => match(labels));
};

const expressionMatch = (expression: JsonObject): LabelMatch => {
  const key = textOf(expression.key);
  const values = textsOf(expression.values);
  switch (expression.operator) {
    case 'In':
      return (labels) => values.includes(labels[key] ?? '') && labels[key] !== undefined;
    case 'NotIn':
      return (labels) => labels[key] === undefined || !values.includes(labels[key]);
    case 'Exists':
      return (labels) => labels[key] !== undefined;
    case 'DoesNotExist':
      return (labels) => labels[key] === undefined;
    default:
      return () => false;
  }
};

/** A LabelSelector object in the form of a query, as `status.selector` of a Scale has it. */
export const labelSelectorText = (selector: unknown): string => {
  if (!isObject(selector)) return '';
  const equal = Object.entries(textMapOf(selector.matchLabels)).map(([key, value]) => `${key}=${value}`);
  const expressions = objectsOf(selector.matchExpressions).map((expression) => {
    const key = textOf(expression.key);
    const values = `(${textsOf(expression.values).join(',')})`;
    switch (expression.operator) {
      case 'In':
        return `${key} in ${values}`;
      case 'NotIn':
        return `${key} notin ${values}`;
      case 'Exists':
        return key;
      default:
        return `!${key}`;
    }
  });
  return [...equal.sort(), ...expressions].join(',');
};

export type FieldReader = (object: KubeObject) => string;

/** The fields by which every resource can be selected. */
export const commonFields: Readonly<Record<string, FieldReader>> = {
  'metadata.name': (object) => object.metadata.name,
  'metadata.namespace': (object) => object.metadata.namespace ?? '',
};

/**
 * A `fieldSelector` as it stands in a query.
 *
 * @param fields what this resource can be selected by, beside name and namespace
 * @returns undefined where everything matches
 * @throws StatusError 400 for a field that is not supported
 */
export const parseFieldSelector = (
  text: string | null,
  fields: Readonly<Record<string, FieldReader>>,
): ((object: KubeObject) => boolean) | undefined => {
  if (text === null || text.trim() === '') return undefined;
  const all = text.split(',').map((part) => {
    const parsed = /^([^!=]+)(==|!=|=)(.*)$/.exec(part.trim());
    if (parsed === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const [, field = '', operator, value = ''] = parsed;
    const read = fields[field] ?? commonFields[field];
    if (read === undefined) {
      throw badRequest(
        Object.keys(fields).length > 0
          ? `field label not supported: ${field}`
          : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`,
      );
    }
    return operator === '!='
      ? (object: KubeObject) => read(object) !== value
      : (object: KubeObject) => read(object) === value;
  });
  return (object) => all.every((match) => match(object));
};

import { isDeepStrictEqual } from 'node:util';
import { cloneJson, isObject, type Json, type JsonObject, listOf } from '../json.ts';
import { badRequest, StatusError } from '../status-error.ts';
import type { MergeSchema } from './merge-schema.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const elementOrder = '$setElementOrder/';
const deleteFrom = '$deleteFromPrimitiveList/';

const identity = (element: Json, key: string | undefined): Json | undefined =>
  key === undefined ? element : isObject(element) ? element[key] : undefined;

const indexIn = (list: readonly Json[], element: Json, key: string | undefined): number => {
  const wanted = identity(element, key);
  return list.findIndex((other) => isDeepStrictEqual(identity(other, key), wanted));
};

/**
 * Puts the elements that the patch names in its order, and those that only the server has between them where they
 * stood (the `mergeSortedSlice` of apimachinery's strategicpatch).
 */
const inOrder = (
  merged: readonly Json[],
  order: readonly Json[],
  original: readonly Json[],
  key: string | undefined,
): Json[] => {
  const named = merged
    .filter((element) => indexIn(order, element, key) >= 0)
    .sort((a, b) => indexIn(order, a, key) - indexIn(order, b, key));
  const others = merged.filter((element) => indexIn(order, element, key) < 0);
  const result: Json[] = [];
  while (named.length > 0 && others.length > 0) {
    const [left, right] = [named[0] ?? null, others[0] ?? null];
    const [leftAt, rightAt] = [indexIn(original, left, key), indexIn(original, right, key)];
    const rightFirst = leftAt >= 0 && rightAt >= 0 && rightAt < leftAt;
    result.push(rightFirst ? right : left);
    (rightFirst ? others : named).shift();
  }
  return [...result, ...named, ...others];
};

const withoutDirectives = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(withoutDirectives);
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [name, child] of Object.entries(value)) {
    const isDirective = name === directive || name === retainKeys || name.startsWith(elementOrder);
    if (isDirective || name.startsWith(deleteFrom) || child === null || child === undefined) continue;
    result[name] = withoutDirectives(child);
  }
  return result;
};

const mergeSet = (original: readonly Json[], patch: readonly Json[]): Json[] => {
  const result = [...original];
  for (const element of patch) if (indexIn(result, element, undefined) < 0) result.push(element);
  return inOrder(result, patch, original, undefined);
};

/** A patch whose elements do not stand in the order that it asks for was made wrong. */
const checkOrder = (patch: readonly Json[], order: readonly Json[], key: string | undefined): void => {
  const places = patch
    .filter((element) => !(isObject(element) && element[directive] === 'delete'))
    .map((element) => indexIn(order, element, key));
  const isInOrder = places.every((place, index) => place >= 0 && place > (places[index - 1] ?? -1));
  if (isInOrder) return;
  const message = `The order in patch list:\n${JSON.stringify(patch)}\n doesn't match $setElementOrder list:\n${JSON.stringify(order)}\n`;
  throw new StatusError(500, '', message);
};

const mergeKeyed = (
  original: readonly Json[],
  patch: readonly Json[],
  key: string,
  schema: MergeSchema,
): Json[] => {
  const replaces = patch.some((element) => isObject(element) && element[directive] === 'replace');
  if (replaces) {
    return patch
      .filter(
        (element) => !(isObject(element) && element[directive] === 'replace' && element[key] === undefined),
      )
      .map(withoutDirectives);
  }
  let result = [...original];
  for (const element of patch) {
    if (!isObject(element) || element[key] === undefined) {
      throw new StatusError(
        500,
        '',
        `map: ${JSON.stringify(element)} does not contain declared merge key: ${key}`,
      );
    }
    if (element[directive] === 'delete') {
      result = result.filter((other) => !isDeepStrictEqual(identity(other, key), element[key]));
      continue;
    }
    const at = indexIn(result, element, key);
    const present = result[at];
    if (present === undefined) result.push(withoutDirectives(element));
    else result[at] = mergeObject(isObject(present) ? present : {}, element, schema);
  }
  return inOrder(result, patch, original, key);
};

const mergeObject = (original: JsonObject, patch: JsonObject, schema: MergeSchema): JsonObject => {
  if (patch[directive] === 'delete') return {};
  if (patch[directive] === 'replace') {
    const replaced = withoutDirectives(patch);
    return isObject(replaced) ? replaced : {};
  }
  const result: JsonObject = { ...original };
  if (patch[retainKeys] !== undefined) {
    const kept = listOf(patch[retainKeys]);
    for (const key of Object.keys(result)) if (!kept.includes(key)) delete result[key];
  }
  for (const [name, gone] of Object.entries(patch)) {
    if (!name.startsWith(deleteFrom)) continue;
    const field = name.slice(deleteFrom.length);
    const left = listOf(result[field]).filter((element) => indexIn(listOf(gone), element, undefined) < 0);
    if (result[field] !== undefined) result[field] = left;
  }
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith('$')) continue;
    if (value === null || value === undefined) delete result[name];
    else result[name] = mergeField(result[name], value, name, schema);
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(elementOrder)) continue;
    const field = name.slice(elementOrder.length);
    const list = result[field];
    const key = schema.lists?.[field]?.key;
    if (Array.isArray(patch[field])) checkOrder(listOf(patch[field]), listOf(order), key);
    if (Array.isArray(list)) {
      result[field] = inOrder(list, listOf(order), listOf(original[field]), key);
    }
  }
  return result;
};

const mergeField = (original: Json | undefined, value: Json, name: string, schema: MergeSchema): Json => {
  if (isObject(value)) {
    return mergeObject(isObject(original) ? original : {}, value, schema.fields?.[name] ?? {});
  }
  if (!Array.isArray(value)) return value;
  const rule = schema.lists?.[name];
  if (rule === undefined || !Array.isArray(original)) {
    const isDeletion = (element: Json): boolean => isObject(element) && element[directive] === 'delete';
    return value.filter((element) => !isDeletion(element)).map(withoutDirectives);
  }
  return rule.key === undefined
    ? mergeSet(original, value)
    : mergeKeyed(original, value, rule.key, rule.element ?? {});
};

/**
 * A strategic merge patch with its directives (`$patch`, `$retainKeys`, `$setElementOrder/…`,
 * `$deleteFromPrimitiveList/…`). `target` is left as it is.
 *
 * @throws StatusError 400 for an element without its merge key
 */
export const strategicMergePatch = (target: JsonObject, patch: Json, schema: MergeSchema): Json => {
  if (!isObject(patch))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
    );
  return mergeObject(cloneJson(target), cloneJson(patch), schema);
};

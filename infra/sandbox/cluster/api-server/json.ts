/** A JSON value as it stands in a request or in the store. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

export interface JsonObject {
  [key: string]: Json | undefined;
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isText = (value: unknown): value is string => typeof value === 'string';

export const isNumber = (value: unknown): value is number => typeof value === 'number';

/** The object at a place that may hold anything; an empty one where there is none. */
export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

/** The array at a place that may hold anything; an empty one where there is none. */
export const listOf = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

/** The objects of an array; other elements are left out. */
export const objectsOf = (value: Json | undefined): JsonObject[] => listOf(value).filter(isObject);

export const textOf = (value: unknown): string => (isText(value) ? value : '');

export const numberOf = (value: unknown): number | undefined => (isNumber(value) ? value : undefined);

/** The strings of an array; other elements are left out. */
export const textsOf = (value: Json | undefined): string[] => listOf(value).filter(isText);

/** The entries of an object whose values are strings. */
export const textMapOf = (value: unknown): { [key: string]: string } =>
  Object.fromEntries(
    Object.entries(objectOf(value)).filter((entry): entry is [string, string] => isText(entry[1])),
  );

/** Sets a field where it is absent. */
export const setDefault = (object: JsonObject, field: string, value: Json): void => {
  object[field] ??= value;
};

/** The object of a field, made where it is absent. */
export const childOf = (object: JsonObject, field: string): JsonObject => {
  const present = object[field];
  if (isObject(present)) return present;
  const made: JsonObject = {};
  object[field] = made;
  return made;
};

/** A deep copy that may be changed. */
export const cloneJson = <T extends Json>(value: T): T => structuredClone(value);

/** Drops every null field, as decoding into the API's types does. Changes `value`. */
export const dropNulls = (value: Json): void => {
  if (Array.isArray(value)) {
    for (const element of value) dropNulls(element);
    return;
  }
  if (!isObject(value)) return;
  for (const [key, child] of Object.entries(value)) {
    if (child === null || child === undefined) delete value[key];
    else dropNulls(child);
  }
};

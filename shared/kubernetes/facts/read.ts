import type { ObjectRef } from '../../model/facts.ts';

/** What came over the wire; nothing about it is known yet. */
export type Json = Readonly<Record<string, unknown>>;

/** What a parser at the door makes of an object: a fact, or nothing and why. */
export type Parsed<T> = { readonly fact: T } | { readonly dropped: string };

/** The value if it is a JSON object, else an empty one. */
export const record = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

/** The value if it is an array, else an empty one. */
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The value if it is a string that is not empty. */
export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A port number, 1 to 65535. */
export const portNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535 ? value : undefined;

/** A whole number in the range, in plain digits. */
export const parseWhole = (value: string, min: number, max: number): number | undefined => {
  const whole = /^(0|[1-9][0-9]{0,14})$/.test(value) ? Number(value) : Number.NaN;
  return whole >= min && whole <= max ? whole : undefined;
};

/** Only the entries whose value is a string. */
export const stringMap = (value: unknown): Readonly<Record<string, string>> => {
  const map: Record<string, string> = {};
  for (const [key, entry] of Object.entries(record(value))) if (typeof entry === 'string') map[key] = entry;
  return map;
};

/** Unix ms of an RFC 3339 time. */
export const unixMs = (value: unknown): number | undefined => {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
};

/** `{ [key]: value }`, or nothing when the value is undefined: for optional fields. */
export const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } => {
  const entry: { [P in K]?: V } = {};
  if (value !== undefined) entry[key] = value;
  return entry;
};

export interface Identity {
  readonly ref: ObjectRef;
  readonly resourceVersion: string;
  readonly metadata: Json;
}

/** Who the object is; undefined when its metadata does not tell, and then nothing can be done with it. */
export const identityOf = (object: unknown, kind: ObjectRef['kind']): Identity | undefined => {
  const metadata = record(record(object)['metadata']);
  const namespace = text(metadata['namespace']);
  const name = text(metadata['name']);
  const uid = text(metadata['uid']);
  const resourceVersion = text(metadata['resourceVersion']);
  if (namespace === undefined || name === undefined || uid === undefined || resourceVersion === undefined) {
    return undefined;
  }
  return { ref: { kind, namespace, name, uid }, resourceVersion, metadata };
};

/** The condition of this type. */
export const conditionOf = (status: Json, type: string): Json | undefined =>
  list(status['conditions'])
    .map(record)
    .find((condition) => condition['type'] === type);

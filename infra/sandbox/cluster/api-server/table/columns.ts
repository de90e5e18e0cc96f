import { type Json, type JsonObject, numberOf, objectOf, objectsOf, textMapOf, textOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';

/** One column of a table. */
export interface Column {
  readonly name: string;
  readonly type?: 'integer' | 'string';
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  readonly cell: (object: KubeObject, nowMs: number) => Json;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** A duration as kubectl shows it (`HumanDuration`): `45s`, `3m12s`, `26h`, `9d`. */
export const humanDuration = (seconds: number): string => {
  if (seconds < 0) return '<invalid>';
  if (seconds < 2 * minute) return `${seconds}s`;
  const minutes = Math.floor(seconds / minute);
  if (minutes < 10) return seconds % minute === 0 ? `${minutes}m` : `${minutes}m${seconds % minute}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(seconds / hour);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(seconds / day);
  if (days < 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  if (days < 365 * 2) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 && days % 365 !== 0 ? `${years}y${days % 365}d` : `${years}y`;
};

/** How long ago a time was; `<unknown>` where there is none. */
export const since = (time: Json | undefined, nowMs: number): string => {
  const ms = Date.parse(textOf(time));
  return Number.isNaN(ms) ? '<unknown>' : humanDuration(Math.floor((nowMs - ms) / 1000));
};

export const ageOf = (object: KubeObject, nowMs: number): string =>
  since(object.metadata.creationTimestamp, nowMs);

export const specOf = (object: JsonObject): JsonObject => objectOf(object.spec);

export const statusOf = (object: JsonObject): JsonObject => objectOf(object.status);

export const count = (value: Json | undefined): number => numberOf(value) ?? 0;

export const orNone = (text: string): string => (text === '' ? '<none>' : text);

/** `app=web,tier=front` */
export const labelsText = (labels: unknown): string =>
  orNone(
    Object.entries(textMapOf(labels))
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(','),
  );

export const conditionOf = (object: JsonObject, type: string): JsonObject | undefined =>
  objectsOf(statusOf(object).conditions).find((condition) => condition.type === type);

export const name: Column = { name: 'Name', cell: ({ metadata }) => metadata.name };

export const age: Column = { name: 'Age', cell: ageOf };

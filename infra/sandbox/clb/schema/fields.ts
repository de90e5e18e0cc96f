import {
  missingParameter,
  tooLong,
  tooShort,
  unknownParameter,
  wrongType,
  wrongValue,
} from '../api-error.ts';

/** How lenient the gateway is, and which code a value outside its range gets in this action. */
export interface Leniency {
  readonly coerceStrings: boolean;
  readonly rangeCode: string;
  /** The code of a list that must not be empty; absent: InvalidParameterValue.Length. */
  readonly emptyListCode?: string;
}

/** A value of the request: parsed once at the door, or an {@link ApiError} that names its path. */
export interface Field<T> {
  parse(value: unknown, path: string, leniency: Leniency): T;
}

type Fields = Record<string, Field<unknown>>;
type Value<F> = F extends Field<infer T> ? T : never;
type Parsed<R extends Fields, O extends Fields> = { readonly [K in keyof R]: Value<R[K]> } & {
  readonly [K in keyof O]?: Value<O[K]>;
};

const inside = (path: string, name: string | number): string => (path === '' ? `${name}` : `${path}.${name}`);

/** A string; `min` and `max` are counted in characters. */
export const text = ({ min = 0, max }: { min?: number; max?: number } = {}): Field<string> => ({
  parse: (value, path) => {
    if (typeof value !== 'string') throw wrongType(path, 'string');
    if (max !== undefined && value.length > max) throw tooLong(path, max);
    if (value.length < min) throw tooShort(path, min);
    return value;
  },
});

/** One of some words, whatever its case; the answer has the case of the list. */
export const word = <const T extends string>(...words: readonly T[]): Field<T> => ({
  parse: (value, path) => {
    if (typeof value !== 'string') throw wrongType(path, 'string');
    const found = words.find((candidate) => candidate.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw wrongValue(path, value);
    return found;
  },
});

export const integer = (min?: number, max?: number): Field<number> => ({
  parse: (value, path, { coerceStrings, rangeCode }) => {
    const number =
      coerceStrings && typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number)) throw wrongType(path, 'integer');
    if ((min !== undefined && number < min) || (max !== undefined && number > max)) {
      throw wrongValue(path, value, rangeCode);
    }
    return number;
  },
});

export const flag: Field<boolean> = {
  parse: (value, path, { coerceStrings }) => {
    if (coerceStrings && (value === 'true' || value === 'false')) return value === 'true';
    if (typeof value !== 'boolean') throw wrongType(path, 'boolean');
    return value;
  },
};

/** A list; a longer one than `max` is an InvalidParameterValue.Length. */
export const list = <T>(of: Field<T>, { min = 0, max }: { min?: number; max?: number } = {}): Field<T[]> => ({
  parse: (value, path, leniency) => {
    if (!Array.isArray(value)) throw wrongType(path, 'list');
    if (max !== undefined && value.length > max) throw tooLong(path, max);
    if (value.length < min) throw tooShort(path, min, leniency.emptyListCode);
    return value.map((item: unknown, at) => of.parse(item, inside(path, at), leniency));
  },
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object with required and optional members; any other is an UnknownParameter, `null` counts as absent. */
export const structure = <R extends Fields, O extends Fields>(
  required: R,
  optional: O,
): Field<Parsed<R, O>> => {
  const requiredFields: [string, Field<unknown>][] = Object.entries(required);
  const all = new Map<string, Field<unknown>>([...requiredFields, ...Object.entries(optional)]);
  return {
    parse: (value, path, leniency) => {
      if (!isRecord(value)) throw wrongType(path, 'object');
      for (const name of Object.keys(value)) {
        if (!all.has(name)) throw unknownParameter(inside(path, name));
      }
      for (const [name] of requiredFields) {
        if (value[name] === undefined || value[name] === null) throw missingParameter(inside(path, name));
      }
      const parsed: Record<string, unknown> = {};
      for (const [name, field] of all) {
        const member = value[name];
        if (member !== undefined && member !== null) {
          parsed[name] = field.parse(member, inside(path, name), leniency);
        }
      }
      return parsed as Parsed<R, O>;
    },
  };
};

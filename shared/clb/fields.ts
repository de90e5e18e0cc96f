import { MalformedAnswer } from './errors.ts';

/** A JSON object of an answer, not yet read. */
export type Fields = Readonly<Record<string, unknown>>;

const wrong = (at: string, wanted: string, value: unknown): never => {
  throw new MalformedAnswer(
    `${at} is not ${wanted}: ${value === undefined ? 'absent' : JSON.stringify(value)?.slice(0, 80)}`,
  );
};

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const fields = (value: unknown, at: string): Fields =>
  isFields(value) ? value : wrong(at, 'an object', value);

export const text = (value: unknown, at: string): string =>
  typeof value === 'string' ? value : wrong(at, 'a text', value);

export const integer = (value: unknown, at: string): number =>
  typeof value === 'number' && Number.isInteger(value) ? value : wrong(at, 'an integer', value);

/** A list that must be there: an absent one is not an empty one (law L5). */
export const list = (value: unknown, at: string): readonly unknown[] =>
  Array.isArray(value) ? value : wrong(at, 'a list', value);

const absent = (value: unknown): value is null | undefined => value === null || value === undefined;

export const optionalFields = (value: unknown, at: string): Fields | undefined =>
  absent(value) ? undefined : fields(value, at);

export const optionalText = (value: unknown, at: string): string | undefined =>
  absent(value) ? undefined : text(value, at);

export const optionalInteger = (value: unknown, at: string): number | undefined =>
  absent(value) ? undefined : integer(value, at);

export const optionalList = (value: unknown, at: string): readonly unknown[] =>
  absent(value) ? [] : list(value, at);

export const texts = (value: unknown, at: string): readonly string[] =>
  optionalList(value, at).map((item, index) => text(item, `${at}.${index}`));

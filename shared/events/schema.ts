import { isIP } from 'node:net';
import * as z from 'zod/mini';

type ReadonlyDeep<T> = T extends object ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> } : T;
type Same<A, B> =
  (<T>() => T extends ReadonlyDeep<A> ? 1 : 2) extends <T>() => T extends ReadonlyDeep<B> ? 1 : 2
    ? true
    : false;

/**
 * A schema whose output is exactly `T` (readonly aside), checked by the compiler: a field that the model gets,
 * loses or changes does not compile here until the schema follows.
 */
export const schemaOf =
  <T>() =>
  <S extends z.ZodMiniType>(schema: Same<z.output<S>, T> extends true ? S : never): S =>
    schema;

export const text = z.string().check(z.minLength(1));
export const ip = z.string().check(z.refine((value) => isIP(value) !== 0, { error: 'no IP address' }));
export const port = z.int().check(z.gte(1), z.lte(65_535));
export const weight = z.int().check(z.gte(0), z.lte(100));
export const count = z.int().check(z.gte(0));
/** Unix ms. */
export const time = z.number();

/** https://www.w3.org/TR/trace-context/#traceparent-header-field-values, any version. */
const traceparentPattern =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

export const isTraceparent = (value: string): boolean => traceparentPattern.test(value);

export const traceparent = z.string().check(z.refine(isTraceparent, { error: 'no W3C traceparent' }));

type Issue = z.core.$ZodIssue;

const expectation = (issue: Issue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return `${issue.expected} expected`;
    case 'invalid_value':
      return `one of ${issue.values.map(String).join(', ')} expected`;
    case 'too_small':
      return `at least ${issue.minimum} expected`;
    case 'too_big':
      return `at most ${issue.maximum} expected`;
    case 'invalid_union':
      return 'one of the known values expected';
    default:
      return issue.message;
  }
};

/** Says in one line which fields are wrong, and how; the first three. */
export const reasonOf = (error: z.core.$ZodError): string => {
  const shown = error.issues.slice(0, 3).map((issue) => {
    const path = issue.path.map(String).join('.');
    return `${path === '' ? 'event' : path}: ${expectation(issue)}`;
  });
  const more = error.issues.length - shown.length;
  return more > 0 ? `${shown.join('; ')}; and ${more} more` : shown.join('; ');
};

import { canonicalJson } from './keys.ts';

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === 0 ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/**
 * The merge patch that brings a status to what is wanted; undefined when it shows that already. Counts of 0 and empty
 * lists are not shown, as in the real API, but for the fields that are `alwaysShown`.
 */
export const statusPatch = <S extends object>(
  shown: S | undefined,
  wanted: S,
  alwaysShown: readonly (keyof S)[] = [],
): Record<string, unknown> | undefined => {
  const before = new Map<string, unknown>(Object.entries(shown ?? {}));
  const always = new Set<PropertyKey>(alwaysShown);
  const patch: Record<string, unknown> = {};
  let differs = false;
  for (const [key, value] of Object.entries(wanted)) {
    const next: unknown = isEmpty(value) && !always.has(key) ? undefined : value;
    differs ||= canonicalJson(before.get(key)) !== canonicalJson(next);
    patch[key] = next ?? null;
  }
  return differs ? patch : undefined;
};

import { ApiError } from '../api-error.ts';

/** Parameters of a GET: `Targets.0.Port=80` becomes `{"Targets":[{"Port":"80"}]}`. */
export const unflatten = (query: string): Record<string, unknown> => {
  const root: Record<string, unknown> = {};
  for (const [path, value] of new URLSearchParams(query)) {
    const names = path.split('.');
    let at = root;
    for (const name of names.slice(0, -1)) {
      const next = at[name];
      const inner: Record<string, unknown> = typeof next === 'object' && next !== null ? { ...next } : {};
      at[name] = inner;
      at = inner;
    }
    at[names.at(-1) ?? path] = value;
  }
  return listed(root);
};

const listed = (value: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      if (typeof member !== 'object' || member === null) return [name, member];
      const inner = listed({ ...member });
      return [name, Object.keys(inner).every((key) => /^\d+$/.test(key)) ? Object.values(inner) : inner];
    }),
  );

/** The JSON object of a POST. @throws ApiError InvalidParameter */
export const parseBody = (body: Buffer): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError('InvalidParameter', 'The request body is not a valid JSON object.');
  }
  return { ...value };
};

import { isDeepStrictEqual } from 'node:util';
import { cloneJson, isObject, type Json } from '../json.ts';
import { badRequest, StatusError } from '../status-error.ts';

const fail = (message: string): never => {
  throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {
    causes: [{ message }],
  });
};

const segments = (pointer: string): string[] => {
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) return fail(`invalid JSON pointer "${pointer}"`);
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
};

const indexOf = (array: readonly Json[], part: string, adding: boolean): number => {
  if (part === '-' && adding) return array.length;
  const index = /^\d+$/.test(part) ? Number(part) : Number.NaN;
  if (!(index < array.length || (adding && index === array.length))) return fail(`invalid index "${part}"`);
  return index;
};

const read = (document: Json, path: readonly string[]): Json => {
  let at: Json = document;
  for (const part of path) {
    const next: Json | undefined = Array.isArray(at)
      ? at[indexOf(at, part, false)]
      : isObject(at)
        ? at[part]
        : undefined;
    if (next === undefined) return fail(`path "/${path.join('/')}" is missing`);
    at = next;
  }
  return at;
};

const write = (document: Json, path: readonly string[], value: Json, adding: boolean): Json => {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(indexOf(parent, last, adding), adding ? 0 : 1, value);
  // A field that is not there may be replaced: Kubernetes' library looks for the parent only.
  else if (isObject(parent)) parent[last] = value;
  else return fail(`path "/${path.join('/')}" is missing`);
  return document;
};

const remove = (document: Json, path: readonly string[]): Json => {
  const last = path.at(-1);
  if (last === undefined) return null;
  const parent = read(document, path.slice(0, -1));
  if (Array.isArray(parent)) parent.splice(indexOf(parent, last, false), 1);
  else if (isObject(parent) && parent[last] !== undefined) delete parent[last];
  else return fail(`Unable to remove nonexistent key: ${last}`);
  return document;
};

/**
 * JSON patch (RFC 6902). `target` is left as it is.
 *
 * @throws StatusError 400 for what is no JSON patch, 422 for one that does not fit
 */
export const jsonPatch = (target: Json, patch: Json): Json => {
  if (!Array.isArray(patch))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
    );
  let document = cloneJson(target);
  for (const operation of patch) {
    if (!isObject(operation))
      throw badRequest(
        'error decoding patch: json: cannot unmarshal into Go value of type handlers.jsonPatchOp',
      );
    const { op, path, from, value } = operation;
    if (typeof path !== 'string') return fail('operation without path');
    const to = segments(path);
    const source = typeof from === 'string' ? segments(from) : [];
    switch (op) {
      case 'add':
        document = write(document, to, cloneJson(value ?? null), true);
        break;
      case 'replace':
        document = write(document, to, cloneJson(value ?? null), false);
        break;
      case 'remove':
        document = remove(document, to);
        break;
      case 'copy':
        document = write(document, to, cloneJson(read(document, source)), true);
        break;
      case 'move': {
        const moved = read(document, source);
        document = write(remove(document, source), to, moved, true);
        break;
      }
      case 'test':
        if (!isDeepStrictEqual(read(document, to), value ?? null))
          return fail(`testing value ${path} failed: test failed`);
        break;
      default:
        return fail(`unexpected kind: ${JSON.stringify(op)}`);
    }
  }
  return document;
};

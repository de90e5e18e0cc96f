import { parse as parseYaml } from 'yaml';
import type { Json } from '../json.ts';
import { badRequest, notAcceptable, unsupportedBody, unsupportedMediaType } from '../status-error.ts';

/** In which form objects are answered. One of the partial forms is for single objects, the other for lists only. */
export type View = 'object' | 'partial' | 'partial-list' | 'table';

const parameters = (parts: readonly string[]): Map<string, string> =>
  new Map(
    parts.map((part) => {
      const [key = '', value = ''] = part.trim().split('=');
      return [key, value];
    }),
  );

/**
 * Chooses the form of the answer from an `Accept` header: the first that is served.
 *
 * @throws StatusError 406
 */
export const negotiate = (accept: string | undefined): View => {
  if (accept === undefined || accept.trim() === '') return 'object';
  for (const clause of accept.split(',')) {
    const [type = '', ...rest] = clause.trim().split(';');
    if (!['application/json', 'application/*', '*/*'].includes(type)) continue;
    const given = parameters(rest);
    const as = given.get('as');
    if (as === undefined) return 'object';
    if (given.get('g') !== 'meta.k8s.io' || !['v1', 'v1beta1'].includes(given.get('v') ?? '')) continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata') return 'partial';
    if (as === 'PartialObjectMetadataList') return 'partial-list';
  }
  throw notAcceptable();
};

export const mediaType = (contentType: string | undefined): string =>
  (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** The encoding of bytes that only questions about rights are read in. */
export const protobuf = 'application/vnd.kubernetes.protobuf';

/** Decodes JSON. @throws StatusError 400 */
export const parseJson = (body: string): Json => {
  try {
    const parsed: Json = JSON.parse(body);
    return parsed;
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
};

const decodeYaml = (body: string): Json => {
  try {
    const parsed: Json = parseYaml(body) ?? null;
    return parsed;
  } catch (error) {
    throw badRequest(
      `error converting YAML to JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
};

/** Decodes the body of a create, update or delete: JSON, or YAML where the client says so. */
export const decodeBody = (body: string, contentType: string | undefined): Json => {
  const type = mediaType(contentType);
  if (type === '' || type === 'application/json' || type === '*/*') return parseJson(body);
  if (type === 'application/yaml') return decodeYaml(body);
  throw unsupportedBody();
};

export type PatchType = 'json' | 'merge' | 'strategic';

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
};

const applyType = 'application/apply-patch+yaml';

/** Whether a PATCH is a server-side apply. */
export const isApply = (contentType: string | undefined): boolean => mediaType(contentType) === applyType;

/** Decodes the body of a server-side apply. @throws StatusError 400 */
export const decodeApply = (body: string): Json => decodeYaml(body);

/** Decodes the body of a PATCH. @throws StatusError 400, 415 */
export const decodePatch = (
  body: string,
  contentType: string | undefined,
): { type: PatchType; patch: Json } => {
  const type = patchTypes[mediaType(contentType)];
  if (type === undefined) throw unsupportedMediaType();
  return { type, patch: parseJson(body) };
};

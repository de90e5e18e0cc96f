import type { ApiContext, Target } from '../context.ts';
import { notSupported } from '../field-errors.ts';
import { isObject, isText, numberOf } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { collectionKey, type ResourceDefinition } from '../resources/definition.ts';
import { parseFieldSelector, parseLabelSelector } from '../selectors.ts';
import {
  badRequest,
  expiredContinue,
  invalidObject,
  notFound,
  StatusError,
  tooOldList,
} from '../status-error.ts';
import type { Stored } from '../store/collection.ts';
import type { ListMeta } from './views.ts';

export type Filter = (object: KubeObject) => boolean;

/**
 * What a list or watch lets through; undefined: everything of the resource.
 *
 * @throws StatusError 400 for a selector that cannot be read
 */
export const parseFilter = (
  definition: ResourceDefinition,
  namespace: string,
  query: URLSearchParams,
): { matches: Filter | undefined; selective: boolean } => {
  const labels = parseLabelSelector(query.get('labelSelector'));
  const fields = parseFieldSelector(query.get('fieldSelector'), definition.fields);
  const selective = labels !== undefined || fields !== undefined;
  if (!selective && namespace === '') return { matches: undefined, selective };
  return {
    selective,
    matches: (object) =>
      (namespace === '' || object.metadata.namespace === namespace) &&
      (labels === undefined || labels(object.metadata.labels ?? {})) &&
      (fields === undefined || fields(object)),
  };
};

const whole = (text: string | null): number => {
  if (text === null || text === '') return 0;
  if (!/^-?\d+$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  }
  return Math.max(Number(text), 0);
};

/** A `resourceVersion` of a query; undefined where it is unset. @throws StatusError 400 */
export const parseVersion = (query: URLSearchParams): number | undefined => {
  const text = query.get('resourceVersion');
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) {
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
    );
  }
  return Number(text);
};

interface Continue {
  readonly version: number;
  readonly after: string;
}

const encodeContinue = ({ version, after }: Continue): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start: after })).toString('base64url');

const decodeContinue = (text: string): Continue => {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (isObject(token)) {
      const version = numberOf(token.rv);
      if (version !== undefined && isText(token.start)) return { version, after: token.start };
    }
  } catch {
    // Answered below, like a token of another shape.
  }
  throw badRequest('invalid continue token: continue key is not valid: illegal base64 data');
};

const listOptionsError = (field: string, detail: string): StatusError =>
  invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
    { type: 'FieldValueForbidden', field, message: `Forbidden: ${detail}` },
  ]);

/** Nothing is answered from a state that is yet to come. @throws StatusError 504 */
export const requireReached = (asked: number | undefined, current: number): void => {
  if (asked === undefined || asked <= current) return;
  throw new StatusError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${asked}, current: ${current}`,
    {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  );
};

/** The version at which a list is read; undefined: the newest. */
const listVersion = (query: URLSearchParams, current: number, oldest: number): number | undefined => {
  const asked = parseVersion(query);
  const match = query.get('resourceVersionMatch') ?? '';
  if (!['', 'Exact', 'NotOlderThan'].includes(match)) {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
      notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']),
    ]);
  }
  if (match === 'Exact' && asked === 0) {
    throw listOptionsError(
      'resourceVersionMatch',
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
  }
  if (match !== '' && asked === undefined) {
    throw listOptionsError(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  }
  requireReached(asked, current);
  const exact =
    match === 'Exact' || (match !== 'NotOlderThan' && asked !== undefined && asked > 0 && query.has('limit'));
  if (!exact) return undefined;
  if (asked !== undefined && asked < oldest) throw tooOldList();
  return asked;
};

const keyOf = ({ object }: Stored): string => `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

/**
 * One page, or all, of a collection. `limit` is ignored at `resourceVersion=0`; the pages of one list all show the
 * state of the first.
 *
 * @throws StatusError 400 bad options, 410 the state of the first page is no longer known, 504 a version still to come
 */
export const listObjects = (
  context: ApiContext,
  definition: ResourceDefinition,
  namespace: string,
  query: URLSearchParams,
): { items: Stored[]; metadata: ListMeta } => {
  const collection = context.store.collection(collectionKey(definition));
  if (query.has('sendInitialEvents')) {
    throw listOptionsError('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  }
  const { matches, selective } = parseFilter(definition, namespace, query);
  const limit = query.get('resourceVersion') === '0' ? 0 : whole(query.get('limit'));
  const token = query.get('continue');
  const from = token === null || token === '' ? undefined : decodeContinue(token);
  if (from !== undefined && (parseVersion(query) ?? 0) !== 0) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (from !== undefined && from.version < collection.oldestVersion) throw expiredContinue();
  const exact = from?.version ?? listVersion(query, context.store.version, collection.oldestVersion);
  const version = exact ?? context.store.version;
  let items = collection.list(exact);
  if (matches !== undefined) items = items.filter(({ object }) => matches(object));
  if (from !== undefined) items = items.filter((stored) => keyOf(stored) > from.after);
  const metadata: ListMeta = { resourceVersion: String(version) };
  const last = items[limit - 1];
  if (limit === 0 || last === undefined || items.length <= limit) return { items, metadata };
  metadata.continue = encodeContinue({ version, after: keyOf(last) });
  if (!selective) metadata.remainingItemCount = items.length - limit;
  return { items: items.slice(0, limit), metadata };
};

/** One object. @throws StatusError 404 */
export const getObject = (context: ApiContext, { definition, namespace, name }: Target): Stored => {
  const stored = context.store.collection(collectionKey(definition)).get(namespace, name);
  if (stored === undefined) throw notFound(definition, name);
  return stored;
};

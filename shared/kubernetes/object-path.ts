import type { ObjectRef } from '../model/facts.ts';
import { kinds } from '../model/kinds.ts';

/** The API version that names the kind, for `involvedObject`. */
export const apiVersionOf = (kind: ObjectRef['kind']): string => kinds[kind].apiVersion;

/** The path of all objects of a kind, in all namespaces: what a reflector watches. */
export const listPath = (kind: ObjectRef['kind']): string => `${kinds[kind].root}/${kinds[kind].plural}`;

/** The path of one object; names come from outside and are encoded. */
export const objectPath = (ref: ObjectRef): string => {
  const { root, plural } = kinds[ref.kind];
  return `${root}/namespaces/${encodeURIComponent(ref.namespace)}/${plural}/${encodeURIComponent(ref.name)}`;
};

/** The path of core/v1 Events of a namespace. */
export const eventsPath = (namespace: string): string =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;

import type { ResourceDefinition, ServedVersion } from '../resources/definition.ts';
import { resourceTable } from '../resources/table.ts';
import { badRequest, noSuchResource } from '../status-error.ts';

/** What a path under `/api/v1` or `/apis/GROUP/VERSION` names. */
export interface ResourcePath {
  readonly definition: ResourceDefinition;
  readonly served: ServedVersion;
  /** Empty: all namespaces, or none. */
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  readonly subresource: string;
}

const find = (group: string, version: string, resource: string) => {
  for (const definition of resourceTable) {
    if (definition.group !== group || definition.resource !== resource) continue;
    const served = definition.versions.find((one) => one.version === version);
    if (served !== undefined) return { definition, served };
  }
  throw noSuchResource();
};

const decodePart = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    throw badRequest(`invalid URL escape in "${part}"`);
  }
};

/**
 * Takes a path apart.
 *
 * @returns undefined for a path that is not below an API version (discovery, health, …)
 * @throws StatusError 400, 404 for a resource that is not served
 */
export const parseResourcePath = (path: string): ResourcePath | undefined => {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodePart);
  const [root, ...rest] = parts;
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : rest.shift();
  const version = rest.shift();
  if (group === undefined || version === undefined || rest.length === 0) return undefined;
  const [first = '', second, third] = rest;
  if (first === 'namespaces' && third !== undefined && !(group === '' && third === 'status')) {
    const [, namespace = '', resource = '', name = '', ...subresource] = rest;
    const found = find(group, version, resource);
    if (!found.definition.namespaced) throw noSuchResource();
    return { ...found, namespace, name, subresource: subresource.join('/') };
  }
  const found = find(group, version, first);
  if (found.definition.namespaced && second !== undefined) throw noSuchResource();
  return { ...found, namespace: '', name: second ?? '', subresource: rest.slice(2).join('/') };
};

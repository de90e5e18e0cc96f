import { isNewer } from '../model/resource-version.ts';
import type { Connection } from './connection.ts';
import { record, text } from './facts/read.ts';
import { requestJson } from './request.ts';
import { StreamEnd } from './stream-end.ts';

const digits = /^[0-9]+$/;

/**
 * Whether `a` is `b` or came after it. Kubernetes makes resourceVersions of one resource comparable as whole numbers
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions). False when either is not one.
 */
export const hasReached = (a: string | undefined, b: string): boolean => {
  if (a === undefined || !digits.test(a) || !digits.test(b)) return false;
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  return left === right || isNewer(left, right);
};

/** `metadata.resourceVersion` of an object, a list or a bookmark. */
export const resourceVersionOf = (object: unknown): string | undefined =>
  text(record(record(object)['metadata'])['resourceVersion']);

/**
 * The resourceVersion of a resource now, read consistently (resourceVersion unset), at the price of one object.
 *
 * @throws KubernetesError; StreamEnd when the answer is not a list
 */
export const readResourceVersion = async (
  connection: Connection,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> => {
  const page = await requestJson(connection, {
    method: 'GET',
    path,
    query: { ...query, limit: '1' },
    signal,
  });
  const resourceVersion = resourceVersionOf(page);
  if (resourceVersion === undefined) throw new StreamEnd('unreadable', 'the answer is not a list');
  return resourceVersion;
};

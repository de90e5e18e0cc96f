import type { KubernetesObject, OwnerReference, Resource } from '../objects.ts';
import { apiVersionOf } from '../objects.ts';

/** `namespace/name`, the key of a work queue. */
export const keyOf = (object: KubernetesObject): string =>
  `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

/** Namespace and name of a key. */
export const partsOf = (key: string): readonly [string, string] => {
  const at = key.indexOf('/');
  return [key.slice(0, at), key.slice(at + 1)];
};

/** The reference with which a controller marks what it made. */
export const ownerReference = <T extends KubernetesObject>(of: Resource<T>, owner: T): OwnerReference => ({
  apiVersion: apiVersionOf(of),
  kind: of.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Five random letters as Kubernetes adds to generated names. */
export const nameSuffix = (random: () => number = Math.random): string =>
  Array.from({ length: 5 }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');

/** A short, stable hash of a value's JSON (FNV-1a, in the letters Kubernetes uses): for `pod-template-hash`. */
export const shortHash = (value: unknown): string => {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(canonicalJson(value))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return [...String(hash)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
};

/** JSON with sorted keys and without undefined members: equal values have equal text. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );

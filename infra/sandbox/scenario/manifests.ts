import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Client } from '../cluster/client.ts';
import type { KubernetesObject, Resource } from '../cluster/objects.ts';
import { isStatus } from '../cluster/transport.ts';

/** The folder of the guide's manifests, found above this code. */
export const guideFolder = (): string => {
  for (let dir = dirname(fileURLToPath(import.meta.url)); dir !== dirname(dir); dir = dirname(dir)) {
    const folder = join(dir, 'docs', 'examples', 'guide');
    if (existsSync(folder)) return folder;
  }
  throw new Error('docs/examples/guide does not exist; this is no complete clone.');
};

/**
 * Reads the one object of a manifest of the guide.
 *
 * @param name e.g. `deployment.yaml`
 * @throws Error when the file does not hold exactly one object of that kind
 */
export const guideManifest = <T extends KubernetesObject>(name: string, of: Resource<T>): T => {
  const documents = parseAllDocuments(readFileSync(join(guideFolder(), name), 'utf8'));
  const [only] = documents;
  const object: T | undefined = only?.toJS();
  if (documents.length !== 1 || object?.kind !== of.kind) {
    throw new Error(`${name} does not hold one ${of.kind}.`);
  }
  return object;
};

/** Creates the object, or, when it exists, merges it over what is there. */
export const applyObject = async <T extends KubernetesObject>(
  client: Client,
  of: Resource<T>,
  namespace: string,
  object: T,
): Promise<T> => {
  try {
    return await client.create(of, namespace, object);
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
    return await client.patch(of, namespace, object.metadata.name, 'merge', object);
  }
};

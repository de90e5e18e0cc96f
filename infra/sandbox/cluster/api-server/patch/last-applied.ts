import { isObject, type Json, type JsonObject, objectOf } from '../json.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

const sorted = (value: Json): Json => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]),
  );
};

/**
 * Keeps the two ways of kubectl to apply together: what it applies on the server becomes what its client-side apply
 * will take for its last, where that was used before. Other managers leave that alone.
 */
export const renewLastApplied = (document: Json, manager: string, config: JsonObject): Json => {
  if (manager !== 'kubectl' || !isObject(document)) return document;
  const metadata = objectOf(document.metadata);
  const annotations = objectOf(metadata.annotations);
  if (annotations[lastApplied] === undefined) return document;
  const own = objectOf(config.metadata);
  const { [lastApplied]: _replaced, ...others } = objectOf(own.annotations);
  const applied = isObject(own.annotations)
    ? { ...config, metadata: { ...own, annotations: others } }
    : config;
  const text = `${JSON.stringify(sorted(applied))}\n`;
  return { ...document, metadata: { ...metadata, annotations: { ...annotations, [lastApplied]: text } } };
};

import { cloneJson, type JsonObject } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import { apiVersionOf, type ResourceDefinition, type ServedVersion } from '../resources/definition.ts';
import { wrongForm } from '../status-error.ts';
import type { Stored } from '../store/collection.ts';
import { tableOf } from '../table/table.ts';
import type { View } from './content.ts';

/** How one request wants its objects: which version, which form. */
export interface Rendering {
  readonly definition: ResourceDefinition;
  readonly served: ServedVersion;
  readonly view: View;
  /** `includeObject` of a table. */
  readonly includeObject: string;
  readonly nowMs: number;
}

const partial = (object: KubeObject): JsonObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata: object.metadata,
});

/** An object as the clients of one version read it. */
export const encodeVersion = (
  object: KubeObject,
  { definition, served }: Pick<Rendering, 'definition' | 'served'>,
): KubeObject => {
  const typed = { kind: definition.kind, apiVersion: apiVersionOf(definition, served.version) };
  if (served.encode === undefined) return { ...object, ...typed };
  const copy = cloneJson<KubeObject>(object);
  served.encode(copy);
  return { ...copy, ...typed };
};

const objectText = (stored: Stored, rendering: Rendering): string => {
  const { definition, served } = rendering;
  if (served.encode !== undefined) return JSON.stringify(encodeVersion(stored.object, rendering));
  const { kind } = definition;
  return `{"kind":"${kind}","apiVersion":"${apiVersionOf(definition, served.version)}",${stored.fields}`;
};

const goType = ({ group, kind }: ResourceDefinition): string =>
  `*${group === '' ? 'core' : (group.split('.')[0] ?? '')}.${kind}`;

/** The JSON of one object. @throws StatusError 406 where the form is one of lists */
export const renderObject = (stored: Stored, rendering: Rendering): string => {
  switch (rendering.view) {
    case 'object':
      return objectText(stored, rendering);
    case 'partial':
      return JSON.stringify(partial(stored.object));
    case 'partial-list':
      throw wrongForm('PartialObjectMetadataList', `not a list (${goType(rendering.definition)})`);
    case 'table': {
      const { resourceVersion = '' } = stored.object.metadata;
      return JSON.stringify(tableOf([stored.object], { resourceVersion }, rendering));
    }
  }
};

export interface ListMeta extends JsonObject {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
}

const listItem = (stored: Stored, rendering: Rendering): string => {
  if (rendering.served.encode === undefined) return `{${stored.fields}`;
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = encodeVersion(stored.object, rendering);
  return JSON.stringify(rest);
};

/**
 * The JSON of a list. Its items carry no type fields, as those of a real server do not.
 *
 * @throws StatusError 406 where the form is one of single objects
 */
export const renderList = (items: readonly Stored[], metadata: ListMeta, rendering: Rendering): string => {
  const { definition, served } = rendering;
  const meta = JSON.stringify(metadata);
  switch (rendering.view) {
    case 'object': {
      const texts = items.map((stored) => listItem(stored, rendering));
      const apiVersion = apiVersionOf(definition, served.version);
      return `{"kind":"${definition.kind}List","apiVersion":"${apiVersion}","metadata":${meta},"items":[${texts.join(',')}]}`;
    }
    case 'partial':
      throw wrongForm('PartialObjectMetadata', `a list (${goType(definition)}List)`);
    case 'partial-list': {
      const texts = items.map((stored) => JSON.stringify(partial(stored.object)));
      return `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":${meta},"items":[${texts.join(',')}]}`;
    }
    case 'table':
      return JSON.stringify(
        tableOf(
          items.map((stored) => stored.object),
          metadata,
          rendering,
        ),
      );
  }
};

/** The object of a bookmark: nothing but how far the watch has come. */
export const renderBookmark = (version: number, initialEventsEnd: boolean, rendering: Rendering): string => {
  const { definition, served } = rendering;
  const metadata: JsonObject = { resourceVersion: String(version) };
  if (initialEventsEnd) metadata.annotations = { 'k8s.io/initial-events-end': 'true' };
  if (rendering.view === 'partial') {
    return JSON.stringify({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata });
  }
  if (rendering.view === 'table')
    return JSON.stringify(tableOf([], { resourceVersion: String(version) }, rendering));
  return JSON.stringify({
    kind: definition.kind,
    apiVersion: apiVersionOf(definition, served.version),
    metadata,
  });
};

import type { JsonObject } from '../json.ts';
import type { KubeObject } from '../kube-object.ts';
import type { ResourceDefinition } from '../resources/definition.ts';
import { collectionKey } from '../resources/definition.ts';
import { ageOf, type Column } from './columns.ts';
import { columnsByResource } from './columns-by-resource.ts';

const generic: readonly Column[] = [
  { name: 'Name', cell: ({ metadata }) => metadata.name },
  { name: 'Age', cell: ageOf },
];

/** What `kubectl get` shows: a meta.k8s.io/v1 Table. */
export const tableOf = (
  objects: readonly KubeObject[],
  metadata: JsonObject,
  {
    definition,
    includeObject,
    nowMs,
  }: { definition: ResourceDefinition; includeObject: string; nowMs: number },
): JsonObject => {
  const columns = columnsByResource[collectionKey(definition)] ?? generic;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columns.map(({ name, type = 'string', wide = false }) => ({
      name,
      type,
      format: name === 'Name' ? 'name' : '',
      description: '',
      priority: wide ? 1 : 0,
    })),
    rows: objects.map((object) => {
      const row: JsonObject = { cells: columns.map(({ cell }) => cell(object, nowMs)) };
      if (includeObject === 'Object') row.object = object;
      else if (includeObject !== 'None') {
        row.object = {
          kind: 'PartialObjectMetadata',
          apiVersion: 'meta.k8s.io/v1',
          metadata: object.metadata,
        };
      }
      return row;
    }),
  };
};

import type { ApiContext } from '../context.ts';
import { deleteObject } from '../requests/delete.ts';
import { collectionKey, type ResourceDefinition } from '../resources/definition.ts';
import { resourceTable } from '../resources/table.ts';
import type { Stored } from '../store/collection.ts';
import { JobQueue } from './job-queue.ts';

const namespaced = resourceTable.filter((definition) => definition.namespaced);

/** Empties a deleted namespace: the Pods first, the rest when they are gone, then the namespace itself. */
export const startNamespaceLifecycle = (context: ApiContext): (() => void) => {
  const queue = new JobQueue();
  const terminating = new Set<string>();
  const namespaces = context.store.collection('namespaces');

  const content = (definition: ResourceDefinition, namespace: string): Stored[] =>
    [...context.store.collection(collectionKey(definition)).values()].filter(
      ({ object }) => object.metadata.namespace === namespace,
    );

  /** @returns whether anything is left */
  const empty = (definition: ResourceDefinition, namespace: string): boolean => {
    for (const { object } of content(definition, namespace)) {
      if (object.metadata.deletionTimestamp !== undefined) continue;
      const target = { definition, namespace, name: object.metadata.name };
      deleteObject(context, target, { propagation: 'Background', dryRun: false });
    }
    return content(definition, namespace).length > 0;
  };

  const advance = async (name: string): Promise<void> => {
    const stored = namespaces.get('', name);
    if (stored?.object.metadata.deletionTimestamp === undefined) return;
    const pods = namespaced.filter(({ resource }) => resource === 'pods');
    const others = namespaced.filter(({ resource }) => resource !== 'pods');
    if (pods.map((definition) => empty(definition, name)).includes(true)) return;
    if (others.map((definition) => empty(definition, name)).includes(true)) return;
    const last = namespaces.get('', name);
    if (last !== undefined && (last.object.metadata.finalizers ?? []).length === 0) namespaces.remove(last);
  };

  const queueNamespace = (name: string): void => queue.add(name, () => advance(name));

  const stops = namespaced.map((definition) =>
    context.store.collection(collectionKey(definition)).subscribe(({ type, current }) => {
      const { namespace = '' } = current.object.metadata;
      if (type === 'DELETED' && terminating.has(namespace)) queueNamespace(namespace);
    }),
  );
  stops.push(
    namespaces.subscribe(({ type, current }) => {
      const { name, deletionTimestamp } = current.object.metadata;
      if (type === 'DELETED') terminating.delete(name);
      else if (deletionTimestamp !== undefined) {
        terminating.add(name);
        queueNamespace(name);
      }
    }),
  );
  return () => {
    for (const stop of stops) stop();
    queue.stop();
  };
};

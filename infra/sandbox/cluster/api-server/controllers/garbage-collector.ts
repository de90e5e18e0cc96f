import type { ApiContext, Target } from '../context.ts';
import { cloneJson } from '../json.ts';
import type { KubeObject, OwnerReference } from '../kube-object.ts';
import { deleteObject } from '../requests/delete.ts';
import { updateObject } from '../requests/update.ts';
import { collectionKey, type ResourceDefinition } from '../resources/definition.ts';
import { resourceByKind, resourceTable } from '../resources/table.ts';
import type { Change } from '../store/collection.ts';
import { JobQueue } from './job-queue.ts';

const user = {
  name: 'system:serviceaccount:kube-system:generic-garbage-collector',
  groups: ['system:masters'],
};
const options = { user, dryRun: false };
const foreground = 'foregroundDeletion';
const orphan = 'orphan';

const ownersOf = (object: KubeObject | undefined): readonly OwnerReference[] =>
  object?.metadata.ownerReferences ?? [];

const has = (object: KubeObject, finalizer: string): boolean =>
  object.metadata.finalizers?.includes(finalizer) === true;

/** Deletes what lost its owners, as kube-controller-manager's garbage collector does. */
class GarbageCollector {
  readonly #context: ApiContext;
  readonly #queue = new JobQueue();
  readonly #objects = new Map<string, Target>();
  readonly #dependents = new Map<string, Set<string>>();

  constructor(context: ApiContext) {
    this.#context = context;
  }

  observe(definition: ResourceDefinition, { type, current, previous }: Change): void {
    const { metadata } = current.object;
    const { uid = '', namespace = '', name } = metadata;
    for (const owner of ownersOf(previous?.object)) this.#dependents.get(owner.uid)?.delete(uid);
    if (type === 'DELETED') {
      this.#objects.delete(uid);
      for (const dependent of this.#dependents.get(uid) ?? []) this.#check(dependent);
      this.#dependents.delete(uid);
      for (const owner of ownersOf(current.object)) this.#finish(owner.uid);
      return;
    }
    this.#objects.set(uid, { definition, namespace, name });
    for (const owner of ownersOf(current.object)) {
      const siblings = this.#dependents.get(owner.uid) ?? new Set();
      this.#dependents.set(owner.uid, siblings.add(uid));
    }
    if (ownersOf(current.object).some((owner) => !this.#objects.has(owner.uid))) this.#check(uid);
    if (metadata.deletionTimestamp === undefined) return;
    if (has(current.object, foreground) || has(current.object, orphan)) this.#finish(uid);
    for (const owner of ownersOf(current.object)) this.#finish(owner.uid);
  }

  stop(): void {
    this.#queue.stop();
  }

  #read(uid: string): { target: Target; object: KubeObject } | undefined {
    const target = this.#objects.get(uid);
    if (target === undefined) return undefined;
    const { definition, namespace, name } = target;
    const object = this.#context.store.collection(collectionKey(definition)).get(namespace, name)?.object;
    return object?.metadata.uid === uid ? { target, object } : undefined;
  }

  /** An owner of a kind that is not served cannot be looked up, so it is not known to be gone. */
  #isGone(owner: OwnerReference): boolean {
    return !this.#objects.has(owner.uid) && resourceByKind(owner.apiVersion, owner.kind) !== undefined;
  }

  #isWaiting(owner: OwnerReference): boolean {
    const found = this.#read(owner.uid);
    return found?.object.metadata.deletionTimestamp !== undefined && has(found.object, foreground);
  }

  /** Deletes a dependent none of whose owners is left, or takes away the references to those that are not. */
  #check(uid: string): void {
    this.#queue.add(`check ${uid}`, async () => {
      const found = this.#read(uid);
      if (found === undefined || found.object.metadata.deletionTimestamp !== undefined) return;
      const owners = ownersOf(found.object);
      const left = owners.filter((owner) => !this.#isGone(owner) && !this.#isWaiting(owner));
      if (left.length === owners.length) return;
      if (left.length > 0) {
        await this.#edit(found.target, (draft) => {
          draft.metadata.ownerReferences = left.map((owner) => cloneJson(owner));
        });
        return;
      }
      const propagation =
        owners.some((owner) => this.#isWaiting(owner)) && this.#dependents.has(uid)
          ? 'Foreground'
          : 'Background';
      deleteObject(this.#context, found.target, { uid, propagation, dryRun: false });
    });
  }

  /** Goes on with a deletion that waits for its dependents, or leaves them behind. */
  #finish(uid: string): void {
    this.#queue.add(`finish ${uid}`, async () => {
      const found = this.#read(uid);
      if (found?.object.metadata.deletionTimestamp === undefined) return;
      const dependents = [...(this.#dependents.get(uid) ?? [])];
      if (has(found.object, orphan)) {
        for (const dependent of dependents) await this.#disown(dependent, uid);
        await this.#release(found.target, orphan);
        return;
      }
      if (!has(found.object, foreground)) return;
      for (const dependent of dependents) this.#check(dependent);
      if (!dependents.some((dependent) => this.#blocks(dependent, uid)))
        await this.#release(found.target, foreground);
    });
  }

  #blocks(dependent: string, owner: string): boolean {
    const found = this.#read(dependent);
    return ownersOf(found?.object).some((one) => one.uid === owner && one.blockOwnerDeletion === true);
  }

  async #disown(dependent: string, owner: string): Promise<void> {
    const found = this.#read(dependent);
    if (found === undefined) return;
    await this.#edit(found.target, (draft) => {
      const left = ownersOf(draft).filter((one) => one.uid !== owner);
      if (left.length > 0) draft.metadata.ownerReferences = left;
      else delete draft.metadata.ownerReferences;
    });
  }

  async #release(target: Target, finalizer: string): Promise<void> {
    await this.#edit(target, (draft) => {
      const left = (draft.metadata.finalizers ?? []).filter((one) => one !== finalizer);
      if (left.length > 0) draft.metadata.finalizers = left;
      else delete draft.metadata.finalizers;
    });
  }

  async #edit(target: Target, change: (draft: KubeObject) => void): Promise<void> {
    const request = {
      target,
      subresource: '' as const,
      change: (current: KubeObject) => {
        const draft = cloneJson<KubeObject>(current);
        change(draft);
        return draft;
      },
    };
    await updateObject(this.#context, request, options);
  }
}

/** Starts the garbage collector. @returns stops it */
export const startGarbageCollector = (context: ApiContext): (() => void) => {
  const collector = new GarbageCollector(context);
  const stops = resourceTable.map((definition) =>
    context.store
      .collection(collectionKey(definition))
      .subscribe((change) => collector.observe(definition, change)),
  );
  return () => {
    for (const stop of stops) stop();
    collector.stop();
  };
};

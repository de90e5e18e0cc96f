import type { Client } from '../client.ts';
import type { Informer } from '../informer.ts';
import { type KubernetesObject, type LabelSelector, type Resource, selects } from '../objects.ts';
import { isStatus } from '../transport.ts';
import { ownerReference } from './keys.ts';
import { byController, orphansOf } from './sources.ts';

/**
 * The objects that an owner controls: those it made, and those without a controller that its selector matches, which it
 * adopts. What it controls but selects no longer (a relabelled Pod) is released.
 */
export const claim = async <O extends KubernetesObject, T extends KubernetesObject>(
  client: Client,
  ownerOf: Resource<O>,
  owner: O & { readonly spec: { readonly selector: LabelSelector } },
  of: Resource<T>,
  informer: Informer<T>,
): Promise<T[]> => {
  const { uid, namespace = 'default', deletionTimestamp } = owner.metadata;
  const matches = (object: T): boolean => selects(owner.spec.selector, object.metadata.labels);
  const setOwners = async (object: T, ownerReferences: readonly unknown[]): Promise<void> => {
    const metadata = {
      uid: object.metadata.uid,
      resourceVersion: object.metadata.resourceVersion,
      ownerReferences,
    };
    try {
      informer.learn(await client.patch(of, namespace, object.metadata.name, 'merge', { metadata }));
    } catch (error) {
      // Gone, or changed meanwhile: its own change brings us back.
      if (!isStatus(error, 404) && !isStatus(error, 409) && !isStatus(error, 422)) throw error;
    }
  };
  if (deletionTimestamp === undefined) {
    for (const object of informer.by(byController, uid)) {
      if (matches(object) || object.metadata.deletionTimestamp !== undefined) continue;
      await setOwners(
        object,
        (object.metadata.ownerReferences ?? []).filter((other) => other.uid !== uid),
      );
    }
    for (const object of informer.by(byController, orphansOf(namespace))) {
      if (!matches(object) || object.metadata.deletionTimestamp !== undefined) continue;
      await setOwners(object, [...(object.metadata.ownerReferences ?? []), ownerReference(ownerOf, owner)]);
    }
  }
  return informer.by(byController, uid);
};

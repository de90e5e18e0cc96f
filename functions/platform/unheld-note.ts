import * as z from 'zod/mini';
import type { ObjectRef } from '../../shared/model/facts.ts';
import type { Store } from '../../shared/queue/store/store.ts';

const noteName = 'unheld';

const schema: z.ZodMiniType<readonly ObjectRef[]> = z.array(
  z.object({ kind: z.literal('Pod'), namespace: z.string(), name: z.string(), uid: z.string() }),
);

/**
 * Tells workers which gates nobody holds; a forwarder that invokes the readiness function tells it directly. Some are
 * told again each time, because the store may have lost them; that there are none (any more) is told once.
 */
export const createUnheldNote = (
  store: Pick<Store, 'writeNote'>,
): ((pods: readonly ObjectRef[]) => Promise<void>) => {
  let toldNone = false;
  return async (pods) => {
    if (pods.length === 0 && toldNone) return;
    await store.writeNote(noteName, JSON.stringify(pods));
    toldNone = pods.length === 0;
  };
};

export const readUnheld = async (store: Pick<Store, 'readNote'>): Promise<readonly ObjectRef[]> => {
  const note = await store.readNote(noteName);
  return note === undefined ? [] : schema.parse(JSON.parse(note));
};

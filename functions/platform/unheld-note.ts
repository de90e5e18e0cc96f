import * as z from 'zod/mini';
import type { ObjectRef } from '../../shared/model/facts.ts';
import type { Store } from '../../shared/queue/store/store.ts';

const noteName = 'unheld';

const schema: z.ZodMiniType<readonly ObjectRef[]> = z.array(
  z.object({ kind: z.literal('Pod'), namespace: z.string(), name: z.string(), uid: z.string() }),
);

/** Tells workers which gates nobody holds; a forwarder that invokes the readiness function tells it directly. */
export const writeUnheld = (store: Pick<Store, 'writeNote'>, pods: readonly ObjectRef[]): Promise<void> =>
  store.writeNote(noteName, JSON.stringify(pods));

export const readUnheld = async (store: Pick<Store, 'readNote'>): Promise<readonly ObjectRef[]> => {
  const note = await store.readNote(noteName);
  return note === undefined ? [] : schema.parse(JSON.parse(note));
};

import * as z from 'zod/mini';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { seal, unseal } from '../../shared/process/seal.ts';
import type { Store } from '../../shared/queue/store/store.ts';

/** How the functions reach the cluster: no long-lived token exists, and none is in their settings. */
export interface ApiAccess {
  /** URL of the API server. */
  readonly server: string;
  /** PEM; absent: a public authority. */
  readonly ca?: string;
  readonly token: string;
  /** Unix ms. */
  readonly expiresAt: number;
}

const noteName = 'api-access';

const schema = z.object({
  server: z.string(),
  ca: z.exactOptional(z.string()),
  token: z.string(),
  expiresAt: z.number(),
});

export const writeApiAccess = (
  store: Pick<Store, 'writeNote'>,
  access: ApiAccess,
  key: Buffer,
): Promise<void> => store.writeNote(noteName, seal(JSON.stringify(access), key));

/** Undefined: the forwarder has not written it yet. @throws SealError when the key is another one than its */
export const readApiAccess = async (
  store: Pick<Store, 'readNote'>,
  key: Buffer,
): Promise<ApiAccess | undefined> => {
  const sealed = await store.readNote(noteName);
  return sealed === undefined ? undefined : schema.parse(JSON.parse(unseal(sealed, key)));
};

/** Read again so long before it ends: by then the forwarder has renewed it. */
const renewedMs = 60_000;

/**
 * A connection that goes where the store says, as whom the store says. It is read with the first request, and again
 * when its token nears its end or was refused.
 */
export const storedConnection = (
  store: Pick<Store, 'readNote'>,
  key: Buffer,
  now: () => number,
): Connection => {
  let current: { readonly access: ApiAccess; readonly connection: Connection } | undefined;
  let stale = false;

  const read = async (): Promise<string> => {
    if (current !== undefined && !stale && now() < current.access.expiresAt - renewedMs) {
      return current.access.token;
    }
    const access = await readApiAccess(store, key);
    if (access === undefined) throw new Error('The forwarder has not told yet how to reach the API server.');
    stale = false;
    const same = current?.access.server === access.server && current.access.ca === access.ca;
    if (current !== undefined && same) current = { ...current, access };
    else {
      current?.connection.close();
      const { server, ca } = access;
      current = { access, connection: connectionOf({ server, ...(ca === undefined ? {} : { ca }) }) };
    }
    return access.token;
  };
  const connection = (): Connection => {
    if (current === undefined) throw new Error('A request begins with its token.');
    return current.connection;
  };
  return {
    get server() {
      return connection().server;
    },
    get agent() {
      return connection().agent;
    },
    credentials: {
      token: read,
      reload: () => {
        stale = true;
        return true;
      },
    },
    close: () => current?.connection.close(),
  };
};

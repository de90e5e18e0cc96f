import type { Connection } from '../../shared/kubernetes/connection.ts';
import { requestToken } from '../../shared/kubernetes/service-account-token.ts';
import type { Clock } from '../../shared/model/clock.ts';
import type { Log } from '../../shared/process/log.ts';
import type { Store } from '../../shared/queue/store/store.ts';
import { writeApiAccess } from '../platform/api-access.ts';

export interface ApiTokenDependencies {
  readonly connection: Connection;
  readonly store: Pick<Store, 'writeNote'>;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly key: Buffer;
  /** Where the functions reach the API server, if not where we do. */
  readonly apiServer?: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps in the store how the functions reach the API server, with a token that lives. */
export interface ApiToken {
  /** Written anew: a store that was taken over may have lost it. Never throws: what fails is tried again. */
  writeNow(): Promise<void>;
  /** Renews it in time until the signal aborts. */
  keep(signal: AbortSignal): Promise<void>;
}

const retryMs = 2_000;
/**
 * So often it is renewed, though it lives for an hour: if somebody deletes the account and makes it anew, the old
 * token is refused from then on.
 */
const renewMs = 30_000;

export const createApiToken = (dependencies: ApiTokenDependencies): ApiToken => {
  const { connection, store, namespace, serviceAccount, key, apiServer, clock, log } = dependencies;
  let renewAtMs = 0;

  const writeNow = async (): Promise<void> => {
    try {
      const asked = clock.now();
      const { token, expiresAt } = await requestToken(connection, { namespace, name: serviceAccount });
      const ca = apiServer === undefined ? connection.ca : undefined;
      const server = apiServer ?? connection.server.href;
      await writeApiAccess(store, { server, ...(ca === undefined ? {} : { ca }), token, expiresAt }, key);
      renewAtMs = asked + renewMs;
    } catch (error) {
      log.warn('The functions’ API token could not be renewed; it is tried again.', {
        serviceAccount,
        error,
      });
      renewAtMs = clock.now() + retryMs;
    }
  };
  return {
    writeNow,
    keep: async (signal) => {
      while (!signal.aborted) {
        if (clock.now() >= renewAtMs) await writeNow();
        await clock.sleep(Math.max(retryMs, renewAtMs - clock.now()), signal);
      }
    },
  };
};

import type { Connection } from './connection.ts';
import { record, text, unixMs } from './facts/read.ts';
import { requestJson } from './request.ts';

export interface ServiceAccountToken {
  readonly token: string;
  /** Unix ms. */
  readonly expiresAt: number;
}

/** The shortest life that the API server grants is ten minutes. */
const lifeSeconds = 3_600;

/**
 * A short-lived token of a ServiceAccount (TokenRequest): good until it expires or the account is deleted, and nobody
 * else's.
 *
 * @throws KubernetesError
 */
export const requestToken = async (
  connection: Connection,
  account: { readonly namespace: string; readonly name: string },
): Promise<ServiceAccountToken> => {
  const [namespace, name] = [encodeURIComponent(account.namespace), encodeURIComponent(account.name)];
  const answer = await requestJson(connection, {
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: lifeSeconds },
    },
  });
  const status = record(record(answer)['status']);
  const token = text(status['token']);
  const expiresAt = unixMs(status['expirationTimestamp']);
  if (token === undefined || expiresAt === undefined) {
    throw new Error('The API server answered a TokenRequest without a token.');
  }
  return { token, expiresAt };
};

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeconfigYaml } from '../cluster/api-server/kubeconfig.ts';
import type { Client } from '../cluster/client.ts';
import { pathOf, serviceAccounts } from '../cluster/objects.ts';
import { createPrivateFolder } from '../private-folder.ts';
import { createRights } from './rights.ts';
import { ownNamespace } from './webhook-object.ts';

/** `standalone` is forwarder and functions in one process. */
export type AccountName = 'forwarder' | 'functions' | 'standalone';

const serviceAccountOf: Record<AccountName, string> = {
  forwarder: 'clb-direct-forwarder',
  functions: 'clb-direct-functions',
  standalone: 'clb-direct-standalone',
};

/** The ServiceAccounts of this project; its processes are nobody else in a sandbox. */
export interface Accounts {
  /**
   * A kubeconfig with a token of the account, which the API server signed and which ends within the hour. The file is
   * written anew before that, as a kubelet does with a projected token.
   */
  kubeconfigOf(account: AccountName): Promise<string>;
  /** A new token of the account; it is bound to nothing but the account. */
  tokenOf(account: AccountName): Promise<string>;
  /** Writes the files of now, whatever time it is. */
  renew(): Promise<void>;
  close(): void;
}

const tokenSeconds = 3_600;
const renewMs = (tokenSeconds * 1_000 * 2) / 3;
const retryMs = 5_000;

/** Creates the accounts with the rights of `infra/deploy/rbac.yaml` in a cluster that has none of it yet. */
export const createAccounts = async (client: Client): Promise<Accounts> => {
  await createRights(client, ownNamespace, serviceAccountOf.standalone);
  const folder = createPrivateFolder();
  const files = new Map<AccountName, string>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const tokenOf = async (account: AccountName): Promise<string> => {
    const path = `${pathOf(serviceAccounts, ownNamespace, serviceAccountOf[account])}/token`;
    const { status } = await client.request<{ readonly status: { readonly token: string } }>('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: tokenSeconds },
    });
    return status.token;
  };
  const write = async (account: AccountName, file: string): Promise<void> => {
    const { url, ca } = client.access;
    const config = kubeconfigYaml({ name: 'sandbox', url, caPem: ca, token: await tokenOf(account) });
    // A reader sees the old one or the new one, never half of it.
    writeFileSync(`${file}.new`, config, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const renew = async (): Promise<void> => {
    for (const [account, file] of files) await write(account, file);
  };
  const renewIn = (ms: number): void => {
    if (closed) return;
    timer = setTimeout(() => {
      renew().then(
        () => renewIn(renewMs),
        () => renewIn(retryMs),
      );
    }, ms).unref();
  };
  renewIn(renewMs);
  return {
    kubeconfigOf: async (account) => {
      const file = join(folder.path, `${account}.kubeconfig`);
      await write(account, file);
      files.set(account, file);
      return file;
    },
    tokenOf,
    renew,
    close: () => {
      closed = true;
      clearTimeout(timer);
      folder.remove();
    },
  };
};

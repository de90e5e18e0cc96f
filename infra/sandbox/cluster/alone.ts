import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { claimAddresses } from '../addresses.ts';
import { startCluster } from './cluster.ts';

export interface ClusterAloneOptions {
  /** Where the API server listens; default 127.0.0.1 and a free port. */
  readonly listen?: { readonly host?: string; readonly port?: number };
  /** Where to write the kubeconfig, readable by its owner only. */
  readonly kubeconfigFile: string;
  /** Ends it; default: SIGTERM and SIGINT do. */
  readonly signal?: AbortSignal;
  readonly programsDir?: string;
  /** Writes the one line that says it is ready; default: to stdout. */
  readonly print?: (line: string) => void;
}

const untilTerminated = (): AbortSignal => {
  const ended = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => ended.abort());
  return ended.signal;
};

/**
 * Runs a cluster alone for other people's clients, `kubectl` among them: API server, controllers, kubelets. Prints one
 * line of JSON when it is ready, and resolves when it has ended.
 */
export const runClusterAlone = async (options: ClusterAloneOptions): Promise<void> => {
  const signal = options.signal ?? untilTerminated();
  const addresses = await claimAddresses();
  try {
    const cluster = await startCluster({
      addresses,
      ...(options.listen === undefined ? {} : { api: { listen: options.listen } }),
      ...(options.programsDir === undefined ? {} : { programsDir: options.programsDir }),
    });
    try {
      await writeFile(options.kubeconfigFile, cluster.kubeconfig(), { mode: 0o600 });
      await chmod(options.kubeconfigFile, 0o600);
      const line = JSON.stringify({ ready: true, url: cluster.api.url, kubeconfig: options.kubeconfigFile });
      (options.print ?? ((text) => process.stdout.write(`${text}\n`)))(line);
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      await cluster.close();
    }
  } finally {
    await addresses.release();
  }
};

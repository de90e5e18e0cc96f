import { Command } from 'commander';
import { runClusterAlone } from '../sandbox/cluster/alone.ts';
import { loopbackAddress } from './arguments.ts';
import { sandboxClbCommand } from './sandbox-clb.ts';

interface ClusterFlags {
  readonly listen?: { readonly host: string; readonly port: number };
  readonly kubeconfig: string;
}

const cluster = (): Command =>
  new Command('cluster')
    .summary('the Kubernetes cluster alone')
    .description(
      'The Kubernetes cluster alone, for kubectl and others. Prints one line of JSON when it is ready and runs until SIGTERM or Ctrl-C.',
    )
    .requiredOption('--kubeconfig <file>', 'where to write how to reach it')
    .option('--listen <host:port>', 'where its API server listens', loopbackAddress)
    .action(async (flags: ClusterFlags) => {
      await runClusterAlone({
        kubeconfigFile: flags.kubeconfig,
        ...(flags.listen === undefined ? {} : { listen: flags.listen }),
      });
      process.exit(0);
    });

export const sandboxCommand = (): Command =>
  new Command('sandbox')
    .description('one part of the sandbox alone, for clients of your own')
    .addCommand(sandboxClbCommand())
    .addCommand(cluster());

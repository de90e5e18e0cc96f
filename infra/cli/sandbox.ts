import { Command } from 'commander';
import { type HttpsAlone, runClbAlone } from '../sandbox/clb/alone.ts';
import { runClusterAlone } from '../sandbox/cluster/alone.ts';
import { loopbackAddress, positiveNumber } from './arguments.ts';

interface ClbFlags {
  readonly listen: { readonly host: string; readonly port: number };
  readonly speed: number;
  readonly region?: string;
  readonly https?: true | { readonly host: string; readonly port: number };
  readonly httpsCertificate?: string;
  readonly httpsKey?: string;
  readonly caFile?: string;
}

interface ClusterFlags {
  readonly listen?: { readonly host: string; readonly port: number };
  readonly kubeconfig: string;
}

const httpsOf = (flags: ClbFlags, command: Command): HttpsAlone | undefined => {
  const { https, httpsCertificate: certificateFile, httpsKey: keyFile, caFile } = flags;
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    command.error('error: --https-certificate and --https-key belong together');
  }
  if (https === undefined && certificateFile === undefined && caFile === undefined) return undefined;
  return {
    ...(typeof https === 'object' ? { listen: https } : {}),
    ...(certificateFile === undefined || keyFile === undefined
      ? {}
      : { given: { certificateFile, keyFile } }),
    ...(caFile === undefined ? {} : { caFile }),
  };
};

const clb = (): Command =>
  new Command('clb')
    .summary('the CLB simulator alone')
    .description(
      'The CLB simulator alone, for any Tencent Cloud SDK. Prints one line of JSON when it is ready (url, region, secretId, secretKey) and runs until SIGTERM or Ctrl-C.',
    )
    .option('--listen <host:port>', 'where its API listens; port 0: any', loopbackAddress, {
      host: '127.0.0.1',
      port: 0,
    })
    .option('--region <region>', 'the one region it serves (default: ap-guangzhou)')
    .option('--speed <n>', 'divides the times that the real CLB takes', positiveNumber, 1)
    .option(
      '--https [host:port]',
      "HTTPS too, under the API's own host names; the HTTP address is then a proxy that leads to them",
      loopbackAddress,
    )
    .option('--https-certificate <file>', 'PEM of its certificate and chain (default: one is made)')
    .option('--https-key <file>', "PEM of that certificate's key")
    .option('--ca-file <file>', 'where to write who vouches for the certificate that is made')
    .action(async (flags: ClbFlags, command: Command) => {
      const https = httpsOf(flags, command);
      await runClbAlone({
        ...(https === undefined ? {} : { https }),
        listen: flags.listen,
        speed: flags.speed,
        ...(flags.region === undefined ? {} : { region: flags.region }),
      });
      process.exit(0);
    });

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
    .addCommand(clb())
    .addCommand(cluster());

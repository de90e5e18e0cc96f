import { Command } from 'commander';
import { NoControlPlane, provideAssets } from '../sandbox/control-plane/assets.ts';

export const controlPlaneCommand = (): Command =>
  new Command('control-plane')
    .summary('a real Kubernetes control plane, built once')
    .description(
      'Builds etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl from source, once (about five minutes, with Go), and prints the folder as KUBEBUILDER_ASSETS. Where that is set already, nothing is built.',
    )
    .action(async () => {
      try {
        const { folder } = await provideAssets((line) => process.stderr.write(`${line}\n`));
        process.stdout.write(`export KUBEBUILDER_ASSETS=${folder}\n`);
      } catch (error) {
        if (!(error instanceof NoControlPlane)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exit(1);
      }
    });

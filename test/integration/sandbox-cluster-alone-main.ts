// A cluster alone in a process of its own, for tests that kill it. Arguments: kubeconfig file, folder of programs.
import { runClusterAlone } from '../../infra/sandbox/cluster/alone.ts';

const [kubeconfigFile = '', programsDir = ''] = process.argv.slice(2);
await runClusterAlone({ kubeconfigFile, programsDir });

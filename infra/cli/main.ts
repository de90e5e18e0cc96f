import { Command } from 'commander';
import { benchCommand } from './bench.ts';
import { controlPlaneCommand } from './control-plane.ts';
import { devCommand } from './dev.ts';
import { endWithNpm } from './end-with-npm.ts';
import { replayCommand } from './replay.ts';
import { sandboxCommand } from './sandbox.ts';
import { soakCommand } from './soak.ts';
import { startCommand } from './start.ts';
import { witnessCommand } from './witness.ts';

endWithNpm();

const program = new Command('clb-direct')
  .description(
    'Points Tencent Cloud Load Balancers straight at Kubernetes Pods, so that a rolling update loses no request. These commands run it on this machine: a cluster, a CLB and everything between them, on loopback only.',
  )
  .showHelpAfterError('(--help says what there is)')
  .addCommand(startCommand())
  .addCommand(sandboxCommand())
  .addCommand(soakCommand())
  .addCommand(controlPlaneCommand())
  .addCommand(benchCommand())
  .addCommand(witnessCommand())
  .addCommand(replayCommand())
  .addCommand(devCommand());

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

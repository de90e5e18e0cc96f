// Images without a server of their own (`busybox`, `alpine`): runs the declared command on this machine and passes
// signals and the exit code on.
import { spawn } from 'node:child_process';
import { dieWithSandbox, tellUp } from './container.ts';

dieWithSandbox();
const [program = 'sleep', ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(127);
});
child.on('exit', (code) => process.exit(code ?? 137));
process.on('exit', () => child.kill('SIGKILL'));
process.on('SIGTERM', () => child.kill('SIGTERM'));
tellUp();

import { spawn } from 'node:child_process';
import type { Guard } from '../../guard.ts';

export interface CommandOptions {
  readonly env: Record<string, string>;
  readonly guard: Guard;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * Runs a command of an exec probe or hook on this machine, with the container's environment and in a process group of
 * its own. Resolves with the exit code: 127 when it cannot be started, 137 when it was killed.
 */
export const runCommand = (
  command: readonly string[],
  { env, guard, signal }: CommandOptions,
): Promise<number> =>
  new Promise((resolve) => {
    const [program, ...args] = command;
    if (program === undefined || signal.aborted) {
      resolve(program === undefined ? 127 : 137);
      return;
    }
    const child = spawn(program, args, { env, detached: true, stdio: 'ignore', cwd: '/' });
    const { pid } = child;
    if (pid !== undefined) guard.add(pid);
    const kill = (): void => {
      if (pid === undefined) return;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Already gone.
      }
    };
    const end = (code: number): void => {
      signal.removeEventListener('abort', kill);
      if (pid !== undefined) guard.remove(pid);
      resolve(code);
    };
    signal.addEventListener('abort', kill, { once: true });
    child.once('error', () => end(127));
    child.once('exit', (code) => end(code ?? 137));
  });

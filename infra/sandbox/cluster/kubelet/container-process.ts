import { type ChildProcess, spawn } from 'node:child_process';
import type { Guard } from '../../guard.ts';

/** How a container's process ended. */
export interface Exit {
  readonly exitCode: number;
  readonly signal?: number;
  /** The last lines it wrote. */
  readonly output: string;
}

export interface ContainerProcess {
  readonly pid: number | undefined;
  readonly exited: Promise<Exit>;
  /** SIGTERM to the first process, as a container runtime does. */
  terminate(): void;
  /** SIGKILL to the whole group. */
  kill(): void;
  output(): string;
}

const keptOutput = 16_384;

/** A container program needs little: a small heap and one helper thread keep a Pod near 40 MB. */
const nodeFlags = ['--max-old-space-size=48', '--max-semi-space-size=1', '--v8-pool-size=1'];

/**
 * Starts a built program as a container: detached, in a process group of its own, its stdin a pipe that breaks when
 * this process ends.
 */
export const startContainerProcess = (
  file: string,
  args: readonly string[],
  env: Record<string, string>,
  guard: Guard,
): ContainerProcess => {
  const child: ChildProcess = spawn(process.execPath, [...nodeFlags, file, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: { UV_THREADPOOL_SIZE: '1', ...env },
  });
  const { pid } = child;
  if (pid !== undefined) guard.add(pid);
  child.stdin?.on('error', () => undefined);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = `${output}${chunk}`.slice(-keptOutput);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => resolve({ exitCode: 128, output: error.message }));
    child.once('exit', (code, signal) => {
      if (pid !== undefined) {
        // What it started itself ends with it, as the processes of a container do.
        killGroup(pid);
        guard.remove(pid);
      }
      if (signal === null) resolve({ exitCode: code ?? 0, output });
      else
        resolve({
          exitCode: signal === 'SIGKILL' ? 137 : 143,
          signal: signal === 'SIGKILL' ? 9 : 15,
          output,
        });
    });
  });
  // The program says so when its signal handlers are in place; before that, SIGTERM would just kill it.
  const up = new Promise<void>((resolve) => {
    child.stdio[3]?.once('data', () => resolve());
    child.stdio[3]?.on('error', () => resolve());
  });
  return {
    pid,
    exited,
    terminate: () => {
      void up.then(() => child.kill('SIGTERM'));
    },
    kill: () => {
      if (pid !== undefined) killGroup(pid);
    },
    output: () => output,
  };
};

const killGroup = (pid: number): void => {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
};

import { type ChildProcess, spawn } from 'node:child_process';
import { programFile } from './program-files.ts';

/** Kills what is left of a sandbox when its process is gone, also after kill -9. */
export interface Guard {
  /** From now on this process group dies with the sandbox. */
  add(pid: number): void;
  /** The group has ended: its number may be anybody's soon. */
  remove(pid: number): void;
  close(): void;
}

/** Starts the guard process; it is started again if it dies. */
export const startGuard = (programsDir?: string): Guard => {
  const file = programFile('infra/sandbox/guard-main', programsDir);
  const groups = new Set<number>();
  let closed = false;
  let child: ChildProcess;
  const tell = (line: string): void => {
    child.stdin?.write(`${line}\n`);
  };
  const start = (): void => {
    child = spawn(process.execPath, ['--max-old-space-size=16', file], {
      // Its own session: a Ctrl-C in the terminal must not reach it before it is needed.
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
      cwd: '/',
    });
    child.unref();
    child.stdin?.on('error', () => undefined);
    child.once('exit', () => {
      if (!closed) start();
    });
    child.once('error', () => undefined);
    for (const pid of groups) tell(`+${pid}`);
  };
  start();
  return {
    add: (pid) => {
      groups.add(pid);
      tell(`+${pid}`);
    },
    remove: (pid) => {
      groups.delete(pid);
      tell(`-${pid}`);
    },
    close: () => {
      closed = true;
      child.stdin?.end();
    },
  };
};

import { readFileSync } from 'node:fs';

/** As Go says them, in which the platforms' supervisors are written. */
const signalWords: Partial<Record<NodeJS.Signals, string>> = {
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGILL: 'illegal instruction',
  SIGINT: 'interrupt',
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
  SIGTRAP: 'trace/breakpoint trap',
};

/** Why a runtime's process is gone, in the platform's words. */
export const howItExited = (code: number | null, signal: NodeJS.Signals | null): string => {
  if (signal !== null) return `Runtime exited with error: signal: ${signalWords[signal] ?? signal}`;
  return code === 0
    ? 'Runtime exited without providing a reason'
    : `Runtime exited with error: exit status ${code}`;
};

/** The most memory that a process has had so far; 0 where the system does not tell. */
export const peakBytes = (pid: number | undefined): number => {
  if (pid === undefined) return 0;
  try {
    const [, kilobytes = '0'] =
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
};

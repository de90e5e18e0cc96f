import { spawn } from 'node:child_process';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number;
  /** Both streams, as they came. */
  readonly output: string;
}

/** Longest that one command may take; nothing here takes a tenth of it, downloads apart. */
const limitMs = 600_000;

/** Runs a command to its end; a program that is not there ends with 127. */
export const runCommand = ({ command, args, cwd, env = {} }: Command): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    let output = '';
    const add = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', add);
    child.stderr.on('data', add);
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => {
      process.off('exit', end);
      resolve({ code: code ?? 1, output });
    });
  });

/** @throws Error with what it wrote, where a command does not end well */
export const mustRun = async (command: Command): Promise<string> => {
  const { code, output } = await runCommand(command);
  if (code === 0) return output;
  throw new Error(`${command.command} ${command.args.join(' ')} ended with ${code}:\n${output}`);
};

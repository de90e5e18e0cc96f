import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = `${root}dist/infra/cli/main.mjs`;

/** The world under test is the command's world, too. */
const world = (): { readonly CLB_SETTINGS?: string } => {
  const settings = process.env['CLB_SETTINGS'];
  return settings === undefined ? {} : { CLB_SETTINGS: settings };
};

/** The `clb-direct` command under way, as a user would start it. */
export interface Command {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Lines so far. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** Resolves with the first line (of either stream) that matches; rejects when the command ends before. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** Resolves with the exit code once it has ended; null: a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Starts a verb. Whoever starts it ends it: see {@link Command.child}. */
export const startCommand = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Command =>
  follow(process.execPath, [main, ...args], env);

/** Starts a program in the clone. */
export const follow = (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Command => {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      ...world(),
      ...env,
    },
  });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const listeners = new Set<(line: string) => void>();
  for (const [stream, lines] of [
    [child.stdout, stdout],
    [child.stderr, stderr],
  ] as const) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const listener of listeners) listener(line);
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const tail = (): string => [...stderr.slice(-30), ...stdout.slice(-5)].join('\n');
  return {
    child,
    pid: child.pid ?? 0,
    stdout,
    stderr,
    ended,
    line: (pattern, timeoutMs = 60_000) =>
      new Promise((resolve, reject) => {
        const known = [...stdout, ...stderr].find((line) => pattern.test(line));
        if (known !== undefined) {
          resolve(known);
          return;
        }
        const end = (): void => {
          clearTimeout(timer);
          listeners.delete(look);
        };
        const look = (line: string): void => {
          if (!pattern.test(line)) return;
          end();
          resolve(line);
        };
        const timer = setTimeout(() => {
          end();
          reject(new Error(`No line ${pattern} within ${timeoutMs} ms:\n${tail()}`));
        }, timeoutMs);
        listeners.add(look);
        void ended.then((code) => {
          end();
          reject(new Error(`It ended with ${code} before a line ${pattern}:\n${tail()}`));
        });
      }),
  };
};

/** What a verb that ends with one JSON object came to. */
export interface Ran {
  readonly exitCode: number | null;
  readonly result: Record<string, unknown>;
  /** Everything it said, for the message of a test that fails. */
  readonly said: string;
}

/** Runs `start --once --json` to its end. */
export const runOnce = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  runJson(['start', '--once', '--json', ...args], env);

/** Runs a verb to its end; its last line on stdout is one JSON object. */
export const runJson = async (
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> => {
  const command = startCommand(args, env);
  const exitCode = await command.ended;
  const said = command.stderr.join('\n');
  const last = command.stdout.at(-1);
  if (last === undefined) throw new Error(`${args[0]} ended with ${exitCode} and no result:\n${said}`);
  // In the strict world the command's CLB must have been a strict one.
  if (args[0] === 'start')
    expect(said.includes('CLB_SETTINGS=strict'), said).toBe({ ...world(), ...env }.CLB_SETTINGS === 'strict');
  const result: Record<string, unknown> = JSON.parse(last);
  return { exitCode, result, said };
};

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
}

const processes = (): ProcessRow[] =>
  execFileSync('ps', ['-Ao', 'pid=,ppid=,stat='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [pid = '', parent = '', state = 'Z'] = line.trim().split(/\s+/);
      // A zombie is no process any more: its new parent has not looked yet.
      return state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent) }];
    });

/** A process and all that it has started, directly or not. */
export const treeOf = (root: number): number[] => {
  const all = processes();
  const tree = [root];
  for (const pid of tree) {
    tree.push(...all.filter(({ parent }) => parent === pid).map((row) => row.pid));
  }
  return tree;
};

/** Those of the processes that still run. */
export const alive = (pids: readonly number[]): number[] => {
  const all = new Set(processes().map(({ pid }) => pid));
  return pids.filter((pid) => all.has(pid));
};

const inodesOf = (pid: number): string[] => {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    // It has ended meanwhile.
    return [];
  }
};

/** `0100007F` is 127.0.0.1: the kernel writes IPv4 addresses in its own byte order. */
const hostOf = (hex: string): string =>
  (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');

/** Sockets that these processes listen on, from the kernel's own table; empty on other systems than Linux. */
export const listeningSockets = (pids: readonly number[]): { host: string; port: number }[] => {
  if (process.platform !== 'linux') return [];
  const inodes = new Set(pids.flatMap(inodesOf));
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state !== '0A' || !inodes.has(inode)) return [];
      const [host = '', port = ''] = local.split(':');
      return [{ host: hostOf(host), port: Number.parseInt(port, 16) }];
    });
};

/** Whether somebody answers there. */
export const answers = ({ host, port }: { host: string; port: number }): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** Resolves when the condition holds. */
export const until = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> => {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** What it said is shown only when the test fails: it names the history file and how to replay it. */
export const expectLossless = ({ exitCode, result, said }: Ran): void => {
  expect(result, said).toMatchObject({ failed: 0, reset: 0 });
  expect(exitCode, said).toBe(0);
};

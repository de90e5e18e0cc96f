import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { SocketAddress } from '../addresses.ts';
import { programFile } from '../program-files.ts';

export interface KeptProcessOptions {
  /** Shown to people: `forwarder-a`. */
  readonly name: string;
  /** One of `infra/cli/programs.mjs`, such as `functions/platform/standalone`. */
  readonly program: string;
  /** All of its environment; nothing of this process's own is added. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it serves /readyz. */
  readonly health: SocketAddress;
  /** Options of Node itself. Default: stack traces by the sources. */
  readonly nodeOptions?: readonly string[];
  readonly programsDir?: string;
  /** Each line that it writes. */
  readonly onLine?: (line: string) => void;
  readonly onStarted?: (pid: number) => void;
  readonly onEnded?: (pid: number, how: string) => void;
}

/** A program of this project, kept running as a Deployment would. */
export interface KeptProcess {
  readonly name: string;
  /** Undefined between two lives. */
  readonly pid: number | undefined;
  /**
   * Resolves when /readyz answers 200.
   *
   * @throws Error with what it wrote last, when it refuses its settings or is not ready in time
   */
  ready(timeoutMs: number): Promise<void>;
  /** The lines of /readyz; empty while it does not answer. */
  readyz(): Promise<readonly string[]>;
  /** The lines of /metrics; empty while it does not answer. */
  metrics(): Promise<readonly string[]>;
  /** Killed or told to end, it is started again, as a Deployment would. */
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends it for good; resolves when the process is gone. */
  close(): Promise<void>;
}

/** `EX_CONFIG`: it will not start with these settings, however often. */
const wrongSettings = 78;
/** The first end is answered at once, as the kubelet does; after that it waits longer each time. */
const firstBackOffMs = 250;
const lastBackOffMs = 10_000;
/** Who has lived so long starts again without delay the next time. */
const steadyMs = 10_000;
const keptLines = 40;

const ask = (
  { host, port }: SocketAddress,
  path: '/readyz' | '/metrics',
): Promise<{ readonly ok: boolean; readonly lines: readonly string[] }> =>
  new Promise((resolve) => {
    const silent = (): void => resolve({ ok: false, lines: [] });
    const asked = request({ host, port, path, timeout: 1000, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('error', silent);
      response.on('end', () => resolve({ ok: response.statusCode === 200, lines: body.trim().split('\n') }));
    });
    asked.on('error', silent);
    asked.on('timeout', () => asked.destroy());
    asked.end();
  });

/** Starts the program, and again whenever it ends. */
export const keepProcess = (options: KeptProcessOptions): KeptProcess => {
  const file = programFile(options.program, options.programsDir);
  const last: string[] = [];
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let backOffMs = 0;
  let closed = false;
  let refused = false;

  const read = (stream: Readable | null): Interface | undefined => {
    if (stream === null) return undefined;
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => {
      last.push(line);
      if (last.length > keptLines) last.shift();
      options.onLine?.(line);
    });
    return lines;
  };

  const start = (): void => {
    const startedMs = Date.now();
    const started = spawn(process.execPath, [...(options.nodeOptions ?? ['--enable-source-maps']), file], {
      // A group of its own: a Ctrl-C in the terminal is for the sandbox, which then ends it.
      detached: true,
      // It ends when its stdin does, so that it never outlives this process.
      stdio: ['pipe', 'pipe', 'pipe'],
      env: options.env,
      cwd: '/',
    });
    child = started;
    started.stdin?.on('error', () => undefined);
    read(started.stdout);
    read(started.stderr);
    const { pid = 0 } = started;
    started.once('spawn', () => options.onStarted?.(pid));
    started.once('error', (error) => last.push(error.message));
    started.once('close', (code, signal) => {
      child = undefined;
      options.onEnded?.(pid, signal ?? `exit code ${code}`);
      refused = code === wrongSettings;
      if (closed || refused) return;
      if (Date.now() - startedMs > steadyMs) backOffMs = 0;
      restart = setTimeout(start, backOffMs);
      backOffMs = Math.min(Math.max(firstBackOffMs, backOffMs * 2), lastBackOffMs);
    });
  };
  start();

  return {
    name: options.name,
    get pid() {
      return child?.pid;
    },
    ready: async (timeoutMs) => {
      const deadline = Date.now() + timeoutMs;
      while (!(await ask(options.health, '/readyz')).ok) {
        if (refused || closed || Date.now() > deadline) {
          throw new Error(
            `${options.name} ${refused ? 'refused its settings' : `was not ready within ${timeoutMs} ms`}:\n${last.join('\n')}`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    readyz: async () => (await ask(options.health, '/readyz')).lines,
    metrics: async () => (await ask(options.health, '/metrics')).lines,
    kill: (signal) => void child?.kill(signal),
    close: async () => {
      closed = true;
      clearTimeout(restart);
      const ending = child;
      if (ending === undefined) return;
      const gone = new Promise((resolve) => ending.once('close', resolve));
      ending.kill('SIGKILL');
      await gone;
    },
  };
};

import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import type { Guard } from '../guard.ts';
import { wholeBody } from '../net/message.ts';
import { programFile } from '../program-files.ts';
import type { Invocation, InvocationEnd } from './invocation.ts';
import { howItExited, peakBytes } from './process-end.ts';
import { accept, askedOf, invalidState, judge, type RuntimeProtocol, refuse } from './runtime-api.ts';

export type InstanceState = 'starting' | 'busy' | 'frozen' | 'ended';

export interface InstanceOptions {
  readonly protocol: RuntimeProtocol;
  /** Exports the handlers; or an executable `bootstrap`, which brings its own runtime. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly memoryMb: number;
  readonly initTimeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly guard: Guard;
  readonly nodePath: string;
  readonly programsDir?: string;
  readonly onLine: (line: string) => void;
  readonly onState: (state: InstanceState) => void;
}

/** An invocation's lines, as much as an invoker may ask for. */
const maxLogBytes = 4_096;
const maxLogLines = 1_000;

/** One process of a function: it asks for events, and is stopped whenever it has none. */
export class Instance {
  readonly #options: InstanceOptions;
  readonly #server: Server;
  #child: ChildProcess | undefined;
  #state: InstanceState = 'starting';
  #initialised = false;
  /** The process asks for an event and waits. */
  #asking: ServerResponse | undefined;
  #invocation: Invocation | undefined;
  /** Request id of the invocation that was answered last, until the next event is asked for. */
  #answered: string | undefined;
  #settle: ((end: InvocationEnd) => void) | undefined;
  #ready: (() => void) | undefined;
  #initEnd: InvocationEnd | undefined;
  #invocations = 0;
  #peakBytes = 0;
  readonly #lines: string[] = [];

  private constructor(options: InstanceOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  /** Starts it; what becomes of that is told by `ready`. */
  static async start(options: InstanceOptions): Promise<Instance> {
    const instance = new Instance(options);
    await new Promise<void>((resolve) => instance.#server.listen(0, '127.0.0.1', resolve));
    instance.#spawn();
    return instance;
  }

  get state(): InstanceState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get invocations(): number {
    return this.#invocations;
  }

  /** The most memory it had when an invocation ended. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  #become(state: InstanceState): void {
    if (this.#state === state || this.#state === 'ended') return;
    this.#state = state;
    this.#options.onState(state);
  }

  #spawn(): void {
    const { protocol, file, env, memoryMb, guard, nodePath } = this.#options;
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const runtime = (): string => programFile(protocol.bootstrap, this.#options.programsDir);
    const [program, args] =
      basename(file) === 'bootstrap'
        ? [file, []]
        : [nodePath, [`--max-old-space-size=${memoryMb}`, runtime(), file]];
    const child = spawn(program, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd: dirname(file),
      env: {
        PATH: process.env['PATH'] ?? '',
        ...env,
        ...protocol.environment({ host: '127.0.0.1', port }, file),
      },
    });
    this.#child = child;
    child.stdin?.on('error', () => undefined);
    if (child.pid !== undefined) guard.add(child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines.push(line);
        if (this.#lines.length > maxLogLines) this.#lines.shift();
        this.#options.onLine(line);
      });
    }
    const ended = (how: string): void => {
      if (child.pid !== undefined) guard.remove(child.pid);
      this.#end(how);
    };
    child.once('error', (error) => ended(`Runtime exited with error: ${error.message}`));
    child.once('close', (code, signal) => ended(howItExited(code, signal)));
  }

  #end(how: string): void {
    this.#become('ended');
    this.#server.close();
    this.#server.closeAllConnections();
    const ranOut = this.#lines.some((line) => line.includes('JavaScript heap out of memory'));
    const exited = ranOut ? 'out-of-memory' : this.#initialised ? 'exited' : 'init-exited';
    this.#initEnd ??= { is: exited, how };
    this.#ready?.();
    this.#finish({ is: exited, how });
  }

  /**
   * Waits until it can take events.
   *
   * @param withinMs how long from now
   * @returns undefined when it can; else why it never will
   */
  async ready(withinMs = this.#options.initTimeoutMs): Promise<InvocationEnd | undefined> {
    if (!this.#initialised && this.#state !== 'ended') {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.#initEnd ??= { is: 'init-timed-out' };
          this.#discard();
          resolve();
        }, withinMs);
        this.#ready = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.#state === 'ended' ? (this.#initEnd ?? { is: 'init-timed-out' }) : undefined;
  }

  /** Hands an event over, at once or when it asks for one. */
  invoke(invocation: Invocation): Promise<InvocationEnd> {
    this.#invocations += 1;
    this.#invocation = invocation;
    // What was written while it was initialised belongs to its first invocation.
    if (this.#invocations > 1) this.#lines.length = 0;
    this.#become('busy');
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => {
          this.#finish({ is: 'timed-out' });
          this.#discard();
        },
        Math.max(0, invocation.deadlineMs - Date.now()),
      );
      this.#settle = (end) => {
        clearTimeout(timer);
        resolve(end);
      };
      this.kill('SIGCONT');
      this.#handOver();
    });
  }

  /** The end of what the last invocation has written: what was written before its answer is in it. */
  async log(): Promise<string> {
    // Pipe and answer come by different ways; one turn of the loop reads both.
    await turn();
    const text = Buffer.from(this.#lines.map((line) => `${line}\n`).join(''));
    return text.subarray(-maxLogBytes).toString('utf8');
  }

  /** It counts no more, however long its process takes to go. */
  #discard(): void {
    this.kill('SIGKILL');
    this.#become('ended');
  }

  #finish(end: InvocationEnd): void {
    const settle = this.#settle;
    if (settle !== undefined) this.#peakBytes = peakBytes(this.pid) || this.#peakBytes;
    this.#settle = undefined;
    this.#answered = this.#invocation?.requestId ?? this.#answered;
    this.#invocation = undefined;
    settle?.(end);
  }

  #handOver(): void {
    const [asking, invocation] = [this.#asking, this.#invocation];
    if (asking === undefined || invocation === undefined) return;
    this.#asking = undefined;
    asking.writeHead(200, {
      'content-type': 'application/json',
      ...this.#options.protocol.eventHeaders(invocation),
    });
    asking.end(invocation.event);
  }

  #next(response: ServerResponse): void {
    this.#asking = response;
    response.on('close', () => {
      if (this.#asking === response) this.#asking = undefined;
    });
    this.#answered = undefined;
    if (this.#options.protocol.ready === undefined) this.#initialise();
    // Asked again within an invocation: the same event.
    if (this.#invocation !== undefined) this.#handOver();
    else if (this.#initialised) this.#freeze();
  }

  #initialise(): void {
    if (this.#initialised) return;
    this.#initialised = true;
    this.#ready?.();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { protocol, maxAnswerBytes } = this.#options;
    const asked = askedOf(protocol, request);
    if (asked.is === 'next') return this.#next(response);
    const body = await wholeBody(request);
    if (asked.is === 'unknown') {
      response.writeHead(asked.status).end();
    } else if (asked.is === 'ready') {
      accept(response, 200);
      this.#initialise();
      if (this.#asking !== undefined && this.#invocation === undefined) this.#freeze();
    } else if (asked.is === 'init-error') {
      if (this.#initialised) return refuse(response, invalidState('Ready', 'InitError'));
      // It has to exit now, and that is waited for: what it writes until then is in its log.
      this.#initEnd ??= { is: 'init-failed', body };
      accept(response, 202);
    } else {
      const known = { underWay: this.#invocation?.requestId, answered: this.#answered, maxAnswerBytes };
      const { refusal, end } = judge(protocol, known, { ...asked, headers: request.headers, body });
      if (refusal === undefined) accept(response, 202);
      else refuse(response, refusal);
      if (end !== undefined) this.#finish(end);
    }
  }

  /** Nothing of it runs until the next event. */
  #freeze(): void {
    this.#become('frozen');
    this.kill('SIGSTOP');
  }

  kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#state === 'ended') return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Already gone.
    }
  }
}

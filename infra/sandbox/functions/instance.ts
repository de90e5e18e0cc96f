import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as turn } from 'node:timers/promises';
import type { Guard } from '../guard.ts';
import { programFile } from '../program-files.ts';

/** What an instance is asked to do. */
export interface Invocation {
  readonly requestId: string;
  /** JSON, as it came. */
  readonly event: Buffer;
  /** Unix ms when the platform ends it. */
  readonly deadlineMs: number;
}

export type InvocationEnd =
  | { readonly is: 'answer'; readonly body: Buffer }
  /** The handler threw; what the runtime told of it. */
  | { readonly is: 'error'; readonly body: Buffer }
  | { readonly is: 'timed-out' }
  | { readonly is: 'exited'; readonly how: string }
  | { readonly is: 'init-failed'; readonly body: Buffer }
  | { readonly is: 'too-large'; readonly bytes: number };

export type InstanceState = 'starting' | 'busy' | 'frozen' | 'ended';

/** The paths of a platform's runtime API, and how an event is handed over in it. */
export interface RuntimeProtocol {
  /** Program that plays the platform's runtime inside the instance. */
  readonly bootstrap: string;
  readonly next: { readonly method: string; readonly path: string };
  /** Which invocation it answers is what the path has in parentheses, or it is the one under way. */
  readonly response: RegExp;
  readonly error: RegExp;
  readonly initError?: RegExp;
  /** Told once, before the first `next`. */
  readonly ready?: RegExp;
  eventHeaders(invocation: Invocation): Record<string, string>;
  /** @param file what is run; its name is the first part of the handler's */
  environment(api: { readonly host: string; readonly port: number }, file: string): Record<string, string>;
}

export interface InstanceOptions {
  readonly protocol: RuntimeProtocol;
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

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** One process of a function: it asks for events, and is stopped whenever it has none. */
export class Instance {
  readonly #options: InstanceOptions;
  readonly #server: Server;
  #child: ChildProcess | undefined;
  #state: InstanceState = 'starting';
  /** The process asks for an event and waits. */
  #asking: ServerResponse | undefined;
  #invocation: Invocation | undefined;
  #settle: ((end: InvocationEnd) => void) | undefined;
  #ready: (() => void) | undefined;
  #initEnd: InvocationEnd | undefined;
  #invocations = 0;
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

  #become(state: InstanceState): void {
    if (this.#state === state || this.#state === 'ended') return;
    this.#state = state;
    this.#options.onState(state);
  }

  #spawn(): void {
    const { protocol, file, env, memoryMb, guard, nodePath } = this.#options;
    const address = this.#server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const child = spawn(
      nodePath,
      [`--max-old-space-size=${memoryMb}`, programFile(protocol.bootstrap, this.#options.programsDir), file],
      {
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe'],
        cwd: dirname(file),
        env: {
          PATH: process.env['PATH'] ?? '',
          ...env,
          ...protocol.environment({ host: '127.0.0.1', port }, file),
        },
      },
    );
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
      this.#end({ is: 'exited', how });
    };
    child.once('error', (error) => ended(error.message));
    child.once('close', (code, signal) =>
      ended(signal === null ? `exit status ${code}` : `signal: ${signal}`),
    );
  }

  #end(end: InvocationEnd): void {
    this.#become('ended');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#initEnd ??= end;
    this.#ready?.();
    this.#finish(this.#initEnd.is === 'init-failed' ? this.#initEnd : end);
  }

  /** Undefined: it can take events. */
  async ready(): Promise<InvocationEnd | undefined> {
    if (this.#asking !== undefined) return undefined;
    if (this.#initEnd !== undefined) return this.#initEnd;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#initEnd = { is: 'timed-out' };
        this.#discard();
        resolve();
      }, this.#options.initTimeoutMs);
      this.#ready = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.#asking === undefined ? (this.#initEnd ?? { is: 'timed-out' }) : undefined;
  }

  /** Hands an event over; it must be frozen. */
  invoke(invocation: Invocation): Promise<InvocationEnd> {
    this.#invocations += 1;
    this.#invocation = invocation;
    this.#lines.length = 0;
    this.#become('busy');
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => {
          this.#discard();
          this.#finish({ is: 'timed-out' });
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
    this.#settle = undefined;
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

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { protocol, maxAnswerBytes } = this.#options;
    const path = (request.url ?? '').split('?')[0] ?? '';
    const accepted = (status = 202): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end('{"status":"OK"}');
    };
    if (request.method === protocol.next.method && path === protocol.next.path) {
      this.#asking = response;
      response.on('close', () => {
        if (this.#asking === response) this.#asking = undefined;
      });
      // Asked again within an invocation: the same event.
      if (this.#invocation === undefined) this.#freeze();
      else this.#handOver();
      this.#ready?.();
      return;
    }
    const body = await read(request);
    if (protocol.ready?.test(path) === true) {
      accepted(200);
      return;
    }
    if (protocol.initError?.test(path) === true) {
      this.#initEnd = { is: 'init-failed', body };
      accepted();
      return;
    }
    const told = protocol.response.exec(path) ?? protocol.error.exec(path);
    if (told === null) {
      response.writeHead(404).end();
    } else if (!this.#isUnderWay(told)) {
      // Nobody waits for it any more, or it was never asked for.
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}');
    } else if (protocol.response.test(path)) {
      if (body.length > maxAnswerBytes) {
        response.writeHead(413).end();
        this.#finish({ is: 'too-large', bytes: body.length });
      } else {
        accepted();
        this.#finish({ is: 'answer', body });
      }
    } else {
      accepted();
      this.#finish({ is: 'error', body });
    }
  }

  #isUnderWay(match: RegExpExecArray): boolean {
    const [, requestId = this.#invocation?.requestId] = match;
    return this.#invocation !== undefined && requestId === this.#invocation.requestId;
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

import { randomUUID } from 'node:crypto';
import { Instance, type InstanceOptions, type InstanceState, type InvocationEnd } from './instance.ts';

export interface FunctionSpec {
  readonly name: string;
  /** Built file that exports `handler` and `main_handler`. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly memoryMb?: number;
  readonly timeoutMs?: number;
  /** At most so many instances; one more invocation is refused. */
  readonly concurrency?: number;
}

/** Something that happened to a function. */
export interface FunctionChange {
  readonly name: string;
  readonly change: 'cold-start' | 'begin' | 'end' | 'frozen' | 'gone' | 'refused';
  readonly pid: number | undefined;
  /** Of an invocation that ended: how, and how long it took. */
  readonly outcome?: InvocationEnd['is'];
  readonly ms?: number;
}

export interface InstanceSeen {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: InstanceState;
  readonly invocations: number;
}

export type Invoked =
  | { readonly is: 'refused' }
  | { readonly is: 'ended'; readonly end: InvocationEnd; readonly requestId: string; readonly ms: number };

const idleMs = 120_000;

/** The instances of one function: as many as there are invocations at a time, kept frozen for the next. */
export class Pool {
  readonly spec: FunctionSpec;
  readonly #common: Omit<InstanceOptions, 'file' | 'env' | 'memoryMb' | 'onState' | 'onLine'>;
  readonly #onLine: (line: string, name: string) => void;
  readonly #onChange: (change: FunctionChange) => void;
  readonly #instances = new Set<Instance>();
  readonly #free = new Map<Instance, NodeJS.Timeout>();
  #closed = false;

  constructor(
    spec: FunctionSpec,
    common: Omit<InstanceOptions, 'file' | 'env' | 'memoryMb' | 'onState' | 'onLine'>,
    onLine: (line: string, name: string) => void,
    onChange: (change: FunctionChange) => void,
  ) {
    this.spec = spec;
    this.#common = common;
    this.#onLine = onLine;
    this.#onChange = onChange;
  }

  get timeoutMs(): number {
    return this.spec.timeoutMs ?? 60_000;
  }

  get instances(): readonly InstanceSeen[] {
    return [...this.#instances].map(({ pid, state, invocations }) => ({
      name: this.spec.name,
      pid,
      state,
      invocations,
    }));
  }

  #tell(change: FunctionChange['change'], instance?: Instance, more: Partial<FunctionChange> = {}): void {
    this.#onChange({ name: this.spec.name, change, pid: instance?.pid, ...more });
  }

  /** One that waits, or a new one; undefined: all are busy. */
  async #take(): Promise<Instance | undefined> {
    for (const [instance, timer] of this.#free) {
      clearTimeout(timer);
      this.#free.delete(instance);
      if (instance.state === 'frozen') return instance;
    }
    if (this.#closed || this.#instances.size >= (this.spec.concurrency ?? 10)) return undefined;
    const { file, env, memoryMb = 256 } = this.spec;
    let started: Instance | undefined;
    const instance = await Instance.start({
      ...this.#common,
      file,
      env,
      memoryMb,
      onLine: (line) => this.#onLine(line, this.spec.name),
      onState: (state) => {
        if (state === 'frozen') this.#tell('frozen', started);
        if (state !== 'ended' || started === undefined) return;
        this.#instances.delete(started);
        this.#tell('gone', started);
      },
    });
    started = instance;
    if (instance.state !== 'ended') this.#instances.add(instance);
    this.#tell('cold-start', instance);
    return instance;
  }

  async invoke(event: Buffer): Promise<Invoked> {
    const requestId = randomUUID();
    const startedMs = Date.now();
    const instance = await this.#take();
    if (instance === undefined) {
      this.#tell('refused');
      return { is: 'refused' };
    }
    const failed = await instance.ready();
    this.#tell('begin', instance);
    const end =
      failed ?? (await instance.invoke({ requestId, event, deadlineMs: Date.now() + this.timeoutMs }));
    const ms = Date.now() - startedMs;
    this.#tell('end', instance, { outcome: end.is, ms });
    if (instance.state !== 'ended') {
      const timer = setTimeout(() => instance.kill('SIGKILL'), idleMs);
      this.#free.set(instance, timer.unref());
    }
    return { is: 'ended', end, requestId, ms };
  }

  /** @returns how many it met */
  kill(signal: NodeJS.Signals, which: InstanceState | 'any'): number {
    const met = [...this.#instances].filter(({ state }) => which === 'any' || state === which);
    for (const instance of met) instance.kill(signal);
    return met.length;
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#free.values()) clearTimeout(timer);
    this.#free.clear();
    this.kill('SIGKILL', 'any');
  }
}

import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { Instance, type InstanceOptions, type InstanceState } from './instance.ts';
import type { InvocationEnd } from './invocation.ts';

export interface FunctionSpec {
  readonly name: string;
  /** Built file that exports `handler` and `main_handler`. */
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  /** SCF: temporary credentials of the function's role, which the platform hands over. */
  readonly role?: RoleCredentials;
  readonly memoryMb?: number;
  readonly timeoutMs?: number;
  /** At most so many instances; one more invocation is refused. */
  readonly concurrency?: number;
}

/** Good for a while; how long is the platform's. */
export interface RoleCredentials {
  readonly secretId: string;
  readonly secretKey: string;
  readonly token: string;
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
  | {
      readonly is: 'ended';
      readonly end: InvocationEnd;
      readonly requestId: string;
      readonly ms: number;
      /** The last 4 KB of what it wrote. */
      readonly log: string;
      readonly peakBytes: number;
    };

export interface InvokeOptions {
  /** Told to the invoker already; default: a new one. */
  readonly requestId?: string;
  readonly clientContext?: string;
}

const idleMs = 120_000;
/** So long an invocation waits for an instance that has just answered, before it begins with a new one. */
const settleMs = 1_000;

/** The instances of one function: as many as there are invocations at a time, kept frozen for the next. */
export class Pool {
  readonly spec: FunctionSpec;
  readonly #common: Omit<InstanceOptions, 'file' | 'env' | 'memoryMb' | 'onState' | 'onLine'>;
  readonly #onLine: (line: string, name: string) => void;
  readonly #onChange: (change: FunctionChange) => void;
  readonly #instances = new Set<Instance>();
  /** Asks for an event; ended when nobody has one for it. */
  readonly #free = new Map<Instance, NodeJS.Timeout>();
  /** An invocation's own; also when it is gone, until the invocation is over. */
  readonly #taken = new Set<Instance>();
  readonly #freed = new EventEmitter().setMaxListeners(0);
  #starting = 0;
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

  get memoryMb(): number {
    return this.spec.memoryMb ?? 256;
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

  #nextFree(): Instance | undefined {
    const [free] = this.#free;
    if (free === undefined) return undefined;
    const [instance, timer] = free;
    clearTimeout(timer);
    this.#free.delete(instance);
    this.#taken.add(instance);
    return instance;
  }

  /** Its invocation is over and it asks for another one. */
  #giveBack(instance: Instance): void {
    if (this.#taken.has(instance) || instance.state !== 'frozen') return;
    const timer = setTimeout(() => {
      this.#free.delete(instance);
      instance.kill('SIGKILL');
    }, idleMs);
    this.#free.set(instance, timer.unref());
    this.#freed.emit('freed');
  }

  #gone(instance: Instance): void {
    clearTimeout(this.#free.get(instance));
    this.#free.delete(instance);
    if (this.#instances.delete(instance)) this.#tell('gone', instance);
    this.#freed.emit('freed');
  }

  /** Has answered, and will ask for another event at any moment. */
  #isSettling(): boolean {
    return [...this.#instances].some((instance) => instance.state === 'busy' && !this.#taken.has(instance));
  }

  /** One that waits, or a new one; undefined: all are busy. */
  async #take(): Promise<Instance | undefined> {
    const free = this.#nextFree();
    if (free !== undefined) return free;
    if (this.#isSettling()) {
      await once(this.#freed, 'freed', { signal: AbortSignal.timeout(settleMs) }).catch(() => undefined);
      const freed = this.#nextFree();
      if (freed !== undefined) return freed;
    }
    const limit = this.spec.concurrency ?? 10;
    const used = new Set([...this.#instances, ...this.#taken]).size + this.#starting;
    return this.#closed || used >= limit ? undefined : this.#start();
  }

  async #start(): Promise<Instance> {
    this.#starting += 1;
    const { file, env } = this.spec;
    let started: Instance | undefined;
    const instance = await Instance.start({
      ...this.#common,
      file,
      env,
      memoryMb: this.memoryMb,
      onLine: (line) => this.#onLine(line, this.spec.name),
      onState: (state) => {
        if (started === undefined) return;
        if (state === 'frozen') {
          this.#tell('frozen', started);
          this.#giveBack(started);
        }
        if (state === 'ended') this.#gone(started);
      },
    }).finally(() => {
      this.#starting -= 1;
    });
    started = instance;
    if (instance.state !== 'ended') this.#instances.add(instance);
    this.#taken.add(instance);
    this.#tell('cold-start', instance);
    if (this.#closed) instance.kill('SIGKILL');
    return instance;
  }

  async invoke(
    event: Buffer,
    { requestId = randomUUID(), clientContext }: InvokeOptions = {},
  ): Promise<Invoked> {
    const startedMs = Date.now();
    let instance = await this.#take();
    if (instance === undefined) {
      this.#tell('refused');
      return { is: 'refused' };
    }
    let failed = await instance.ready();
    const deadlineMs = Date.now() + this.timeoutMs;
    if (failed !== undefined && this.#common.protocol.initAgain && !this.#closed) {
      const first = instance;
      instance = await this.#start();
      this.#taken.delete(first);
      failed = await instance.ready(Math.max(0, deadlineMs - Date.now()));
    }
    this.#tell('begin', instance);
    const invocation = {
      requestId,
      event,
      deadlineMs,
      ...(clientContext === undefined ? {} : { clientContext }),
    };
    const end = failed ?? (await instance.invoke(invocation));
    const ms = Date.now() - startedMs;
    this.#tell('end', instance, { outcome: end.is, ms });
    this.#taken.delete(instance);
    this.#giveBack(instance);
    return { is: 'ended', end, requestId, ms, log: await instance.log(), peakBytes: instance.peakBytes };
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

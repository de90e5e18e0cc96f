import { createServer } from 'node:http';
import type { Guard } from '../guard.ts';
import { again, EventQueue } from './event-queue.ts';
import type { FrontDoorOptions } from './front-door.ts';
import type { InstanceState } from './instance.ts';
import { lambdaDoor } from './lambda-door.ts';
import { type FunctionChange, type FunctionSpec, type InstanceSeen, Pool } from './pool.ts';
import { lambdaRuntime, limits, scfRuntime } from './protocols.ts';
import { scfDoor } from './scf-door.ts';

export interface FunctionHostOptions {
  readonly platform: 'lambda' | 'scf';
  readonly region: string;
  readonly functions: readonly FunctionSpec[];
  /** Who may invoke. */
  readonly credentials: { readonly id: string; readonly key: string };
  readonly guard: Guard;
  /** Another Node than this one, for the instances. */
  readonly nodePath?: string;
  /** How long an instance may take to get ready; default: the platform's. */
  readonly initTimeoutMs?: number;
  /** How many times faster than on the platform an event that nobody waits for is tried again. */
  readonly queueSpeed?: number;
  readonly programsDir?: string;
  readonly onLine?: (line: string, name: string) => void;
  readonly onChange?: (change: FunctionChange) => void;
}

/** The functions of a cloud on one machine: its invoke API, and instances that are frozen between invocations. */
export interface FunctionHost {
  /** `host:port` of the invoke API, over plain HTTP. */
  readonly endpoint: string;
  instances(): readonly InstanceSeen[];
  /** Events that nobody waits for, and that are tried now or later. */
  queued(): number;
  /** Sends a signal to the instances of a function (of all, without a name). @returns how many it met */
  kill(signal: NodeJS.Signals, which: InstanceState | 'any', name?: string): number;
  /** Every invocation is refused as too many, until it is taken back. */
  refuse(refusing: boolean): void;
  /** The next so many answers are lost after the function has ended. */
  dropAnswers(count: number): void;
  close(): Promise<void>;
}

export const startFunctions = async (options: FunctionHostOptions): Promise<FunctionHost> => {
  const { platform, region, guard } = options;
  const pools = new Map(
    options.functions.map((spec): [string, Pool] => {
      const { name, role, memoryMb = 256, timeoutMs = 60_000 } = spec;
      const runtime = { name, region, memoryMb, timeoutMs, ...(role === undefined ? {} : { role }) };
      return [
        name,
        new Pool(
          spec,
          {
            protocol: platform === 'lambda' ? lambdaRuntime(runtime) : scfRuntime(runtime),
            initTimeoutMs: options.initTimeoutMs ?? limits[platform].initTimeoutMs,
            maxAnswerBytes: limits[platform].maxAnswerBytes,
            guard,
            nodePath: options.nodePath ?? process.execPath,
            ...(options.programsDir === undefined ? {} : { programsDir: options.programsDir }),
          },
          (line, name) => options.onLine?.(line, name),
          (change) => options.onChange?.(change),
        ),
      ];
    }),
  );
  const queue = new EventQueue(again[platform], options.queueSpeed);
  let refusing = false;
  let dropping = 0;
  const clients: FrontDoorOptions = {
    region,
    credentials: options.credentials,
    find: (name) => pools.get(name),
    queue,
    refusing: () => refusing,
    dropAnswer: () => {
      dropping -= 1;
      return dropping >= 0;
    },
  };
  const door = platform === 'lambda' ? lambdaDoor(clients) : scfDoor(clients);
  const server = createServer((request, response) => {
    door(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `127.0.0.1:${port}`,
    instances: () => [...pools.values()].flatMap((pool) => pool.instances),
    queued: () => queue.size,
    kill: (signal, which, name) =>
      [...pools.values()]
        .filter(({ spec }) => name === undefined || spec.name === name)
        .reduce((met, pool) => met + pool.kill(signal, which), 0),
    refuse: (on) => {
      refusing = on;
    },
    dropAnswers: (count) => {
      dropping = count;
    },
    close: async () => {
      queue.close();
      for (const pool of pools.values()) pool.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
};

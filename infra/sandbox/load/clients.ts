import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Addresses } from '../addresses.ts';
import { programFile } from '../program-files.ts';
import type { ClientKind, ClientReport, ClientSettings } from './report.ts';

/** One client, in ordinary addresses. */
export interface ClientSpec {
  readonly name: string;
  readonly kind: ClientKind;
  /** Its own address; default: a free one of the range `client`. */
  readonly ip?: string;
  readonly target: { readonly ip: string; readonly port: number };
  /** Default `/`, for `slow` `/slow?ms=2000`. */
  readonly path?: string;
  /** Default 50, for `slow` 4. */
  readonly ratePerSecond?: number;
  /** Kept connections (default 8), or the most requests in flight (default 64). */
  readonly connections?: number;
  /** Default 30 000: a machine that is busy with other things may take its time. */
  readonly timeoutMs?: number;
}

export interface ClientsOptions {
  readonly addresses: Addresses;
  readonly clients: readonly ClientSpec[];
  readonly onReport?: (report: ClientReport) => void;
  /** Default 200. */
  readonly reportEveryMs?: number;
  /** How many of the first failures each client keeps; default 20. */
  readonly failuresKept?: number;
  readonly programsDir?: string;
}

/** Client processes under way. */
export interface Clients {
  /** The newest report of each, in the order they were asked for; those that have not reported yet are left out. */
  reports(): ClientReport[];
  /** Each client's own address. */
  readonly ips: readonly string[];
  /**
   * Sends nothing more, waits for what is in flight and resolves with the last reports.
   *
   * @throws when a client process has ended by itself: its numbers would be too small
   */
  stop(): Promise<ClientReport[]>;
  /** Ends the processes at once. */
  close(): void;
}

const isKept = (kind: ClientKind): boolean => kind === 'keep-alive' || kind === 'slow' || kind === 'tcp';

const settingsOf = (spec: ClientSpec, ip: string, options: ClientsOptions): ClientSettings => {
  const { addresses } = options;
  const slow = spec.kind === 'slow';
  const source = addresses.sourceOf(ip);
  return {
    name: spec.name,
    kind: spec.kind,
    target: addresses.socketOf(spec.target.ip, spec.target.port),
    ...(source === undefined ? {} : { source }),
    host: spec.target.port === 80 ? spec.target.ip : `${spec.target.ip}:${spec.target.port}`,
    path: spec.path ?? (slow ? '/slow?ms=2000' : '/'),
    ratePerSecond: spec.ratePerSecond ?? (slow ? 4 : 50),
    connections: spec.connections ?? (isKept(spec.kind) ? (slow ? 16 : 8) : 64),
    timeoutMs: spec.timeoutMs ?? 30_000,
    reportEveryMs: options.reportEveryMs ?? 200,
    failuresKept: options.failuresKept ?? 20,
  };
};

/** With ordinary addresses again, as Pods would have told them. */
const ordinary = (report: ClientReport, addresses: Addresses): ClientReport => {
  const seenAs: Record<string, number> = {};
  for (const [ip, count] of Object.entries(report.seenAs)) {
    const key = addresses.ordinary(ip);
    seenAs[key] = (seenAs[key] ?? 0) + count;
  }
  return { ...report, seenAs };
};

interface RunningClient {
  readonly ip: string;
  /** Whether the address is ours to give back. */
  readonly own: boolean;
  readonly child: ChildProcess;
  readonly exited: Promise<void>;
  report: ClientReport | undefined;
}

/** Starts each client as a process of its own; they end with this process, however it ends. */
export const startClients = (options: ClientsOptions): Clients => {
  const { addresses } = options;
  const file = programFile('infra/sandbox/load/client-main', options.programsDir);
  const running = options.clients.map((spec) => {
    const ip = spec.ip ?? addresses.allocate('client');
    const settings = settingsOf(spec, ip, options);
    const child: ChildProcess = spawn(process.execPath, [file, JSON.stringify(settings)], {
      // In a group of its own: a Ctrl-C is for the sandbox, which then ends its clients in order.
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
      env: {},
    });
    child.stdin?.on('error', () => undefined);
    const client: RunningClient = {
      ip,
      own: spec.ip === undefined,
      child,
      report: undefined,
      exited: new Promise<void>((resolve) => {
        child.once('close', () => resolve());
        child.once('error', () => resolve());
      }),
    };
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const report: ClientReport = JSON.parse(line);
        client.report = ordinary(report, addresses);
        options.onReport?.(client.report);
      });
    }
    return { name: spec.name, client };
  });

  const close = (): void => {
    for (const { client } of running) {
      client.child.stdin?.end();
      if (client.own) addresses.free(client.ip);
    }
  };
  return {
    ips: running.map(({ client }) => client.ip),
    reports: () => running.flatMap(({ client }) => client.report ?? []),
    stop: async () => {
      for (const { client } of running) client.child.stdin?.write('stop\n');
      await Promise.all(running.map(({ client }) => client.exited));
      close();
      const lost = running.filter(({ client }) => client.report?.final !== true).map(({ name }) => name);
      if (lost.length > 0) throw new Error(`These clients ended without a last report: ${lost.join(', ')}.`);
      return running.flatMap(({ client }) => client.report ?? []);
    },
    close,
  };
};

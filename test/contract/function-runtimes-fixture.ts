import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { scf } from 'tencentcloud-sdk-nodejs/tencentcloud/services/scf/index.js';
import { afterEach } from 'vitest';
import { type FunctionHost, startFunctions } from '../../infra/sandbox/functions/host.ts';
import type { FunctionChange, FunctionSpec } from '../../infra/sandbox/functions/pool.ts';
import { startGuard } from '../../infra/sandbox/guard.ts';
import { until } from '../integration/sandbox-programs.ts';

export type Platform = 'lambda' | 'scf';
export const region = 'ap-guangzhou';
export const credentials = { id: 'AKIDcontract', key: 'contractKey' };

/** A function that does what its event asks for; both platforms find their handler in it. */
const obedient = `
const { appendFileSync, existsSync, writeFileSync } = require('node:fs');
let calls = 0;
let last = Date.now();
let longestPauseMs = 0;
setInterval(() => {
  longestPauseMs = Math.max(longestPauseMs, Date.now() - last);
  last = Date.now();
}, 2);
const seen = (context) => ({
  ...context,
  remainingMs: context.getRemainingTimeInMillis?.() ?? context.time_limit_in_ms,
});
const handle = async (event, context) => {
  calls += 1;
  if (event.log) console.log(event.log);
  if (event.complain) console.error(event.complain);
  if (event.write) writeFileSync(event.write, String(context.awsRequestId ?? context.request_id));
  if (event.append) appendFileSync(event.append, String(context.awsRequestId ?? context.request_id) + '\\n');
  if (event.throw) throw new TypeError(event.throw);
  if (event.exit !== undefined) process.exit(event.exit);
  if (event.fill) for (const kept = []; ; ) kept.push('x'.repeat(1_000).split(''));
  if (event.hang) await new Promise(() => {});
  if (event.letters) return 'x'.repeat(event.letters);
  while (event.until && !existsSync(event.until)) await new Promise((resolve) => setTimeout(resolve, 10));
  // The pause that has just ended is seen by the next tick only.
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { event, context: seen(context), env: process.env, cwd: process.cwd(), pid: process.pid, node: process.version, calls, longestPauseMs };
};
exports.handler = handle;
exports.main_handler = handle;
`;

/** What the obedient function answers. */
export interface Seen {
  readonly event: unknown;
  readonly context: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly pid: number;
  /** The version of its Node. */
  readonly node: string;
  readonly calls: number;
  readonly longestPauseMs: number;
}

export interface InvokeOptions {
  readonly type?: 'Event' | 'DryRun';
  readonly tail?: true;
  /** Lambda only. */
  readonly clientContext?: unknown;
}

/** What a client of the platform is told of an invocation. */
export interface Told {
  readonly requestId: string | undefined;
  /** JSON text. */
  readonly answer: string;
  /** Lambda: `FunctionError`; SCF: `InvokeResult`. */
  readonly failed: string | number | undefined;
  readonly log: string;
  /** SCF only: the most memory it had. */
  readonly memoryBytes: number | undefined;
}

export interface Client {
  /** @throws what the official SDK throws */
  invoke(name: string, event: unknown, options?: InvokeOptions): Promise<Told>;
  /** Not JSON perhaps. */
  invokeText(name: string, text: string, options?: InvokeOptions): Promise<Told>;
}

type Key = typeof credentials;

/** The official client, as it is. */
export const lambdaSdk = (endpoint: string, { id, key }: Key = credentials): LambdaClient =>
  new LambdaClient({
    region,
    endpoint: `http://${endpoint}`,
    credentials: { accessKeyId: id, secretAccessKey: key },
    maxAttempts: 1,
  });

const lambdaClient = (endpoint: string, key: Key): Client => {
  const client = lambdaSdk(endpoint, key);
  const send = async (
    FunctionName: string,
    text: string,
    { type, tail, clientContext }: InvokeOptions = {},
  ): Promise<Told> => {
    const answer = await client.send(
      new InvokeCommand({
        FunctionName,
        InvocationType: type ?? 'RequestResponse',
        Payload: Buffer.from(text),
        ...(tail === undefined ? {} : { LogType: 'Tail' }),
        ...(clientContext === undefined
          ? {}
          : { ClientContext: Buffer.from(JSON.stringify(clientContext)).toString('base64') }),
      }),
    );
    return {
      requestId: answer.$metadata.requestId,
      answer: Buffer.from(answer.Payload ?? []).toString('utf8'),
      failed: answer.FunctionError,
      log: Buffer.from(answer.LogResult ?? '', 'base64').toString('utf8'),
      memoryBytes: undefined,
    };
  };
  return {
    invoke: (name, event, options) => send(name, JSON.stringify(event), options),
    invokeText: (name, text, options) => send(name, text, options),
  };
};

/** The official client, as it is. */
export const scfSdk = (endpoint: string, { id, key }: Key = credentials) =>
  new scf.v20180416.Client({
    credential: { secretId: id, secretKey: key },
    region,
    profile: { httpProfile: { endpoint, protocol: 'http://', reqTimeout: 60 } },
  });

const scfClient = (endpoint: string, key: Key): Client => {
  const client = scfSdk(endpoint, key);
  const send = async (
    FunctionName: string,
    ClientContext: string,
    { type, tail }: InvokeOptions = {},
  ): Promise<Told> => {
    const { Result: result } = await client.Invoke({
      FunctionName,
      ClientContext,
      InvocationType: type ?? 'RequestResponse',
      ...(tail === undefined ? {} : { LogType: 'Tail' }),
    });
    const failed = result?.InvokeResult === 0 ? undefined : result?.InvokeResult;
    return {
      requestId: result?.FunctionRequestId,
      answer: (failed === undefined ? result?.RetMsg : result?.ErrMsg) ?? '',
      failed,
      log: result?.Log ?? '',
      memoryBytes: result?.MemUsage,
    };
  };
  return {
    invoke: (name, event, options) => send(name, JSON.stringify(event), options),
    invokeText: (name, text, options) => send(name, text, options),
  };
};

export const clientOf = (platform: Platform, endpoint: string, key: Key = credentials): Client =>
  platform === 'lambda' ? lambdaClient(endpoint, key) : scfClient(endpoint, key);

export interface Runtime {
  readonly host: FunctionHost;
  readonly client: Client;
  readonly changes: readonly FunctionChange[];
  /** Lines of the instances. */
  readonly lines: readonly string[];
  /** A path in the function's folder. */
  path(name: string): string;
  /** Invokes it with an event that it answers. @throws with what was told, when it failed */
  see(event?: object, name?: string): Promise<Seen>;
  close(): Promise<void>;
}

export interface RuntimeOptions extends Partial<Omit<FunctionSpec, 'name' | 'file'>> {
  /** What is run instead of the obedient function: a file's name and text, or where it is. */
  readonly source?: { readonly name: string; readonly text: string } | { readonly file: string };
  readonly initTimeoutMs?: number;
  readonly queueSpeed?: number;
  /** Another Node than this one. */
  readonly nodePath?: string;
}

/** One function, `it`, on a platform; and a second one, `other`, of the same file. */
export const startRuntime = async (platform: Platform, options: RuntimeOptions = {}): Promise<Runtime> => {
  const { source = { name: 'obedient.cjs', text: obedient }, env = {}, ...more } = options;
  const { initTimeoutMs, queueSpeed, nodePath, ...spec } = more;
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-functions-'));
  const file = 'file' in source ? source.file : join(folder, source.name);
  if ('text' in source) writeFileSync(file, source.text);
  if ('name' in source && source.name === 'bootstrap') chmodSync(file, 0o755);
  const changes: FunctionChange[] = [];
  const lines: string[] = [];
  const guard = startGuard();
  const host = await startFunctions({
    platform,
    region,
    credentials,
    guard,
    functions: ['it', 'other'].map((name) => ({ ...spec, name, file, env })),
    ...(initTimeoutMs === undefined ? {} : { initTimeoutMs }),
    ...(queueSpeed === undefined ? {} : { queueSpeed }),
    ...(nodePath === undefined ? {} : { nodePath }),
    onChange: (change) => void changes.push(change),
    onLine: (line) => void lines.push(line),
  });
  const client = clientOf(platform, host.endpoint);
  return {
    host,
    client,
    changes,
    lines,
    path: (name) => join(folder, name),
    see: async (event = {}, name = 'it') => {
      const told = await client.invoke(name, event);
      if (told.failed !== undefined) throw new Error(`${told.failed}: ${told.answer}`);
      const seen: Seen = JSON.parse(told.answer);
      return seen;
    },
    close: async () => {
      await host.close();
      guard.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Starts runtimes that are closed when their test is over. */
export const runtimesOfTests = (): typeof startRuntime => {
  const runtimes: Runtime[] = [];
  afterEach(async () => {
    for (const runtime of runtimes.splice(0)) await runtime.close();
  });
  return async (platform, options) => {
    const runtime = await startRuntime(platform, options);
    runtimes.push(runtime);
    return runtime;
  };
};

export const coldStarts = ({ changes }: Runtime): number =>
  changes.filter(({ change }) => change === 'cold-start').length;

/** Processes of the instances that have an invocation. */
export const busy = ({ host }: Runtime): number[] =>
  host.instances().flatMap(({ state, pid }) => (state === 'busy' && pid !== undefined ? [pid] : []));

/** Every instance has asked for its next event. */
export const idle = ({ host }: Runtime): Promise<void> =>
  until(() => host.instances().every(({ state }) => state === 'frozen'), 'every instance is stopped');

/** `T` is stopped, `S` waits, `R` runs (proc(5)); undefined: there is no such process. */
export const stateOf = (pid: number): string | undefined => {
  try {
    return /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
};

/** Gone, or a zombie that nobody has asked for yet. */
export const isGone = (pid: number): boolean => [undefined, 'Z', 'X'].includes(stateOf(pid));

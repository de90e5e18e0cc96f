import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { scf } from 'tencentcloud-sdk-nodejs/tencentcloud/services/scf/index.js';
import { type FunctionHost, startFunctions } from '../../infra/sandbox/functions/host.ts';
import type { FunctionChange, FunctionSpec } from '../../infra/sandbox/functions/pool.ts';
import { startGuard } from '../../infra/sandbox/guard.ts';

export type Platform = 'lambda' | 'scf';
export const region = 'ap-guangzhou';
export const credentials = { id: 'AKIDcontract', key: 'contractKey' };

/** A function that does what its event asks for; both platforms find their handler in it. */
const obedient = `
const { existsSync, writeFileSync } = require('node:fs');
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
  if (event.write) writeFileSync(event.write, 'it ran');
  if (event.throw) throw new TypeError(event.throw);
  if (event.exit !== undefined) process.exit(event.exit);
  if (event.hang) await new Promise(() => {});
  if (event.letters) return 'x'.repeat(event.letters);
  while (event.until && !existsSync(event.until)) await new Promise((resolve) => setTimeout(resolve, 10));
  // The pause that has just ended is seen by the next tick only.
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { event, context: seen(context), env: process.env, cwd: process.cwd(), pid: process.pid, calls, longestPauseMs };
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
  readonly calls: number;
  readonly longestPauseMs: number;
}

/** What a client of the platform is told of an invocation. */
export interface Told {
  readonly requestId: string | undefined;
  /** JSON text. */
  readonly answer: string;
  /** Lambda: `FunctionError`; SCF: `InvokeResult`. */
  readonly failed: string | number | undefined;
  readonly log: string;
}

export interface Client {
  /** @throws what the official SDK throws */
  invoke(
    name: string,
    event: unknown,
    options?: { readonly type?: 'Event'; readonly tail?: true },
  ): Promise<Told>;
  /** Not JSON perhaps. */
  invokeText(name: string, text: string): Promise<Told>;
}

type Key = typeof credentials;

const lambdaClient = (endpoint: string, { id, key }: Key): Client => {
  const client = new LambdaClient({
    region,
    endpoint: `http://${endpoint}`,
    credentials: { accessKeyId: id, secretAccessKey: key },
    maxAttempts: 1,
  });
  const send = async (
    FunctionName: string,
    text: string,
    { type, tail }: { type?: 'Event'; tail?: true } = {},
  ): Promise<Told> => {
    const answer = await client.send(
      new InvokeCommand({
        FunctionName,
        InvocationType: type ?? 'RequestResponse',
        Payload: Buffer.from(text),
        ...(tail === undefined ? {} : { LogType: 'Tail' }),
      }),
    );
    return {
      requestId: answer.$metadata.requestId,
      answer: Buffer.from(answer.Payload ?? []).toString('utf8'),
      failed: answer.FunctionError,
      log: Buffer.from(answer.LogResult ?? '', 'base64').toString('utf8'),
    };
  };
  return {
    invoke: (name, event, options) => send(name, JSON.stringify(event), options),
    invokeText: (name, text) => send(name, text),
  };
};

const scfClient = (endpoint: string, { id, key }: Key): Client => {
  const client = new scf.v20180416.Client({
    credential: { secretId: id, secretKey: key },
    region,
    profile: { httpProfile: { endpoint, protocol: 'http://', reqTimeout: 60 } },
  });
  const send = async (
    FunctionName: string,
    ClientContext: string,
    { type, tail }: { type?: 'Event'; tail?: true } = {},
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
    };
  };
  return {
    invoke: (name, event, options) => send(name, JSON.stringify(event), options),
    invokeText: (name, text) => send(name, text),
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
}

/** One function, `it`, on a platform; and a second one, `other`, of the same file. */
export const startRuntime = async (platform: Platform, options: RuntimeOptions = {}): Promise<Runtime> => {
  const { source = { name: 'obedient.cjs', text: obedient }, initTimeoutMs, env = {}, ...spec } = options;
  const folder = mkdtempSync(join(tmpdir(), 'clb-direct-functions-'));
  const file = 'file' in source ? source.file : join(folder, source.name);
  if ('text' in source) writeFileSync(file, source.text);
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

// Tencent's SDK for Node, unchanged: leads the scenario through its typed client.
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { clb } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/index.js';
import type { Key, Pass, Step, Work } from '../scenario/step.ts';
import { at, filled, holds, isRecord } from './outcome.ts';

type Client = InstanceType<typeof clb.v20180317.Client>;

const patienceMs = 60_000;
const uuid = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';

interface Refusal {
  readonly code: string;
  readonly message: string;
}

type Outcome =
  | { readonly answer: Record<string, unknown>; readonly refusal?: never }
  | { readonly answer?: never; readonly refusal: Refusal };

const file = process.env['WITNESS_WORK'];
if (file === undefined) throw new Error('WITNESS_WORK names no file; run `npm run witness`.');
const work: Work = JSON.parse(readFileSync(file, 'utf8'));

const clientOf = ({ scheme, method, endpoint }: Pass, key: Key): Client =>
  new clb.v20180317.Client({
    credential: key,
    region: key.region ?? work.region,
    profile: {
      httpProfile: {
        endpoint,
        protocol: `${scheme}://`,
        reqMethod: method,
        reqTimeout: 30,
        ...(scheme === 'https' ? { proxy: work.proxy } : {}),
      },
    },
  });

/** One call as a program makes it: by the method of its name, or by the method for any action. */
const call = async (client: Client, action: string, parameters: unknown, raw: boolean): Promise<unknown> => {
  if (raw) return client.request(action, parameters);
  const method: unknown = Reflect.get(client, action);
  if (typeof method !== 'function') throw new Error(`the SDK has no method ${action}`);
  return Reflect.apply(method, client, [parameters]);
};

const outcomeOf = async (
  client: Client,
  action: string,
  parameters: unknown,
  raw: boolean,
): Promise<Outcome> => {
  let answer: unknown;
  try {
    answer = await call(client, action, parameters, raw);
  } catch (error) {
    const { code, message, requestId } = isRecord(error)
      ? error
      : { code: undefined, message: error, requestId: undefined };
    if (typeof code !== 'string' || code === '') throw error;
    if (!holds(requestId, { $match: uuid })) throw new Error(`the refusal has no RequestId: ${requestId}`);
    return { refusal: { code, message: String(message) } };
  }
  if (!isRecord(answer)) throw new Error(`no object was answered: ${JSON.stringify(answer)}`);
  if (!holds(answer['RequestId'], { $match: uuid })) {
    throw new Error(`RequestId is ${JSON.stringify(answer['RequestId'])}`);
  }
  return { answer };
};

const isLater = ({ code, message }: Refusal): boolean =>
  work.later.some((one) => code === one.code && new RegExp(one.message ?? '').test(message));

/** Asks again, as long as the refusal says no more than "later", and is not the one that is wanted. */
const persist = async (
  ask: () => Promise<Outcome>,
  untilMs: number,
  isWanted: (refusal: Refusal) => boolean = () => false,
): Promise<Outcome> => {
  for (;;) {
    const outcome = await ask();
    const { refusal } = outcome;
    if (refusal === undefined || !isLater(refusal) || isWanted(refusal)) return outcome;
    if (performance.now() > untilMs) throw new Error(`still refused: ${refusal.code} ${refusal.message}`);
    await sleep(100);
  }
};

const isExpected = ({ error }: Step, { code, message }: Refusal): boolean =>
  error !== undefined && code === error.code && new RegExp(error.message ?? '').test(message);

const mismatch = (
  { answer = {} }: Step,
  given: unknown,
  known: Record<string, unknown>,
): string | undefined => {
  for (const [path, wanted] of Object.entries(answer)) {
    const expected = filled(wanted, known);
    if (!holds(at(given, path), expected)) {
      return `${path} is ${JSON.stringify(at(given, path))}, not ${JSON.stringify(expected)}`;
    }
  }
  return undefined;
};

const taskEnds = async (client: Client, taskId: unknown, untilMs: number): Promise<void> => {
  const ask = () => outcomeOf(client, 'DescribeTaskStatus', { TaskId: taskId }, false);
  for (;;) {
    const { answer, refusal } = await persist(ask, untilMs);
    if (refusal !== undefined) throw new Error(`its task: ${refusal.code} ${refusal.message}`);
    const { Status, Message } = answer;
    if (Status === 0) return;
    if (Status !== 2) throw new Error(`its task ended with ${JSON.stringify(Status)}: ${String(Message)}`);
    if (performance.now() > untilMs) throw new Error('its task did not end');
    await sleep(100);
  }
};

/** @returns what was answered; nothing where a refusal was expected, and met */
const lead = async (
  client: Client,
  step: Step,
  known: Record<string, unknown>,
): Promise<Record<string, unknown> | undefined> => {
  const untilMs = performance.now() + patienceMs;
  const parameters = filled(step.parameters ?? {}, known);
  const ask = () => outcomeOf(client, step.action, parameters, step.raw === true);
  for (let accepted = 0; ; ) {
    const isMet = (refusal: Refusal): boolean =>
      isExpected(step, refusal) && (step.repeat === undefined || accepted > 0);
    const { answer, refusal } = await persist(
      ask,
      untilMs,
      (refused) => step.repeat !== undefined && isMet(refused),
    );
    if (refusal !== undefined) {
      if (isMet(refusal)) return undefined;
      throw new Error(`refused with ${refusal.code}: ${refusal.message}`);
    }
    if (step.error !== undefined) {
      accepted += 1;
      if (accepted < (step.repeat ?? 1)) continue;
      throw new Error(`not refused with ${step.error.code}: ${JSON.stringify(answer)}`);
    }
    const wrong = mismatch(step, answer, known);
    if (wrong !== undefined) {
      if (step.until !== true || performance.now() > untilMs) throw new Error(wrong);
      await sleep(100);
      continue;
    }
    for (const [name, path] of Object.entries(step.capture ?? {})) known[name] = at(answer, path);
    if (step.task === true) await taskEnds(client, answer['RequestId'], untilMs);
    return answer;
  }
};

for (const pass of work.passes) {
  const known: Record<string, unknown> = { ...work.given, run: `${work.given['run']}-${pass.name}` };
  const clients = new Map<string, Client>();
  for (const step of pass.steps) {
    const as = step.as ?? 'main';
    const key = work.keys[as];
    if (key === undefined) throw new Error(`there is no key ${as}`);
    const client = clients.get(as) ?? clientOf(pass, key);
    clients.set(as, client);
    try {
      const answer = await lead(client, step, known);
      const { name, action, raw = false } = step;
      appendFileSync(
        work.reportFile,
        `${JSON.stringify({ pass: pass.name, step: name, action, raw, answer })}\n`,
      );
    } catch (error) {
      process.stderr.write(
        `${pass.name}: ${step.name} (${step.action}): ${error instanceof Error ? error.message : error}\n`,
      );
      process.exit(1);
    }
  }
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { headersOf, wholeBody } from '../../net/message.ts';
import type { Action, Answer } from '../actions/action.ts';
import { ApiError, internalError, throttled } from '../api-error.ts';
import { type ByHand, loadBalancersOf } from '../by-hand.ts';
import type { CallLog, CallRecord } from '../calls.ts';
import type { Engine } from '../engine/engine.ts';
import { type Effects, type FaultCall, type Faults, InjectedError } from '../faults.ts';
import { isApiHost } from './api-hosts.ts';
import { authenticate, authorize, routed } from './checks.ts';
import type { Credential } from './credentials.ts';
import { Listener, type TlsIdentity } from './listener.ts';
import { parseBody, unflatten } from './parameters.ts';
import { RateLimit } from './rate-limit.ts';
import type { SignedRequest } from './signature.ts';
import { type Refuser, toldCode } from './told-code.ts';

const maxBodyBytes = 10 * 1024 * 1024;

export interface GatewayOptions {
  readonly region: string;
  readonly actions: ReadonlyMap<string, Action>;
  readonly credentials: ReadonlyMap<string, Credential>;
  readonly engine: Engine;
  readonly faults: Faults;
  readonly byHand: ByHand;
  readonly calls: CallLog;
  /** Paths beside `/`, for people who watch the simulator: what GET answers there. */
  readonly pages: Readonly<Record<string, () => unknown>>;
  /** Told what only a defect of the simulator explains. */
  readonly onDefect: (defect: Error) => void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Fate = 'answer' | 'drop' | 'truncate' | { readonly status: number };

/** How far a call came. */
interface Progress {
  at: Refuser;
}

interface Received extends SignedRequest {
  readonly path: string;
}

interface Outcome {
  readonly answer: Answer;
  readonly fate: Fate;
}

/** The HTTP side of the API: one POST or GET a call, every check of the gateway before an action sees it. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #listeners: Listener[] = [];
  readonly #rate = new RateLimit();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** @returns the port that is listened on */
  listen(host: string, port: number): Promise<number> {
    return this.#add().listen(host, port);
  }

  /**
   * HTTPS at another address. What listens already becomes a proxy that leads to it under the API's own names.
   *
   * @returns the port that is listened on
   */
  async listenTls(host: string, port: number, identity: TlsIdentity): Promise<number> {
    const plain = [...this.#listeners];
    const to = { host, port: await this.#add(identity).listen(host, port) };
    const { region } = this.#options;
    for (const listener of plain) listener.tunnel((name) => isApiHost(name, region), to);
    return to.port;
  }

  #add(identity?: TlsIdentity): Listener {
    const listener = new Listener((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    }, identity);
    this.#listeners.push(listener);
    return listener;
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://clb');
    const page = request.method === 'GET' ? this.#options.pages[url.pathname] : undefined;
    if (page !== undefined) {
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(page()));
      return;
    }
    const { engine } = this.#options;
    const startedMs = performance.now();
    // What came whole is a call, whoever goes away after that; what did not is none. What is too large is read to its
    // end all the same, so that the answer arrives.
    const body = await wholeBody(request);
    const received = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.search.slice(1),
      headers: headersOf(request),
      body,
    };
    const record: Mutable<CallRecord> = {
      timeMs: Date.now(),
      action: request.headers['x-tc-action']?.toString() ?? '',
      region: request.headers['x-tc-region']?.toString() ?? '',
      secretId: '',
      loadBalancerId: undefined,
      parameters: {},
      code: 'OK',
      requestId: randomUUID(),
      createdIds: [],
      ms: 0,
    };
    const { action, region } = record;
    const skew = this.#options.faults.strike(
      { action, region, loadBalancerId: undefined, parameters: {} },
      'before-signature',
    );
    const clockMs = record.timeMs + (skew.find('clock-skew')?.ms ?? 0);
    response.setHeader('Date', new Date(clockMs).toUTCString());
    const latencyMs = engine.draw(engine.settings.apiLatencyMs);
    await engine.clock.sleep(latencyMs / 2);
    let outcome: Outcome;
    const progress: Progress = { at: 'gateway' };
    try {
      outcome = await this.#call(received, record, clockMs, progress);
    } catch (error) {
      const { code, known } = this.#told(error, progress.at, record.action);
      const refusedBy = refuserOf(known.code);
      if (refusedBy !== undefined) record.refusedBy = refusedBy;
      record.code = code;
      const Message = engine.settings.unseenTexts === 'empty' && isUnseen(known.code) ? '' : known.message;
      const { retryAfterSeconds } = engine.settings;
      if (refusedBy === 'limit' && retryAfterSeconds > 0)
        response.setHeader('Retry-After', retryAfterSeconds);
      outcome = { answer: { Error: { Code: record.code, Message } }, fate: 'answer' };
    }
    await engine.clock.sleep(latencyMs / 2);
    this.#answer(response, record, outcome);
    record.ms = performance.now() - startedMs;
    this.#options.calls.add(record);
    engine.events.emit('call', record);
  }

  async #call(
    received: Received,
    record: Mutable<CallRecord>,
    clockMs: number,
    progress: Progress,
  ): Promise<Outcome> {
    const { actions, credentials, engine, faults } = this.#options;
    const { settings } = engine;
    const { method, path, query, headers, body } = received;
    if (body.length > maxBodyBytes)
      throw new ApiError('RequestSizeLimitExceeded', 'The request is larger than 10 MB.');
    if ((method !== 'POST' && method !== 'GET') || path !== '/') {
      throw new ApiError('InvalidRequest', 'The request is not a POST or GET of the path /.');
    }
    const raw = method === 'GET' ? unflatten(query) : parseBody(body);
    const credential = authenticate(received, credentials, settings, clockMs);
    record.secretId = credential.secretId;
    const { action, region } = routed(headers, actions, this.#options.region);
    record.parameters = raw;
    record.loadBalancerId = loadBalancersOf(raw)[0];

    const call: FaultCall = { action, region, parameters: raw, loadBalancerId: record.loadBalancerId };
    const effects = faults.strike(call);
    const extraMs = effects.find('latency')?.ms ?? 0;
    if (extraMs > 0) await engine.clock.sleep(extraMs);
    await this.#byHand(call, effects);
    const before = fateBefore(effects);
    if (before !== undefined) return { answer: {}, fate: before };

    const count = this.#rate.count(`${action} ${region} ${credential.secretId}`, Date.now());
    const throttle = effects.find('throttle');
    if (count > settings.callsPerSecond || throttle !== undefined) {
      const refusal = throttled(Math.max(count, settings.callsPerSecond + 1), settings.callsPerSecond);
      throw throttle?.code === undefined ? refusal : new InjectedError(throttle.code, refusal.message);
    }
    authorize(credential, action, region, record.requestId);
    const run = actions.get(action)?.prepare(raw, {
      coerceStrings: settings.coerceNumericStrings || method === 'GET',
      emptyListCode: settings.emptyListCode,
    });
    const error = effects.find('error');
    if (error !== undefined)
      throw new InjectedError(error.code, error.message ?? `${error.code} was injected.`);
    const context = { requestId: record.requestId, region, secretId: credential.secretId, effects };
    progress.at = 'action';
    const answer = (await run?.(engine, context)) ?? {};
    record.createdIds = createdIdsOf(action, answer);
    return { answer, fate: fateAfter(effects) };
  }

  /** The one place where a refusal becomes an answer. What is no refusal, or an undocumented one, is a defect. */
  #told(error: unknown, refuser: Refuser, action: string): { code: string; known: ApiError } {
    const { engine, onDefect } = this.#options;
    try {
      if (!(error instanceof ApiError)) throw error;
      return { code: toldCode(refuser, action, error, engine.settings), known: error };
    } catch (thrown) {
      const defect = thrown instanceof Error ? thrown : new Error(String(thrown));
      engine.events.emit('warning', `A defect of the simulator, in ${action}: ${String(defect)}`);
      onDefect(defect);
      const known = internalError();
      return { code: known.code, known };
    }
  }

  async #byHand({ loadBalancerId }: FaultCall, effects: Effects): Promise<void> {
    const { byHand, engine } = this.#options;
    const changed = effects.find('changed-by-hand');
    const own = loadBalancerId === undefined ? {} : { LoadBalancerId: loadBalancerId };
    try {
      if (changed !== undefined) await byHand.do(changed.action, { ...own, ...changed.parameters });
      if (effects.has('deleted-by-hand') && loadBalancerId !== undefined) {
        await byHand.do('DeleteLoadBalancer', { LoadBalancerIds: [loadBalancerId], ForceDelete: true });
      }
    } catch (error) {
      // What they were refused is nothing that the caller is told.
      engine.events.emit('warning', `By hand: ${String(error)}`);
    }
  }

  #answer(response: ServerResponse, record: Mutable<CallRecord>, { answer, fate }: Outcome): void {
    if (fate === 'drop') {
      record.code = 'dropped';
      response.destroy();
      return;
    }
    const body = JSON.stringify({ Response: { ...answer, RequestId: record.requestId } });
    response.setHeader('Content-Type', 'application/json');
    if (fate === 'answer') {
      response.end(body);
      return;
    }
    if (fate === 'truncate') {
      record.code = 'truncated';
      response.end(body.slice(0, Math.floor(body.length / 2)));
      return;
    }
    record.code = `HTTP ${fate.status}`;
    response.setHeader('Content-Type', 'text/html').writeHead(fate.status).end('<html>Bad Gateway</html>');
  }
}

const refuserOf = (code: string): CallRecord['refusedBy'] => {
  if (code === 'FailedOperation.ResourceInOperating') return 'lock';
  return /^RequestLimitExceeded\b/.test(code) ? 'limit' : undefined;
};

/** Of the gateway's own refusals, the texts of these two stand in public threads; those of the others nowhere. */
const isUnseen = (code: string): boolean =>
  code.startsWith('AuthFailure.') &&
  code !== 'AuthFailure.SignatureFailure' &&
  code !== 'AuthFailure.SecretIdNotFound';

const createdMembers = ['LoadBalancerIds', 'ListenerIds', 'LocationIds'];

const createdIdsOf = (action: string, answer: Answer): readonly string[] => {
  if (!action.startsWith('Create')) return [];
  const ids: unknown = createdMembers.map((name) => answer[name]).find((value) => value !== undefined);
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
};

const fateBefore = (effects: Effects): Fate | undefined => {
  if (effects.has('drop-before-effect')) return 'drop';
  const status = effects.find('http-status');
  return status !== undefined && status.afterEffect !== true ? { status: status.status } : undefined;
};

const fateAfter = (effects: Effects): Fate => {
  if (effects.has('drop-after-effect')) return 'drop';
  if (effects.has('truncated-json')) return 'truncate';
  const status = effects.find('http-status');
  return status?.afterEffect === true ? { status: status.status } : 'answer';
};

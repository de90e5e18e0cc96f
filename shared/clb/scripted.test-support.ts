import { createFakeClock, type FakeClock } from '../model/fake-clock.test-support.ts';
import type { Hold, HoldCheck } from '../model/hold.ts';
import { listenerName } from '../model/names.ts';
import { nothingRecorded, type ObservedListener, type ObservedLoadBalancer } from '../model/observed.ts';
import type { ListenerToCreate, TargetWrite } from '../model/plan-types.ts';
import { readersByAction } from './answers.ts';
import type { Action, ClbApi } from './clb-api.ts';
import { ClbError, type ClbFailure } from './clb-port.ts';
import type { Gate } from './connection.ts';
import type { ClbOptions, Pace } from './paced.ts';

export const clusterId = 'c1';
export const uid = '11111111-2222-3333-4444-555555555555';

export const settings = {
  healthCheck: { enabled: true, intervalSeconds: 5, timeoutSeconds: 2, healthyCount: 3, unhealthyCount: 3 },
  sessionExpireSeconds: 0,
  scheduler: 'WRR',
} as const;

/** What a scripted call is answered with: the API's own JSON (without RequestId), a failure, or what comes first. */
type Scripted =
  | { readonly answer: object }
  | { readonly fails: ClbFailure }
  | { readonly gated: Scripted; readonly before: () => Promise<void> };

export interface Call {
  readonly action: Action;
  readonly request: unknown;
}

export interface ScriptedClb {
  readonly options: ClbOptions;
  readonly calls: readonly Call[];
  readonly clock: FakeClock;
  actions(): readonly string[];
}

/**
 * A ClbApi that answers one call after the other by a script; `gated` asks the gate a second time, as a new
 * connection does. What is not in the script fails the test.
 */
export const scripted = (
  script: readonly (readonly [Action, Scripted])[],
  more: Partial<ClbOptions> = {},
): ScriptedClb => {
  const clock = createFakeClock();
  const calls: Call[] = [];
  const left = [...script];
  const played = async (action: Action, one: Scripted, gate: Gate | undefined): Promise<object> => {
    if ('gated' in one) {
      await one.before();
      await gate?.();
      return played(action, one.gated, gate);
    }
    if ('fails' in one) throw new ClbError(action, one.fails, `r${calls.length}`);
    return one.answer;
  };
  const api: ClbApi = {
    call: async (action, request, gate) => {
      await gate?.();
      const [expected, one] = left.shift() ?? [];
      if (expected !== action || one === undefined)
        throw new Error(`${action} is not ${expected ?? 'in the script'}`);
      const answer = await played(action, one, gate);
      calls.push({ action, request });
      return { ...readersByAction[action](answer), requestId: `r${calls.length}` };
    },
    close: () => {},
  };
  const pace: Pace = async () => ({ granted: true });
  return {
    options: { api, pace, clock, clusterId, ...more },
    calls,
    clock,
    actions: () => calls.map(({ action }) => action),
  };
};

/** A hold that answers by a list, then `mine`. */
export const holdThat = (
  ...answers: readonly HoldCheck['answer'][]
): Hold & { readonly checks: () => number } => {
  const left = [...answers];
  let checks = 0;
  return {
    loadBalancerKey: 'key',
    inherited: 'released',
    states: [],
    complete: true,
    recorded: nothingRecorded,
    mustObserve: false,
    check: async () => {
      checks += 1;
      const answer = left.shift() ?? 'mine';
      return answer === 'newer' ? { answer, states: [], complete: true } : { answer };
    },
    record: async () => true,
    done: async () => {},
    retry: async () => {},
    needsEvidence: async () => {},
    checks: () => checks,
  };
};

export const listener = (
  listenerId: string,
  port: number,
  ips: readonly string[] = [],
): ObservedListener => ({
  listenerId,
  name: listenerName(clusterId, uid),
  protocol: 'TCP',
  port,
  ours: true,
  ownerUid: uid,
  settings,
  targets: ips.map((ip) => ({ ip, port: 8080, weight: 10 })),
});

export const observedWith = (...listeners: readonly ObservedListener[]): ObservedLoadBalancer => ({
  loadBalancerId: 'lb-1',
  addresses: [{ kind: 'ip', value: '1.2.3.4' }],
  listeners,
});

export const write = (listenerId: string, ip: string, weight = 10): TargetWrite => ({
  listenerId,
  place: { protocol: 'TCP', port: 80 },
  ip,
  port: 8080,
  weight,
});

export const toCreate = (port: number, more: Partial<ListenerToCreate> = {}): ListenerToCreate => ({
  protocol: 'TCP',
  port,
  name: listenerName(clusterId, uid),
  settings,
  ...more,
});

export const batchDone = { answer: { FailListenerIdSet: [], Message: '' } };
export const accepted = { answer: {} };
export const task = (Status: 0 | 1 | 2, Message: string | null = null) => ({ answer: { Status, Message } });

/** Moves the clock on until `promise` ends. */
export const whileTimePasses = async <T>(clock: FakeClock, promise: Promise<T>): Promise<T> => {
  let ended = false;
  const watched = promise.finally(() => {
    ended = true;
  });
  watched.catch(() => {});
  while (!ended) await clock.advance(50);
  return watched;
};

import { describe, expect, test } from 'vitest';
import { makeDesiredStateEvent } from '../../shared/events/make-event.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import { aState, serviceRef } from '../../shared/model/builders.ts';
import type { KeptState, Lane } from '../../shared/model/desired-state.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import type { Hold } from '../../shared/model/hold.ts';
import { silentLog } from '../../shared/process/log.ts';
import { createMemoryDoorbell } from '../../shared/queue/doorbell/memory-doorbell.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import {
  InvocationRefused,
  type ReconcileAnswer,
  type ReconcileOutcome,
  type ReconcileRequest,
} from '../platform/functions.ts';
import { createDispatch, type DispatchSettings } from './dispatch.ts';

interface Call extends ReconcileRequest {
  readonly at: number;
  /** Holds taken, by load balancer. */
  readonly holds: ReadonlyMap<string, Hold>;
  /** Takes newer states over into the hold. */
  renew(key: string): Promise<void>;
  /** Ends all holds as done, and the invocation. */
  end(outcome?: ReconcileOutcome): Promise<void>;
  /** Fails; leaves its holds behind. */
  crash(error?: Error): void;
}

/** A dispatcher over a real store and doorbell; each invocation waits until the test ends it. */
const aDispatch = (settings: Partial<DispatchSettings> = {}) => {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock, random: () => 0.5 });
  const doorbell = createMemoryDoorbell();
  const calls: Call[] = [];
  let reconciled = 0;
  let counter = 0;
  const dispatch = createDispatch({
    maxInvocations: 4,
    batchSize: 2,
    askEveryMs: 1_000,
    ...settings,
    store,
    doorbell,
    functions: {
      reconcile: async (request) => {
        const holds = new Map<string, Hold>();
        const states = new Map<string, readonly KeptState[]>();
        for (const key of request.loadBalancerKeys) {
          const hold = await store.take(key, request.invocationId);
          if (typeof hold === 'string') continue;
          holds.set(key, hold);
          states.set(key, hold.states);
        }
        return new Promise<ReconcileAnswer>((resolve, reject) => {
          calls.push({
            ...request,
            at: clock.now(),
            holds,
            renew: async (key) => {
              const check = await holds.get(key)?.check();
              if (check?.answer === 'newer') states.set(key, check.states);
            },
            end: async (outcome = 'done') => {
              if (outcome === 'done') {
                for (const [key, hold] of holds) {
                  const held = states.get(key) ?? [];
                  const applied = held.map(({ state, sequence }) => [state.object.uid, sequence]);
                  await hold.done({ applied: Object.fromEntries(applied), released: [] });
                }
              }
              resolve({
                results: request.loadBalancerKeys.map((loadBalancerKey) => ({ loadBalancerKey, outcome })),
              });
              await clock.advance(0);
            },
            crash: (error = new Error('the function died')) => reject(error),
          });
        });
      },
    },
    clock,
    log: silentLog,
    onReconciled: () => {
      reconciled += 1;
    },
  });
  /** As the feeder does; without a ring if it is to be lost. */
  const put = async (key: string, lane: Lane, ring = true): Promise<void> => {
    counter += 1;
    const state = aState([], { object: serviceRef(key, key), loadBalancerKey: key });
    const sequence = formatSequence(1, counter);
    await store.put(makeDesiredStateEvent({ source: 'demo', sequence, timeMs: clock.now(), state }), lane);
    if (ring) await doorbell.ring([{ loadBalancerKey: key, lane }]);
  };
  const keys = () => calls.map(({ loadBalancerKeys }) => loadBalancerKeys.join('+'));
  const call = (index: number): Call => {
    const found = calls.at(index);
    if (found === undefined) throw new Error(`no invocation ${index}`);
    return found;
  };
  return { clock, store, doorbell, dispatch, calls, put, keys, call, reconciled: () => reconciled };
};

test('what is due and cannot be had is asked for again after a pause, not in the same turn', async () => {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock, random: () => 0.5 });
  let invocations = 0;
  const dispatch = createDispatch({
    maxInvocations: 4,
    batchSize: 2,
    askEveryMs: 1_000,
    store,
    doorbell: createMemoryDoorbell(),
    functions: {
      reconcile: async ({ loadBalancerKeys }) => {
        invocations += 1;
        if (invocations > 100) throw new Error('it does not stop asking');
        return { results: loadBalancerKeys.map((loadBalancerKey) => ({ loadBalancerKey, outcome: 'held' })) };
      },
    },
    clock,
    log: silentLog,
    onReconciled: () => {},
  });
  const state = aState([]);
  const sequence = formatSequence(1, 1);
  await store.put(makeDesiredStateEvent({ source: 'demo', sequence, timeMs: clock.now(), state }), 'drain');
  dispatch.start();
  await clock.advance(500);
  expect(invocations).toBeGreaterThan(2);
  expect(invocations).toBeLessThanOrEqual(11);
  await dispatch.stop();
});

test('a platform that takes no more invocations is asked less often, and no load balancer is to blame (L12)', async () => {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock, random: () => 0.5 });
  const begun: string[] = [];
  let refusing = true;
  const dispatch = createDispatch({
    maxInvocations: 4,
    batchSize: 2,
    askEveryMs: 1_000,
    store,
    doorbell: createMemoryDoorbell(),
    functions: {
      reconcile: async ({ loadBalancerKeys, invocationId }) => {
        begun.push(loadBalancerKeys.join('+'));
        if (refusing) throw new InvocationRefused('Rate Exceeded.');
        for (const key of loadBalancerKeys) {
          const hold = await store.take(key, invocationId);
          if (typeof hold !== 'string') await hold.done({ applied: {}, released: [] });
        }
        return { results: loadBalancerKeys.map((loadBalancerKey) => ({ loadBalancerKey, outcome: 'done' })) };
      },
    },
    clock,
    log: silentLog,
    onReconciled: () => {},
  });
  for (const [at, key] of ['a', 'b'].entries()) {
    const state = aState([], { object: serviceRef(key, key), loadBalancerKey: key });
    const sequence = formatSequence(1, at + 1);
    await store.put(makeDesiredStateEvent({ source: 'demo', sequence, timeMs: clock.now(), state }), 'drain');
  }
  dispatch.start();
  await clock.advance(2_000);
  expect(begun.length).toBeGreaterThan(3);
  expect(begun.length).toBeLessThan(8);
  refusing = false;
  const before = begun.length;
  await clock.advance(2_000);
  // One invocation for both: they are not tried alone as what kills its function is.
  expect(begun.slice(before)).toEqual(['a+b']);
  await dispatch.stop();
});

describe('rings', () => {
  test('who stops leaves rings to whoever listens next, and hears them again when it starts again', async () => {
    const { clock, doorbell, dispatch, put, keys, call } = aDispatch();
    dispatch.start();
    await clock.advance(0);
    await dispatch.stop();
    await put('a', 'drain');
    const heard: string[] = [];
    const stop = doorbell.listen(
      async (rings) => void heard.push(...rings.map(({ loadBalancerKey }) => loadBalancerKey)),
      { batchSize: 10 },
    );
    await clock.advance(0);
    expect(heard).toEqual(['a']);
    expect(keys()).toEqual([]);
    await stop();
    dispatch.start();
    await clock.advance(0);
    expect(keys()).toEqual(['a']);
    await call(0).end();
    const begun = clock.now();
    await put('b', 'drain');
    await clock.advance(0);
    expect(keys()).toEqual(['a', 'b']);
    expect(call(1).at).toBe(begun);
  });

  test('a ring is an invocation in the same moment', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    await clock.advance(0);
    const begun = clock.now();
    await put('a', 'drain');
    await clock.advance(0);
    expect(keys()).toEqual(['a']);
    expect(call(0).at).toBe(begun);
  });

  test('while nothing is due nothing is invoked', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    await clock.advance(60_000);
    expect(keys()).toEqual([]);
    await put('a', 'rest');
    await clock.advance(0);
    await call(0).end();
    await clock.advance(60_000);
    expect(keys()).toEqual(['a']);
  });

  test('a lost ring costs a second', async () => {
    const { clock, dispatch, put, call } = aDispatch();
    dispatch.start();
    await clock.advance(500);
    const begun = clock.now();
    await put('a', 'drain', false);
    await clock.advance(2_000);
    expect(call(0).at - begun).toBeLessThanOrEqual(1_000);
  });

  test('what was due before it started is not forgotten', async () => {
    const { clock, dispatch, put, keys } = aDispatch();
    await put('a', 'rest', false);
    dispatch.start();
    await clock.advance(0);
    expect(keys()).toEqual(['a']);
  });

  test('once stopped it invokes nothing, and waits for what runs', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    await put('a', 'rest');
    await clock.advance(0);
    let stopped = false;
    const stopping = dispatch.stop().then(() => {
      stopped = true;
    });
    await put('b', 'drain');
    await clock.advance(5_000);
    expect(keys()).toEqual(['a']);
    expect(stopped).toBe(false);
    await call(0).end();
    await stopping;
    expect(keys()).toEqual(['a']);
  });
});

describe('side by side', () => {
  test('the backlog decides how many invocations run, up to the most; batches are filled', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k']) await put(key, 'ready');
    await clock.advance(0);
    expect(keys()).toEqual(['a+b', 'c+d', 'e+f', 'g+h']);
    await call(1).end();
    expect(keys().at(-1)).toBe('i+j');
    expect(dispatch.load()).toEqual({ running: 4, waiting: 1 });
  });

  test('what is not urgent leaves a place free, sweeps leave half of them', async () => {
    const { clock, dispatch, put, keys } = aDispatch({ batchSize: 1 });
    dispatch.start();
    for (const key of ['s1', 's2', 's3']) await put(key, 'sweep');
    await clock.advance(0);
    expect(keys()).toEqual(['s1', 's2']);
    for (const key of ['r1', 'r2']) await put(key, 'rest');
    await clock.advance(0);
    expect(keys()).toEqual(['s1', 's2', 'r1']);
    await put('d', 'drain');
    await clock.advance(0);
    expect(keys()).toEqual(['s1', 's2', 'r1', 'd']);
  });

  test('drains are taken before everything else that waits', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch({ maxInvocations: 1, batchSize: 1 });
    dispatch.start();
    await put('a', 'ready');
    await clock.advance(0);
    for (const key of ['b', 'c']) await put(key, 'rest');
    await put('d', 'drain');
    await clock.advance(0);
    await call(0).end();
    expect(keys()).toEqual(['a', 'd']);
  });

  test('what rings while it is held is invoked at once when it is free, unless that put was taken over', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    await put('a', 'rest');
    await clock.advance(0);
    await put('a', 'drain');
    await clock.advance(5_000);
    expect(keys()).toEqual(['a']);
    await call(0).end();
    expect(keys()).toEqual(['a', 'a']);
    await put('a', 'drain');
    await clock.advance(0);
    await call(1).renew('a');
    await call(1).end();
    await clock.advance(5_000);
    expect(keys()).toEqual(['a', 'a']);
  });
});

describe('what ends badly', () => {
  test('a crash frees what it held, and it is invoked again at once', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    await put('a', 'drain');
    await clock.advance(0);
    const begun = clock.now();
    call(0).crash();
    await clock.advance(0);
    expect(keys()).toEqual(['a', 'a']);
    expect(call(1).at).toBe(begun);
    expect(call(1).holds.get('a')?.inherited).toBe('expired');
    expect(call(1).invocationId).not.toBe(call(0).invocationId);
  });

  test('what fails again and again is tried in growing pauses, alone, and at once when something new is put (L12)', async () => {
    const { clock, dispatch, put, call, calls, keys } = aDispatch();
    dispatch.start();
    for (const key of ['bad', 'good']) await put(key, 'drain');
    await clock.advance(0);
    expect(keys()).toEqual(['bad+good']);
    const begun = clock.now();
    call(0).crash();
    await clock.advance(0);
    expect(keys().slice(1)).toEqual(['bad', 'good']);
    await call(2).end();
    for (let round = 0; round < 20 && clock.now() < begun + 30_000; round += 1) {
      call(-1).crash();
      call(1).crash();
      await clock.advance(2_500);
    }
    const tries = calls.filter(({ loadBalancerKeys }) => loadBalancerKeys.includes('bad')).length;
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(14);
    expect(
      keys()
        .slice(3)
        .every((batch) => batch === 'bad'),
    ).toBe(true);
    call(-1).crash();
    await clock.advance(0);
    await put('bad', 'drain');
    const rung = clock.now();
    await clock.advance(0);
    expect(call(-1).at).toBe(rung);
    await call(-1).end();
    await put('bad', 'rest');
    await put('good', 'rest');
    await clock.advance(0);
    expect(keys().at(-1)).toBe('bad+good');
  });

  test('a drain that its invocation did not begin within a second goes to another one', async () => {
    const { clock, store, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    await put('a', 'drain');
    await clock.advance(0);
    // As if it were still waiting in the queue of a slow function.
    await store.expire(call(0).invocationId);
    await clock.advance(900);
    expect(keys()).toEqual(['a']);
    await clock.advance(1_200);
    expect(keys()).toEqual(['a', 'a']);
  });

  test('what is put back for half a second comes back on time', async () => {
    const { clock, dispatch, put, call, keys } = aDispatch();
    dispatch.start();
    await put('a', 'drain');
    await clock.advance(330);
    await call(0).holds.get('a')?.retry(500, 'busy', { strict: true });
    const back = clock.now();
    await call(0).end('retry');
    await clock.advance(5_000);
    expect(keys()).toEqual(['a', 'a']);
    expect(call(1).at - back).toBeGreaterThanOrEqual(500);
    expect(call(1).at - back).toBeLessThanOrEqual(550);
  });

  test('a deadline of a drain is met as exactly as the store is asked', async () => {
    const { clock, dispatch, put, call } = aDispatch({ askEveryMs: 100 });
    dispatch.start();
    await put('a', 'drain');
    await clock.advance(0);
    const hold = call(0).holds.get('a');
    await hold?.done({ applied: {}, released: [], dueAfterMs: 7_777 });
    const done = clock.now();
    await call(0).end('nothing');
    await clock.advance(10_000);
    expect(call(1).at - done).toBeGreaterThanOrEqual(7_777);
    expect(call(1).at - done).toBeLessThanOrEqual(7_877);
  });

  test('an invocation that never ends is given up', async () => {
    const { clock, dispatch, put, keys } = aDispatch();
    dispatch.start();
    await put('a', 'drain');
    await clock.advance(0);
    await clock.advance(930_000);
    expect(keys().length).toBeGreaterThan(1);
  });

  test('after each invocation that ended, somebody is told', async () => {
    const { clock, dispatch, put, call, reconciled } = aDispatch();
    dispatch.start();
    await put('a', 'drain');
    await clock.advance(0);
    expect(reconciled()).toBe(0);
    await call(0).end();
    expect(reconciled()).toBe(1);
  });
});

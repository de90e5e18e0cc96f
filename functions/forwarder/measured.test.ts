import { describe, expect, test } from 'vitest';
import { makeDesiredStateEvent } from '../../shared/events/make-event.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import { aState, serviceRef } from '../../shared/model/builders.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { createMetrics } from '../../shared/process/metrics.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import {
  createChangeTimes,
  DueTimes,
  measuredDoorbell,
  measuredFunctions,
  measuredReads,
  measuredStore,
} from './measured.ts';

const measuring = () => {
  const clock = createFakeClock();
  const metrics = createMetrics();
  const dependencies = { metrics, clock, changes: createChangeTimes(clock), dueTimes: new DueTimes() };
  const value = async (name: string): Promise<number> => {
    const { text } = await metrics.scrape();
    const line = text.split('\n').find((each) => each.startsWith(`clb_direct_${name} `));
    return Number(line?.split(' ').at(-1));
  };
  return { ...dependencies, dependencies, value };
};

const eventOf = (key: string, counter: number, timeMs: number) =>
  makeDesiredStateEvent({
    source: 'demo',
    sequence: formatSequence(1, counter),
    timeMs,
    state: aState([], { object: serviceRef(key, key), loadBalancerKey: key }),
  });

describe('the store', () => {
  test('a put is timed from the oldest change that it carries, and a change that needs no put leaves nothing', async () => {
    const { clock, changes, dependencies, value } = measuring();
    const store = measuredStore(createMemoryStore({ clock }), dependencies);
    changes.changed('a');
    changes.begun('a');
    changes.settled('a');
    await clock.advance(60_000);
    changes.changed('a');
    await clock.advance(100);
    changes.changed('a');
    await clock.advance(100);
    changes.begun('a');
    // While it is being put, the next change begins to wait.
    changes.changed('a');
    await store.put(eventOf('a', 1, clock.now()), 'rest');
    changes.settled('a');
    expect(await value('change_to_put_seconds_sum')).toBeCloseTo(0.2);
    await clock.advance(50);
    changes.begun('a');
    await store.put(eventOf('a', 2, clock.now()), 'rest');
    expect(await value('change_to_put_seconds_sum')).toBeCloseTo(0.25);
    expect(await value('change_to_put_seconds_count')).toBe(2);
  });

  test('puts are counted by what became of them, and thrown errors are passed on', async () => {
    const { clock, dependencies, value } = measuring();
    const memory = createMemoryStore({ clock });
    let fails = false;
    const store = measuredStore(
      {
        ...memory,
        put: (event, lane) => (fails ? Promise.reject(new Error('away')) : memory.put(event, lane)),
      },
      dependencies,
    );
    expect((await store.put(eventOf('a', 2, 0), 'rest')).outcome).toBe('kept');
    expect((await store.put(eventOf('a', 1, 0), 'rest')).outcome).toBe('refused');
    fails = true;
    await expect(store.put(eventOf('a', 3, 0), 'rest')).rejects.toThrow('away');
    expect(await value('puts_total{outcome="kept"}')).toBe(1);
    expect(await value('puts_total{outcome="refused"}')).toBe(1);
    expect(await value('puts_total{outcome="failed"}')).toBe(1);
  });

  test('a generation counts when it is another one than before, wherever it is seen', async () => {
    const { clock, dependencies, value } = measuring();
    let inner = createMemoryStore({ clock });
    const store = measuredStore(
      new Proxy(inner, { get: (_, name) => Reflect.get(inner, name) }),
      dependencies,
    );
    await store.takeOver();
    await store.generation();
    expect(await value('store_generations_total')).toBe(0);
    inner = createMemoryStore({ clock });
    await store.generation();
    await store.takeOver();
    expect(await value('store_generations_total')).toBe(1);
    inner = createMemoryStore({ clock });
    await store.put(eventOf('a', 1, 0), 'rest');
    expect(await value('store_generations_total')).toBe(2);
    expect(await value('take_overs_total')).toBe(2);
  });
});

describe('the functions', () => {
  test('a load balancer waits from its put, or from when its time came, to the invocation that takes it along', async () => {
    const { clock, dependencies, value } = measuring();
    const store = measuredStore(createMemoryStore({ clock }), dependencies);
    const functions = measuredFunctions(
      {
        reconcile: async ({ loadBalancerKeys }) => {
          await clock.advance(3_000);
          return {
            results: loadBalancerKeys.map((loadBalancerKey) => ({ loadBalancerKey, outcome: 'done' })),
          };
        },
        readiness: async () => ({ waiting: 4, opened: 2, againAfterMs: 1_000 }),
      },
      dependencies,
    );
    await store.put(eventOf('a', 1, 0), 'drain');
    await clock.advance(1_000);
    await store.put(eventOf('a', 2, 0), 'rest');
    await store.due(10);
    await clock.advance(500);
    await functions.reconcile({ invocationId: 'one', loadBalancerKeys: ['a', 'unknown'] });
    expect(await value('due_wait_seconds_sum{lane="drain"}')).toBeCloseTo(1.5);
    expect(await value('due_wait_seconds_count{lane="drain"}')).toBe(1);
    expect(await value('due_wait_seconds_count{lane="rest"}')).toBe(0);
    expect(await value('invocation_seconds_sum{function="reconcile"}')).toBeCloseTo(3);
    expect(await value('reconciles_total{outcome="done"}')).toBe(2);
    await functions.readiness({ invocationId: 'two', unheld: [] });
    expect(await value('gates_opened_total')).toBe(2);
    expect(await value('pods_waiting')).toBe(4);
  });

  test('who shares the work with others counts only its own waits: what somebody else took is forgotten', async () => {
    const { clock, dependencies, value } = measuring();
    const memory = createMemoryStore({ clock });
    const store = measuredStore(memory, dependencies);
    const functions = measuredFunctions(
      {
        reconcile: async () => ({ results: [] }),
        readiness: async () => ({ waiting: 0, opened: 0, againAfterMs: 1_000 }),
      },
      dependencies,
    );
    await memory.put(eventOf('a', 1, 0), 'drain');
    await memory.put(eventOf('b', 1, 0), 'drain');
    await store.due(10);
    await memory.take('a', 'somebody else');
    await clock.advance(2_000);
    await store.due(10);
    await functions.reconcile({ invocationId: 'one', loadBalancerKeys: ['a', 'b'] });
    expect(await value('due_wait_seconds_count{lane="drain"}')).toBe(1);
    expect(await value('due_wait_seconds_sum{lane="drain"}')).toBeCloseTo(2);
  });

  test('invocations under way are seen, and failed ones are counted and thrown on', async () => {
    const { dependencies, value } = measuring();
    let fail = (_: Error): void => {};
    const functions = measuredFunctions(
      {
        reconcile: () => new Promise((_, reject) => (fail = reject)),
        readiness: async () => ({ waiting: 0, opened: 0, againAfterMs: 1_000 }),
      },
      dependencies,
    );
    const asked = functions.reconcile({ invocationId: 'one', loadBalancerKeys: [] });
    expect(await value('invocations_running{function="reconcile"}')).toBe(1);
    fail(new Error('died'));
    await expect(asked).rejects.toThrow('died');
    expect(await value('invocations_running{function="reconcile"}')).toBe(0);
    expect(await value('invocations_total{function="reconcile",outcome="failed"}')).toBe(1);
    expect(await value('invocations_total{function="reconcile",outcome="answered"}')).toBe(0);
  });
});

test('rings and reads are counted, failed ones apart', async () => {
  const { dependencies, value } = measuring();
  let fails = false;
  const answer = async (): Promise<void> => {
    if (fails) throw new Error('away');
  };
  const doorbell = measuredDoorbell(
    { ring: answer, listen: () => async () => {}, close: async () => {} },
    dependencies,
  );
  const read = measuredReads(answer, dependencies);
  const ring = { loadBalancerKey: 'a', lane: 'rest' } as const;
  await doorbell.ring([ring, ring]);
  await read(undefined);
  fails = true;
  await expect(doorbell.ring([ring])).rejects.toThrow('away');
  await expect(read(undefined)).rejects.toThrow('away');
  expect(await value('rings_total{outcome="rung"}')).toBe(2);
  expect(await value('rings_total{outcome="failed"}')).toBe(1);
  expect(await value('evidence_reads_total{outcome="read"}')).toBe(1);
  expect(await value('evidence_reads_total{outcome="failed"}')).toBe(1);
});

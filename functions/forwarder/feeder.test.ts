import { describe, expect, test } from 'vitest';
import type { DesiredStateEvent } from '../../shared/events/desired-state-event.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import type { Change } from '../../shared/kubernetes/change.ts';
import { createView } from '../../shared/kubernetes/view.ts';
import { aGate, aPodFact, aServiceFact, aSlice, serviceRef } from '../../shared/model/builders.ts';
import type { Lane } from '../../shared/model/desired-state.ts';
import type { PodFact } from '../../shared/model/facts.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { defaultGateType } from '../../shared/model/names.ts';
import { silentLog } from '../../shared/process/log.ts';
import type { Ring } from '../../shared/queue/doorbell/doorbell.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import type { PutAnswer, Store } from '../../shared/queue/store/store.ts';
import { createEvidence } from './evidence.ts';
import { createFeeder } from './feeder.ts';
import { createChangeTimes } from './measured.ts';
import { isUrgent } from './urgency.ts';

interface Put {
  readonly at: number;
  readonly lane: Lane;
  readonly event: DesiredStateEvent;
}

/** A feeder over a real view and a real memory store; `before` may stand in the way of a put. */
const aFeeder = (before: (puts: readonly Put[]) => PutAnswer | undefined = () => undefined) => {
  const clock = createFakeClock();
  const view = createView(clock.now);
  const memory = createMemoryStore({ clock, random: () => 0.5 });
  const puts: Put[] = [];
  const rings: Ring[] = [];
  const happened: string[] = [];
  const store: Store = {
    ...memory,
    put: async (event, lane) => {
      puts.push({ at: clock.now(), lane, event });
      return before(puts) ?? memory.put(event, lane);
    },
  };
  const feeder = createFeeder({
    view,
    store,
    doorbell: {
      ring: async (more) => {
        rings.push(...more);
      },
    },
    options: { claim: 'annotation', gateType: defaultGateType, requireEni: false },
    source: 'demo',
    clock,
    log: silentLog,
    changes: createChangeTimes(clock),
    onDeposed: () => happened.push('deposed'),
    onStoreLost: () => happened.push('store lost'),
    onPut: () => {},
  });
  const set = <T>(fact: T): Change<T> => ({ type: 'set', fact });
  const pod = (fact: PodFact): void => {
    const urgent = isUrgent(view.pod(fact.ref.uid), set(fact));
    feeder.changed(view.applyPod(set(fact)), urgent);
  };
  const goes = (fact: PodFact): void => {
    const change: Change<PodFact> = { type: 'gone', uid: fact.ref.uid, fact, consistent: true };
    const urgent = isUrgent(view.pod(fact.ref.uid), change);
    feeder.changed(view.applyPod(change), urgent);
  };
  const slice = (...args: Parameters<typeof aSlice>): void =>
    feeder.changed(view.applyEndpointSlice(set(aSlice(...args))), false);
  const service = (...args: Parameters<typeof aServiceFact>): void =>
    feeder.changed(view.applyService(set(aServiceFact(...args))), false);
  const lead = async (): Promise<void> => {
    feeder.lead(await memory.takeOver());
    await clock.advance(0);
  };
  const last = () => {
    const put = puts.at(-1);
    if (put === undefined) throw new Error('nothing was put');
    return put;
  };
  const leaving = () =>
    last().event.data.listeners[0]?.backends.leaving.map(({ ip, cause }) => `${ip} ${cause}`);
  return {
    clock,
    view,
    memory,
    store,
    feeder,
    puts,
    rings,
    happened,
    pod,
    goes,
    slice,
    service,
    lead,
    last,
    leaving,
  };
};

const a = aPodFact('a', '10.0.0.1');
const b = aPodFact('b', '10.0.0.2');

/** Leads, and has put the Service with Pods a and b. */
const leading = async (...args: Parameters<typeof aFeeder>) => {
  const all = aFeeder(...args);
  all.service();
  all.pod(a);
  all.pod(b);
  all.slice([a, b]);
  await all.lead();
  return all;
};

/** Applies everything that the store has, as a function would. */
const applyAll = async (store: Store): Promise<void> => {
  const hold = await store.take('uid-web', 'test');
  if (typeof hold === 'string') throw new Error(hold);
  await hold.done({
    applied: Object.fromEntries(hold.states.map(({ state, sequence }) => [state.object.uid, sequence])),
    released: hold.states.flatMap(({ state }) => (state.intent === 'release' ? [state.object.uid] : [])),
  });
};

describe('when it puts', () => {
  test('a standby puts nothing; a new leader puts every object, then says that it is complete', async () => {
    const { feeder, puts, rings, clock, service, pod, slice, lead, memory } = aFeeder();
    service();
    pod(a);
    slice([a]);
    await clock.advance(1_000);
    expect(puts).toEqual([]);
    await lead();
    expect(puts).toHaveLength(1);
    expect(puts[0]?.event.data.listeners[0]?.backends.endpoints).toEqual([
      { ip: '10.0.0.1', port: 8080, backendUid: 'uid-a' },
    ]);
    expect(rings).toEqual([{ loadBalancerKey: 'uid-web', lane: 'ready' }]);
    expect(feeder.isComplete()).toBe(true);
    const hold = await memory.take('uid-web', 'test');
    expect(hold).toMatchObject({ complete: true });
  });

  test('a burst is one put, at most 100 ms after its first change', async () => {
    const { puts, clock, pod, slice } = await leading();
    const begun = clock.now();
    for (const name of ['c', 'd', 'e']) {
      pod(aPodFact(name, `10.0.1.${name.charCodeAt(0)}`, { containersReady: false, ready: false }));
      await clock.advance(40);
    }
    expect(puts).toHaveLength(2);
    expect(puts[1]?.at).toBe(begun + 100);
    slice([a, b]);
    await clock.advance(1_000);
    expect(puts).toHaveLength(2);
  });

  test('a Pod that starts terminating goes at once, in the lane of drains', async () => {
    const { puts, clock, pod, last } = await leading();
    const begun = clock.now();
    pod({ ...a, terminatingAt: begun + 30_000 });
    await clock.advance(0);
    expect(puts).toHaveLength(2);
    expect(last()).toMatchObject({ at: begun, lane: 'drain' });
  });

  test('it takes a coalesced change along, and nothing is put twice', async () => {
    const { puts, clock, pod } = await leading();
    pod({ ...b, labels: { ...b.labels, more: 'labels' }, containersReady: false, ready: false });
    await clock.advance(10);
    pod({ ...a, terminatingAt: clock.now() + 30_000 });
    await clock.advance(1_000);
    expect(puts).toHaveLength(2);
    expect(puts[1]?.event.data.pods.map(({ containersReady }) => containersReady)).toEqual([true, false]);
  });

  test('containers that just became ready go at once', async () => {
    const { clock, pod, slice, last } = await leading();
    const c = aPodFact('c', '10.0.0.3', { containersReady: false, ready: false, gates: [aGate('absent')] });
    pod(c);
    slice([a, b, c]);
    await clock.advance(1_000);
    const begun = clock.now();
    pod({ ...c, containersReady: true });
    await clock.advance(0);
    expect(last()).toMatchObject({ at: begun, lane: 'ready' });
  });

  test('equal content is not sent again', async () => {
    const { puts, clock, pod, feeder } = await leading();
    pod({ ...a, resourceVersion: '2' });
    feeder.changed(feeder.objects(), true);
    await clock.advance(1_000);
    expect(puts).toHaveLength(1);
  });

  test('a put that fails is tried again, with what is true by then, until the store takes it', async () => {
    let down = true;
    const { puts, clock, feeder, pod, leaving } = await leading((made) => {
      if (down && made.length > 0) throw new Error('the store is away');
      return undefined;
    });
    expect(feeder.isComplete()).toBe(false);
    await clock.advance(3_000);
    const tries = puts.length;
    expect(tries).toBeGreaterThan(3);
    pod({ ...a, labels: {} });
    down = false;
    await clock.advance(5_000);
    expect(feeder.isComplete()).toBe(true);
    expect(leaving()).toEqual([]);
    expect(puts.at(-1)?.event.data.listeners[0]?.backends.endpoints).toHaveLength(2);
    await clock.advance(60_000);
    expect(puts).toHaveLength(tries + 1);
  });

  test('a thousand objects to put first do not delay a drain', async () => {
    const { feeder, view, puts, clock, pod, memory } = aFeeder();
    const facts = Array.from({ length: 1_000 }, (_, index) =>
      aServiceFact({ ref: { ...serviceRef(`s${index}`), namespace: 'many' } }),
    );
    for (const fact of facts) view.applyService({ type: 'set', fact });
    view.applyService({ type: 'set', fact: aServiceFact() });
    feeder.lead(await memory.takeOver());
    pod({ ...a, terminatingAt: clock.now() });
    await clock.advance(0);
    expect(puts.findIndex(({ event }) => event.partitionkey === 'uid-web')).toBeLessThan(10);
    await clock.advance(1_000);
    expect(puts).toHaveLength(1_001);
  });
});

describe('what leaves (L5)', () => {
  test('a Pod that left is listed with its cause in every put until the store says that one was applied', async () => {
    const { clock, slice, pod, leaving, memory, last } = await leading();
    pod({ ...a, labels: { app: 'other' } });
    slice([b]);
    await clock.advance(200);
    expect(leaving()).toEqual(['10.0.0.1 unselected']);
    pod({ ...b, customWeight: 1 });
    await clock.advance(200);
    expect(leaving()).toEqual(['10.0.0.1 unselected']);
    await applyAll(memory);
    // The answer to this put is the first to say so.
    pod({ ...b, customWeight: 2 });
    await clock.advance(200);
    expect(leaving()).toEqual(['10.0.0.1 unselected']);
    pod({ ...b, customWeight: 3 });
    await clock.advance(200);
    expect(last().event.data.pods).toHaveLength(1);
    expect(leaving()).toEqual([]);
  });

  test('what left after the applied put stays listed', async () => {
    const { clock, slice, pod, leaving, memory } = await leading();
    await applyAll(memory);
    pod({ ...a, labels: { app: 'other' } });
    slice([b]);
    await clock.advance(200);
    pod({ ...b, customWeight: 3 });
    await clock.advance(200);
    expect(leaving()).toEqual(['10.0.0.1 unselected']);
  });

  test('a planner that asks gets the answer of a consistent list, once, and asking again waits longer', async () => {
    const { clock, memory, feeder, leaving, puts } = await leading();
    const lists: ReadonlySet<string>[] = [];
    const look = createEvidence({
      store: memory,
      readPods: async (ips) => {
        lists.push(ips);
        return [a];
      },
      answer: feeder.answer,
      clock,
      log: silentLog,
    });
    const ask = async (): Promise<void> => {
      const hold = await memory.take('uid-web', 'test');
      if (typeof hold === 'string') throw new Error(hold);
      const targets = [{ ip: '10.9.9.9', port: 8080 }];
      await hold.needsEvidence('uid-web', [{ protocol: 'TCP', port: 80, targets }]);
      await hold.retry(1_000, 'needs evidence');
    };
    await look();
    expect(lists).toEqual([]);
    await ask();
    await look();
    await clock.advance(0);
    expect(lists).toEqual([new Set(['10.9.9.9'])]);
    expect(puts).toHaveLength(2);
    expect(leaving()).toEqual(['10.9.9.9 absent']);
    expect(await memory.evidenceWanted()).toEqual([]);
    await ask();
    await look();
    expect(lists).toHaveLength(1);
    await clock.advance(1_000);
    await look();
    await clock.advance(0);
    expect(lists).toHaveLength(2);
    await ask();
    await clock.advance(1_000);
    await look();
    expect(lists).toHaveLength(2);
  });

  test('a list that fails answers nothing, and is read again', async () => {
    const { clock, memory, feeder, puts } = await leading();
    let reads = 0;
    const look = createEvidence({
      store: memory,
      readPods: async () => {
        reads += 1;
        throw new Error('half a list');
      },
      answer: feeder.answer,
      clock,
      log: silentLog,
    });
    const hold = await memory.take('uid-web', 'test');
    if (typeof hold === 'string') throw new Error(hold);
    await hold.needsEvidence('uid-web', [
      { protocol: 'TCP', port: 80, targets: [{ ip: '10.9.9.9', port: 1 }] },
    ]);
    await look();
    await look();
    await clock.advance(100);
    expect(reads).toBe(2);
    expect(puts).toHaveLength(1);
  });
});

describe('objects that end', () => {
  test('a deleted Service is put once more to be cleaned, and then forgotten', async () => {
    const { clock, view, feeder, memory, puts, last, service } = await leading();
    service({ deleting: true, finalizer: true });
    await clock.advance(200);
    expect(last().event.data.intent).toBe('release');
    await applyAll(memory);
    feeder.changed(
      view.applyService({ type: 'gone', uid: 'uid-web', fact: aServiceFact(), consistent: true }),
      false,
    );
    await clock.advance(10_000);
    expect(puts).toHaveLength(2);
    expect([...feeder.objects()]).toEqual([]);
  });

  test('a Service that vanishes though our finalizer was on it is put again, wanting nothing', async () => {
    const { clock, view, feeder, last } = await leading();
    feeder.changed(
      view.applyService({ type: 'gone', uid: 'uid-web', fact: aServiceFact(), consistent: true }),
      false,
    );
    await clock.advance(200);
    expect(last().event.data).toMatchObject({ intent: 'release', finalizer: false });
    expect([...feeder.objects()]).toEqual(['uid-web']);
  });
});

describe('leaders and stores that change (L2, L3)', () => {
  test('refused by a newer epoch it puts nothing more', async () => {
    const { puts, clock, happened, memory, pod, feeder } = await leading();
    await clock.advance(2_000);
    await memory.takeOver();
    pod({ ...a, terminatingAt: clock.now() });
    await clock.advance(100);
    expect(happened).toEqual(['deposed']);
    const count = puts.length;
    pod({ ...b, terminatingAt: clock.now() });
    await clock.advance(10_000);
    expect(puts).toHaveLength(count);
    expect(feeder.generation()).toBeUndefined();
  });

  test('an earlier try of ours that was kept though its answer was lost does not stop it', async () => {
    const { puts, clock, pod, memory, happened } = await leading();
    const hold = await memory.take('uid-web', 'test');
    if (typeof hold === 'string') throw new Error(hold);
    const sequence = hold.states[0]?.sequence ?? '';
    const event = puts[0]?.event;
    if (event === undefined) throw new Error('nothing was put');
    // As if the next counters had been used by puts whose answers were lost.
    for (const counter of [2, 3, 4]) {
      await memory.put(
        { ...event, sequence: formatSequence(Number(sequence.slice(0, 10)), counter) },
        'rest',
      );
    }
    pod({ ...a, terminatingAt: clock.now() });
    await clock.advance(100);
    expect(happened).toEqual([]);
    const after = (await memory.take('uid-web', 'other')) === 'held' ? await hold.check() : undefined;
    expect(after).toMatchObject({
      answer: 'newer',
      states: [{ sequence: expect.stringMatching(/\.0000000005$/) }],
    });
  });

  test('another generation, or fewer puts than there were, asks for a take-over; it puts everything again', async () => {
    let answer: PutAnswer | undefined;
    const { puts, clock, happened, pod, lead, memory } = await leading(() => answer);
    answer = { outcome: 'kept', counter: 'memory', generation: 'another', puts: 1 };
    pod({ ...a, terminatingAt: clock.now() });
    await clock.advance(100);
    expect(happened).toEqual(['store lost']);
    answer = undefined;
    const before = puts.length;
    await lead();
    expect(puts).toHaveLength(before + 1);
    expect(puts.at(-1)?.lane).toBe('drain');
    expect(puts.at(-1)?.event.sequence.localeCompare(puts[0]?.event.sequence ?? '')).toBe(1);
    answer = { outcome: 'kept', counter: 'memory', generation: await memory.generation(), puts: 1 };
    pod({ ...b, terminatingAt: clock.now() });
    await clock.advance(100);
    expect(happened).toEqual(['store lost', 'store lost']);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Lane, lanes, type Sequence } from '../../../model/desired-state.ts';
import { holdMs } from '../store.ts';
import { at, eventOf, firstEpoch, handed, type MakeStore } from './fixture.ts';
import { createHandClock, createWorld, lateCheckMs, type Worker, type World } from './workers.ts';

type Op =
  | {
      readonly do: 'put';
      readonly object: string;
      /** Beside the newest counter; many are repeated, or older. */
      readonly ahead: number;
      /** Of the leader that was there first, or of the newest. */
      readonly leader: 'first' | 'newest';
      readonly intent: 'serve' | 'release';
      readonly lane: Lane;
    }
  | { readonly do: 'step' | 'retry' | 'retry-strictly'; readonly worker: number }
  /** It dies, perhaps with a call on its way; the dispatcher sees it, or time tells. */
  | { readonly do: 'die'; readonly worker: number; readonly calling: boolean; readonly seen: boolean }
  | { readonly do: 'ring'; readonly worker: number; readonly lb: string }
  | { readonly do: 'sweep'; readonly lb: string }
  | { readonly do: 'take-over' }
  | { readonly do: 'advance'; readonly ms: number };

const objects: Readonly<Record<string, string>> = { 'a-1': 'lb-a', 'a-2': 'lb-a', 'b-1': 'lb-b' };
const workerCount = 3;

const anyObject = fc.constantFrom(...Object.keys(objects));
const anyLoadBalancer = fc.constantFrom('lb-a', 'lb-b');
const anyWorker = fc.nat(workerCount - 1);

const anyPut = fc.record({
  do: fc.constant('put'),
  object: anyObject,
  ahead: fc.constantFrom(1, 1, 1, 2, 0, -1),
  leader: fc.constantFrom('newest', 'newest', 'newest', 'first'),
  intent: fc.constantFrom('serve', 'serve', 'serve', 'release'),
  lane: fc.constantFrom(...lanes),
});
const anyStep = fc.record({ do: fc.constant('step'), worker: anyWorker });
const anyRing = fc.record({ do: fc.constant('ring'), worker: anyWorker, lb: anyLoadBalancer });
const anyRetry = fc.record({ do: fc.constantFrom('retry', 'retry-strictly'), worker: anyWorker });
const anyDeath = fc.record({
  do: fc.constant('die'),
  worker: anyWorker,
  calling: fc.boolean(),
  seen: fc.boolean(),
});
const anySweep = fc.record({ do: fc.constant('sweep'), lb: anyLoadBalancer });
const takeOver = fc.constant<Op>({ do: 'take-over' });
const advanceBy = (...ms: number[]): fc.Arbitrary<Op> =>
  fc.record({ do: fc.constant('advance'), ms: fc.constantFrom(...ms) });

const weighted = (...choices: [number, fc.Arbitrary<Op>][]): fc.Arbitrary<Op> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** What the store must have kept, told by the rules alone. */
interface Puts {
  readonly newest: Map<string, { readonly sequence: Sequence; readonly intent: 'serve' | 'release' }>;
  /** Of the last take-over. */
  epoch: number;
  /** A leader that outlived the data is heard where it puts; a store in parts learns of it part by part. */
  readonly heard: Map<string, number>;
  counter: number;
}

const perform = async (op: Op, world: World, workers: Worker[], puts: Puts): Promise<void> => {
  const { store } = world;
  switch (op.do) {
    case 'put': {
      const epoch =
        op.leader === 'first' ? firstEpoch : Math.max(puts.epoch, ...puts.heard.values(), firstEpoch + 1);
      const counter = puts.counter + op.ahead;
      const sequence = at(counter, epoch);
      const { object, intent } = op;
      const answer = await store.put(eventOf(object, sequence, objects[object], { intent }), op.lane);
      const known = Math.max(puts.epoch, puts.heard.get(answer.counter) ?? 0);
      const keeps = epoch >= known && sequence > (puts.newest.get(object)?.sequence ?? '');
      expect(answer.outcome).toBe(keeps ? 'kept' : 'refused');
      if (!keeps) return;
      puts.newest.set(object, { sequence, intent });
      puts.heard.set(answer.counter, epoch);
      puts.counter = Math.max(puts.counter, counter);
      return;
    }
    case 'step':
      return workers[op.worker]?.step();
    case 'ring':
      return workers[op.worker]?.step(op.lb);
    case 'retry':
    case 'retry-strictly':
      return workers[op.worker]?.retry(op.do === 'retry-strictly');
    case 'die': {
      const gone = workers[op.worker];
      if (gone === undefined) return;
      for (let steps = 0; op.calling && !gone.isCalling() && steps < 2; steps += 1) await gone.step();
      workers[op.worker] = world.hire();
      if (op.seen) await world.expire(gone);
      return;
    }
    case 'sweep':
      return store.markDue(op.lb, 'sweep', true);
    case 'take-over':
      puts.epoch = (await store.takeOver()).epoch;
      return;
    case 'advance':
      return world.advance(op.ms);
  }
};

/** Healthy from now on: whatever is due is done, and time passes until nothing is. */
const drain = async (world: World): Promise<void> => {
  const stepMs = 4_000;
  let quietMs = 0;
  for (let turn = 0; quietMs < 2 * (holdMs + lateCheckMs); turn += 1) {
    if (turn > 200) throw new Error('it is due without end');
    const { due } = await world.store.due(10);
    for (const { loadBalancerKey } of due) {
      const worker = world.hire();
      do await worker.step(loadBalancerKey);
      while (worker.isBusy());
    }
    if (due.length === 0) {
      await world.advance(stepMs);
      quietMs += stepMs;
    } else {
      quietMs = 0;
    }
  }
};

const expectApplied = async ({ store, clb }: World, puts: Puts): Promise<void> => {
  for (const [object, { sequence, intent }] of puts.newest) {
    const lb = objects[object] ?? '';
    const taken = await store.take(lb, 'reader');
    const kept = typeof taken === 'string' ? {} : handed(taken);
    if (intent === 'release') {
      expect(kept).not.toHaveProperty(object);
    } else {
      expect(kept).toHaveProperty(object, sequence);
      expect(clb(lb).get(object)).toBe(sequence);
    }
    if (typeof taken !== 'string') await taken.retry(0, 'only read');
  }
};

export const interleavingSuite = (makeStore: MakeStore, runs: number): void => {
  describe('any interleaving', () => {
    const inWorld = async (check: (world: World) => Promise<void>): Promise<void> => {
      const clock = createHandClock(firstEpoch * 1_000);
      const store = await makeStore({ clock });
      try {
        await check(createWorld(store, clock));
      } finally {
        await store.close();
      }
    };

    /** Short ones find what a later step would cover up. */
    const endsRight = (anyOp: fc.Arbitrary<Op>, maxLength: number, numRuns = runs): Promise<void> =>
      fc.assert(
        fc.asyncProperty(fc.array(anyOp, { maxLength, size: 'max' }), fc.boolean(), (ops, warm) =>
          inWorld(async (world) => {
            const { store } = world;
            const { epoch } = await store.takeOver();
            const puts: Puts = { newest: new Map(), epoch, heard: new Map(), counter: 1 };
            const workers = Array.from({ length: workerCount }, () => world.hire());
            if (warm) {
              for (const object of Object.keys(objects)) {
                await store.put(eventOf(object, at(1), objects[object]), 'rest');
                puts.newest.set(object, { sequence: at(1), intent: 'serve' });
              }
              await drain(world);
            }
            for (const op of ops) await perform(op, world, workers, puts);
            for (const worker of workers) while (worker.isBusy()) await worker.step();
            await drain(world);
            await expectApplied(world, puts);
          }),
        ),
        { numRuns },
      );

    test('of puts and healthy workers ends with the newest of each object applied (L2, L3)', () =>
      endsRight(weighted([2, anyPut], [5, anyStep], [1, anyRing]), 24));

    test('of puts, deaths and late calls ends with the newest of each object applied (L4)', () =>
      endsRight(weighted([4, anyPut], [8, anyStep], [3, anyDeath], [1, advanceBy(1, 9_000)]), 24));

    test('of all that happens ends with the newest of each object applied (L2, L3, L4)', () =>
      endsRight(
        weighted(
          [8, anyPut],
          [16, anyStep],
          [2, anyRetry],
          [2, anyDeath],
          [2, anyRing],
          [1, anySweep],
          [1, takeOver],
          [4, advanceBy(1, 400, 3_000, 9_000, lateCheckMs, holdMs)],
        ),
        80,
        Math.ceil(runs * 0.4),
      ));
  });
};

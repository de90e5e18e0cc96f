import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Lane, lanes, type Sequence } from '../../../model/desired-state.ts';
import { createFakeClock, type FakeClock } from '../../../model/fake-clock.test-support.ts';
import { holdMs, type Store } from '../store.ts';
import { at, eventOf, firstEpoch, handed, type MakeStore } from './fixture.ts';
import { createWorld, lateCheckMs, type Worker, type World } from './workers.ts';

type Op =
  | {
      readonly do: 'put';
      readonly object: string;
      readonly counter: number;
      /** Of the leader that was there first, or of the newest. */
      readonly leader: 'first' | 'newest';
      readonly lane: Lane;
    }
  | { readonly do: 'step' | 'crash' | 'lose' | 'retry' | 'retry-strictly'; readonly worker: number }
  | { readonly do: 'ring'; readonly worker: number; readonly lb: string }
  | { readonly do: 'sweep'; readonly lb: string }
  | { readonly do: 'take-over' }
  | { readonly do: 'advance'; readonly ms: number };

const objects: Readonly<Record<string, string>> = { 'a-1': 'lb-a', 'a-2': 'lb-a', 'b-1': 'lb-b' };
const workerCount = 3;

const anyObject = fc.constantFrom(...Object.keys(objects));
const anyLoadBalancer = fc.constantFrom('lb-a', 'lb-b');
const anyWorker = fc.nat(workerCount - 1);

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('put'),
      object: anyObject,
      counter: fc.nat(8),
      leader: fc.constantFrom('first', 'newest'),
      lane: fc.constantFrom(...lanes),
    }),
  },
  { weight: 16, arbitrary: fc.record({ do: fc.constant('step'), worker: anyWorker }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('crash', 'lose', 'retry', 'retry-strictly'),
      worker: anyWorker,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('ring'), worker: anyWorker, lb: anyLoadBalancer }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sweep'), lb: anyLoadBalancer }) },
  { weight: 1, arbitrary: fc.constant<Op>({ do: 'take-over' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('advance'),
      ms: fc.constantFrom(1, 400, 3_000, 9_000, lateCheckMs, holdMs),
    }),
  },
);

/** What the store must have kept: the newest sequence of each object, told by the rules alone. */
interface Puts {
  readonly newest: Map<string, Sequence>;
  epoch: number;
}

/** Every third state wants its object released. */
const isRelease = (sequence: Sequence): boolean => Number(sequence.slice(-1)) % 3 === 2;

const perform = async (op: Op, world: World, workers: Worker[], puts: Puts): Promise<void> => {
  const { store } = world;
  switch (op.do) {
    case 'put': {
      const epoch = op.leader === 'first' ? firstEpoch : Math.max(puts.epoch, firstEpoch + 1);
      const sequence = at(op.counter, epoch);
      const lb = objects[op.object] ?? '';
      const intent = isRelease(sequence) ? 'release' : 'serve';
      const answer = await store.put(eventOf(op.object, sequence, lb, { intent }), op.lane);
      const keeps = epoch >= puts.epoch && sequence > (puts.newest.get(op.object) ?? '');
      expect(answer.outcome).toBe(keeps ? 'kept' : 'refused');
      if (keeps) {
        puts.newest.set(op.object, sequence);
        puts.epoch = epoch;
      }
      return;
    }
    case 'step':
      return workers[op.worker]?.step();
    case 'ring':
      return workers[op.worker]?.step(op.lb);
    case 'retry':
    case 'retry-strictly':
      return workers[op.worker]?.retry(op.do === 'retry-strictly');
    case 'crash':
    case 'lose': {
      const gone = workers[op.worker];
      if (gone === undefined) return;
      workers[op.worker] = world.hire();
      // The dispatcher sees that the invocation ended. Its call may land all the same.
      if (op.do === 'lose') await world.expire(gone);
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
  let quietMs = 0;
  for (let turn = 0; quietMs < 2 * (holdMs + lateCheckMs); turn += 1) {
    if (turn > 200) throw new Error('it is due without end');
    const due = await world.store.due(10);
    for (const { loadBalancerKey } of due) {
      const worker = world.hire();
      do await worker.step(loadBalancerKey);
      while (worker.isBusy());
    }
    if (due.length === 0) {
      await world.advance(1_000);
      quietMs += 1_000;
    } else {
      quietMs = 0;
    }
  }
};

export const interleavingSuite = (makeStore: MakeStore): void => {
  describe('any interleaving', () => {
    const inWorld = async (check: (store: Store, clock: FakeClock) => Promise<void>): Promise<void> => {
      const clock = createFakeClock(firstEpoch * 1_000);
      const store = await makeStore({ clock });
      try {
        await check(store, clock);
      } finally {
        await store.close();
      }
    };

    test('of puts, workers, crashes, late calls and time ends with the newest of each object applied (L2, L3, L4)', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyOp, { minLength: 10, maxLength: 80 }), (ops) =>
          inWorld(async (store, clock) => {
            const world = createWorld(store, clock);
            const { epoch } = await store.takeOver();
            const puts: Puts = { newest: new Map(), epoch };
            const workers = Array.from({ length: workerCount }, () => world.hire());
            for (const op of ops) await perform(op, world, workers, puts);
            await drain(world);
            for (const [object, newest] of puts.newest) {
              const lb = objects[object] ?? '';
              const taken = await store.take(lb, 'reader');
              const kept = typeof taken === 'string' ? {} : handed(taken);
              if (isRelease(newest)) {
                expect(kept).not.toHaveProperty(object);
              } else {
                expect(kept).toHaveProperty(object, newest);
                expect(world.clb(lb).get(object)).toBe(newest);
              }
              if (typeof taken !== 'string') await taken.retry(0, 'only read');
            }
          }),
        ),
        { numRuns: 150 },
      );
    });
  });
};

import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { silentLog } from '../../shared/process/log.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import type { ReadinessRequest } from './functions.ts';
import { createGateWatch } from './gate-watch.ts';
import { createUnheldNote } from './unheld-note.ts';

const aPod = { kind: 'Pod', namespace: 'default', name: 'lonely', uid: 'uid-lonely' } as const;

/** Several workers on one store. */
const someWorkers = (count: number) => {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock });
  const requests: ReadinessRequest[] = [];
  const world = { againAfterMs: 1_000, failing: false };
  const stop = new AbortController();
  const workers = Array.from({ length: count }, () =>
    createGateWatch({
      store: {
        ...store,
        takeTurn: async (name, ms) => {
          if (world.failing) throw new Error('the store is away');
          return store.takeTurn(name, ms);
        },
      },
      functions: {
        readiness: async (request) => {
          requests.push(request);
          return { waiting: 1, opened: 0, againAfterMs: world.againAfterMs };
        },
      },
      clock,
      log: silentLog,
    }),
  );
  for (const worker of workers) void worker.watch(stop.signal);
  const looksWithin = async (ms: number): Promise<number> => {
    const before = requests.length;
    await clock.advance(ms);
    return requests.length - before;
  };
  const [one, two] = workers;
  if (one === undefined) throw new Error('no worker');
  return { clock, store, requests, world, stop, one, two: two ?? one, looksWithin };
};

test('of several workers one looks each second', async () => {
  const { looksWithin, stop } = someWorkers(3);
  expect(await looksWithin(9_500)).toBe(10);
  stop.abort();
  expect(await looksWithin(5_000)).toBe(0);
});

test('while Pods only stay unhealthy all of them rest, until something was reconciled', async () => {
  const { looksWithin, world, one, two, stop, requests } = someWorkers(2);
  world.againAfterMs = 5_000;
  expect(await looksWithin(9_500)).toBe(2);
  const before = requests.length;
  world.againAfterMs = 1_000;
  await one.soon();
  await two.soon();
  expect(requests.length - before).toBe(1);
  expect(await looksWithin(3_000)).toBe(3);
  stop.abort();
});

test('what is new since another one looked is seen within a second, not after its rest', async () => {
  const { looksWithin, world, one, two, stop } = someWorkers(2);
  world.againAfterMs = 5_000;
  await one.soon();
  await two.soon();
  world.againAfterMs = 1_000;
  expect(await looksWithin(1_500)).toBeGreaterThan(0);
  stop.abort();
});

test('gates that nobody holds reach the worker by a note, and are no longer asked for when they are none', async () => {
  const { store, clock, requests, stop } = someWorkers(1);
  const tell = createUnheldNote(store);
  await tell([aPod]);
  await clock.advance(2_000);
  expect(requests.at(-1)?.unheld).toEqual([aPod]);
  await tell([]);
  await clock.advance(2_000);
  expect(requests.at(-1)?.unheld).toEqual([]);
  stop.abort();
});

test('the note is written again while there are some, and once when there are none', async () => {
  const written: string[] = [];
  const tell = createUnheldNote({ writeNote: async (_name, text) => void written.push(text) });
  for (const pods of [[], [], [aPod], [aPod], [], []]) await tell(pods);
  expect(written.map((text) => JSON.parse(text).length)).toEqual([0, 1, 1, 0]);
});

test('a store that does not answer is told by the health of the worker, and asked again', async () => {
  const { one, looksWithin, world, stop } = someWorkers(1);
  await looksWithin(1_000);
  expect(one.storeAnswers()).toBe(true);
  world.failing = true;
  expect(await looksWithin(2_000)).toBe(0);
  expect(one.storeAnswers()).toBe(false);
  world.failing = false;
  expect(await looksWithin(2_000)).toBeGreaterThan(0);
  expect(one.storeAnswers()).toBe(true);
  stop.abort();
});

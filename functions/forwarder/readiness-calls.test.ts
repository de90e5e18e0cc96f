import { expect, test } from 'vitest';
import { podRef } from '../../shared/model/builders.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { silentLog } from '../../shared/process/log.ts';
import type { ReadinessAnswer, ReadinessRequest } from '../platform/functions.ts';
import { createReadinessCalls } from './readiness-calls.ts';

/** The function answers at once, with `answer`, which may throw. */
const calling = (answer: (request: ReadinessRequest) => ReadinessAnswer | Promise<ReadinessAnswer>) => {
  const clock = createFakeClock();
  const world = { waiting: true, unheld: [] as readonly ObjectRef[], calls: [] as number[] };
  const begun = clock.now();
  const readiness = createReadinessCalls({
    functions: {
      readiness: async (request) => {
        world.calls.push(clock.now() - begun);
        return answer(request);
      },
    },
    isWaiting: () => world.waiting,
    unheld: () => world.unheld,
    clock,
    log: silentLog,
  });
  return { clock, world, readiness };
};

const waiting = (againAfterMs = 1_000): ReadinessAnswer => ({ waiting: 1, opened: 0, againAfterMs });

test('it asks each second while a Pod waits, and no more once none does', async () => {
  const { clock, world, readiness } = calling(() => waiting());
  readiness.start();
  await clock.advance(3_500);
  expect(world.calls).toEqual([0, 1_000, 2_000, 3_000]);
  world.waiting = false;
  await clock.advance(60_000);
  expect(world.calls).toHaveLength(4);
});

test('it backs off as the answer says, but not without end', async () => {
  const { clock, world, readiness } = calling(() => waiting(5_000));
  readiness.start();
  await clock.advance(11_000);
  expect(world.calls).toEqual([0, 5_000, 10_000]);
  const long = calling(() => waiting(3_600_000));
  long.readiness.start();
  await long.clock.advance(31_000);
  expect(long.world.calls).toEqual([0, 30_000]);
});

test('after a reconcile it asks at once, and a row of them is one reason', async () => {
  const { clock, world, readiness } = calling(() => waiting(5_000));
  readiness.start();
  await clock.advance(2_000);
  readiness.now();
  await clock.advance(0);
  expect(world.calls).toEqual([0, 2_000]);
  for (let count = 0; count < 10; count += 1) {
    readiness.now();
    await clock.advance(20);
  }
  await clock.advance(100);
  expect(world.calls).toEqual([0, 2_000, 2_250]);
});

test('what happens while it runs is asked about when it ends; never two at a time', async () => {
  const ends: (() => void)[] = [];
  const { clock, world, readiness } = calling(
    () => new Promise((resolve) => ends.push(() => resolve(waiting(5_000)))),
  );
  readiness.start();
  await clock.advance(1_000);
  readiness.now();
  await clock.advance(1_000);
  expect(world.calls).toEqual([0]);
  ends[0]?.();
  await clock.advance(0);
  expect(world.calls).toEqual([0, 2_000]);
});

test('a Pod that begins to wait is asked about within a second, also during a long pause', async () => {
  const { clock, world, readiness } = calling(() => waiting(30_000));
  readiness.start();
  await clock.advance(5_000);
  readiness.soon();
  await clock.advance(1_000);
  expect(world.calls).toEqual([0, 6_000]);
});

test('a function that fails is asked again a second later', async () => {
  const { clock, world, readiness } = calling(() => {
    throw new Error('the function died');
  });
  readiness.start();
  await clock.advance(2_000);
  expect(world.calls).toEqual([0, 1_000, 2_000]);
});

test('a function that never ends is given up, and asked again', async () => {
  const { clock, world, readiness } = calling(() => new Promise(() => {}));
  readiness.start();
  await clock.advance(62_000);
  expect(world.calls).toEqual([0, 61_000]);
});

test('gates that nobody holds travel in the request', async () => {
  const requests: ReadinessRequest[] = [];
  const { clock, world, readiness } = calling((request) => {
    requests.push(request);
    return { waiting: 0, opened: 1, againAfterMs: 1_000 };
  });
  world.waiting = false;
  readiness.start();
  await clock.advance(1_000);
  expect(requests).toEqual([]);
  world.unheld = [podRef('lonely')];
  readiness.now();
  await clock.advance(0);
  expect(requests[0]?.unheld).toEqual([podRef('lonely')]);
});

import { expect, test } from 'vitest';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { silentLog } from '../../shared/process/log.ts';
import type { ApiToken } from './api-token.ts';
import { createLeader } from './leader.ts';
import type { TermStart } from './term.ts';

/** A leader over parts that write down what is asked of them. */
const aLeader = (resyncMs = 600_000, apiToken?: ApiToken) => {
  const clock = createFakeClock();
  const lines: string[] = [];
  const world = { generation: 'first', epoch: 0, failing: 0, caughtUp: Promise.resolve() };
  let term: TermStart | undefined;
  const leader = createLeader({
    store: {
      takeOver: async () => {
        if (world.failing > 0) {
          world.failing -= 1;
          throw new Error('the store is away');
        }
        world.epoch += 1;
        lines.push('take over');
        return { epoch: world.epoch, generation: world.generation };
      },
      generation: async () => world.generation,
      loadBalancers: async () => ['lb-a', 'lb-b'],
      markDue: async (key, lane, observe) => {
        lines.push(`due ${key} ${lane}${observe === true ? ' to be read' : ''}`);
      },
    },
    catchUp: async () => {
      await world.caughtUp;
      lines.push('caught up');
    },
    feeder: {
      changed: (uids) => lines.push(`recheck ${[...uids].join()}`),
      lead: (start) => {
        term = start;
        lines.push(`lead ${start.epoch}`);
      },
      stop: () => {
        term = undefined;
        lines.push('feeder stops');
      },
      answer: () => {},
      objects: () => new Set(['uid-a', 'uid-b']),
      generation: () => term?.generation,
      isComplete: () => false,
    },
    services: [
      { start: () => lines.push('dispatch'), stop: async () => void lines.push('dispatch stops') },
      { start: () => lines.push('readiness'), stop: async () => {} },
    ],
    ...(apiToken === undefined ? {} : { apiToken }),
    lookForEvidence: async () => {},
    lookForUnheld: async () => {},
    lookForDeadLetters: async () => {},
    resyncMs,
    clock,
    log: silentLog,
  });
  return { clock, lines, world, leader };
};

test('the epoch first, then the truth, then the puts (L2)', async () => {
  const { clock, lines, leader } = aLeader();
  leader.begin();
  await clock.advance(0);
  expect(lines).toEqual(['take over', 'caught up', 'lead 1', 'dispatch', 'readiness']);
});

test('the functions’ API token is in the store before anything is put, after each take-over (L3)', async () => {
  const written: string[] = [];
  let finish = (): void => {};
  const { clock, lines, leader } = aLeader(600_000, {
    writeNow: () =>
      new Promise((resolve) => {
        finish = () => {
          written.push('token');
          resolve();
        };
      }),
    keep: async () => {},
  });
  leader.begin();
  await clock.advance(1_000);
  expect(lines).toEqual(['take over', 'caught up']);
  finish();
  await clock.advance(0);
  expect(lines).toContain('lead 1');
  leader.takeOverAgain();
  await clock.advance(0);
  expect(lines).not.toContain('lead 2');
  finish();
  await clock.advance(0);
  expect(lines).toContain('lead 2');
  expect(written).toHaveLength(2);
});

test('a store that is away is asked again until it answers', async () => {
  const { clock, lines, world, leader } = aLeader();
  world.failing = 3;
  leader.begin();
  await clock.advance(5_000);
  expect(lines.slice(0, 3)).toEqual(['take over', 'caught up', 'lead 1']);
});

test('who loses the Lease while taking over puts nothing, and may lead again at once', async () => {
  const { clock, lines, world, leader } = aLeader();
  let catchUp = (): void => {};
  world.caughtUp = new Promise((resolve) => {
    catchUp = resolve;
  });
  leader.begin();
  await clock.advance(0);
  await leader.end();
  leader.begin();
  await clock.advance(0);
  expect(lines).toEqual(['take over', 'feeder stops', 'dispatch stops', 'take over']);
  catchUp();
  await clock.advance(0);
  expect(lines.filter((line) => line.startsWith('lead'))).toEqual(['lead 2']);
});

test('while it begins an epoch it says so: what that refuses does not depose it', async () => {
  const { clock, world, leader } = aLeader();
  let catchUp = (): void => {};
  world.caughtUp = new Promise((resolve) => {
    catchUp = resolve;
  });
  leader.begin();
  await clock.advance(0);
  expect(leader.isTakingOver()).toBe(true);
  catchUp();
  await clock.advance(0);
  expect(leader.isTakingOver()).toBe(false);
  leader.takeOverAgain();
  expect(leader.isTakingOver()).toBe(true);
  await leader.end();
  await clock.advance(0);
  expect(leader.isTakingOver()).toBe(false);
});

test('a new generation of the store is taken over, and everything put again (L3)', async () => {
  const { clock, lines, world, leader } = aLeader();
  leader.begin();
  await clock.advance(5_000);
  expect(lines.filter((line) => line.startsWith('lead'))).toEqual(['lead 1']);
  world.generation = 'second';
  await clock.advance(1_000);
  expect(lines.filter((line) => line.startsWith('lead'))).toEqual(['lead 1', 'lead 2']);
  leader.takeOverAgain();
  await clock.advance(0);
  expect(lines.at(-1)).toBe('lead 3');
});

test('within the resync time each load balancer is read once and each object derived anew, spread', async () => {
  const { clock, lines, leader } = aLeader(60_000);
  leader.begin();
  await clock.advance(59_000);
  const before = lines.length;
  await clock.advance(2_000);
  expect(lines.slice(before)).toEqual(['due lb-a sweep to be read', 'recheck uid-a']);
  await clock.advance(30_000);
  expect(lines.slice(before + 2)).toEqual(['due lb-b sweep to be read', 'recheck uid-b']);
  await leader.end();
  const ended = lines.length;
  await clock.advance(600_000);
  expect(lines).toHaveLength(ended);
});

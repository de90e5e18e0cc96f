import { expect, test } from 'vitest';
import { createFakeClock } from '../../model/fake-clock.test-support.ts';
import type { Hold } from '../../model/hold.ts';
import { at, eventOf, firstEpoch, handed } from './conformance/fixture.ts';
import type { Engine } from './engine.ts';
import { createKeptStore } from './kept-store.ts';
import { createMemoryEngine } from './memory-store.ts';

/** A store whose engine does what it is asked, and whose answers may be lost, or that does nothing for a while. */
const aStore = () => {
  const clock = createFakeClock(firstEpoch * 1_000);
  const engine = createMemoryEngine({ clock, random: () => 0.5 });
  let losing = 0;
  let silent = 0;
  let silentLater = 0;
  const change: Engine['change'] = async (...step) => {
    if (silent > 0) {
      silent -= 1;
      throw new Error('no answer');
    }
    const answer = await engine.change(...step);
    silent = silentLater;
    silentLater = 0;
    losing -= 1;
    if (losing === 0) throw new Error('the answer was lost');
    return answer;
  };
  const store = createKeptStore({ ...engine, change });
  return {
    store,
    /** The answer to the step of that number is lost. */
    lose: (step: number) => {
      losing = step;
    },
    /** After the next one that is done so many steps do nothing. */
    silenceAfterwards: (steps: number) => {
      silentLater = steps;
    },
    take: async (): Promise<Hold> => {
      const hold = await store.take('lb-a', 'worker');
      return typeof hold === 'string' ? expect.fail(hold) : hold;
    },
  };
};

/** Holds with an object in hand, another one that was put since, and a check whose answer was lost. */
const afterALostCheck = async () => {
  const { store, lose, take } = aStore();
  await store.put(eventOf('web', at(1)), 'rest');
  const hold = await take();
  await store.put(eventOf('new', at(2)), 'drain');
  await hold.check();
  await store.put(eventOf('newer', at(3)), 'drain');
  // A check has two steps where there is something newer: it sees that, and it takes it.
  lose(2);
  await expect(hold.check()).rejects.toThrow('lost');
  return { store, hold, take };
};

test('what a check handed over in an answer that was lost is handed over again (L3)', async () => {
  const { hold } = await afterALostCheck();
  const answer = await hold.check();
  expect(answer.answer === 'newer' && handed(answer)).toEqual({ web: at(1), new: at(2), newer: at(3) });
  expect(await hold.check()).toEqual({ answer: 'mine' });
});

test('who ends without it leaves it due, though its object is not among what he applied (L3)', async () => {
  const { store, hold, take } = await afterALostCheck();
  await hold.done({ applied: { web: at(1), new: at(2) }, released: ['newer'] });
  expect((await store.due(10)).due).toMatchObject([{ loadBalancerKey: 'lb-a' }]);
  expect(handed(await take())).toEqual({ web: at(1), new: at(2), newer: at(3) });
});

test('a hold that was taken in an answer that was lost ends at once, as if it had never been', async () => {
  const { store, lose, take } = aStore();
  await store.put(eventOf('web', at(1)), 'drain');
  lose(1);
  await expect(store.take('lb-a', 'gives up')).rejects.toThrow('lost');
  await expect.poll(async () => (await store.due(10)).due).toMatchObject([{ lane: 'drain' }]);
  expect(await take()).toMatchObject({ inherited: 'first', mustObserve: true });
});

test('also when the store goes on only later', async () => {
  const { store, lose, silenceAfterwards, take } = aStore();
  await store.put(eventOf('web', at(1)), 'drain');
  lose(1);
  silenceAfterwards(2);
  await expect(store.take('lb-a', 'gives up')).rejects.toThrow('lost');
  expect((await store.due(10)).due).toEqual([]);
  await expect
    .poll(async () => (await store.due(10)).due, { timeout: 8_000 })
    .toMatchObject([{ lane: 'drain' }]);
  expect((await take()).inherited).toBe('first');
});

test('what was released is remembered for one epoch, also beside objects that stay', async () => {
  const clock = createFakeClock(firstEpoch * 1_000);
  const engine = createMemoryEngine({ clock });
  const store = createKeptStore(engine);
  const { epoch } = await store.takeOver();
  await store.put(eventOf('stays', at(1, epoch)), 'rest');
  await store.put(eventOf('goes', at(2, epoch), 'lb-a', { intent: 'release' }), 'rest');
  const hold = await store.take('lb-a', 'worker');
  if (typeof hold === 'string') return expect.fail(hold);
  await hold.done({ applied: handed(hold), released: ['goes'] });
  const remembered = async () =>
    (await engine.look(['lb-a'], 'control', ({ kept }) => [...kept.releasedAt.keys()])).flat();
  await store.put(eventOf('stays', at(3, epoch)), 'rest');
  expect(await remembered()).toEqual(['goes']);
  const next = await store.takeOver();
  await store.put(eventOf('stays', at(1, next.epoch)), 'rest');
  expect(await remembered()).toEqual([]);
  expect(await store.put(eventOf('goes', at(1, epoch)), 'rest')).toMatchObject({ outcome: 'refused' });
});

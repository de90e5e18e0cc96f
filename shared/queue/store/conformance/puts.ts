import { describe, expect, test } from 'vitest';
import { at, eventOf, firstEpoch, fixtures, handed, type MakeStore, unreadableEventOf } from './fixture.ts';

export const putSuite = (makeStore: MakeStore): void => {
  describe('put', () => {
    const fixture = fixtures(makeStore);

    test('the newest state of an object wins, in whatever order states come (L2)', async () => {
      const { store, take } = await fixture();
      expect(await store.put(eventOf('web', at(2)), 'rest')).toMatchObject({ outcome: 'kept' });
      expect(await store.put(eventOf('web', at(1)), 'rest')).toMatchObject({
        outcome: 'refused',
        newest: at(2),
      });
      expect(await store.put(eventOf('web', at(2)), 'rest')).toMatchObject({
        outcome: 'refused',
        newest: at(2),
      });
      expect(await store.put(eventOf('web', at(10)), 'rest')).toMatchObject({ outcome: 'kept' });
      expect(handed(await take())).toEqual({ web: at(10) });
    });

    test('each object of a load balancer has its own newest state, and so has each load balancer', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(5)), 'rest');
      expect(await store.put(eventOf('api', at(1)), 'rest')).toMatchObject({ outcome: 'kept' });
      expect(await store.put(eventOf('web', at(2), 'lb-b'), 'rest')).toMatchObject({ outcome: 'kept' });
      expect(handed(await take('lb-a'))).toEqual({ api: at(1), web: at(5) });
      expect(handed(await take('lb-b'))).toEqual({ web: at(2) });
    });

    test('the state that is kept is the event as it was put', async () => {
      const { store, take } = await fixture();
      const event = eventOf('web', at(1));
      await store.put(event, 'rest');
      const { states } = await take();
      expect(states).toEqual([{ sequence: at(1), state: event.data }]);
    });

    test('a state stays kept when it is applied', async () => {
      const { store, take, apply } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await apply();
      expect(handed(await take())).toEqual({ web: at(1) });
    });

    test('a put is told the newest applied state of its object', async () => {
      const { store, take, apply } = await fixture();
      expect(await store.put(eventOf('web', at(1)), 'rest')).not.toHaveProperty('applied');
      await apply();
      expect(await store.put(eventOf('web', at(2)), 'rest')).toMatchObject({ applied: at(1) });
      await (await take()).retry(0, 'busy');
      expect(await store.put(eventOf('web', at(3)), 'rest')).toMatchObject({ applied: at(1) });
    });

    test('puts are counted, kept and refused ones, and the generation stays (L3)', async () => {
      const { store } = await fixture();
      const generation = await store.generation();
      const counts = new Map<string, number>();
      for (const lb of ['lb-a', 'lb-b', 'lb-c', 'lb-d', 'lb-e']) {
        for (const sequence of [3, 2, 4, 4]) {
          const answer = await store.put(eventOf('web', at(sequence), lb), 'rest');
          const puts = (counts.get(answer.counter) ?? 0) + 1;
          expect(answer).toMatchObject({ generation, puts });
          counts.set(answer.counter, puts);
        }
      }
      expect(await store.generation()).toBe(generation);
    });

    test('another store has another generation', async () => {
      const generations = new Set<string>();
      for (let made = 0; made < 3; made += 1) generations.add(await (await fixture()).store.generation());
      expect(generations.size).toBe(3);
    });
  });

  describe('epochs', () => {
    const fixture = fixtures(makeStore);

    test('a leader takes over with the time in seconds, or one more than the last', async () => {
      const { store, clock } = await fixture();
      const generation = await store.generation();
      expect(await store.takeOver()).toEqual({ epoch: firstEpoch, generation });
      expect(await store.takeOver()).toEqual({ epoch: firstEpoch + 1, generation });
      await clock.advance(60_000);
      expect(await store.takeOver()).toEqual({ epoch: firstEpoch + 60, generation });
    });

    test('a leader that was taken over from changes nothing any more (L2)', async () => {
      const { store, take } = await fixture();
      await store.takeOver();
      await store.put(eventOf('web', at(7)), 'rest');
      await store.takeOver();
      const refused = await store.put(eventOf('web', at(8)), 'rest');
      expect(refused).toMatchObject({ outcome: 'refused' });
      expect(refused.outcome === 'refused' && refused.newest > at(8)).toBe(true);
      const unknown = await store.put(eventOf('api', at(9)), 'rest');
      expect(unknown.outcome === 'refused' && unknown.newest > at(9)).toBe(true);
      expect(handed(await take())).toEqual({ web: at(7) });
      expect(await store.put(eventOf('web', at(1, firstEpoch + 1)), 'rest')).toMatchObject({
        outcome: 'kept',
      });
    });

    test('a sequence that orders nothing is refused', async () => {
      const { store } = await fixture();
      expect(await store.put(eventOf('web', 'newest of all'), 'rest')).toMatchObject({ outcome: 'refused' });
    });

    test('a leader that outlived the data of the store is heard, and then no older one', async () => {
      const { store } = await fixture();
      expect(await store.put(eventOf('web', at(1)), 'rest')).toMatchObject({ outcome: 'kept' });
      expect(await store.put(eventOf('api', at(1, firstEpoch - 1)), 'rest')).toMatchObject({
        outcome: 'refused',
      });
    });

    test('absence counts only once the leader of the newest epoch has put everything (L5)', async () => {
      const { store, take } = await fixture();
      const { epoch } = await store.takeOver();
      await store.put(eventOf('web', at(1)), 'rest');
      const first = await take();
      expect(first.complete).toBe(false);
      await store.complete(epoch - 1);
      await first.retry(0, 'again');
      const second = await take();
      expect(second.complete).toBe(false);
      await store.complete(epoch);
      await store.put(eventOf('api', at(2)), 'rest');
      expect(await second.check()).toMatchObject({ answer: 'newer', complete: true });
      await second.retry(0, 'again');
      expect((await take()).complete).toBe(true);
    });

    test('a take-over takes completeness away until the new leader has put everything (L5)', async () => {
      const { store, take } = await fixture();
      const { epoch } = await store.takeOver();
      await store.put(eventOf('web', at(1)), 'rest');
      await store.complete(epoch);
      const next = await store.takeOver();
      await store.complete(epoch);
      const hold = await take();
      expect(hold.complete).toBe(false);
      await hold.retry(0, 'again');
      await store.complete(next.epoch);
      expect((await take()).complete).toBe(true);
    });

    test('a leader that took over before the store lost its data cannot complete it (L5)', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await store.complete(firstEpoch);
      const hold = await take();
      expect(hold.complete).toBe(false);
      await hold.retry(0, 'again');
      const { epoch } = await store.takeOver();
      await store.put(eventOf('web', at(1, epoch + 9)), 'rest');
      await store.complete(epoch + 9);
      expect((await take()).complete).toBe(false);
    });
  });

  describe('dead letters', () => {
    const fixture = fixtures(makeStore);

    test('a state that cannot be read is a dead letter with its reason, and the others go on (L12)', async () => {
      const { store, take } = await fixture();
      const { epoch } = await store.takeOver();
      await store.put(unreadableEventOf('web', at(1)), 'rest');
      await store.put(eventOf('api', at(2)), 'rest');
      await store.put(eventOf('shop', at(3), 'lb-b'), 'rest');
      await store.complete(epoch);
      const hold = await take();
      expect(handed(hold)).toEqual({ api: at(2) });
      expect(hold.complete).toBe(false);
      expect((await take('lb-b')).complete).toBe(true);
      expect(await store.deadLetters()).toEqual([
        {
          loadBalancerKey: 'lb-a',
          objectUid: 'web',
          sequence: at(1),
          reason: 'data.pods: array expected',
          at: firstEpoch * 1_000,
        },
      ]);
    });

    test('a newer state that cannot be read arrives while its object is in hand: it is not handed over', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await store.put(eventOf('api', at(2)), 'rest');
      const hold = await take();
      await store.put(unreadableEventOf('web', at(3)), 'rest');
      const answer = await hold.check();
      expect(answer).toMatchObject({ answer: 'newer', complete: false });
      expect(answer.answer === 'newer' && handed(answer)).toEqual({ api: at(2) });
    });

    test('a newer put of the object frees it, an older one does not', async () => {
      const { store, take } = await fixture();
      const { epoch } = await store.takeOver();
      await store.complete(epoch);
      await store.put(unreadableEventOf('web', at(2)), 'rest');
      await (await take()).retry(0, 'again');
      await store.put(eventOf('web', at(1)), 'rest');
      expect(await store.deadLetters()).toHaveLength(1);
      await store.put(eventOf('web', at(3)), 'rest');
      expect(await store.deadLetters()).toEqual([]);
      const hold = await take();
      expect(handed(hold)).toEqual({ web: at(3) });
      expect(hold.complete).toBe(true);
    });
  });
};

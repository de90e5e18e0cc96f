import { describe, expect, test } from 'vitest';
import { holdMs } from '../store.ts';
import { at, eventOf, fixtures, handed, type MakeStore, recordedWith } from './fixture.ts';

export const holdSuite = (makeStore: MakeStore): void => {
  describe('hold', () => {
    const fixture = fixtures(makeStore);

    test('one at a time holds a load balancer; where nothing is kept there is nothing to hold (L4)', async () => {
      const { store, take } = await fixture();
      expect(await store.take('lb-a', 'worker')).toBe('nothing');
      await store.put(eventOf('web', at(1)), 'rest');
      await store.put(eventOf('web', at(1), 'lb-b'), 'rest');
      const hold = await take('lb-a', 'one');
      expect(hold.loadBalancerKey).toBe('lb-a');
      expect(await store.take('lb-a', 'other')).toBe('held');
      expect(await store.take('lb-a', 'one')).toBe('held');
      await take('lb-b', 'one');
      expect(await hold.check()).toEqual({ answer: 'mine' });
    });

    test('a check hands over newer states once', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await store.put(eventOf('web', at(2)), 'rest');
      await store.put(eventOf('api', at(3)), 'rest');
      const answer = await hold.check();
      expect(answer.answer === 'newer' && handed(answer)).toEqual({ api: at(3), web: at(2) });
      expect(await hold.check()).toEqual({ answer: 'mine' });
    });

    test('a check and a record renew the hold; nothing else does', async () => {
      const { store, take, clock } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      for (let turn = 0; turn < 3; turn += 1) {
        await clock.advance(holdMs - 1);
        expect(await hold.check()).toEqual({ answer: 'mine' });
        await clock.advance(holdMs - 1);
        expect(await hold.record(recordedWith('lb-1'))).toBe(true);
      }
      await clock.advance(holdMs - 1);
      await store.put(eventOf('web', at(2)), 'rest');
      expect(await store.take('lb-a', 'other')).toBe('held');
      await clock.advance(1);
      expect(await hold.check()).toEqual({ answer: 'lost' });
    });

    test('what is recorded is there for the next', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      expect(hold.recorded).toEqual({ bindings: [], refusals: [], reported: [] });
      const reported = ['E4033'];
      const recorded = recordedWith('lb-1', { reported: ['E4033'] });
      expect(await hold.record(recordedWith('lb-1', { reported }))).toBe(true);
      reported.push('what the holder does later');
      await hold.done({ applied: {}, released: [] });
      expect((await take()).recorded).toEqual(recorded);
    });

    test('a hold that expired is lost: nothing that its holder does counts, but it is due and read again (L4)', async () => {
      const { store, take, clock, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const lost = await take('lb-a', 'slow');
      await clock.advance(holdMs);
      expect(await dueKeys()).toEqual(['lb-a']);
      const next = await take('lb-a', 'other');
      expect(next.inherited).toBe('expired');

      expect(await lost.check()).toEqual({ answer: 'lost' });
      expect(await lost.record(recordedWith('lb-of-slow'))).toBe(false);
      await lost.needsEvidence('web', [{ protocol: 'TCP', port: 80, targets: [] }]);
      await lost.done({ applied: handed(lost), released: ['web'] });
      await lost.retry(60_000, 'says slow', { strict: true });
      expect(await store.evidenceWanted()).toEqual([]);

      expect(await next.check()).toEqual({ answer: 'mine' });
      await next.record(recordedWith('lb-1'));
      await next.done({ applied: {}, released: [] });
      expect(await store.put(eventOf('web', at(2)), 'rest')).not.toHaveProperty('applied');
      expect(await dueKeys()).toEqual(['lb-a']);
      const after = await take();
      expect(after).toMatchObject({ inherited: 'released', mustObserve: true });
      expect(after.recorded).toEqual(recordedWith('lb-1'));
    });

    test.each(['done', 'retry'] as const)(
      '%s of a hold that expired makes it due though nobody took it since',
      async (end) => {
        const { store, take, clock } = await fixture();
        await store.put(eventOf('web', at(1)), 'drain');
        const lost = await take();
        await clock.advance(holdMs);
        await (end === 'done'
          ? lost.done({ applied: handed(lost), released: [] })
          : lost.retry(60_000, 'slow'));
        expect((await store.due(10)).due).toMatchObject([{ loadBalancerKey: 'lb-a', lane: 'drain' }]);
        expect((await take()).inherited).toBe('expired');
      },
    );

    test('what is done is over: the hold does nothing any more', async () => {
      const { store, take, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await hold.done({ applied: handed(hold), released: [] });
      await hold.retry(0, 'a slip');
      expect(await hold.check()).toEqual({ answer: 'lost' });
      expect(await hold.record(recordedWith('lb-1'))).toBe(false);
      expect(await dueKeys()).toEqual([]);
    });

    test('a hold inherits: first, then released; expired after one that ended so (L4)', async () => {
      const { store, take, clock } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const first = await take();
      expect(first).toMatchObject({ inherited: 'first', mustObserve: true });
      await first.record(recordedWith('lb-1'));
      await first.done({ applied: {}, released: [] });
      expect(await take()).toMatchObject({ inherited: 'released', mustObserve: false });
      await clock.advance(holdMs);
      expect(await take()).toMatchObject({ inherited: 'expired', mustObserve: true });
    });

    test('a hold that ends by retry passes on what it inherited (L4)', async () => {
      const { store, take, clock } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await take();
      await clock.advance(holdMs);
      const heir = await take();
      await heir.record(recordedWith('lb-1'));
      await heir.retry(0, 'ResourceInOperating');
      const next = await take();
      expect(next).toMatchObject({ inherited: 'expired', mustObserve: true });
      await next.done({ applied: {}, released: [] });
      expect((await take()).inherited).toBe('released');
    });

    test('what an ended invocation left behind is expired and due at once, and nothing else is', async () => {
      const { store, take, dueKeys } = await fixture();
      for (const lb of ['lb-a', 'lb-b', 'lb-c']) await store.put(eventOf('web', at(1), lb), 'ready');
      const left = await take('lb-a', 'ended');
      await take('lb-b', 'ended');
      const other = await take('lb-c', 'other');
      await store.expire('ended');
      expect(new Set(await dueKeys())).toEqual(new Set(['lb-a', 'lb-b']));
      expect(await other.check()).toEqual({ answer: 'mine' });
      expect(await left.check()).toEqual({ answer: 'lost' });
      expect((await take('lb-a')).inherited).toBe('expired');
      expect((await store.due(10)).due).toMatchObject([{ lane: 'ready' }]);
    });

    test('a hold that expired passes on its lane, the more urgent one of what a check handed over', async () => {
      const { store, take, clock } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await store.put(eventOf('web', at(2)), 'drain');
      await hold.check();
      await clock.advance(holdMs);
      expect((await store.due(10)).due).toEqual([
        { loadBalancerKey: 'lb-a', lane: 'drain', since: clock.now() },
      ]);
    });
  });

  describe('releasing', () => {
    const fixture = fixtures(makeStore);
    const release = { intent: 'release' } as const;

    test('a released object is dropped, the others stay', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1), 'lb-a', release), 'rest');
      await store.put(eventOf('api', at(2)), 'rest');
      const hold = await take();
      await hold.done({ applied: handed(hold), released: ['web'] });
      expect(handed(await take())).toEqual({ api: at(2) });
    });

    test('a load balancer without objects is forgotten: nothing due, nothing to take, nothing recorded', async () => {
      const { store, take, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1), 'lb-a', release), 'rest');
      const hold = await take();
      await hold.record(recordedWith('lb-1'));
      await hold.done({ applied: {}, released: ['web'], dueAfterMs: 0 });
      expect(await dueKeys()).toEqual([]);
      expect(await store.take('lb-a', 'worker')).toBe('nothing');
      expect(await store.loadBalancers()).toEqual([]);
      await store.put(eventOf('web', at(2)), 'rest');
      expect(await store.loadBalancers()).toEqual(['lb-a']);
      const anew = await take();
      expect(anew).toMatchObject({ inherited: 'first', mustObserve: true });
      expect(anew.recorded.loadBalancer).toBeUndefined();
    });

    test('an object that was put again meanwhile is not dropped (L3)', async () => {
      const { store, take, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1), 'lb-a', release), 'rest');
      const hold = await take();
      await store.put(eventOf('web', at(2)), 'rest');
      await hold.done({ applied: handed(hold), released: ['web'] });
      expect(await dueKeys()).toEqual(['lb-a']);
      const next = await take();
      expect(handed(next)).toEqual({ web: at(2) });

      await store.put(eventOf('web', at(3)), 'rest');
      await next.check();
      await next.done({ applied: { web: at(2) }, released: ['web'] });
      expect(handed(await take())).toEqual({ web: at(3) });
    });

    test('an older state of a released object comes to nothing (L2)', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(2), 'lb-a', release), 'rest');
      await (await take()).done({ applied: { web: at(2) }, released: ['web'] });
      expect(await store.put(eventOf('web', at(1)), 'rest')).toMatchObject({
        outcome: 'refused',
        newest: at(2),
      });
      expect(await store.take('lb-a', 'worker')).toBe('nothing');
      const { epoch } = await store.takeOver();
      expect(await store.put(eventOf('web', at(3)), 'rest')).toMatchObject({ outcome: 'refused' });
      expect(await store.put(eventOf('web', at(1, epoch)), 'rest')).toMatchObject({ outcome: 'kept' });
    });
  });
};

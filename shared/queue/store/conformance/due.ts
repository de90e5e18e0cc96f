import { describe, expect, test } from 'vitest';
import { lanes } from '../../../model/desired-state.ts';
import type { Hold } from '../../../model/hold.ts';
import { holdMs } from '../store.ts';
import { at, eventOf, firstEpoch, fixtures, handed, type MakeStore } from './fixture.ts';

export const dueSuite = (makeStore: MakeStore): void => {
  describe('due', () => {
    const fixture = fixtures(makeStore);

    test('a put makes its load balancer due at once, in its lane', async () => {
      const { store, clock } = await fixture();
      await store.put(eventOf('web', at(1)), 'ready');
      await clock.advance(10);
      expect((await store.due(10)).due).toEqual([
        { loadBalancerKey: 'lb-a', lane: 'ready', since: firstEpoch * 1_000 },
      ]);
    });

    test('urgent lanes come first, then what has waited longest, at most as many as asked for', async () => {
      const { store, clock } = await fixture();
      for (const [index, lane] of [...lanes].reverse().entries()) {
        await store.put(eventOf('web', at(1), `lb-${lane}-1`), lane);
        await clock.advance(5);
        await store.put(eventOf('web', at(2 + index), `lb-${lane}-2`), lane);
        await clock.advance(5);
      }
      const keys = (await store.due(100)).due.map(({ loadBalancerKey }) => loadBalancerKey);
      expect(keys).toEqual(lanes.flatMap((lane) => [`lb-${lane}-1`, `lb-${lane}-2`]));
      expect((await store.due(3)).due.map(({ loadBalancerKey }) => loadBalancerKey)).toEqual(
        keys.slice(0, 3),
      );
    });

    test('a drain comes first though many others are due longer (L11)', async () => {
      const { store, clock } = await fixture();
      for (let other = 1; other <= 40; other += 1) {
        await store.put(eventOf('web', at(other), `lb-other-${other}`), 'rest');
      }
      await clock.advance(1);
      await store.put(eventOf('web', at(50)), 'drain');
      expect((await store.due(1)).due).toMatchObject([{ loadBalancerKey: 'lb-a', lane: 'drain' }]);
      expect((await store.due(3)).due).toHaveLength(3);
    });

    test('what is put in a more urgent lane during a hold that expires is due in that lane', async () => {
      const { store, take, clock } = await fixture();
      for (let other = 1; other <= 10; other += 1) {
        await store.put(eventOf('web', at(other), `lb-other-${other}`), 'rest');
      }
      await store.put(eventOf('web', at(20)), 'rest');
      await take();
      await store.put(eventOf('web', at(21)), 'drain');
      await clock.advance(holdMs);
      expect((await store.due(1)).due).toMatchObject([{ loadBalancerKey: 'lb-a', lane: 'drain' }]);
    });

    test('a load balancer is due once, in the most urgent of its lanes', async () => {
      const { store } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await store.put(eventOf('web', at(2)), 'drain');
      await store.put(eventOf('api', at(3)), 'sweep');
      expect((await store.due(10)).due).toMatchObject([{ loadBalancerKey: 'lb-a', lane: 'drain' }]);
    });

    test('what is held is not due, and neither is what is done', async () => {
      const { store, take, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      expect(await dueKeys()).toEqual([]);
      await hold.done({ applied: handed(hold), released: [] });
      expect(await dueKeys()).toEqual([]);
    });

    test('it says when to ask again: when a back-off, a deadline, a check for late calls or a hold ends', async () => {
      const { store, take, clock } = await fixture();
      expect(await store.due(10)).toEqual({ due: [] });
      for (const lb of ['lb-a', 'lb-b', 'lb-c', 'lb-d']) await store.put(eventOf('web', at(1), lb), 'rest');
      const holds = new Map<string, Hold>();
      for (const lb of ['lb-a', 'lb-b', 'lb-c', 'lb-d']) holds.set(lb, await take(lb));
      expect(await store.due(10)).toEqual({ due: [], nextInMs: holdMs });
      await holds.get('lb-d')?.done({ applied: { web: at(1) }, released: [] });
      await holds.get('lb-a')?.done({
        applied: { web: at(1) },
        released: [],
        dueAfterMs: 9_000,
        observeNext: true,
      });
      expect(await store.due(10)).toEqual({ due: [], nextInMs: 9_000 });
      await holds.get('lb-b')?.done({ applied: { web: at(1) }, released: [], dueAfterMs: 7_000 });
      expect(await store.due(10)).toEqual({ due: [], nextInMs: 7_000 });
      await holds.get('lb-c')?.retry(500, 'ResourceInOperating', { strict: true });
      await store.markDue('lb-c', 'drain');
      expect(await store.due(10)).toEqual({ due: [], nextInMs: 500 });
      await clock.advance(500);
      const { due, nextInMs } = await store.due(10);
      expect(due).toMatchObject([{ loadBalancerKey: 'lb-c', lane: 'drain' }]);
      expect(nextInMs).toBe(6_500);
      for (const wait of [6_500, 2_000]) {
        await clock.advance(wait);
        for (const one of (await store.due(10)).due) {
          await (await take(one.loadBalancerKey)).done({ applied: {}, released: [] });
        }
      }
      expect(await store.due(10)).toEqual({ due: [] });
    });

    test('a refused put makes nothing due', async () => {
      const { store, apply, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await apply();
      await store.put(eventOf('web', at(1)), 'drain');
      expect(await dueKeys()).toEqual([]);
    });

    test('marked due, it is due; a load balancer of which nothing is kept is not', async () => {
      const { store, apply } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await apply();
      await store.markDue('lb-a', 'sweep');
      await store.markDue('lb-unknown', 'sweep');
      expect((await store.due(10)).due).toMatchObject([{ loadBalancerKey: 'lb-a', lane: 'sweep' }]);
    });

    test('marked due during a hold, it is due when the hold ends, though a check handed over newer states', async () => {
      const { store, take, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await store.markDue('lb-a', 'rest', true);
      await store.put(eventOf('web', at(2)), 'rest');
      await hold.check();
      await hold.done({ applied: { web: at(2) }, released: [] });
      expect(await dueKeys()).toEqual(['lb-a']);
      expect((await take()).mustObserve).toBe(true);
    });

    test('a put during a hold is due when the hold is done (L3)', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await store.put(eventOf('web', at(2)), 'drain');
      await hold.done({ applied: handed(hold), released: [] });
      expect((await store.due(10)).due).toMatchObject([{ loadBalancerKey: 'lb-a', lane: 'drain' }]);
      expect(handed(await take())).toEqual({ web: at(2) });
    });

    test('a put that a check handed over is due again only if it was not applied', async () => {
      const { store, take, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const first = await take();
      await store.put(eventOf('web', at(2)), 'rest');
      expect(await first.check()).toMatchObject({ answer: 'newer' });
      await first.done({ applied: { web: at(2) }, released: [] });
      expect(await dueKeys()).toEqual([]);

      const second = await take();
      await store.put(eventOf('web', at(3)), 'drain');
      expect(await second.check()).toMatchObject({ answer: 'newer' });
      await second.done({ applied: { web: at(2) }, released: [] });
      expect((await store.due(10)).due).toMatchObject([{ lane: 'drain' }]);
    });

    test('a put during a back-off is due at once', async () => {
      const { store, take, clock, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'drain');
      await (await take()).retry(5_000, 'throttled');
      expect(await dueKeys()).toEqual([]);
      await clock.advance(1_000);
      await store.put(eventOf('web', at(2)), 'rest');
      expect(await dueKeys()).toEqual(['lb-a']);
    });

    test('a put within a strict back-off is due when it ends, and nobody takes it before', async () => {
      const { store, take, clock, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await (await take()).retry(500, 'ResourceInOperating', { strict: true });
      await store.put(eventOf('web', at(2)), 'drain');
      await store.markDue('lb-a', 'drain');
      await clock.advance(499);
      expect(await dueKeys()).toEqual([]);
      expect(await store.take('lb-a', 'worker')).toBe('held');
      await clock.advance(1);
      expect((await store.due(10)).due).toEqual([
        { loadBalancerKey: 'lb-a', lane: 'drain', since: clock.now() },
      ]);
      expect(handed(await take())).toEqual({ web: at(2) });
    });

    test('retry makes it due at its time, in the lane it was taken in', async () => {
      const { store, take, clock, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'ready');
      await (await take()).retry(3_000, 'throttled');
      await clock.advance(2_999);
      expect(await dueKeys()).toEqual([]);
      await clock.advance(1);
      expect((await store.due(10)).due).toEqual([
        { loadBalancerKey: 'lb-a', lane: 'ready', since: clock.now() },
      ]);
    });

    test('retry does not delay a put that came during the hold', async () => {
      const { store, take, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await store.put(eventOf('web', at(2)), 'rest');
      await hold.retry(5_000, 'throttled');
      expect(await dueKeys()).toEqual(['lb-a']);
    });

    test('done may ask to be due again after a time; the next done asks anew', async () => {
      const { store, take, apply, clock, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await hold.done({ applied: handed(hold), released: [], dueAfterMs: 30_000 });
      await clock.advance(29_999);
      expect(await dueKeys()).toEqual([]);
      await clock.advance(1);
      expect(await dueKeys()).toEqual(['lb-a']);
      const again = await take();
      await again.done({ applied: {}, released: [], dueAfterMs: 30_000 });
      await clock.advance(1_000);
      await apply();
      await clock.advance(60_000);
      expect(await dueKeys()).toEqual([]);
    });
  });

  describe('observing again', () => {
    const fixture = fixtures(makeStore);

    test('a record is trusted; without one, or when asked for, the CLB is read', async () => {
      const { store, take, apply } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await apply();
      const trusting = await take();
      expect(trusting.mustObserve).toBe(false);
      await trusting.done({ applied: {}, released: [], observeNext: true });
      const asked = await take();
      expect(asked.mustObserve).toBe(true);
      await asked.done({ applied: {}, released: [] });
      await store.markDue('lb-a', 'sweep', true);
      const swept = await take();
      expect(swept.mustObserve).toBe(true);
      await swept.record({ bindings: [], refusals: [], reported: [] });
      await swept.done({ applied: {}, released: [] });
      expect((await take()).mustObserve).toBe(true);
    });

    test('who was to read and ends by retry before it recorded leaves that to the next', async () => {
      const { store, take, apply } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await apply();
      await store.markDue('lb-a', 'sweep', true);
      await (await take()).retry(0, 'throttled');
      const next = await take();
      expect(next.mustObserve).toBe(true);
      await next.record({ ...next.recorded, wholeReadAt: 2 });
      await next.retry(0, 'ResourceInOperating');
      expect((await take()).mustObserve).toBe(false);
    });

    test('retry may ask that the next one reads, though this one kept what it read', async () => {
      const { store, take, apply } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await apply();
      await store.markDue('lb-a', 'rest');
      const hold = await take();
      await hold.record(hold.recorded);
      await hold.retry(0, 'a call without an answer', { observeNext: true });
      expect((await take()).mustObserve).toBe(true);
    });

    test('a check for late calls comes at its time, whatever is taken and done before (L4)', async () => {
      const { store, take, apply, clock, dueKeys } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await apply();
      await (await take()).done({ applied: {}, released: [], dueAfterMs: 11_000, observeNext: true });
      await store.put(eventOf('web', at(2)), 'rest');
      const between = await take();
      expect(between.mustObserve).toBe(false);
      await between.done({ applied: handed(between), released: [] });
      await clock.advance(10_999);
      expect(await dueKeys()).toEqual([]);
      await clock.advance(1);
      expect((await store.due(10)).due).toEqual([
        { loadBalancerKey: 'lb-a', lane: 'rest', since: clock.now() },
      ]);
      const late = await take();
      expect(late.mustObserve).toBe(true);
      await late.record({ ...late.recorded, wholeReadAt: 2 });
      await late.done({ applied: {}, released: [] });
      await clock.advance(60_000);
      expect(await dueKeys()).toEqual([]);
      expect((await take()).mustObserve).toBe(false);
    });
  });
};

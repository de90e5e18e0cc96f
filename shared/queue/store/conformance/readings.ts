import { describe, expect, test } from 'vitest';
import type { Lane } from '../../../model/desired-state.ts';
import type { GateFact } from '../../../model/facts.ts';
import type { Budget } from '../store.ts';
import {
  at,
  eventOf,
  fixtures,
  handed,
  type MakeStore,
  podOf,
  recordedWith,
  unreadableEventOf,
} from './fixture.ts';

const gateOf = (status: GateFact['status']): { readonly gate: GateFact } => ({
  gate: { type: 'gate', status },
});

/** How many calls in a row the lane is granted. */
const granted = async (budget: Budget, lane: Lane, action = 'DescribeTargets'): Promise<number> => {
  for (let count = 0; ; count += 1) {
    if (!(await budget.ask(action, lane)).granted) return count;
  }
};

export const readingSuite = (makeStore: MakeStore): void => {
  describe('waiting', () => {
    const fixture = fixtures(makeStore);

    test('a load balancer waits while a Pod that is to serve has our gate not open', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('none', at(1), 'lb-none', { pods: [podOf('p')] }), 'rest');
      for (const status of ['absent', 'False', 'Unknown', 'True'] as const) {
        await store.put(
          eventOf('web', at(1), `lb-${status}`, {
            pods: [podOf('open', gateOf('True')), podOf('p', gateOf(status))],
          }),
          'rest',
        );
      }
      const gone = [
        podOf('terminating', { ...gateOf('False'), terminatingAt: 5 }),
        podOf('ended', { ...gateOf('False'), ended: true }),
      ];
      await store.put(eventOf('web', at(1), 'lb-gone', { pods: gone }), 'rest');
      const waits = { pods: [podOf('p', gateOf('False'))] };
      for (const intent of ['release', 'skip', 'report'] as const) {
        await store.put(eventOf('web', at(1), `lb-${intent}`, { ...waits, intent }), 'rest');
      }
      // Also while it is held.
      await take('lb-False');
      const keys = (await store.waiting()).map(({ loadBalancerKey }) => loadBalancerKey);
      expect(keys.sort()).toEqual(['lb-False', 'lb-Unknown', 'lb-absent']);
    });

    test('it comes with every state that can be read and with what is recorded', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1), 'lb-a', { pods: [podOf('p', gateOf('False'))] }), 'rest');
      await store.put(eventOf('api', at(2)), 'rest');
      await store.put(unreadableEventOf('shop', at(3)), 'rest');
      await (await take()).record(recordedWith('lb-1'));
      const [waiting] = await store.waiting();
      expect(waiting).toMatchObject({ loadBalancerKey: 'lb-a', recorded: recordedWith('lb-1') });
      expect(waiting === undefined ? {} : handed(waiting)).toEqual({ api: at(2), web: at(1) });
      expect(await store.deadLetters()).toMatchObject([{ objectUid: 'shop' }]);
    });

    test('every load balancer that has states is listed for the sweep', async () => {
      const { store, apply } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await store.put(eventOf('web', at(1), 'lb-b'), 'rest');
      await apply();
      expect([...(await store.loadBalancers())].sort()).toEqual(['lb-a', 'lb-b']);
    });
  });

  describe('evidence', () => {
    const fixture = fixtures(makeStore);
    const wanted = [{ protocol: 'TCP', port: 80, targets: [{ ip: '10.0.0.9', port: 80 }] }];

    test('what a planner asks for is listed until the next put of the object (L5)', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      await store.put(eventOf('api', at(2)), 'rest');
      const hold = await take();
      await hold.needsEvidence('web', wanted);
      await hold.needsEvidence('web', wanted);
      await hold.done({ applied: handed(hold), released: [] });
      const request = { loadBalancerKey: 'lb-a', objectUid: 'web', wanted };
      expect(await store.evidenceWanted()).toEqual([request]);
      await store.put(eventOf('api', at(3)), 'rest');
      await store.put(eventOf('web', at(1)), 'rest');
      expect(await store.evidenceWanted()).toEqual([request]);
      await store.put(eventOf('web', at(4)), 'rest');
      expect(await store.evidenceWanted()).toEqual([]);
    });

    test('what was put meanwhile is not asked for again', async () => {
      const { store, take } = await fixture();
      await store.put(eventOf('web', at(1)), 'rest');
      const hold = await take();
      await store.put(eventOf('web', at(2)), 'rest');
      await hold.needsEvidence('web', wanted);
      expect(await store.evidenceWanted()).toEqual([]);
    });
  });

  describe('budget', () => {
    const fixture = fixtures(makeStore);

    test.each([
      { lane: 'drain', calls: 18 },
      { lane: 'ready', calls: 18 },
      { lane: 'rest', calls: 14 },
      { lane: 'sweep', calls: 9 },
    ] as const)('lane $lane is granted $calls calls a second of an action', async ({ lane, calls }) => {
      const { store } = await fixture();
      expect(await granted(store.budget, lane)).toBe(calls);
    });

    test('what less urgent lanes may not use is there for drains (L11)', async () => {
      const { store } = await fixture();
      expect(await granted(store.budget, 'sweep')).toBe(9);
      expect(await granted(store.budget, 'rest')).toBe(5);
      expect(await granted(store.budget, 'drain')).toBe(4);
      expect(await granted(store.budget, 'ready')).toBe(0);
    });

    test('a refusal says when the next second begins, and then there is budget again', async () => {
      const { store, clock } = await fixture();
      await clock.advance(250);
      await granted(store.budget, 'drain');
      const refused = await store.budget.ask('DescribeTargets', 'drain');
      expect(refused).toEqual({ granted: false, afterMs: 750 });
      await clock.advance(750);
      expect(await granted(store.budget, 'drain')).toBe(18);
    });

    test('each action has its own', async () => {
      const { store } = await fixture();
      expect(await granted(store.budget, 'drain', 'BatchRegisterTargets')).toBe(18);
      expect(await granted(store.budget, 'drain', 'ModifyListener')).toBe(18);
    });

    test('a small budget leaves each lane one call', async () => {
      for (const lane of ['rest', 'sweep'] as const) {
        const { store } = await fixture({ budgetPerSecond: 1 });
        expect(await granted(store.budget, lane)).toBe(1);
      }
    });
  });

  describe('notes and turns', () => {
    const fixture = fixtures(makeStore);

    test('a note is read as it was written last, whatever leads', async () => {
      const { store } = await fixture();
      expect(await store.readNote('api-token')).toBeUndefined();
      await store.writeNote('api-token', 'first');
      await store.writeNote('other', '');
      await store.writeNote('api-token', 'sécond "note"');
      await store.takeOver();
      expect(await store.readNote('api-token')).toBe('sécond "note"');
      expect(await store.readNote('other')).toBe('');
    });

    test('a turn is taken by one, until its time is over', async () => {
      const { store, clock } = await fixture();
      expect(await store.takeTurn('readiness', 1_000)).toBe(true);
      expect(await store.takeTurn('readiness', 1_000)).toBe(false);
      expect(await store.takeTurn('other', 1_000)).toBe(true);
      await clock.advance(999);
      expect(await store.takeTurn('readiness', 1_000)).toBe(false);
      await clock.advance(1);
      expect(await store.takeTurn('readiness', 1_000)).toBe(true);
    });
  });
};

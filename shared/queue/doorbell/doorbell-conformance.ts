import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Lane, lanes } from '../../model/desired-state.ts';
import type { Doorbell, Ring } from './doorbell.ts';

const ringOf = (loadBalancerKey: string, lane: Lane = 'rest'): Ring => ({ loadBalancerKey, lane });
const keysOf = (rings: readonly Ring[]): string[] => rings.map(({ loadBalancerKey }) => loadBalancerKey);

const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { interval: 2, timeout: 5_000 });
const manyTurns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** What every doorbell must do; `makeDoorbell` makes one that nobody has rung. */
export const doorbellConformance = (name: string, makeDoorbell: () => Doorbell | Promise<Doorbell>): void => {
  describe(`doorbell: ${name}`, () => {
    const made: Doorbell[] = [];
    const make = async (): Promise<Doorbell> => {
      const doorbell = await makeDoorbell();
      made.push(doorbell);
      return doorbell;
    };
    afterEach(async () => {
      await Promise.all(made.splice(0).map((doorbell) => doorbell.close()));
    });

    test('a ring is heard, whether it came before or after somebody listens', async () => {
      const doorbell = await make();
      const heard: string[] = [];
      await doorbell.ring([ringOf('before')]);
      doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 10 });
      await eventually(() => expect(heard).toContain('before'));
      await doorbell.ring([ringOf('after')]);
      await eventually(() => expect(heard).toContain('after'));
    });

    test('a batch has at most batchSize rings, none is empty, and all come', async () => {
      const doorbell = await make();
      const batches: string[][] = [];
      const keys = Array.from({ length: 7 }, (_, index) => `lb-${index}`);
      await doorbell.ring(keys.map((key) => ringOf(key)));
      doorbell.listen(async (rings) => void batches.push(keysOf(rings)), { batchSize: 3 });
      await eventually(() => expect(new Set(batches.flat())).toEqual(new Set(keys)));
      for (const { length } of batches) {
        expect(length).toBeGreaterThan(0);
        expect(length).toBeLessThanOrEqual(3);
      }
    });

    test('urgent lanes come first', async () => {
      const doorbell = await make();
      const heard: Lane[] = [];
      await doorbell.ring([...lanes].reverse().map((lane) => ringOf(`lb-${lane}`, lane)));
      doorbell.listen(async (rings) => void heard.push(...rings.map(({ lane }) => lane)), { batchSize: 1 });
      await eventually(() => expect(heard).toEqual(lanes));
    });

    test('a more urgent ring of a load balancer that waits already is not held back', async () => {
      const doorbell = await make();
      const heard: string[] = [];
      await doorbell.ring([ringOf('other', 'rest'), ringOf('same', 'sweep')]);
      await doorbell.ring([ringOf('same', 'drain')]);
      doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 1 });
      await eventually(() => expect(heard).toEqual(expect.arrayContaining(['same', 'other'])));
      expect(heard[0]).toBe('same');
    });

    test('the next batch comes only when the promise of the last one settles', async () => {
      const doorbell = await make();
      const heard: string[] = [];
      let finish = (): void => {};
      doorbell.listen(
        async (rings) => {
          heard.push(...keysOf(rings));
          if (heard.length === 1) await new Promise<void>((resolve) => (finish = resolve));
        },
        { batchSize: 1 },
      );
      await doorbell.ring([ringOf('first')]);
      await eventually(() => expect(heard).toEqual(['first']));
      await doorbell.ring([ringOf('second')]);
      await manyTurns();
      expect(heard).toEqual(['first']);
      finish();
      await eventually(() => expect(heard).toContain('second'));
    });

    test('a ring for a load balancer whose batch is running is heard after it', async () => {
      const doorbell = await make();
      let batches = 0;
      let finish = (): void => {};
      doorbell.listen(
        async () => {
          batches += 1;
          if (batches === 1) await new Promise<void>((resolve) => (finish = resolve));
        },
        { batchSize: 10 },
      );
      await doorbell.ring([ringOf('lb')]);
      await eventually(() => expect(batches).toBe(1));
      await doorbell.ring([ringOf('lb')]);
      finish();
      await eventually(() => expect(batches).toBeGreaterThanOrEqual(2));
    });

    test('a batch that rejects or throws does not stop the next', async () => {
      const doorbell = await make();
      const heard: string[] = [];
      doorbell.listen(
        (rings) => {
          heard.push(...keysOf(rings));
          if (heard.includes('fine')) return Promise.resolve();
          if (heard.includes('rejects')) return Promise.reject(new Error('rejects'));
          throw new Error('throws');
        },
        { batchSize: 1 },
      );
      for (const key of ['throws', 'rejects', 'fine']) {
        await doorbell.ring([ringOf(key)]);
        await eventually(() => expect(heard).toContain(key));
      }
    });

    test('who stops listening begins no batch any more, and leaves what rings to the next', async () => {
      const doorbell = await make();
      const first: string[] = [];
      const second: string[] = [];
      const stop = doorbell.listen(async (rings) => void first.push(...keysOf(rings)), { batchSize: 10 });
      await doorbell.ring([ringOf('early')]);
      await eventually(() => expect(first).toEqual(['early']));
      await stop();
      await doorbell.ring([ringOf('late')]);
      await manyTurns();
      expect(first).toEqual(['early']);
      doorbell.listen(async (rings) => void second.push(...keysOf(rings)), { batchSize: 10 });
      await eventually(() => expect(second).toContain('late'));
      expect(first).toEqual(['early']);
    });

    test('close ends it: no batch begins any more, and ringing harms nobody', async () => {
      const doorbell = await make();
      const heard: string[] = [];
      doorbell.listen(async (rings) => void heard.push(...keysOf(rings)), { batchSize: 1 });
      await doorbell.close();
      await doorbell.ring([ringOf('late')]).catch(() => {});
      await manyTurns();
      expect(heard).toEqual([]);
      await doorbell.close();
    });

    test('close resolves when the batch on its way has settled', async () => {
      const doorbell = await make();
      const order: string[] = [];
      let finish = (): void => {};
      doorbell.listen(
        async () => {
          order.push('begun');
          await new Promise<void>((resolve) => (finish = resolve));
          order.push('ended');
        },
        { batchSize: 1 },
      );
      await doorbell.ring([ringOf('lb')]);
      await eventually(() => expect(order).toEqual(['begun']));
      const closed = doorbell.close().then(() => order.push('closed'));
      finish();
      await closed;
      expect(order).toEqual(['begun', 'ended', 'closed']);
    });

    test('whatever is rung, in whatever order, by whomever: each load balancer is heard after its last ring', async () => {
      const anyRings = fc.array(
        fc.array(
          fc.record({
            loadBalancerKey: fc.constantFrom('a', 'b', 'c', 'd'),
            lane: fc.constantFrom(...lanes),
          }),
          {
            maxLength: 4,
          },
        ),
        { maxLength: 8 },
      );
      await fc.assert(
        fc.asyncProperty(anyRings, fc.integer({ min: 1, max: 3 }), async (rung, batchSize) => {
          const doorbell = await make();
          let turn = 0;
          const lastRung = new Map<string, number>();
          const lastHeard = new Map<string, number>();
          doorbell.listen(
            async (rings) => {
              for (const key of keysOf(rings)) lastHeard.set(key, turn);
            },
            { batchSize },
          );
          for (const rings of rung) {
            turn += 1;
            for (const key of keysOf(rings)) lastRung.set(key, turn);
            await doorbell.ring(rings);
          }
          await eventually(() => {
            for (const [key, at] of lastRung) expect(lastHeard.get(key) ?? 0).toBeGreaterThanOrEqual(at);
          });
        }),
        { numRuns: 30 },
      );
    });
  });
};

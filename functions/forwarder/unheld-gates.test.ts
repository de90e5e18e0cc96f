import { expect, test } from 'vitest';
import { createView } from '../../shared/kubernetes/view.ts';
import { aGate, aPodFact, aServiceFact } from '../../shared/model/builders.ts';
import type { PodFact, ServiceFact } from '../../shared/model/facts.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { defaultGateType } from '../../shared/model/names.ts';
import { silentLog } from '../../shared/process/log.ts';
import { createUnheldGates } from './unheld-gates.ts';

const watching = () => {
  const clock = createFakeClock();
  const view = createView(clock.now);
  const world = { services: [] as readonly ServiceFact[], reads: 0, fails: false };
  const unheld = createUnheldGates({
    view,
    options: { claim: 'annotation', gateType: defaultGateType, requireEni: false },
    readHolders: async () => {
      world.reads += 1;
      if (world.fails) throw new Error('half a list');
      return { services: world.services, ingresses: [], classes: [] };
    },
    clock,
    log: silentLog,
  });
  const see = (fact: PodFact): void => {
    view.applyPod({ type: 'set', fact });
    unheld.podChanged({ type: 'set', fact });
  };
  const ready = (more: Partial<PodFact> = {}): PodFact =>
    aPodFact('lonely', '10.0.0.1', {
      gates: [aGate('False')],
      ready: false,
      containersReadyChangedAt: clock.now(),
      ...more,
    });
  const names = () => unheld.proven().map(({ name }) => name);
  return { clock, view, world, unheld, see, ready, names };
};

test('a gate that nobody holds is opened after 30 s of ready containers and a consistent read (L7)', async () => {
  const { clock, world, unheld, see, ready, names } = watching();
  see(ready());
  await clock.advance(29_999);
  expect(await unheld.look()).toBe(false);
  expect(world.reads).toBe(0);
  await clock.advance(1);
  expect(await unheld.look()).toBe(true);
  expect(names()).toEqual(['lonely']);
  await unheld.look();
  expect(world.reads).toBe(1);
  see(ready({ gates: [aGate('True')] }));
  expect(names()).toEqual([]);
});

test('a Service that the watch has not seen yet keeps it closed (L7)', async () => {
  const { clock, world, unheld, see, ready, names } = watching();
  see(ready());
  world.services = [aServiceFact()];
  await clock.advance(60_000);
  expect(await unheld.look()).toBe(false);
  expect(names()).toEqual([]);
});

test('a Service that comes later takes it back before it is opened', async () => {
  const { clock, view, unheld, see, ready, names } = watching();
  see(ready());
  await clock.advance(60_000);
  await unheld.look();
  view.applyService({ type: 'set', fact: aServiceFact() });
  expect(names()).toEqual([]);
});

test('a read that fails opens nothing', async () => {
  const { clock, world, unheld, see, ready } = watching();
  see(ready());
  world.fails = true;
  await clock.advance(60_000);
  expect(await unheld.look()).toBe(false);
  expect(world.reads).toBe(1);
});

test('Pods that leave, or have no gate of ours, or wait for their containers, are none of these', async () => {
  const { clock, unheld, see, ready, names } = watching();
  see(ready({ ref: { ...ready().ref, uid: 'a' }, terminatingAt: clock.now() }));
  see(ready({ ref: { ...ready().ref, uid: 'b' }, gates: [aGate('False', { type: 'example.com/other' })] }));
  see(ready({ ref: { ...ready().ref, uid: 'c' }, containersReady: false }));
  see(ready({ ref: { ...ready().ref, uid: 'd' }, ended: true }));
  await clock.advance(60_000);
  expect(await unheld.look()).toBe(false);
  expect(names()).toEqual([]);
});

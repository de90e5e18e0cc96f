import { expect, test } from 'vitest';
import { makeDesiredStateEvent } from '../../shared/events/make-event.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import { aState } from '../../shared/model/builders.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { createMemoryStore } from '../../shared/queue/store/memory-store.ts';
import { createLeadingStore } from './leading-store.ts';

test('who has lost the Lease takes no hold, and finds lost the ones in hand (L4)', async () => {
  const clock = createFakeClock();
  let leading = true;
  const store = createLeadingStore(createMemoryStore({ clock }), () => leading);
  const event = makeDesiredStateEvent({
    source: 'demo',
    sequence: formatSequence(1, 1),
    timeMs: clock.now(),
    state: aState([]),
  });
  await store.put(event, 'drain');
  const hold = await store.take('uid-web', 'one');
  if (typeof hold === 'string') throw new Error(hold);
  expect(hold.loadBalancerKey).toBe('uid-web');
  expect(await hold.check()).toEqual({ answer: 'mine' });
  leading = false;
  expect(await hold.check()).toEqual({ answer: 'lost' });
  await hold.retry(0, 'lost');
  expect(await store.take('uid-web', 'two')).toBe('held');
  leading = true;
  expect(typeof (await store.take('uid-web', 'two'))).toBe('object');
});

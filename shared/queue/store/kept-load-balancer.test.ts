import { expect, test } from 'vitest';
import { at, eventOf } from './conformance/fixture.ts';
import { keepLoadBalancer, put, readStates } from './kept-load-balancer.ts';
import { storedText } from './stored-event.ts';

test('a dead letter that a newer build can read is none any more (L12)', () => {
  const kept = keepLoadBalancer('lb-a');
  put(kept, eventOf('web', at(1)), 'rest', 0, false);
  expect(readStates(kept, () => 'what this build does not know', 5)).toEqual([]);
  expect(readStates(kept, () => 'what this build does not know', 6)).toEqual([]);
  expect([...kept.letters.values()]).toMatchObject([{ objectUid: 'web', sequence: at(1), at: 5 }]);
  expect(readStates(kept, () => storedText(eventOf('web', at(1))), 7)).toMatchObject([{ sequence: at(1) }]);
  expect(kept.letters.size).toBe(0);
});

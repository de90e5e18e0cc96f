import { expect, test } from 'vitest';
import type { Pace } from '../../shared/clb/paced.ts';
import { createFakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { checkTime, paceUntil, TooShort } from './deadline.ts';

const callMs = 10_000;

test('a write is begun only while its time-out fits before the deadline; a read a little longer', async () => {
  const clock = createFakeClock();
  const asked: string[] = [];
  const budget: Pace = async (action) => {
    asked.push(action);
    return { granted: true };
  };
  const pace = paceUntil(budget, clock.now() + 60_000, clock);
  const isGranted = async (action: string): Promise<boolean> => (await pace(action, 'drain')).granted;
  await clock.advance(45_000);
  expect(await isGranted('BatchModifyTargetWeight')).toBe(true);
  await clock.advance(5_000);
  // 10 s are left: the call might end just at the deadline, and its hold could not be handed back.
  expect(await isGranted('BatchModifyTargetWeight')).toBe(false);
  expect(await isGranted('DescribeTargets')).toBe(true);
  await clock.advance(callMs - 2_000);
  expect(await isGranted('DescribeTargets')).toBe(false);
  // What is not begun takes no budget.
  expect(asked).toEqual(['BatchModifyTargetWeight', 'DescribeTargets']);
});

test('what the deadline forbids is due again at once, with the reason', async () => {
  const clock = createFakeClock();
  const pace = paceUntil(async () => ({ granted: true }), clock.now(), clock);
  expect(await pace('CreateListener', 'rest')).toEqual({
    granted: false,
    afterMs: 0,
    reason: 'the invocation ends soon',
  });
});

test('a function that is given too little time says what to set', () => {
  const clock = createFakeClock();
  expect(() => checkTime(clock.now() + 3_000, clock)).toThrow(TooShort);
  expect(() => checkTime(clock.now() + 3_000, clock)).toThrow(/gives this function 3 s; .* at least 20 s/);
  expect(() => checkTime(clock.now() + 60_000, clock)).not.toThrow();
});

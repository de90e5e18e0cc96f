import { expect, it } from 'vitest';
import { runOnce } from './command.ts';

it('the main job loses no request where everything that nobody has verified about the CLB is as hard as it can be (L1)', {
  timeout: 180_000,
}, async () => {
  const { result, exitCode, said } = await runOnce(['--speed', '10', '--platform', 'worker'], {
    CLB_SETTINGS: 'strict',
  });
  expect(result, said).toMatchObject({ failed: 0, reset: 0, gate: true, clientAddressKept: true });
  expect(exitCode, said).toBe(0);
});

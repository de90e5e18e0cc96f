import { describe, expect, it } from 'vitest';
import { expectLossless, runOnce } from './command.ts';

const speed = ['--speed', '10'];

describe('the main job', { timeout: 180_000 }, () => {
  it('kill -9 of whoever leads, before the first new Pod or in mid-rollout, loses no request (L1, L3)', async () => {
    const standalone = ['--platform', 'standalone'];
    const [rolling, deleting, ofTwo] = await Promise.all([
      runOnce([...speed, ...standalone, '--kill-forwarder', 'rolling']),
      runOnce([...speed, ...standalone, '--kill-forwarder', 'deleting']),
      runOnce([...speed, '--kill-forwarder', 'deleting']),
    ]);
    for (const ran of [rolling, deleting, ofTwo]) expectLossless(ran);
    for (const { said } of [rolling, deleting]) {
      expect(said).toMatch(/standalone: ended, SIGKILL.*standalone: started/s);
    }
    expect(ofTwo.said).toMatch(/forwarder-[ab]: ended, SIGKILL/);
  });
});

import { describe, expect, it } from 'vitest';
import { expectLossless, type Ran, runOnce } from './command.ts';

const speed = ['--speed', '10'];

const expectWholeResult = ({ result, said }: Ran, where: { queue: string; platform: string }): void => {
  expect(result, said).toMatchObject({
    ...where,
    cluster: 'in-process',
    gate: true,
    requests: expect.any(Number),
    rolloutSeconds: expect.any(Number),
    clientAddressKept: true,
    sessionKept: true,
    clbCalls: {
      CreateLoadBalancer: 1,
      CreateListener: 1,
      BatchRegisterTargets: expect.any(Number),
      BatchModifyTargetWeight: expect.any(Number),
      BatchDeregisterTargets: expect.any(Number),
    },
  });
  expect(Number(result['requestsDuringRollout'])).toBeGreaterThan(2_000);
  const started = { readyToBoundMs: expect.any(Number), boundToHealthyMs: expect.any(Number) };
  const ended = { deletionToWeightZeroMs: expect.any(Number), weightZeroToGoneMs: expect.any(Number) };
  const old = { version: 'latest', ...started, ...ended };
  const young = { version: 'v2', ...started, healthyToGateOpenMs: expect.any(Number) };
  expect(result['pods']).toHaveLength(6);
  for (const pod of [old, young]) {
    expect(result['pods']).toEqual(expect.arrayContaining([expect.objectContaining(pod)]));
  }
};

describe('the main job', { timeout: 180_000 }, () => {
  it('two sandboxes side by side lose no request, one of them with a single loopback address (L1)', async () => {
    const [whole, single] = await Promise.all([
      runOnce(speed),
      runOnce([...speed, '--platform', 'standalone'], { SANDBOX_LOOPBACK: 'single' }),
    ]);
    expectLossless(whole);
    expectLossless(single);
    expectWholeResult(whole, { queue: 'redis', platform: 'scf' });
    expect(single.result).toMatchObject({ queue: 'memory', clientAddressKept: null });
    expect(single.said).toMatch(/Client address +not shown, for want of loopback addresses/);
  });

  it('loses no request with its functions on Lambda, nor with workers; without the gate it ends with exit code 1', async () => {
    const [lambda, worker, withoutGate] = await Promise.all([
      runOnce([...speed, '--platform', 'lambda']),
      runOnce([...speed, '--platform', 'worker']),
      runOnce(['--speed', '1', '--platform', 'standalone', '--without-gate']),
    ]);
    for (const ran of [lambda, worker]) expectLossless(ran);
    expectWholeResult(lambda, { queue: 'redis', platform: 'lambda' });
    expectWholeResult(worker, { queue: 'redis', platform: 'worker' });
    expect(Number(withoutGate.result['failed']), withoutGate.said).toBeGreaterThan(0);
    expect(withoutGate.exitCode).toBe(1);
    expect(withoutGate.said).toMatch(
      /History of this run: .*\.jsonl\nTo step through it: npm run replay -- .*\.jsonl/,
    );
  });
});

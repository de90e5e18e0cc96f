import { describe, expect, it } from 'vitest';
import { type Ran, runOnce } from './command.ts';

const speed = ['--speed', '10'];

/** What it said is shown only when the test fails: it names the history file and how to replay it. */
const expectLossless = ({ exitCode, result, said }: Ran): void => {
  expect(result, said).toMatchObject({ failed: 0, reset: 0 });
  expect(exitCode, said).toBe(0);
};

const expectWholeResult = ({ result, said }: Ran): void => {
  expect(result, said).toMatchObject({
    queue: 'memory',
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
      runOnce(speed, { SANDBOX_LOOPBACK: 'single' }),
    ]);
    expectLossless(whole);
    expectLossless(single);
    expectWholeResult(whole);
    expect(single.result['clientAddressKept']).toBeNull();
    expect(single.said).toMatch(/Client address +not shown, for want of loopback addresses/);
  });

  it('without the readiness gate the same update does lose requests', async () => {
    const { exitCode, result, said } = await runOnce(['--speed', '3', '--without-gate']);
    expect(Number(result['failed']), said).toBeGreaterThan(0);
    expect(result).toMatchObject({ gate: false });
    expect(exitCode).toBe(1);
    expect(said).toMatch(/History of this run: .*\.jsonl\nTo step through it: npm run replay -- .*\.jsonl/);
  });

  it('kill -9 of the standalone process, before the first new Pod or in mid-rollout, loses no request (L1, L3)', async () => {
    const runs = await Promise.all(
      ['rolling', 'deleting'].map((when) => runOnce([...speed, '--kill-forwarder', when])),
    );
    for (const ran of runs) {
      expectLossless(ran);
      expect(ran.said).toMatch(/standalone: ended, SIGKILL.*standalone: started/s);
    }
  });
});

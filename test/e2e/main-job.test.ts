import { describe, expect, it } from 'vitest';
import { type Ran, runOnce } from './command.ts';

const speed = ['--speed', '10'];

/** Said only when the test fails, so that it can be repeated and looked into. */
const lossless = ({ exitCode, result, said }: Ran): void => {
  expect(result, said).toMatchObject({ failed: 0, reset: 0 });
  expect(exitCode, said).toBe(0);
};

describe('the main job', () => {
  it('a rolling update under load loses no request, and its result says how it went (L1)', async () => {
    const ran = await runOnce(speed);
    lossless(ran);
    const { result } = ran;
    expect(result).toMatchObject({
      queue: 'memory',
      cluster: 'in-process',
      gate: true,
      clientAddressKept: true,
      sessionKept: true,
      requests: expect.any(Number),
      rolloutSeconds: expect.any(Number),
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
    expect(result['pods']).toEqual(
      expect.arrayContaining([expect.objectContaining(old), expect.objectContaining(young)]),
    );
  });

  it('without the readiness gate the same update does lose requests', async () => {
    const { exitCode, result, said } = await runOnce([...speed, '--without-gate']);
    expect(Number(result['failed']), said).toBeGreaterThan(0);
    expect(result).toMatchObject({ gate: false });
    expect(exitCode).toBe(1);
    expect(said).toMatch(/History of this run: .*\.jsonl/);
  });

  it.each(['containers-ready', 'deleting'])(
    'kill -9 of the standalone process at "%s" of the first Pod loses no request (L1, L3)',
    async (when) => {
      const ran = await runOnce([...speed, '--kill-forwarder', when]);
      lossless(ran);
      expect(ran.said).toMatch(/forwarder: ended, SIGKILL.*forwarder: started/s);
    },
  );

  it('two sandboxes run side by side, one of them with a single loopback address', async () => {
    const [whole, single] = await Promise.all([
      runOnce(speed),
      runOnce(speed, { SANDBOX_LOOPBACK: 'single' }),
    ]);
    lossless(whole);
    lossless(single);
    expect(whole.result['clientAddressKept']).toBe(true);
    expect(single.result['clientAddressKept']).toBeNull();
    expect(single.said).toMatch(/Client address +not shown: .*/);
  });
});

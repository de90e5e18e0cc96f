import { describe, expect, it } from 'vitest';
import { runJson } from './command.ts';

describe('the same rollout each way (--compare)', { timeout: 180_000 }, () => {
  it('without the gate it loses requests, through node ports the client’s address; straight with the gate nothing', async () => {
    const { exitCode, result, said } = await runJson(['start', '--compare', '--json', '--speed', '1']);
    expect(result['direct'], said).toMatchObject({
      gate: true,
      failed: 0,
      reset: 0,
      clientAddressKept: true,
      sessionKept: true,
      podsOfOneSession: 1,
      mostToLeast: expect.toSatisfy((ratio) => typeof ratio === 'number' && ratio < 1.5),
    });
    expect(result['withoutGate'], said).toMatchObject({
      gate: false,
      failed: expect.toSatisfy((failed) => failed > 0),
    });
    expect(result['nodePort'], said).toMatchObject({ clientAddressKept: false });
    expect(exitCode, said).toBe(0);
    expect(said).toMatch(/History of this run: .*\.jsonl/);
  });
});

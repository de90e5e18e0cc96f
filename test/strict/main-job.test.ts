import { expect, it } from 'vitest';
import { platforms } from '../../infra/sandbox/system/system.ts';
import { expectLossless, runOnce } from '../e2e/command.ts';
import { redisExpected } from '../support/redis.ts';

/** One after the other: several sandboxes at once would measure the machine. */
const here = platforms.filter((platform) => platform === 'standalone' || redisExpected);

it.each(here)(
  'the main job loses no request where everything that nobody has verified about the CLB is as hard as it can be (L1): %s',
  {
    timeout: 180_000,
  },
  async (platform) => {
    const ran = await runOnce(['--speed', '10', '--platform', platform]);
    expectLossless(ran);
    expect(ran.result, ran.said).toMatchObject({ platform, gate: true, clientAddressKept: true });
  },
);

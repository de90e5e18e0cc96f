import { expect, it } from 'vitest';
import { codeOf, sdkClient } from '../contract/clb-simulator-fixture.ts';
import { startCommand } from './command.ts';

it('the CLB alone takes a stranger’s options and serves an SDK by them', async () => {
  const { line, child, ended } = startCommand([
    ...['sandbox', 'clb', '--speed', '50', '--https', '--strict', '--latency', '0-1'],
    ...['--vpc-cidr', '172.16.0.0/12', '--region', 'ap-jakarta'],
    ...['--set', 'quotaListeners=7', '--set', 'quotaRules=8'],
    ...['--fault', 'error=InternalError,action=DescribeLoadBalancers,times=1'],
    ...['--fault', 'throttle,action=DescribeTaskStatus'],
  ]);
  try {
    const ready: Record<string, unknown> = JSON.parse(await line(/^\{"ready":true/));
    expect(ready).toMatchObject({
      httpsUrl: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+$/),
      caFile: expect.stringMatching(/\.pem$/),
      region: 'ap-jakarta',
      vpcCidr: '172.16.0.0/12',
    });
    const text = (name: string): string => String(ready[name]);
    const client = sdkClient({
      url: text('url'),
      region: text('region'),
      secretId: text('secretId'),
      secretKey: text('secretKey'),
    });
    const { QuotaSet = [] } = await client.DescribeQuota();
    const quotas = Object.fromEntries(QuotaSet.map(({ QuotaId, QuotaLimit }) => [QuotaId, QuotaLimit]));
    // The last one is what --strict makes of it.
    expect(quotas).toMatchObject({
      TOTAL_LISTENER_QUOTA: 7,
      TOTAL_LISTENER_RULE_QUOTA: 8,
      TOTAL_TARGET_BIND_QUOTA: 50,
    });
    expect(await codeOf(client.DescribeLoadBalancers({}))).toBe('InternalError');
    expect((await client.DescribeLoadBalancers({})).TotalCount).toBe(0);
    expect(await codeOf(client.DescribeTaskStatus({ TaskId: 'x' }))).toBe('RequestLimitExceeded');
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toBe(0);
});

it.each([
  [['--fault', 'explodes'], /There is no fault "explodes"\. The forms are:/],
  [['--fault', 'no-effect,action=DescribeRules'], /There is no action "DescribeRules"/],
  [['--set', 'quota=1'], /There is no setting "quota"/],
  [['--latency', '9-1'], /It must be MS or MIN-MAX/],
  [['--vpc-cidr', '10.0.0.0'], /It must be a network such as 10\.0\.0\.0\/16/],
  [['--https-key', 'key.pem'], /--https-certificate and --https-key belong together/],
])('an option that cannot be is told before anything runs: %j', async (options, told) => {
  const { ended, stderr, stdout } = startCommand(['sandbox', 'clb', ...options]);
  expect(await ended).toBe(1);
  expect(stderr.join('\n')).toMatch(told);
  expect(stdout).toEqual([]);
});

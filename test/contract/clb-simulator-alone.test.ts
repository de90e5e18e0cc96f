import { clb } from 'tencentcloud-sdk-nodejs/tencentcloud/services/clb/index.js';
import { expect, it, vi } from 'vitest';
import { runClbAlone } from '../../infra/sandbox/clb/alone.ts';
import { failureOf, until } from './clb-simulator-fixture.ts';

it('the simulator alone says in one line of JSON how to reach it, and ends when it is told to', async () => {
  const written: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    written.push(String(chunk));
    return true;
  });
  const abort = new AbortController();
  const running = runClbAlone({ listen: { host: '127.0.0.1', port: 0 }, speed: 100, signal: abort.signal });
  try {
    await until('it is ready', () => written.length > 0);
  } finally {
    spy.mockRestore();
  }
  expect(written).toHaveLength(1);
  expect(written[0]?.trim()).not.toContain('\n');
  const ready: Record<string, unknown> = JSON.parse(written[0] ?? '');
  expect(ready).toEqual({
    ready: true,
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    region: 'ap-guangzhou',
    secretId: expect.stringMatching(/^AKID[A-Za-z0-9]{32}$/),
    secretKey: expect.stringMatching(/^[A-Za-z0-9]{32}$/),
    vpcId: expect.stringMatching(/^vpc-[0-9a-z]{8}$/),
    vpcCidr: expect.stringMatching(/^10\.\d+\.0\.0\/16$/),
  });
  const client = new clb.v20180317.Client({
    credential: { secretId: String(ready.secretId), secretKey: String(ready.secretKey) },
    region: String(ready.region),
    profile: { httpProfile: { protocol: 'http://', endpoint: String(ready.url).replace('http://', '') } },
  });
  expect((await client.DescribeLoadBalancers({})).TotalCount).toBe(0);
  abort.abort();
  await running;
  expect((await failureOf(client.DescribeLoadBalancers({}))).message).toMatch(/ECONNREFUSED|hang up/);
});

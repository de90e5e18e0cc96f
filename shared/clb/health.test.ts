import { describe, expect, it } from 'vitest';
import { readHealth } from './health.ts';
import { scripted } from './scripted.test-support.ts';

const probed = (at: number) => ({
  LoadBalancerId: `lb-${at}`,
  Listeners: [
    {
      ListenerId: `lbl-${at}`,
      Rules: [{ Targets: [{ IP: '10.0.0.1', Port: 80, HealthStatusDetail: 'Alive' }] }],
    },
    {
      ListenerId: 'lbl-foreign',
      Rules: [{ Targets: [{ IP: '10.0.0.1', Port: 81, HealthStatusDetail: 'Dead' }] }],
    },
  ],
});
const health = (...LoadBalancers: readonly object[]) => ({ answer: { LoadBalancers } });
const wanted = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ loadBalancerId: `lb-${at}`, listenerIds: [`lbl-${at}`] }));
const gone = { fails: { kind: 'not-found', what: 'load-balancer', message: '' } } as const;

describe('health', () => {
  it('of one load balancer names its listeners', async () => {
    const clb = scripted([['DescribeTargetHealth', health(probed(0))]]);
    expect(await readHealth(clb.options, wanted(1))).toEqual([
      { loadBalancerId: 'lb-0', listenerId: 'lbl-0', ip: '10.0.0.1', port: 80, health: 'Alive' },
    ]);
    expect(clb.calls[0]?.request).toEqual({ LoadBalancerIds: ['lb-0'], ListenerIds: ['lbl-0'] });
  });

  it('L10: 30 load balancers are one call, 31 two; listeners that nobody asked for are left out', async () => {
    const all = Array.from({ length: 31 }, (_, at) => probed(at));
    const clb = scripted([
      ['DescribeTargetHealth', health(...all.slice(0, 30))],
      ['DescribeTargetHealth', health(...all.slice(30))],
    ]);
    expect(await readHealth(clb.options, wanted(30))).toHaveLength(30);
    expect(clb.calls).toHaveLength(1);
    expect(await readHealth(clb.options, [...wanted(31).slice(30)])).toHaveLength(1);
  });

  it('nothing to ask for is no call; an empty id list is never sent (L8)', async () => {
    const clb = scripted([]);
    expect(await readHealth(clb.options, [])).toEqual([]);
    expect(await readHealth(clb.options, [{ loadBalancerId: 'lb-1', listenerIds: [] }])).toEqual([]);
  });

  it('L12: one that is gone does not take the others with it', async () => {
    const clb = scripted([
      ['DescribeTargetHealth', gone],
      ['DescribeTargetHealth', health(probed(0), probed(1))],
      ['DescribeTargetHealth', gone],
    ]);
    const seen = await readHealth(clb.options, wanted(3));
    expect(seen.map(({ loadBalancerId }) => loadBalancerId)).toEqual(['lb-0', 'lb-1']);
  });

  it('an answer that is too large is asked for in halves', async () => {
    const clb = scripted([
      [
        'DescribeTargetHealth',
        { fails: { kind: 'refused', code: 'ResponseSizeLimitExceeded', message: '' } },
      ],
      ['DescribeTargetHealth', health(probed(0))],
      ['DescribeTargetHealth', health(probed(1))],
    ]);
    expect(await readHealth(clb.options, wanted(2))).toHaveLength(2);
  });

  it('any other failure is thrown', async () => {
    const clb = scripted([['DescribeTargetHealth', { fails: { kind: 'unknown-outcome', message: '' } }]]);
    await expect(readHealth(clb.options, wanted(2))).rejects.toMatchObject({
      failure: { kind: 'unknown-outcome' },
    });
  });
});

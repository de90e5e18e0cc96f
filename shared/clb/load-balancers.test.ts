import { describe, expect, it } from 'vitest';
import { create, find, inspect, remove } from './load-balancers.ts';
import { accepted, holdThat, scripted, task, whileTimePasses } from './scripted.test-support.ts';

const one = (id: string, Status = 1, more: object = {}) => ({ LoadBalancerId: id, Status, ...more });
const page = (TotalCount: number, ...LoadBalancerSet: readonly object[]) => ({
  answer: { TotalCount, LoadBalancerSet },
});

describe('find', () => {
  const tags = { 'clb-direct-cluster': 'c1', 'clb-direct-object': 'u1' };

  it('asks by all tags', async () => {
    const clb = scripted([['DescribeLoadBalancers', page(1, one('lb-1', 0))]]);
    expect(await find(clb.options, tags)).toEqual({ loadBalancerId: 'lb-1', ready: false });
    expect(clb.calls[0]?.request).toEqual({
      Filters: [
        { Name: 'tag:clb-direct-cluster', Values: ['c1'] },
        { Name: 'tag:clb-direct-object', Values: ['u1'] },
      ],
      Limit: 100,
      Offset: 0,
    });
  });

  it('none is undefined, after one call', async () => {
    const clb = scripted([['DescribeLoadBalancers', page(0)]]);
    expect(await find(clb.options, tags)).toBeUndefined();
  });

  it('reads all pages; one that runs goes before one that is being made', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', page(3, one('lb-1', 0), one('lb-2', 0))],
      ['DescribeLoadBalancers', page(3, one('lb-3', 1))],
    ]);
    expect(await find(clb.options, tags)).toEqual({ loadBalancerId: 'lb-3', ready: true });
    expect(clb.calls[1]?.request).toMatchObject({ Offset: 2 });
  });

  it('a list that shrinks while it is read ends', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', page(2, one('lb-1', 1))],
      ['DescribeLoadBalancers', page(1)],
    ]);
    expect(await find(clb.options, tags)).toEqual({ loadBalancerId: 'lb-1', ready: true });
  });

  it('L8: without tags nothing is asked for', async () => {
    await expect(find(scripted([]).options, {})).rejects.toThrow(RangeError);
  });
});

describe('create', () => {
  const wanted = {
    name: 'c1_ns_web',
    network: { type: 'internal', subnetId: 'subnet-1' },
    clientToken: 'u1-1',
    tags: { a: 'b' },
  } as const;

  it('an internal one names network and subnet; the id is in the answer', async () => {
    const clb = scripted([['CreateLoadBalancer', { answer: { LoadBalancerIds: ['lb-1'] } }]], {
      vpcId: 'vpc-1',
    });
    expect(await create(clb.options, wanted, holdThat())).toEqual({ loadBalancerId: 'lb-1' });
    expect(clb.calls[0]?.request).toEqual({
      LoadBalancerType: 'INTERNAL',
      LoadBalancerName: 'c1_ns_web',
      ClientToken: 'u1-1',
      Tags: [{ TagKey: 'a', TagValue: 'b' }],
      VpcId: 'vpc-1',
      SubnetId: 'subnet-1',
    });
  });

  it('a public one names no subnet', async () => {
    const clb = scripted([['CreateLoadBalancer', { answer: { LoadBalancerIds: ['lb-1'] } }]]);
    await create(clb.options, { ...wanted, network: { type: 'public' } }, holdThat());
    expect(clb.calls[0]?.request).toMatchObject({ LoadBalancerType: 'OPEN' });
    expect(clb.calls[0]?.request).not.toHaveProperty('SubnetId');
    expect(clb.calls[0]?.request).not.toHaveProperty('VpcId');
  });

  const late = ['CreateLoadBalancer', { answer: { LoadBalancerIds: null, DealName: 'd' } }] as const;

  it('an id that comes late is read from the task', async () => {
    const clb = scripted([
      late,
      ['DescribeTaskStatus', task(2)],
      ['DescribeTaskStatus', { answer: { Status: 2, LoadBalancerIds: ['lb-1'] } }],
    ]);
    expect(await whileTimePasses(clb.clock, create(clb.options, wanted, holdThat()))).toEqual({
      loadBalancerId: 'lb-1',
    });
    expect(clb.calls[1]?.request).toEqual({ TaskId: 'r1' });
  });

  it('an id that does not come in time is not waited for', async () => {
    const clb = scripted([late, ['DescribeTaskStatus', task(2)]], { taskTimeoutMs: 100 });
    expect(await whileTimePasses(clb.clock, create(clb.options, wanted, holdThat()))).toEqual({
      loadBalancerId: undefined,
    });
  });

  it('a task that failed has an unknown outcome', async () => {
    const clb = scripted([late, ['DescribeTaskStatus', task(1, 'no')]]);
    await expect(whileTimePasses(clb.clock, create(clb.options, wanted, holdThat()))).rejects.toMatchObject({
      failure: { kind: 'unknown-outcome', message: 'no' },
    });
  });

  it('newer states do not stop it, a lost hold does (L4)', async () => {
    const clb = scripted([['CreateLoadBalancer', { answer: { LoadBalancerIds: ['lb-1'] } }]]);
    expect(await create(clb.options, wanted, holdThat('newer'))).toEqual({ loadBalancerId: 'lb-1' });
    await expect(create(scripted([]).options, wanted, holdThat('lost'))).rejects.toMatchObject({
      failure: { kind: 'lost' },
    });
  });
});

describe('remove', () => {
  it('is on its way once accepted, and gone once it is not found; meanwhile it only looks', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', page(1, one('lb-1'))],
      ['DeleteLoadBalancer', accepted],
      ['DescribeLoadBalancers', page(1, one('lb-1'))],
      ['DescribeLoadBalancers', page(0)],
    ]);
    expect(await remove(clb.options, 'lb-1', holdThat())).toEqual({ gone: false, protected: false });
    expect(await remove(clb.options, 'lb-1', holdThat(), true)).toEqual({ gone: false, protected: false });
    expect(await remove(clb.options, 'lb-1', holdThat(), true)).toEqual({ gone: true, protected: false });
    expect(clb.calls[1]?.request).toEqual({ LoadBalancerIds: ['lb-1'], ForceDelete: true });
  });

  it('one that is protected is left', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', page(1, one('lb-1', 1, { AttributeFlags: ['DeleteProtect'] }))],
    ]);
    expect(await remove(clb.options, 'lb-1', holdThat())).toEqual({ gone: false, protected: true });
  });

  it('one that is still being made is not asked for yet', async () => {
    const clb = scripted([['DescribeLoadBalancers', page(1, one('lb-1', 0))]]);
    await expect(remove(clb.options, 'lb-1', holdThat())).rejects.toMatchObject({
      failure: { kind: 'busy' },
    });
    expect(clb.actions()).toEqual(['DescribeLoadBalancers']);
  });

  it('one that went meanwhile is gone', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', page(1, one('lb-1'))],
      ['DeleteLoadBalancer', { fails: { kind: 'not-found', what: 'load-balancer', message: '' } }],
    ]);
    expect(await remove(clb.options, 'lb-1', holdThat())).toEqual({ gone: true, protected: false });
  });

  it.each([
    ['refused', { kind: 'refused', code: 'FailedOperation.EipTrafficCheckRisk', message: '' }],
    ['busy', { kind: 'busy', message: '' }],
  ] as const)('what is %s was not asked for', async (kind, fails) => {
    const clb = scripted([
      ['DescribeLoadBalancers', page(1, one('lb-1'))],
      ['DeleteLoadBalancer', { fails }],
    ]);
    await expect(remove(clb.options, 'lb-1', holdThat())).rejects.toMatchObject({
      failure: { kind },
    });
  });

  it('a refusal without a reason is looked into: it may be isolated', async () => {
    const bare = { kind: 'unknown-outcome', code: 'FailedOperation', message: 'FailedOperation: ' } as const;
    for (const [Isolation, kind] of [
      [1, 'isolated'],
      [0, 'unknown-outcome'],
    ] as const) {
      const clb = scripted([
        ['DescribeLoadBalancers', page(1, one('lb-1'))],
        ['DeleteLoadBalancer', { fails: bare }],
        ['DescribeLoadBalancers', page(1, one('lb-1', 1, { Isolation }))],
      ]);
      await expect(remove(clb.options, 'lb-1', holdThat())).rejects.toMatchObject({ failure: { kind } });
    }
  });

  it.each([
    ['newer', 'busy'],
    ['lost', 'lost'],
  ] as const)('%s before the deletion: nothing is deleted', async (answer, kind) => {
    const clb = scripted([['DescribeLoadBalancers', page(1, one('lb-1'))]]);
    await expect(remove(clb.options, 'lb-1', holdThat(answer))).rejects.toMatchObject({ failure: { kind } });
    expect(clb.actions()).toEqual(['DescribeLoadBalancers']);
  });
});

describe('inspect', () => {
  it('gives what decides whether a load balancer of others may be used', async () => {
    const found = one('lb-1', 1, {
      VpcId: 'vpc-2',
      LoadBalancerVips: ['1.2.3.4'],
      Tags: [{ TagKey: 'tke-createdBy-flag', TagValue: 'yes' }],
    });
    const clb = scripted([['DescribeLoadBalancers', page(1, found)]], { vpcId: 'vpc-1' });
    expect(await inspect(clb.options, 'lb-1')).toEqual({
      loadBalancerId: 'lb-1',
      ready: true,
      addresses: [{ kind: 'ip', value: '1.2.3.4' }],
      tags: { 'tke-createdBy-flag': 'yes' },
      otherVpc: true,
    });
    expect(clb.calls[0]?.request).toEqual({ LoadBalancerIds: ['lb-1'] });
  });

  it('one that does not exist is undefined', async () => {
    const clb = scripted([['DescribeLoadBalancers', page(0)]]);
    expect(await inspect(clb.options, 'lb-1')).toBeUndefined();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, type Fixture, failureOf, startFixture } from './clb-simulator-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

const podIps = (count: number): string[] =>
  Array.from({ length: count }, () => fixture.addresses.allocate('pod'));

describe('the official Node SDK against the CLB simulator', () => {
  it('takes a load balancer from creation to deletion', async () => {
    const { client, simulator, done } = fixture;
    const created = await client.CreateLoadBalancer({
      LoadBalancerType: 'OPEN',
      LoadBalancerName: 'whole-life',
      VpcId: simulator.vpcId,
      Tags: [{ TagKey: 'cluster', TagValue: 'cls-1' }],
    });
    const id = created.LoadBalancerIds?.[0] ?? '';
    expect(id).toMatch(/^lb-[0-9a-z]{8}$/);
    await done(created);
    const running = await client.DescribeLoadBalancers({ LoadBalancerIds: [id] });
    expect(running.LoadBalancerSet?.[0]).toMatchObject({
      Status: 1,
      LoadBalancerName: 'whole-life',
      LoadBalancerType: 'OPEN',
      AddressIPVersion: 'ipv4',
      Tags: [{ TagKey: 'cluster', TagValue: 'cls-1' }],
    });
    expect(running.LoadBalancerSet?.[0]?.LoadBalancerVips?.[0]).toMatch(/^10\.\d+\.2[45]\d\.\d+$/);

    const listeners = await client.CreateListener({
      LoadBalancerId: id,
      Ports: [8080, 8081],
      Protocol: 'tcp',
      ListenerNames: ['a', 'b'],
    });
    expect(listeners.ListenerIds).toHaveLength(2);
    await done(listeners);
    const [first = ''] = listeners.ListenerIds ?? [];
    const described = await client.DescribeListeners({ LoadBalancerId: id, ListenerIds: [first] });
    expect(described.Listeners?.[0]).toMatchObject({
      ListenerId: first,
      ListenerName: 'a',
      Protocol: 'TCP',
      Port: 8080,
      Scheduler: 'WRR',
      Rules: null,
      HealthCheck: {
        HealthSwitch: 1,
        TimeOut: 2,
        IntervalTime: 5,
        HealthNum: 3,
        UnHealthNum: 3,
        CheckType: 'TCP',
      },
    });

    const [ip = ''] = podIps(1);
    const registered = await client.BatchRegisterTargets({
      LoadBalancerId: id,
      Targets: [{ ListenerId: first, Port: 80, EniIp: ip }],
    });
    expect(registered).toMatchObject({ FailListenerIdSet: [], Message: '' });
    const targets = await client.DescribeTargets({ LoadBalancerId: id, ListenerIds: [first] });
    expect(targets.Listeners).toHaveLength(1);
    expect(targets.Listeners?.[0]).toMatchObject({
      Rules: null,
      EndPort: 0,
      Targets: [{ Type: 'ENI', Port: 80, Weight: 10, PrivateIpAddresses: [ip], PublicIpAddresses: null }],
    });
    await fixture.unlocked(id);
    await fixture.setWeight(id, { listenerId: first, ip, port: 80, weight: 0 });
    expect(fixture.target(ip).weight).toBe(0);
    await fixture.deregister(id, [{ listenerId: first, ip, port: 80 }]);
    await done(await client.DeleteLoadBalancerListeners({ LoadBalancerId: id, ListenerIds: [first] }));
    expect((await client.DescribeListeners({ LoadBalancerId: id })).TotalCount).toBe(1);
    await done(await client.DeleteLoadBalancer({ LoadBalancerIds: [id] }));
    expect((await client.DescribeLoadBalancers({ LoadBalancerIds: [id] })).TotalCount).toBe(0);
    expect(await codeOf(client.DescribeListeners({ LoadBalancerId: id }))).toBe(
      'InvalidParameter.LBIdNotFound',
    );
  });

  describe('load balancers', () => {
    it('are found by tag, tag key, name, VIP, and in pages', async () => {
      const { client } = fixture;
      const blue = await fixture.createLoadBalancer({ color: 'blue', owner: 'me' });
      const red = await fixture.createLoadBalancer({ color: 'red' });
      const ids = async (request: Parameters<typeof client.DescribeLoadBalancers>[0]): Promise<string[]> =>
        ((await client.DescribeLoadBalancers(request)).LoadBalancerSet ?? []).map(
          ({ LoadBalancerId }) => LoadBalancerId ?? '',
        );
      expect(await ids({ Filters: [{ Name: 'tag:color', Values: ['blue'] }] })).toEqual([blue.id]);
      expect((await ids({ Filters: [{ Name: 'tag:color', Values: ['blue', 'red'] }] })).sort()).toEqual(
        [blue.id, red.id].sort(),
      );
      expect(await ids({ Filters: [{ Name: 'tag-key', Values: ['owner'] }] })).toEqual([blue.id]);
      expect(
        await ids({
          Filters: [
            { Name: 'tag:color', Values: ['red'] },
            { Name: 'tag:owner', Values: ['me'] },
          ],
        }),
      ).toEqual([]);
      expect(await ids({ LoadBalancerVips: [red.vip] })).toEqual([red.id]);
      expect(await ids({ LoadBalancerIds: [blue.id, 'lb-00000000'] })).toEqual([blue.id]);
      const all = await ids({ Limit: 100 });
      expect(await ids({ Limit: 1, Offset: 1 })).toEqual(all.slice(1, 2));
      expect((await client.DescribeLoadBalancers({ Limit: 1 })).TotalCount).toBe(all.length);
      expect(await codeOf(client.DescribeLoadBalancers({ Limit: 101 }))).toBe('InvalidParameterValue.Range');
      expect(await codeOf(client.DescribeLoadBalancers({ Filters: [{ Name: 'vip', Values: ['x'] }] }))).toBe(
        'InvalidParameterValue.InvalidFilter',
      );
    });

    it('are created once for one ClientToken, also after deletion, until the token expires', async () => {
      const { client, simulator, done } = fixture;
      const request = { LoadBalancerType: 'OPEN', ClientToken: 'uid-1-life-1' };
      const [first, second] = await Promise.all([
        client.CreateLoadBalancer(request),
        client.CreateLoadBalancer(request),
      ]);
      expect(second.LoadBalancerIds).toEqual(first.LoadBalancerIds);
      expect(second.RequestId).not.toBe(first.RequestId);
      await done(second);
      const ids = first.LoadBalancerIds ?? [];
      await done(await client.DeleteLoadBalancer({ LoadBalancerIds: ids }));
      expect((await client.CreateLoadBalancer(request)).LoadBalancerIds).toEqual(ids);
      expect((await client.DescribeLoadBalancers({ LoadBalancerIds: ids })).TotalCount).toBe(0);
      simulator.settings.clientTokenLifeMs = -1;
      expect(await codeOf(client.CreateLoadBalancer(request))).toBe(
        'InvalidParameter.ClientTokenLimitExceeded',
      );
      simulator.settings.clientTokenLifeMs = 24 * 3_600_000;
    });

    it('are guarded against deletion: protection, many targets, id that is gone', async () => {
      const { client, done } = fixture;
      const { id } = await fixture.createLoadBalancer();
      await done(await client.ModifyLoadBalancerAttributes({ LoadBalancerId: id, DeleteProtect: true }));
      const described = await client.DescribeLoadBalancers({ LoadBalancerIds: [id] });
      expect(described.LoadBalancerSet?.[0]?.AttributeFlags).toEqual(['DeleteProtect']);
      expect(await codeOf(client.DeleteLoadBalancer({ LoadBalancerIds: [id] }))).toBe('FailedOperation');
      await done(
        await client.ModifyLoadBalancerAttributes({
          LoadBalancerId: id,
          DeleteProtect: false,
          LoadBalancerName: 'renamed',
        }),
      );
      const [listenerId = ''] = await fixture.createListeners(id, [9_000]);
      await fixture.register(
        id,
        podIps(20).map((ip) => ({ listenerId, ip, port: 80 })),
      );
      expect(await codeOf(client.DeleteLoadBalancer({ LoadBalancerIds: [id] }))).toBe(
        'FailedOperation.TargetNumCheckRisk',
      );
      await done(await client.DeleteLoadBalancer({ LoadBalancerIds: [id], ForceDelete: true }));
      expect(await codeOf(client.DeleteLoadBalancer({ LoadBalancerIds: [id] }))).toBe(
        'InvalidParameter.LBIdNotFound',
      );
    });

    it('need a VPC and a subnet when they are internal, and keep to their quota', async () => {
      const { client, simulator } = fixture;
      expect(await codeOf(client.CreateLoadBalancer({ LoadBalancerType: 'INTERNAL' }))).toBe(
        'MissingParameter',
      );
      expect(await codeOf(client.CreateLoadBalancer({ LoadBalancerType: 'PUBLIC' }))).toBe(
        'InvalidParameterValue',
      );
      simulator.settings.quotaOpenLoadBalancers = 0;
      expect(await codeOf(client.CreateLoadBalancer({ LoadBalancerType: 'OPEN' }))).toBe('LimitExceeded');
      simulator.settings.quotaOpenLoadBalancers = 100;
      const quota = await client.DescribeQuota();
      expect(quota.QuotaSet).toContainEqual({
        QuotaId: 'TOTAL_TARGET_BIND_QUOTA',
        QuotaLimit: 100,
        QuotaCurrent: null,
      });
    });
  });

  describe('listeners', () => {
    it('refuse 50 ports, ports that are taken, names of another length, and what a protocol has not', async () => {
      const { client } = fixture;
      const { id: LoadBalancerId } = await fixture.createLoadBalancer();
      const code = (more: object): Promise<string | undefined> =>
        codeOf(client.CreateListener({ LoadBalancerId, Ports: [9_000], Protocol: 'TCP', ...more }));
      const many = await failureOf(
        client.CreateListener({
          LoadBalancerId,
          Ports: Array.from({ length: 50 }, (_, at) => 9_000 + at),
          Protocol: 'TCP',
        }),
      );
      expect(many).toMatchObject({
        code: 'InvalidParameterValue.Length',
        message: 'Length of .Ports should be less than 50',
      });
      await fixture.createListeners(LoadBalancerId, [9_000]);
      expect(await code({})).toBe('InvalidParameter.PortCheckFailed');
      expect(await code({ Ports: [9_001, 9_001] })).toBe('InvalidParameter.PortCheckFailed');
      expect(await code({ Protocol: 'UDP', Ports: [4_789] })).toBe('InvalidParameter.PortCheckFailed');
      expect(await code({ Ports: [9_001], ListenerNames: ['a', 'b'] })).toBe('InvalidParameterValue.Length');
      expect(await code({ Ports: [0] })).toBe('InvalidParameterValue');
      expect(await code({ Ports: [9_001], SessionExpireTime: 10 })).toBe('InvalidParameterValue');
      expect(await code({ Ports: [9_001], HealthCheck: { TimeOut: 5 } })).toBe('InvalidParameterValue');
      expect(await code({ Ports: [9_001], HealthCheck: { CheckType: 'HTTP' } })).toBe('MissingParameter');
      expect(
        (
          await failureOf(
            client.CreateListener({ LoadBalancerId, Ports: [9_001], Protocol: 'TCP', Scheduler: 'IP_HASH' }),
          )
        ).message,
      ).toBe('Scheduler should be WRR or LEAST_CONN');
      // The same port of the other class of protocols is free.
      await fixture.createListeners(LoadBalancerId, [9_000], { Protocol: 'UDP' });
      const found = await client.DescribeListeners({ LoadBalancerId, Protocol: 'UDP' });
      expect(found.Listeners?.[0]?.HealthCheck?.CheckType).toBe('PING');
    });

    it('keep to their quota', async () => {
      const { client } = fixture;
      const { id } = await fixture.createLoadBalancer();
      await fixture.createListeners(
        id,
        Array.from({ length: 49 }, (_, at) => 9_100 + at),
      );
      expect(
        await codeOf(client.CreateListener({ LoadBalancerId: id, Ports: [9_001, 9_002], Protocol: 'TCP' })),
      ).toBe('LimitExceeded');
    });

    it('are modified when the task completes; what is not asked for stays', async () => {
      const { client, done } = fixture;
      const { id: LoadBalancerId } = await fixture.createLoadBalancer();
      const [ListenerId = ''] = await fixture.createListeners(LoadBalancerId, [9_000], {
        HealthCheck: { IntervalTime: 10, TimeOut: 3 },
      });
      await done(
        await client.ModifyListener({
          LoadBalancerId,
          ListenerId,
          ListenerName: 'new',
          Scheduler: 'IP_HASH',
          SessionExpireTime: 30,
          HealthCheck: { HealthNum: 2 },
          DeregisterTargetRst: true,
        }),
      );
      const { Listeners } = await client.DescribeListeners({ LoadBalancerId });
      expect(Listeners?.[0]).toMatchObject({
        ListenerName: 'new',
        Scheduler: 'IP_HASH',
        SessionExpireTime: 30,
        DeregisterTargetRst: true,
        HealthCheck: { IntervalTime: 10, TimeOut: 3, HealthNum: 2, UnHealthNum: 3 },
      });
      expect(await codeOf(client.ModifyListener({ LoadBalancerId, ListenerId: 'lbl-00000000' }))).toBe(
        'InvalidParameter',
      );
    });

    it('are deleted all or not at all; without a list every one of them, which is said loudly', async () => {
      const { client, simulator, done } = fixture;
      const { id: LoadBalancerId } = await fixture.createLoadBalancer();
      const ids = await fixture.createListeners(LoadBalancerId, [9_000, 9_001, 9_002]);
      const failure = await failureOf(
        client.DeleteLoadBalancerListeners({
          LoadBalancerId,
          ListenerIds: [...ids.slice(0, 1), 'lbl-00000000'],
        }),
      );
      expect(failure.code).toBe('InvalidParameter');
      expect(failure.message).toMatch(/some ListenerId .*lbl-00000000.* not found/);
      expect((await client.DescribeListeners({ LoadBalancerId })).TotalCount).toBe(3);
      simulator.settings.emptyListenerIds = 'refuse';
      expect(await codeOf(client.DeleteLoadBalancerListeners({ LoadBalancerId, ListenerIds: [] }))).toBe(
        'InvalidParameterValue.Length',
      );
      simulator.settings.emptyListenerIds = 'all';
      await done(await client.DeleteListener({ LoadBalancerId, ListenerId: ids[0] ?? '' }));
      const warnings: string[] = [];
      const off = simulator.on('warning', (warning) => void warnings.push(warning));
      await done(await client.DeleteLoadBalancerListeners({ LoadBalancerId, ListenerIds: [] }));
      off();
      expect(warnings.join()).toContain(`ALL 2 listeners of ${LoadBalancerId} are deleted`);
      expect((await client.DescribeListeners({ LoadBalancerId })).TotalCount).toBe(0);
    });
  });
});

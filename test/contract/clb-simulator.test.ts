import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bound, codeOf, type Fixture, failureOf, startFixture, until } from './clb-simulator-fixture.ts';

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
    const creating = await client.DescribeLoadBalancers({ LoadBalancerIds: [id] });
    expect(creating.LoadBalancerSet?.[0]).toMatchObject({ Status: 0, LoadBalancerVips: [] });
    expect(await codeOf(client.CreateListener({ LoadBalancerId: id, Ports: [80], Protocol: 'TCP' }))).toBe(
      'FailedOperation.InvalidLBStatus',
    );
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
    expect((await client.DescribeListeners({ LoadBalancerId: id })).TotalCount).toBe(0);
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
      simulator.settings.clientTokenLifeMs = 0;
      await until(
        'the token is too old',
        async () =>
          (await codeOf(client.CreateLoadBalancer(request))) === 'InvalidParameter.ClientTokenLimitExceeded',
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

  describe('targets', () => {
    const setUp = async (listenerCount: number): Promise<{ id: string; listeners: string[] }> => {
      const { id } = await fixture.createLoadBalancer();
      const ports = Array.from({ length: listenerCount }, (_, at) => 9_000 + at);
      const off = { HealthCheck: { HealthSwitch: 0 } };
      return { id, listeners: await fixture.createListeners(id, ports, off) };
    };
    const request = (id: string, targets: readonly Bound[]) => ({
      LoadBalancerId: id,
      Targets: targets.map(({ listenerId, ip, port, weight }) => ({
        ListenerId: listenerId,
        EniIp: ip,
        Port: port,
        ...(weight === undefined ? {} : { Weight: weight }),
      })),
    });

    it('are registered and deregistered 500 at a time, not 501', async () => {
      const { client } = fixture;
      const { id, listeners } = await setUp(6);
      const bound = podIps(500).map(
        (ip, at): Bound => ({ listenerId: listeners[Math.floor(at / 100)] ?? '', ip, port: 80 }),
      );
      const more = [...bound, ...podIps(1).map((ip) => ({ listenerId: listeners[5] ?? '', ip, port: 80 }))];
      expect(await failureOf(client.BatchRegisterTargets(request(id, more)))).toMatchObject({
        code: 'InvalidParameterValue.Length',
        message: 'Length of .Targets should be less than 501',
      });
      const answer = await client.BatchRegisterTargets(request(id, bound));
      expect(answer.FailListenerIdSet).toEqual([]);
      // A synchronous batch: its RequestId is a task that is done.
      expect(await client.DescribeTaskStatus({ TaskId: answer.RequestId ?? '' })).toMatchObject({
        Status: 0,
      });
      const { Listeners } = await client.DescribeTargets({ LoadBalancerId: id });
      expect(Listeners?.map(({ Targets }) => Targets?.length)).toEqual([100, 100, 100, 100, 100, 0]);
      await fixture.unlocked(id);
      expect(await codeOf(client.BatchDeregisterTargets(request(id, more)))).toBe(
        'InvalidParameterValue.Length',
      );
      await fixture.deregister(id, bound);
      const after = await client.DescribeTargets({ LoadBalancerId: id });
      expect(after.Listeners?.map(({ Targets }) => Targets)).toEqual([[], [], [], [], [], []]);
    });

    it('keep to their quota, which counts what is bound again', async () => {
      const { client, simulator } = fixture;
      const {
        id,
        listeners: [listenerId = ''],
      } = await setUp(1);
      const bound = podIps(60).map((ip): Bound => ({ listenerId, ip, port: 80 }));
      await fixture.register(id, bound);
      expect(await codeOf(client.BatchRegisterTargets(request(id, bound)))).toBe('LimitExceeded');
      simulator.settings.quotaCountsBoundAgain = false;
      await fixture.register(id, bound);
      simulator.settings.quotaCountsBoundAgain = true;
    });

    it('that are registered again keep their weight, unless that is switched', async () => {
      const { simulator } = fixture;
      const {
        id,
        listeners: [listenerId = ''],
      } = await setUp(1);
      const [ip = ''] = podIps(1);
      await fixture.register(id, [{ listenerId, ip, port: 80, weight: 0 }]);
      await fixture.register(id, [{ listenerId, ip, port: 80, weight: 20 }]);
      expect(fixture.target(ip).weight).toBe(0);
      simulator.settings.reRegisterUpdatesWeight = true;
      await fixture.register(id, [{ listenerId, ip, port: 80, weight: 20 }]);
      expect(fixture.target(ip).weight).toBe(20);
      simulator.settings.reRegisterUpdatesWeight = false;
    });

    it('are refused as a whole when one is wrong', async () => {
      const { client, simulator } = fixture;
      const {
        id,
        listeners: [a = '', b = ''],
      } = await setUp(2);
      const [ip = '', other = ''] = podIps(2);
      const target = { ListenerId: a, EniIp: ip, Port: 80 };
      const code = (...Targets: (Partial<typeof target> & object)[]): Promise<string | undefined> =>
        codeOf(
          client.BatchRegisterTargets({
            LoadBalancerId: id,
            Targets: Targets.map((one) => ({ ...target, ...one })),
          }),
        );
      expect(await code({}, { ListenerId: 'lbl-00000000' })).toBe('InvalidParameter.ListenerIdNotFound');
      expect(await code({ LocationId: 'loc-00000000' } as object)).toBe('InvalidParameter.LocationNotFound');
      expect(await code({}, {})).toBe('InvalidParameterValue');
      expect(await code({ Port: 0 })).toBe('InvalidParameterValue');
      expect(await code({ Weight: 101 } as object)).toBe('InvalidParameterValue');
      expect(await code({ InstanceId: 'ins-1' } as object)).toBe('InvalidParameter');
      expect(await code({ EniIp: '192.0.2.1' })).toBe('InvalidParameterValue');
      expect(await code({ EniIp: 'pod-1' })).toBe('InvalidParameterValue');
      expect(await codeOf(client.BatchRegisterTargets({ LoadBalancerId: id, Targets: [] }))).toBe(
        'InvalidParameterValue.Length',
      );
      expect(
        await codeOf(
          client.BatchRegisterTargets({ LoadBalancerId: id, Targets: [{ ListenerId: a, Port: 80 }] }),
        ),
      ).toBe('MissingParameter');
      // One address and port under two listeners of a protocol.
      expect(await code({}, { ListenerId: b })).toBe('InvalidParameter.PortCheckFailed');
      await fixture.register(id, [{ listenerId: a, ip, port: 80 }]);
      expect(await code({ ListenerId: b })).toBe('InvalidParameter.PortCheckFailed');
      await fixture.register(id, [{ listenerId: b, ip, port: 81 }]);
      // Deregistering what is not bound.
      const unbound = request(id, [{ listenerId: a, ip: other, port: 80 }]);
      expect(await codeOf(client.BatchDeregisterTargets(unbound))).toBe('InvalidParameter');
      const twice = request(id, [
        { listenerId: a, ip, port: 80 },
        { listenerId: a, ip, port: 80 },
      ]);
      expect(await codeOf(client.BatchDeregisterTargets(twice))).toBe('InvalidParameterValue.Duplicate');
      simulator.settings.unboundInBatchDeregister = 'fail-set';
      const partial = await client.BatchDeregisterTargets(unbound);
      expect(partial.FailListenerIdSet).toEqual([a]);
      simulator.settings.unboundInBatchDeregister = 'ignore';
      await fixture.unlocked(id);
      expect((await client.BatchDeregisterTargets(unbound)).FailListenerIdSet).toEqual([]);
      simulator.settings.unboundInBatchDeregister = 'error';
    });

    it('change their weights 500 in a call, 50 in an entry, by target before entry', async () => {
      const { client, done } = fixture;
      const { id, listeners } = await setUp(6);
      const ips = podIps(500);
      const boundTo = (at: number): string => listeners[Math.floor(at / 100)] ?? '';
      await fixture.register(
        id,
        ips.map((ip, at) => ({ listenerId: boundTo(at), ip, port: 80 })),
      );
      const entries = Array.from({ length: 10 }, (_, entry) => ({
        ListenerId: boundTo(entry * 50),
        Weight: 7,
        Targets: ips.slice(entry * 50, entry * 50 + 50).map((ip, at) => ({
          EniIp: ip,
          Port: 80,
          ...(at === 0 ? { Weight: 3 } : {}),
        })),
      }));
      await done(await client.BatchModifyTargetWeight({ LoadBalancerId: id, ModifyList: entries }));
      const { Listeners = [] } = await client.DescribeTargets({ LoadBalancerId: id });
      const weights = Listeners.flatMap(({ Targets }) => Targets ?? []).map(({ Weight }) => Weight);
      expect(weights.filter((weight) => weight === 3)).toHaveLength(10);
      expect(weights.filter((weight) => weight === 7)).toHaveLength(490);
      const [extra = ''] = podIps(1);
      await fixture.register(id, [{ listenerId: listeners[5] ?? '', ip: extra, port: 80 }]);
      const tooMany = [...entries, { ListenerId: listeners[5] ?? '', Targets: [{ EniIp: extra, Port: 80 }] }];
      expect(await codeOf(client.BatchModifyTargetWeight({ LoadBalancerId: id, ModifyList: tooMany }))).toBe(
        'InvalidParameterValue.Length',
      );
      const unbound = [{ ListenerId: listeners[5] ?? '', Targets: [{ EniIp: ips[0] ?? '', Port: 80 }] }];
      expect(await codeOf(client.BatchModifyTargetWeight({ LoadBalancerId: id, ModifyList: unbound }))).toBe(
        'InvalidParameter',
      );
    });

    it('are also bound, weighted and unbound 20 at a time by the older actions', async () => {
      const { client, done } = fixture;
      const {
        id: LoadBalancerId,
        listeners: [ListenerId = ''],
      } = await setUp(1);
      const Targets = podIps(21).map((EniIp) => ({ EniIp, Port: 80 }));
      expect(await codeOf(client.RegisterTargets({ LoadBalancerId, ListenerId, Targets }))).toBe(
        'InvalidParameterValue.Length',
      );
      const twenty = Targets.slice(0, 20);
      await done(await client.RegisterTargets({ LoadBalancerId, ListenerId, Targets: twenty }));
      await done(await client.ModifyTargetWeight({ LoadBalancerId, ListenerId, Targets: twenty, Weight: 5 }));
      const found = await client.DescribeTargets({
        LoadBalancerId,
        Filters: [{ Name: 'private-ip-address', Values: [Targets[0]?.EniIp ?? ''] }],
      });
      expect(found.Listeners?.[0]?.Targets).toMatchObject([{ Weight: 5 }]);
      await done(await client.DeregisterTargets({ LoadBalancerId, ListenerId, Targets: twenty }));
      expect(await codeOf(client.DeregisterTargets({ LoadBalancerId, ListenerId, Targets: twenty }))).toBe(
        'InvalidParameter',
      );
    });

    it('may be instances that are known', async () => {
      const { client, simulator } = fixture;
      const {
        id,
        listeners: [listenerId = ''],
      } = await setUp(1);
      const ip = fixture.addresses.allocate('node');
      simulator.instances.set('ins-00000001', ip);
      await client.BatchRegisterTargets({
        LoadBalancerId: id,
        Targets: [{ ListenerId: listenerId, InstanceId: 'ins-00000001', Port: 30_080 }],
      });
      const { Listeners } = await client.DescribeTargets({ LoadBalancerId: id });
      expect(Listeners?.[0]?.Targets).toMatchObject([
        { Type: 'CVM', InstanceId: 'ins-00000001', PrivateIpAddresses: [ip], EniId: '' },
      ]);
    });
  });
});

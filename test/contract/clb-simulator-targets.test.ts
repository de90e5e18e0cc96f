import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bound, codeOf, type Fixture, failureOf, startFixture } from './clb-simulator-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

const podIps = (count: number): string[] =>
  Array.from({ length: count }, () => fixture.addresses.allocate('pod'));

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

  it('are tagged in a synchronous batch, by target before entry, and found by their tag', async () => {
    const { client } = fixture;
    const { id, listeners } = await setUp(1);
    const [listenerId = ''] = listeners;
    const [one = '', two = ''] = podIps(2);
    await fixture.register(
      id,
      [one, two].map((ip) => ({ listenerId, ip, port: 8_080 })),
    );
    const tag = (...Targets: { EniIp: string; Port: number; Tag?: string }[]) =>
      client.BatchModifyTargetTag({
        LoadBalancerId: id,
        ModifyList: [{ ListenerId: listenerId, Targets, Tag: 'of the entry' }],
      });
    const { RequestId = '' } = await tag(
      { EniIp: one, Port: 8_080 },
      { EniIp: two, Port: 8_080, Tag: 'its own' },
    );
    const tagged = async (value: string) =>
      (
        await client.DescribeTargets({
          LoadBalancerId: id,
          ListenerIds: [listenerId],
          Filters: [{ Name: 'tag', Values: [value] }],
        })
      ).Listeners?.[0]?.Targets?.map(({ PrivateIpAddresses }) => PrivateIpAddresses?.[0]);
    expect(await tagged('of the entry')).toEqual([one]);
    expect(await tagged('its own')).toEqual([two]);
    expect((await client.DescribeTaskStatus({ TaskId: RequestId })).Status).toBe(0);
    await fixture.unlocked(id);
    expect(await codeOf(tag({ EniIp: one, Port: 8_081 }))).toBe('InvalidParameter');
    const many = Array.from({ length: 501 }, (_, at) => ({ EniIp: one, Port: at + 1 }));
    expect(await codeOf(tag(...many))).toBe('InvalidParameterValue.Length');
  });

  it('move to another port with their weight and tag', async () => {
    const { client, done } = fixture;
    const { id, listeners } = await setUp(2);
    const [listenerId = '', otherId = ''] = listeners;
    const [ip = '', taken = ''] = podIps(2);
    await client.BatchRegisterTargets({
      LoadBalancerId: id,
      Targets: [
        { ListenerId: listenerId, EniIp: ip, Port: 8_080, Weight: 7, Tag: 'kept' },
        { ListenerId: listenerId, EniIp: ip, Port: 8_082 },
        { ListenerId: otherId, EniIp: ip, Port: 8_083 },
        { ListenerId: otherId, EniIp: taken, Port: 8_080 },
      ],
    });
    await fixture.unlocked(id);
    const move = (Port: number, NewPort: number) =>
      client.ModifyTargetPort({
        LoadBalancerId: id,
        ListenerId: listenerId,
        Targets: [{ EniIp: ip, Port }],
        NewPort,
      });
    await done(await move(8_080, 8_081));
    const { Listeners } = await client.DescribeTargets({ LoadBalancerId: id, ListenerIds: [listenerId] });
    expect(Listeners?.[0]?.Targets?.map(({ Port, Weight, Tag }) => [Port, Weight, Tag])).toEqual([
      [8_082, 10, ''],
      [8_081, 7, 'kept'],
    ]);
    expect(await codeOf(move(8_080, 8_090))).toBe('InvalidParameter');
    expect(await codeOf(move(8_081, 8_082))).toBe('InvalidParameter');
    expect(await failureOf(move(8_081, 8_083))).toMatchObject({
      code: 'InvalidParameter',
      message: expect.stringContaining('globally unique'),
    });
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

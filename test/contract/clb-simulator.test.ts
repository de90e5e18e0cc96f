import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, type Fixture, startFixture } from './clb-simulator-fixture.ts';

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
});

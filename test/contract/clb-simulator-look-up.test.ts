import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, type Fixture, startFixture } from './clb-simulator-fixture.ts';

let fixture: Fixture;
let id: string;

beforeAll(async () => {
  fixture = await startFixture();
  ({ id } = await fixture.createLoadBalancer());
});
afterAll(() => fixture.close());

describe('security groups', () => {
  const shown = async (): Promise<string[] | undefined> =>
    (await fixture.client.DescribeLoadBalancers({ LoadBalancerIds: [id] })).LoadBalancerSet?.[0]
      ?.SecureGroups;

  it('are set as a whole: those that are not named are gone, and without a list all of them', async () => {
    const { client } = fixture;
    await client.SetLoadBalancerSecurityGroups({ LoadBalancerId: id, SecurityGroups: ['sg-a', 'sg-b'] });
    await client.SetLoadBalancerSecurityGroups({ LoadBalancerId: id, SecurityGroups: ['sg-b', 'sg-c'] });
    expect(await shown()).toEqual(['sg-b', 'sg-c']);
    const found = await client.DescribeLoadBalancers({ SecurityGroup: 'sg-c' });
    expect(found.LoadBalancerSet?.map(({ LoadBalancerId }) => LoadBalancerId)).toEqual([id]);
    expect((await client.DescribeLoadBalancers({ SecurityGroup: 'sg-a' })).TotalCount).toBe(0);
    await client.SetLoadBalancerSecurityGroups({ LoadBalancerId: id });
    expect(await shown()).toEqual([]);
  });

  it('are added and taken one at a time, of all load balancers or of none, up to 50', async () => {
    const { client } = fixture;
    const change = (OperationType: string, SecurityGroup: string, ...LoadBalancerIds: string[]) =>
      client.SetSecurityGroupForLoadbalancers({ OperationType, SecurityGroup, LoadBalancerIds });
    await change('ADD', 'sg-a', id);
    await change('ADD', 'sg-a', id);
    expect(await codeOf(change('ADD', 'sg-b', id, 'lb-00000000'))).toBe('InvalidParameter.LBIdNotFound');
    expect(await shown()).toEqual(['sg-a']);
    const fifty = Array.from({ length: 50 }, (_, at) => `sg-${at}`);
    await client.SetLoadBalancerSecurityGroups({ LoadBalancerId: id, SecurityGroups: fifty });
    expect(await codeOf(change('ADD', 'sg-b', id))).toBe('InvalidParameterValue.Length');
    const { RequestId = '' } = await change('DEL', 'sg-0', id);
    expect((await client.DescribeTaskStatus({ TaskId: RequestId })).Status).toBe(0);
    expect(await shown()).toEqual(fifty.slice(1));
  });

  it('are not changed while the load balancer is busy', async () => {
    const { client, simulator } = fixture;
    const { createListenerMs } = simulator.settings;
    const { id: busy } = await fixture.createLoadBalancer();
    // It is busy until the simulator is closed.
    simulator.settings.createListenerMs = [10_000_000, 10_000_000];
    await client.CreateListener({ LoadBalancerId: busy, Ports: [7_000], Protocol: 'TCP' });
    simulator.settings.createListenerMs = createListenerMs;
    expect(await codeOf(client.SetLoadBalancerSecurityGroups({ LoadBalancerId: busy }))).toBe(
      'FailedOperation.ResourceInOperating',
    );
  });
});

it('DescribeLBListeners finds where an address is still bound, in its own VPC', async () => {
  const { client, addresses } = fixture;
  const [pod, other] = [addresses.allocate('pod'), addresses.allocate('pod')];
  const [tcp = ''] = await fixture.createListeners(id, [7_001]);
  const [http = ''] = await fixture.createListeners(id, [7_002], { Protocol: 'HTTP' });
  const made = await client.CreateRule({
    LoadBalancerId: id,
    ListenerId: http,
    Rules: [
      { Domain: 'a.example', Url: '/' },
      { Domain: 'b.example', Url: '/' },
    ],
  });
  await fixture.done(made);
  const [first = '', second = ''] = made.LocationIds ?? [];
  await fixture.register(id, [
    { listenerId: tcp, ip: pod, port: 80, weight: 3 },
    { listenerId: tcp, ip: other, port: 80 },
    { listenerId: http, locationId: first, ip: pod, port: 81 },
    { listenerId: http, locationId: second, ip: other, port: 81 },
  ]);
  const lb = (await client.DescribeLoadBalancers({ LoadBalancerIds: [id] })).LoadBalancerSet?.[0];
  const bound = async (PrivateIp: string, VpcId = lb?.VpcId ?? '') =>
    (await client.DescribeLBListeners({ Backends: [{ VpcId, PrivateIp }] })).LoadBalancers;
  const target = { Type: 'eni', PrivateIp: pod, VpcId: 1 };
  expect(await bound(pod)).toEqual([
    {
      LoadBalancerId: id,
      Vip: lb?.LoadBalancerVips?.[0],
      Region: fixture.simulator.region,
      Listeners: [
        {
          ListenerId: tcp,
          Protocol: 'TCP',
          Port: 7_001,
          EndPort: 0,
          Rules: null,
          Targets: [{ ...target, Port: 80, Weight: 3 }],
        },
        {
          ListenerId: http,
          Protocol: 'HTTP',
          Port: 7_002,
          EndPort: 0,
          Rules: [
            {
              LocationId: first,
              Domain: 'a.example',
              Url: '/',
              Targets: [{ ...target, Port: 81, Weight: 10 }],
            },
          ],
          Targets: null,
        },
      ],
    },
  ]);
  expect(await bound(pod, 'vpc-00000000')).toEqual([]);
  expect(await bound(addresses.allocate('pod'))).toEqual([]);
});

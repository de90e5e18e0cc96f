import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { notSimulated } from '../../infra/sandbox/clb/actions/not-simulated.ts';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { codeOf, type Fixture, failureOf, sdkClient, startFixture } from './clb-simulator-fixture.ts';

let fixture: Fixture;
let id: string;
let tcp: string;
let http: string;
let rule: string;
let otherHttp: string;

const listenerOf = async (loadBalancerId: string, port: number, Protocol = 'TCP'): Promise<string> =>
  (await fixture.createListeners(loadBalancerId, [port], { Protocol }))[0] ?? '';

beforeAll(async () => {
  fixture = await startFixture();
  ({ id } = await fixture.createLoadBalancer());
  tcp = await listenerOf(id, 7_000);
  http = await listenerOf(id, 7_001, 'HTTP');
  otherHttp = await listenerOf(id, 7_002, 'HTTP');
  const made = await fixture.client.CreateRule({
    LoadBalancerId: id,
    ListenerId: http,
    Rules: [{ Domain: 'a.example', Url: '/' }],
  });
  await fixture.done(made);
  [rule = ''] = made.LocationIds ?? [];
});
afterAll(() => fixture.close());

const set = (settings: Partial<typeof defaultSettings>): void => {
  Object.assign(fixture.simulator.settings, settings);
};
beforeEach(() => set({ ...defaultSettings, callsPerSecond: 1_000 }));

const target = (ip = fixture.addresses.allocate('pod'), Port = 8_080) => ({ EniIp: ip, Port });
const single = (ListenerId: string, Targets = [target()], more: { LocationId?: string } = {}) => ({
  LoadBalancerId: id,
  ListenerId,
  Targets,
  ...more,
});

describe('what a call names', () => {
  it.each(['lb-1234567', 'lb-123456789', 'lb-ABCDEFGH', 'lbl-12345678', ''])(
    'the form of an id is looked at before the id: %j',
    async (LoadBalancerId) => {
      const { client } = fixture;
      for (const call of [
        client.DescribeTargets({ LoadBalancerId }),
        client.DeleteLoadBalancer({ LoadBalancerIds: [LoadBalancerId] }),
        client.SetLoadBalancerSecurityGroups({ LoadBalancerId }),
      ]) {
        expect(await codeOf(call)).toBe('InvalidParameter.FormatError');
      }
    },
  );

  it.each(['colour', 'constructor', ''])(
    'a filter that there is not is refused, also where there is nothing to filter: %j',
    async (Name) => {
      const { client, simulator } = fixture;
      const { id: empty } = await fixture.createLoadBalancer();
      const Filters = [{ Name, Values: ['red'] }];
      const nowhere = sdkClient(simulator, { region: 'ap-shanghai' });
      for (const call of [
        nowhere.DescribeLoadBalancers({ Filters }),
        client.DescribeLoadBalancers({ Filters }),
        nowhere.DescribeLoadBalancersDetail({ Filters }),
        client.DescribeTargets({ LoadBalancerId: empty, Filters }),
      ]) {
        expect(await codeOf(call)).toBe('InvalidParameterValue.InvalidFilter');
      }
    },
  );

  it('a listener belongs to its load balancer, a rule to its listener', async () => {
    const { client } = fixture;
    const { id: other } = await fixture.createLoadBalancer();
    const elsewhere = { ...single(tcp), LoadBalancerId: other };
    expect(await codeOf(client.RegisterTargets(elsewhere))).toBe('InvalidParameter');
    expect(await codeOf(client.DeleteListener({ LoadBalancerId: other, ListenerId: tcp }))).toBe(
      'InvalidParameter',
    );
    const batch = { LoadBalancerId: other, Targets: [{ ...target(), ListenerId: tcp }] };
    expect(await codeOf(client.BatchRegisterTargets(batch))).toBe('InvalidParameter.ListenerIdNotFound');
    const wrongRule = single(otherHttp, undefined, { LocationId: rule });
    expect(await codeOf(client.RegisterTargets(wrongRule))).toBe('InvalidParameter');
    const wrongBatch = { ...target(), ListenerId: otherHttp, LocationId: rule };
    expect(await codeOf(client.BatchRegisterTargets({ LoadBalancerId: id, Targets: [wrongBatch] }))).toBe(
      'InvalidParameter.LocationNotFound',
    );
  });

  it('a layer-4 listener is given no rule, unless that is switched', async () => {
    const withRule = single(tcp, undefined, { LocationId: rule });
    expect(await codeOf(fixture.client.RegisterTargets(withRule))).toBe('InvalidParameter');
    set({ locationIdOnLayer4: 'ignore' });
    await fixture.done(await fixture.client.RegisterTargets(withRule));
  });

  it('a target lies in the VPC, unless that is switched', async () => {
    const outside = single(tcp, [target('192.0.2.7')]);
    expect(await codeOf(fixture.client.RegisterTargets(outside))).toBe('InvalidParameterValue');
    set({ targetOutsideVpc: 'accept' });
    await fixture.done(await fixture.client.RegisterTargets(outside));
    await fixture.done(await fixture.client.DeregisterTargets(outside));
  });

  it.each(['10.0.0', '10.0.0.1/8', 'pod', '::g'])('an EniIp is an address: %s', async (ip) => {
    expect(await codeOf(fixture.client.RegisterTargets(single(tcp, [target(ip)])))).toBe(
      'InvalidParameterValue',
    );
  });

  it('a target that is not bound is an error to those that change it, unless that is switched', async () => {
    const { client, done } = fixture;
    const changes = {
      LoadBalancerId: id,
      ModifyList: [{ ListenerId: tcp, Targets: [{ ...target(), Weight: 1 }] }],
    };
    for (const call of [
      client.DeregisterTargets(single(tcp)),
      client.ModifyTargetWeight(single(tcp)),
      client.BatchModifyTargetWeight(changes),
    ]) {
      expect(await codeOf(call)).toBe('InvalidParameter');
    }
    set({ unboundInDeregister: 'ignore', unboundInModifyWeight: 'ignore' });
    await done(await client.DeregisterTargets(single(tcp)));
    await done(await client.ModifyTargetWeight(single(tcp)));
    await done(await client.BatchModifyTargetWeight(changes));
  });
});

describe('DescribeTargetHealth', () => {
  it('fails as a whole for one id that is not there, unless that is switched', async () => {
    const ask = () => fixture.client.DescribeTargetHealth({ LoadBalancerIds: [id, 'lb-00000000'] });
    expect(await codeOf(ask())).toBe('InvalidParameter.LBIdNotFound');
    set({ unknownLoadBalancerInHealth: 'skip' });
    expect((await ask()).LoadBalancers?.map(({ LoadBalancerId }) => LoadBalancerId)).toEqual([id]);
  });

  it('an address has no TargetId, or that of its ENI', async () => {
    const { client } = fixture;
    const ip = fixture.addresses.allocate('pod');
    await fixture.register(id, [{ listenerId: tcp, ip, port: 8_080 }]);
    const targetId = async (): Promise<string | undefined> =>
      (
        await client.DescribeTargetHealth({ LoadBalancerIds: [id], ListenerIds: [tcp] })
      ).LoadBalancers?.[0]?.Listeners?.[0]?.Rules?.[0]?.Targets?.find(({ IP }) => IP === ip)?.TargetId;
    expect(await targetId()).toBe('');
    set({ ipTargetId: 'eni' });
    expect(await targetId()).toMatch(/^eni-[0-9a-z]{8}$/);
  });
});

it('what the real API has and the simulator has not says so, under names that the SDK has too', async () => {
  const { client } = fixture;
  for (const name of notSimulated) {
    expect(name in client).toBe(true);
    expect(await failureOf(client.request(name, {}))).toMatchObject({
      code: 'UnsupportedOperation',
      message: `${name} is not simulated.`,
    });
  }
});

it('so many load balancers are deleted in five minutes and no more, also by force', async () => {
  const { client, done } = fixture;
  const made = await Promise.all([1, 2, 3].map(() => fixture.createLoadBalancer()));
  const [first = '', second = '', third = ''] = made.map((one) => one.id);
  set({ maxDeletionsPerFiveMinutes: 2 });
  await done(await client.DeleteLoadBalancer({ LoadBalancerIds: [first, second] }));
  const refused = client.DeleteLoadBalancer({ LoadBalancerIds: [third], ForceDelete: true });
  expect(await failureOf(refused)).toMatchObject({ code: 'FailedOperation.FrequencyCheckRisk' });
  set({ maxDeletionsPerFiveMinutes: 30 });
  await done(await client.DeleteLoadBalancer({ LoadBalancerIds: [third] }));
});

import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allActions } from '../../infra/sandbox/clb/actions/all.ts';
import { notSimulated } from '../../infra/sandbox/clb/actions/not-simulated.ts';
import { parseFault } from '../../infra/sandbox/clb/fault-spec.ts';
import {
  codeOf,
  type Fixture,
  failureOf,
  type PodServer,
  startFixture,
  startPod,
  until,
} from './clb-simulator-fixture.ts';

let fixture: Fixture;
let pod: PodServer;
let id: string;
let vip: string;
let listenerId: string;
let http: string;

beforeAll(async () => {
  fixture = await startFixture();
  pod = await startPod(fixture.addresses, 8_080);
});
afterAll(async () => {
  await pod.close();
  await fixture.close();
});
beforeEach(async () => {
  fixture.simulator.faults.clear();
  ({ id, vip } = await fixture.createLoadBalancer());
  [listenerId = ''] = await fixture.createListeners(id, [7_000]);
  [http = ''] = await fixture.createListeners(id, [7_001], { Protocol: 'HTTP' });
  await fixture.register(id, [{ listenerId, ip: pod.ip, port: 8_080 }]);
  await until('the Pod is Alive', () => bound(pod.ip)?.health === 'Alive');
});

/** A target of this load balancer. */
const bound = (ip: string, loadBalancerId = id) =>
  fixture.simulator
    .state()
    .loadBalancers.find((lb) => lb.id === loadBalancerId)
    ?.listeners.flatMap(({ targets }) => targets)
    .find((target) => target.ip === ip);

const byHand = (action: 'Isolate' | 'Restore') => fixture.simulator.byHand(action, { LoadBalancerId: id });

/** A connection that the Pod has greeted, and what ends it. */
const connection = async (): Promise<{ readonly ended: Promise<void>; close(): void }> => {
  const socket = connect(fixture.addresses.socketOf(vip, 7_000));
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.once('data', () => resolve());
    socket.once('error', reject);
  });
  socket.removeAllListeners('error').on('error', () => undefined);
  return { ended, close: () => void socket.destroy() };
};

const shown = async () =>
  (await fixture.client.DescribeLoadBalancers({ LoadBalancerIds: [id] })).LoadBalancerSet?.[0];

/** Each action of the API that writes to a load balancer, with parameters that this one would take. */
const writes = (): Record<string, unknown> => {
  const { client } = fixture;
  const own = { LoadBalancerId: id };
  const layer4 = { ...own, ListenerId: listenerId };
  const layer7 = { ...own, ListenerId: http };
  const target = { EniIp: pod.ip, Port: 8_080 };
  const Targets = [target];
  const spots = [{ ListenerId: listenerId, ...target }];
  return {
    CreateListener: client.CreateListener({ ...own, Ports: [7_002], Protocol: 'TCP' }),
    ModifyListener: client.ModifyListener({ ...layer4, ListenerName: 'new' }),
    DeleteListener: client.DeleteListener(layer4),
    DeleteLoadBalancerListeners: client.DeleteLoadBalancerListeners({ ...own, ListenerIds: [listenerId] }),
    CreateRule: client.CreateRule({ ...layer7, Rules: [{ Domain: 'a.example', Url: '/' }] }),
    ModifyRule: client.ModifyRule({ ...layer7, LocationId: 'loc-00000000' }),
    ModifyDomain: client.ModifyDomain({ ...layer7, Domain: 'a.example', NewDomain: 'b.example' }),
    ModifyDomainAttributes: client.ModifyDomainAttributes({ ...layer7, Domain: 'a.example' }),
    DeleteRule: client.DeleteRule({ ...layer7, LocationIds: ['loc-00000000'] }),
    RegisterTargets: client.RegisterTargets({ ...layer4, Targets: [{ ...target, Port: 81 }] }),
    DeregisterTargets: client.DeregisterTargets({ ...layer4, Targets }),
    ModifyTargetWeight: client.ModifyTargetWeight({ ...layer4, Targets, Weight: 1 }),
    ModifyTargetPort: client.ModifyTargetPort({ ...layer4, Targets, NewPort: 81 }),
    BatchRegisterTargets: client.BatchRegisterTargets({ ...own, Targets: spots }),
    BatchDeregisterTargets: client.BatchDeregisterTargets({ ...own, Targets: spots }),
    BatchModifyTargetWeight: client.BatchModifyTargetWeight({
      ...own,
      ModifyList: [{ ListenerId: listenerId, Targets, Weight: 1 }],
    }),
    BatchModifyTargetTag: client.BatchModifyTargetTag({
      ...own,
      ModifyList: [{ ListenerId: listenerId, Targets, Tag: 'x' }],
    }),
    ModifyLoadBalancerAttributes: client.ModifyLoadBalancerAttributes({ ...own, LoadBalancerName: 'x' }),
    SetLoadBalancerSecurityGroups: client.SetLoadBalancerSecurityGroups(own),
    SetSecurityGroupForLoadbalancers: client.SetSecurityGroupForLoadbalancers({
      SecurityGroup: 'sg-a',
      OperationType: 'ADD',
      LoadBalancerIds: [id],
    }),
    SetLoadBalancerStartStatus: client.SetLoadBalancerStartStatus({ ...own, OperationType: 'Stop' }),
    DeleteLoadBalancer: client.DeleteLoadBalancer({ LoadBalancerIds: [id], ForceDelete: true }),
  };
};

describe('a load balancer that is isolated', () => {
  it('says so and since when, carries nothing, and answers reads; restored, it is as it was', async () => {
    const { client } = fixture;
    const before = await shown();
    expect(before).toMatchObject({ Isolation: 0, IsolatedTime: null, Status: 1 });
    const open = await connection();
    await byHand('Isolate');
    await open.ended;
    await expect(connection()).rejects.toThrow('ECONNREFUSED');
    expect(await shown()).toMatchObject({
      Isolation: 1,
      IsolatedTime: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      Status: 1,
    });
    expect((await client.DescribeListeners({ LoadBalancerId: id })).TotalCount).toBe(2);
    const { Listeners } = await client.DescribeTargets({ LoadBalancerId: id });
    expect(Listeners?.[0]?.Targets).toMatchObject([{ PrivateIpAddresses: [pod.ip], Weight: 10 }]);
    expect((await client.DescribeTargetHealth({ LoadBalancerIds: [id] })).LoadBalancers).toHaveLength(1);

    await byHand('Restore');
    expect(await shown()).toEqual(before);
    (await connection()).close();
    await fixture.done(await client.CreateListener({ LoadBalancerId: id, Ports: [7_002], Protocol: 'TCP' }));
  });

  it('is not probed: a Pod that goes meanwhile is found Dead only afterwards', async () => {
    const { simulator, addresses } = fixture;
    const going = await startPod(addresses, 8_080);
    await fixture.register(id, [{ listenerId, ip: going.ip, port: 8_080 }]);
    await until('it is Alive', () => bound(going.ip)?.health === 'Alive');
    await byHand('Isolate');
    const changes: string[] = [];
    const stop = simulator.on('health', ({ ip, to }) => {
      if (ip === going.ip) changes.push(to);
    });
    await going.close();
    // Longer than a load balancer needs to find the same.
    const other = await fixture.createLoadBalancer();
    const [there = ''] = await fixture.createListeners(other.id, [7_000]);
    for (const ip of [addresses.allocate('pod'), addresses.allocate('pod')]) {
      await fixture.register(other.id, [{ listenerId: there, ip, port: 8_080 }]);
      await until('an address that nobody has is Dead', () => bound(ip, other.id)?.health === 'Dead');
    }
    expect(changes).toEqual([]);
    await byHand('Restore');
    await until('it is Dead', () => bound(going.ip)?.health === 'Dead');
    stop();
  });

  it('takes no write of any action', async () => {
    const actions = [...allActions().keys()].filter(
      (name) => !/^Describe|^CreateLoadBalancer$|^ReplaceCert/.test(name) && !notSimulated.includes(name),
    );
    await byHand('Isolate');
    const asked = writes();
    expect(Object.keys(asked).sort()).toEqual(actions.sort());
    for (const [name, call] of Object.entries(asked)) {
      expect([name, await codeOf(Promise.resolve(call))]).toEqual([name, 'FailedOperation']);
    }
    await byHand('Restore');
    expect(fixture.simulator.state().loadBalancers.find((lb) => lb.id === id)?.listeners).toHaveLength(2);
    expect(bound(pod.ip)?.weight).toBe(10);
  });

  it('refuses with the code that is set, and without a text where nobody has seen one', async () => {
    const { client, simulator } = fixture;
    await byHand('Isolate');
    Object.assign(simulator.settings, { isolatedCode: 'FailedOperation.InvalidLBStatus' });
    expect(await codeOf(client.SetLoadBalancerSecurityGroups({ LoadBalancerId: id }))).toBe(
      'FailedOperation.InvalidLBStatus',
    );
    Object.assign(simulator.settings, { isolatedCode: 'FailedOperation', unseenTexts: 'empty' });
    expect((await failureOf(client.SetLoadBalancerSecurityGroups({ LoadBalancerId: id }))).message).toBe('');
    Object.assign(simulator.settings, { unseenTexts: 'likely' });
  });

  it('a listener that was stopped before stays so when it is restored', async () => {
    const { client, done } = fixture;
    const stop = { LoadBalancerId: id, OperationType: 'Stop', ListenerIds: [listenerId] };
    await done(await client.SetLoadBalancerStartStatus(stop));
    await byHand('Isolate');
    await byHand('Restore');
    await expect(connection()).rejects.toThrow('ECONNREFUSED');
    expect(bound(pod.ip)?.health).toBe('Close');
  });

  it('can be made and restored by a fault, as a person writes it', async () => {
    for (const text of [
      'changed-by-hand=Isolate,action=SetLoadBalancerSecurityGroups,times=1',
      `changed-by-hand=Restore,action=DescribeQuota,times=1,with={"LoadBalancerId":"${id}"}`,
    ]) {
      const parsed = parseFault(text);
      if ('problem' in parsed) throw new Error(parsed.problem);
      fixture.simulator.faults.inject(parsed.fault);
    }
    const write = () => fixture.client.SetLoadBalancerSecurityGroups({ LoadBalancerId: id });
    expect(await codeOf(write())).toBe('FailedOperation');
    await fixture.client.DescribeQuota();
    await write();
  });
});

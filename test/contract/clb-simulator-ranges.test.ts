import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startUdpClient, startUdpPod } from './clb-runtime-fixture.ts';
import {
  codeOf,
  type Fixture,
  failureOf,
  greeting,
  startFixture,
  startPod,
  until,
} from './clb-simulator-fixture.ts';

let fixture: Fixture;
let id: string;
let vip: string;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  ({ id, vip } = await fixture.createLoadBalancer());
});
afterEach(async () => {
  fixture.simulator.settings.rangeTargetPort = 'offset';
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => fixture.close());

const create = (
  Ports: number[],
  EndPort: number,
  more: Partial<Parameters<Fixture['client']['CreateListener']>[0]> = {},
) => fixture.client.CreateListener({ LoadBalancerId: id, Ports, EndPort, Protocol: 'TCP', ...more });

/** A listener of a range, without probes, with this target. */
const rangeTo = async (first: number, last: number, ip: string, port: number, Protocol = 'TCP') => {
  const [listenerId = ''] = await fixture.createListeners(id, [first], {
    EndPort: last,
    Protocol,
    HealthCheck: { HealthSwitch: 0 },
  });
  await fixture.register(id, [{ listenerId, ip, port }]);
  return listenerId;
};

const greets = (port: number): Promise<string> => greeting(fixture.addresses.socketOf(vip, port));

/** A Pod that says on each of its ports which one it is. */
const podOn = async (...ports: number[]): Promise<string> => {
  const ip = fixture.addresses.allocate('pod');
  for (const port of ports) {
    const { close } = await startPod({ ...fixture.addresses, allocate: () => ip }, port, (socket) =>
      socket.write(`port ${port}`),
    );
    ends.push(close);
  }
  return ip;
};

describe('a listener of a range of ports', () => {
  it('leads each of its ports to the port of the target that is as far from the first', async () => {
    const ip = await podOn(8_080, 8_081, 8_082);
    await rangeTo(7_000, 7_003, ip, 8_080);
    expect(await Promise.all([7_000, 7_001, 7_002].map(greets))).toEqual([
      'port 8080',
      'port 8081',
      'port 8082',
    ]);
    // Nobody is at 8083 of the Pod.
    expect(await greets(7_003)).toBe('');
    fixture.simulator.settings.rangeTargetPort = 'fixed';
    expect(await greets(7_003)).toBe('port 8080');
  });

  it('refuses what leads behind the last port that a target can have', async () => {
    const ip = await podOn(65_535);
    await rangeTo(7_010, 7_011, ip, 65_535);
    const refused: string[] = [];
    ends.push(fixture.simulator.on('refused', ({ reason }) => refused.push(reason)));
    expect(await greets(7_010)).toBe('port 65535');
    expect(await greets(7_011)).toBe('');
    expect(refused).toEqual(['target is not on loopback, or has no such port']);
  });

  it('carries datagrams too', async () => {
    const ip = fixture.addresses.allocate('pod');
    for (const port of [5_353, 5_354]) {
      const addresses = { ...fixture.addresses, allocate: () => ip };
      const { close } = await startUdpPod(addresses, port, (data) => `${port} ${data.toString()}`);
      ends.push(close);
    }
    await rangeTo(7_020, 7_021, ip, 5_353, 'UDP');
    for (const [port, answer] of [
      [7_020, '5353 hello'],
      [7_021, '5354 hello'],
    ] as const) {
      const client = await startUdpClient(fixture.addresses, vip, port);
      ends.push(client.close);
      client.send('hello');
      expect(await until('an answer', () => client.received[0])).toBe(answer);
    }
  });

  it('is one listener everywhere, with its EndPort; deleted, none of its ports listens', async () => {
    const { client, done } = fixture;
    const ip = await podOn(8_080);
    const listenerId = await rangeTo(7_030, 7_032, ip, 8_080);
    const range = { ListenerId: listenerId, Port: 7_030, EndPort: 7_032 };
    const one = { LoadBalancerId: id, ListenerIds: [listenerId] };
    expect((await client.DescribeListeners(one)).Listeners).toMatchObject([range]);
    expect((await client.DescribeTargets(one)).Listeners).toMatchObject([range]);
    const { LoadBalancerSet } = await client.DescribeLoadBalancers({ LoadBalancerIds: [id] });
    const Backends = [{ VpcId: LoadBalancerSet?.[0]?.VpcId ?? '', PrivateIp: ip }];
    const { LoadBalancers } = await client.DescribeLBListeners({ Backends });
    expect(LoadBalancers?.[0]?.Listeners).toMatchObject([range]);
    await done(await client.DeleteLoadBalancerListeners(one));
    expect(await Promise.all([7_030, 7_031, 7_032].map(greets))).toEqual(['', '', '']);
    await fixture.createListeners(id, [7_031]);
  });

  it('needs one port to begin with, goes up, and is of TCP or UDP', async () => {
    expect(await codeOf(create([7_040, 7_041], 7_050))).toBe('InvalidParameterValue.Length');
    expect(await codeOf(create([7_040], 7_040))).toBe('InvalidParameterValue');
    expect(await codeOf(create([7_040], 7_039))).toBe('InvalidParameterValue');
    expect(await codeOf(create([7_040], 7_050, { Protocol: 'HTTP' }))).toBe('InvalidParameterValue');
    expect(await codeOf(create([7_040], 7_050, { Protocol: 'TCP_SSL' }))).toBe('InvalidParameterValue');
    expect(await failureOf(create([7_040], 7_140))).toMatchObject({
      code: 'UnsupportedOperation',
      message: 'Ranges of more than 100 ports are not simulated.',
    });
  });

  it('overlaps no other listener of its kind of port, before or after it, and not UDP 4789', async () => {
    const conflict = 'InvalidParameter.PortCheckFailed';
    const ip = await podOn(8_080);
    await rangeTo(7_060, 7_064, ip, 8_080);
    const single = (Protocol: string, port: number) =>
      fixture.client.CreateListener({ LoadBalancerId: id, Ports: [port], Protocol });
    expect(await codeOf(single('TCP', 7_062))).toBe(conflict);
    expect(await codeOf(single('HTTP', 7_064))).toBe(conflict);
    expect(await codeOf(create([7_055], 7_060))).toBe(conflict);
    expect(await codeOf(create([7_064], 7_070))).toBe(conflict);
    expect(await codeOf(create([4_780], 4_790, { Protocol: 'UDP' }))).toBe(conflict);
    await fixture.createListeners(id, [7_062], { Protocol: 'UDP' });
    await fixture.createListeners(id, [7_065], { EndPort: 7_066 });
    expect(await codeOf(create([7_050], 7_100))).toBe(conflict);
  });

  it('of all ports is not simulated, and says so', async () => {
    const all = { LoadBalancerId: id, Ports: [1], FullEndPorts: [65_535], Protocol: 'TCP' };
    expect(await failureOf(fixture.client.CreateListener(all))).toMatchObject({
      code: 'UnsupportedOperation',
      message: 'Listeners of all ports are not simulated.',
    });
  });
});

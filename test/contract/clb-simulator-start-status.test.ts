import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  codeOf,
  type Fixture,
  greeting,
  type PodServer,
  startFixture,
  startPod,
  until,
} from './clb-simulator-fixture.ts';

let fixture: Fixture;
let pod: PodServer;

beforeAll(async () => {
  fixture = await startFixture();
  pod = await startPod(fixture.addresses, 8_080);
});
afterAll(async () => {
  await pod.close();
  await fixture.close();
});

it('a stopped listener takes no connection and probes nothing; started again it does as before', async () => {
  const { client, done } = fixture;
  const { id, vip } = await fixture.createLoadBalancer();
  expect(await codeOf(client.SetLoadBalancerStartStatus({ LoadBalancerId: id, OperationType: 'Stop' }))).toBe(
    'FailedOperation.NoListenerInLB',
  );
  const [stopped = '', other = ''] = await fixture.createListeners(id, [7_000, 7_001]);
  await fixture.register(id, [{ listenerId: stopped, ip: pod.ip, port: 8_080 }]);
  const set = (OperationType: string, ListenerIds: string[]) =>
    client.SetLoadBalancerStartStatus({ LoadBalancerId: id, OperationType, ListenerIds });
  const flags = async () =>
    (await client.DescribeListeners({ LoadBalancerId: id })).Listeners?.map(({ AttrFlags }) => AttrFlags);
  await until('the Pod is Alive', () => fixture.target(pod.ip).health === 'Alive');
  expect(await greeting(fixture.addresses.socketOf(vip, 7_000))).toContain(pod.ip);

  await done(await set('Stop', [stopped]));
  expect(await flags()).toEqual([['Stop'], []]);
  expect(await greeting(fixture.addresses.socketOf(vip, 7_000))).toBe('');
  expect(fixture.target(pod.ip).health).toBe('Close');
  expect(await codeOf(set('Stop', [other, 'lbl-00000000']))).toBe('InvalidParameter.ListenerIdNotFound');

  await done(await client.SetLoadBalancerStartStatus({ LoadBalancerId: id, OperationType: 'Start' }));
  expect(await flags()).toEqual([[], []]);
  await until('the Pod is Alive again', () => fixture.target(pod.ip).health === 'Alive');
  expect(await greeting(fixture.addresses.socketOf(vip, 7_000))).toContain(pod.ip);
});

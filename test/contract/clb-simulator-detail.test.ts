import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { codeOf, type Fixture, startFixture, until } from './clb-simulator-fixture.ts';

let fixture: Fixture;
let id: string;
let vip: string;
let other: string;
let ips: string[];
let tcp: string;
let http: string;
let rule: string;

type Asked = Parameters<Fixture['client']['DescribeLoadBalancersDetail']>[0];
const ask = (asked: Asked = {}) => fixture.client.DescribeLoadBalancersDetail(asked);
const rows = async (asked: Asked = {}) => (await ask(asked)).LoadBalancerDetailSet ?? [];
const only = (Name: string, ...Values: string[]): Asked => ({ Filters: [{ Name, Values }] });
/** All that is below the load balancers, of this one alone. */
const inside = (): Asked => ({ TargetType: 'NODE', ...only('loadbalancer-id', id) });

beforeAll(async () => {
  fixture = await startFixture();
  const { client, addresses } = fixture;
  ({ id: other } = await fixture.createLoadBalancer({ team: 'b' }));
  ({ id, vip } = await fixture.createLoadBalancer({ team: 'a', owner: 'me' }));
  ips = [addresses.allocate('pod'), addresses.allocate('pod')];
  [tcp = ''] = await fixture.createListeners(id, [7_000]);
  [http = ''] = await fixture.createListeners(id, [7_001], { Protocol: 'HTTP' });
  await fixture.createListeners(id, [7_002], { Protocol: 'UDP' });
  const made = await client.CreateRule({
    LoadBalancerId: id,
    ListenerId: http,
    Rules: [
      { Domains: ['a.example', 'b.example'], Url: '/x' },
      { Domain: 'c.example', Url: '/' },
    ],
  });
  await fixture.done(made);
  [rule = ''] = made.LocationIds ?? [];
  await fixture.register(id, [
    { listenerId: tcp, ip: ips[0] ?? '', port: 80, weight: 3 },
    { listenerId: tcp, ip: ips[1] ?? '', port: 80 },
    { listenerId: http, locationId: rule, ip: ips[0] ?? '', port: 81, weight: 0 },
  ]);
  await until('all of them are Dead', () => ips.every((ip) => fixture.target(ip).health === 'Dead'));
});
afterEach(() => {
  Object.assign(fixture.simulator.settings, { detailAgeMs: 0, ipTargetId: 'empty' });
});
afterAll(() => fixture.close());

describe('DescribeLoadBalancersDetail', () => {
  it('is a row for each target of each rule of each listener; what has nothing below it is one row, too', async () => {
    await until('the rule has its verdict', async () =>
      (await rows(inside())).every(({ TargetHealth }) => TargetHealth !== 'Unknown'),
    );
    const shown = (await rows(inside())).map((row) => [
      `${row.Protocol}:${row.Port}`,
      row.Domain,
      row.Domains,
      row.Url,
      row.TargetAddress,
      row.TargetPort,
      row.TargetWeight,
      row.TargetHealth,
    ]);
    const none = [null, null, null, null];
    expect(shown).toEqual([
      ['TCP:7000', null, null, null, ips[0], 80, 3, 'Dead'],
      ['TCP:7000', null, null, null, ips[1], 80, 10, 'Dead'],
      ['HTTP:7001', 'a.example', 'a.example,b.example', '/x', ips[0], 81, 0, 'Dead'],
      ['HTTP:7001', 'c.example', 'c.example', '/', ...none],
      ['UDP:7002', null, null, null, ...none],
    ]);
  });

  it('has every member that the SDK knows, and says of a load balancer what DescribeLoadBalancers says', async () => {
    const models = createRequire(import.meta.url).resolve(
      'tencentcloud-sdk-nodejs/tencentcloud/services/clb/v20180317/clb_models.d.ts',
    );
    const [, body = ''] =
      /interface LoadBalancerDetail \{([^}]*)\}/.exec(
        readFileSync(models, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, ''),
      ) ?? [];
    const members = [...body.matchAll(/(\w+)\?:/g)].map(([, name]) => name);
    const [row] = await rows(only('loadbalancer-id', id));
    expect(Object.keys(row ?? {}).sort()).toEqual(members.sort());
    const { LoadBalancerSet } = await fixture.client.DescribeLoadBalancers({ LoadBalancerIds: [id] });
    const { CreateTime, VpcId, Tags, NetworkAttributes, ChargeType } = LoadBalancerSet?.[0] ?? {};
    expect(row).toMatchObject({ CreateTime, VpcId, Tags, NetworkAttributes, ChargeType });
    expect(row).toMatchObject({
      LoadBalancerType: 'Public',
      Address: vip,
      AddressIPVersion: 'IPv4',
      Isolation: 0,
      Status: 1,
      LoadBalancerPassToTarget: 0,
    });
  });

  it('without Fields and TargetType is a row for each load balancer, newest first, and nothing below it', async () => {
    const all = await rows();
    expect(all.map(({ LoadBalancerId }) => LoadBalancerId)).toEqual([id, other]);
    for (const row of all) {
      expect(row).toMatchObject({ ListenerId: null, LocationId: null, TargetAddress: null, SniSwitch: null });
    }
  });

  it('shows the fields that are asked for, the id and the name; the others are null', async () => {
    const asked = await rows({ Fields: ['Address'], ...only('loadbalancer-id', id) });
    expect(asked.map((row) => Object.entries(row).filter(([, value]) => value !== null))).toEqual([
      [
        ['LoadBalancerId', id],
        ['LoadBalancerName', expect.any(String)],
        ['Address', vip],
      ],
    ]);
    expect(await codeOf(ask({ Fields: ['Nonsense'] }))).toBe('InvalidParameterValue');
  });

  it.each(
    'TargetId TargetAddress TargetPort TargetWeight ListenerId Protocol Port LocationId Domain Url'.split(
      ' ',
    ),
  )('the field %s needs a TargetType', async (field) => {
    expect(await codeOf(ask({ Fields: [field] }))).toBe('InvalidParameter');
    expect(await rows({ ...inside(), Fields: [field] })).toHaveLength(5);
  });

  it('of targets of target groups has the listeners and rules, and no target', async () => {
    const shown = await rows({ ...inside(), TargetType: 'GROUP' });
    expect(shown.map(({ Port, Url, TargetAddress }) => [Port, Url, TargetAddress])).toEqual([
      [7_000, null, null],
      [7_001, '/x', null],
      [7_001, '/', null],
      [7_002, null, null],
    ]);
  });

  it.each<[name: string, value: () => string, found: () => string[]]>([
    ['loadbalancer-id', () => other, () => [other]],
    ['project-id', () => '0', () => [id, other]],
    ['project-id', () => '1', () => []],
    ['network', () => 'Public', () => [id, other]],
    ['network', () => 'Private', () => []],
    ['vip', () => vip, () => [id]],
    ['target-ip', () => ips[1] ?? '', () => [id]],
    ['vpcid', () => fixture.simulator.vpcId, () => [id, other]],
    ['zone', () => 'ap-guangzhou-1', () => [id, other]],
    ['tag-key', () => 'owner', () => [id]],
    ['tag:team', () => 'b', () => [other]],
    ['fuzzy-search', () => vip.slice(0, -1), () => [id, other]],
    ['sla-type', () => 'clb.c2.medium', () => []],
    ['exclusive', () => '0', () => [id, other]],
  ])('the filter %s', async (name, value, found) => {
    const ids = (await rows(only(name, value()))).map(({ LoadBalancerId }) => LoadBalancerId);
    expect(ids).toEqual(found());
  });

  it('all filters must be passed, by each row: of a target-ip its own rows', async () => {
    const Filters = [
      { Name: 'loadbalancer-id', Values: [id, other] },
      { Name: 'target-ip', Values: [ips[0] ?? ''] },
    ];
    const found = await rows({ TargetType: 'NODE', Filters });
    expect(found.map(({ Port, TargetAddress }) => [Port, TargetAddress])).toEqual([
      [7_000, ips[0]],
      [7_001, ips[0]],
    ]);
    expect(await codeOf(ask(only('colour', 'red')))).toBe('InvalidParameterValue.InvalidFilter');
    expect(await codeOf(ask({ Filters: [] }))).toBe('InvalidParameterValue');
  });

  it('comes in pages of rows, at most 100 and 20 where it is not said; TotalCount is of all of them', async () => {
    const { client, addresses } = fixture;
    const many = Array.from({ length: 30 }, () => addresses.allocate('pod'));
    const spots = many.map((ip) => ({ listenerId: tcp, ip, port: 90 }));
    await fixture.register(id, spots);
    const first = await ask(inside());
    expect([first.TotalCount, first.LoadBalancerDetailSet?.length]).toEqual([35, 20]);
    const second = await ask({ ...inside(), Offset: 20 });
    expect([second.TotalCount, second.LoadBalancerDetailSet?.length]).toEqual([35, 15]);
    // Probes go on: only their verdicts may differ between two reads.
    const places = (answer: Awaited<ReturnType<typeof ask>>) =>
      (answer.LoadBalancerDetailSet ?? []).map(({ Port, Url, TargetAddress }) => [Port, Url, TargetAddress]);
    const both = [...places(first), ...places(second)];
    expect(places(await ask({ ...inside(), Limit: 100 }))).toEqual(both);
    const bound = new Set(both.map(([, , address]) => address));
    expect(many.every((ip) => bound.has(ip))).toBe(true);
    expect(await codeOf(client.DescribeLoadBalancersDetail({ Limit: 101 }))).toBe(
      'InvalidParameterValue.Range',
    );
    await fixture.deregister(id, spots);
  });

  it('may be as old as is set, and not older', async () => {
    const { simulator } = fixture;
    const ip = fixture.addresses.allocate('pod');
    const found = async () => (await rows({ TargetType: 'NODE', ...only('target-ip', ip) })).length;
    expect(await found()).toBe(0);
    simulator.settings.detailAgeMs = 600_000 * 100;
    await fixture.register(id, [{ listenerId: tcp, ip, port: 80 }]);
    expect(await found()).toBe(0);
    simulator.settings.detailAgeMs = 0;
    expect(await found()).toBe(1);
    await fixture.deregister(id, [{ listenerId: tcp, ip, port: 80 }]);
  });

  it('shows ids of targets and isolation as the other reads do', async () => {
    const { simulator, client } = fixture;
    expect((await rows(inside()))[0]?.TargetId).toBe('');
    simulator.settings.ipTargetId = 'eni';
    const health = await client.DescribeTargetHealth({ LoadBalancerIds: [id] });
    const target = health.LoadBalancers?.[0]?.Listeners?.[0]?.Rules?.[0]?.Targets?.[0];
    expect((await rows(inside()))[0]?.TargetId).toBe(target?.TargetId);
    await simulator.byHand('Isolate', { LoadBalancerId: other });
    expect((await rows(only('loadbalancer-id', other)))[0]?.Isolation).toBe(1);
    await simulator.byHand('Restore', { LoadBalancerId: other });
  });
});

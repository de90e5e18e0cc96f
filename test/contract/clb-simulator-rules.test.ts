import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { codeOf, type Fixture, failureOf, type SdkClient, startFixture } from './clb-simulator-fixture.ts';

let fixture: Fixture;
let id: string;
let nextPort = 10_000;

beforeAll(async () => {
  fixture = await startFixture();
  id = (await fixture.createLoadBalancer()).id;
});
afterAll(() => fixture.close());
afterEach(() => {
  Object.assign(fixture.simulator.settings, {
    ...defaultSettings,
    callsPerSecond: 1_000,
    quotaListeners: 500,
  });
});

type RuleInput = Parameters<SdkClient['CreateRule']>[0]['Rules'][number];
type ModifyRule = Parameters<SdkClient['ModifyRule']>[0];

const httpListener = async (): Promise<string> => {
  fixture.simulator.settings.quotaListeners = 500;
  nextPort += 1;
  const [listenerId = ''] = await fixture.createListeners(id, [nextPort], { Protocol: 'HTTP' });
  return listenerId;
};

const create = async (listenerId: string, ...rules: Partial<RuleInput>[]): Promise<string[]> => {
  const answer = await fixture.client.CreateRule({
    LoadBalancerId: id,
    ListenerId: listenerId,
    Rules: rules.map((rule) => ({ Url: '/', ...rule })),
  });
  await fixture.done(answer);
  return answer.LocationIds ?? [];
};

/** The API's code of rules that must be refused. */
const refusal = (listenerId: string, ...rules: object[]): Promise<string | undefined> =>
  codeOf(
    fixture.client.CreateRule({
      LoadBalancerId: id,
      ListenerId: listenerId,
      Rules: rules.map((rule) => ({ Url: '/', Domain: 'a.example.com', ...rule })),
    }),
  );

const rulesOf = async (listenerId: string) => {
  const { Listeners } = await fixture.client.DescribeListeners({
    LoadBalancerId: id,
    ListenerIds: [listenerId],
  });
  return Listeners?.[0]?.Rules ?? [];
};

const defaultsOf = async (listenerId: string): Promise<(string | undefined)[]> =>
  (await rulesOf(listenerId)).filter(({ DefaultServer }) => DefaultServer).map(({ Domain }) => Domain);

const deleteRule = async (listenerId: string, more: object): Promise<void> =>
  fixture.done(await fixture.client.DeleteRule({ LoadBalancerId: id, ListenerId: listenerId, ...more }));

describe('HTTP listeners', () => {
  it('are shown with their rules and without what layer 4 has', async () => {
    const { client } = fixture;
    const listenerId = await httpListener();
    const { Listeners, TotalCount } = await client.DescribeListeners({
      LoadBalancerId: id,
      ListenerIds: [listenerId],
    });
    expect(TotalCount).toBe(1);
    expect(Listeners?.[0]).toMatchObject({
      ListenerId: listenerId,
      Protocol: 'HTTP',
      HealthCheck: null,
      Scheduler: null,
      SessionExpireTime: 0,
      KeepaliveEnable: 0,
      Rules: [],
    });
    await fixture.done(
      await client.ModifyListener({
        LoadBalancerId: id,
        ListenerId: listenerId,
        ListenerName: 'web',
        KeepaliveEnable: 1,
      }),
    );
    const { Listeners: after } = await client.DescribeListeners({ LoadBalancerId: id, Protocol: 'http' });
    expect(after?.find((one) => one.ListenerId === listenerId)).toMatchObject({
      ListenerName: 'web',
      KeepaliveEnable: 1,
    });
  });

  it('refuse what only layer 4 has, layer 4 what only they have', async () => {
    const { client } = fixture;
    const listenerId = await httpListener();
    const [tcp = ''] = await fixture.createListeners(id, [nextPort + 5_000]);
    for (const more of [
      { HealthCheck: { HealthSwitch: 0 } },
      { Scheduler: 'WRR' },
      { SessionExpireTime: 30 },
      { DeregisterTargetRst: true },
      { IdleConnectTimeout: 100 },
    ]) {
      const asked = { LoadBalancerId: id, ...more };
      const create = client.CreateListener({ ...asked, Ports: [9], Protocol: 'HTTP' });
      expect(await codeOf(create), JSON.stringify(more)).toBe('InvalidParameterValue');
      const modify = client.ModifyListener({ ...asked, ListenerId: listenerId });
      expect(await codeOf(modify), JSON.stringify(more)).toBe('InvalidParameterValue');
    }
    const asked = { LoadBalancerId: id, ListenerId: tcp, KeepaliveEnable: 1 };
    expect(await codeOf(client.ModifyListener(asked))).toBe('InvalidParameterValue');
    const quic = client.CreateListener({ LoadBalancerId: id, Ports: [9], Protocol: 'QUIC' });
    expect(await codeOf(quic)).toBe('UnsupportedOperation');
  });

  it('share their ports with TCP and not with UDP', async () => {
    const { client } = fixture;
    await httpListener();
    const at = (Protocol: string): Promise<{ RequestId?: string }> =>
      client.CreateListener({ LoadBalancerId: id, Ports: [nextPort], Protocol });
    expect(await codeOf(at('TCP'))).toBe('InvalidParameter.PortCheckFailed');
    expect(await codeOf(at('HTTP'))).toBe('InvalidParameter.PortCheckFailed');
    await fixture.done(await at('UDP'));
  });

  it('take their rules and targets with them', async () => {
    const { client, simulator } = fixture;
    const listenerId = await httpListener();
    const [locationId = ''] = await create(listenerId, { Domain: 'gone.example.com' });
    const ip = fixture.addresses.allocate('pod');
    await fixture.register(id, [{ listenerId, locationId, ip, port: 80 }]);
    const changes: string[] = [];
    const off = simulator.on('rule', ({ change }) => void changes.push(change));
    await fixture.done(await client.DeleteListener({ LoadBalancerId: id, ListenerId: listenerId }));
    off();
    expect(changes).toEqual(['deleted']);
    expect(JSON.stringify(simulator.state())).not.toContain(ip);
  });
});

describe('rules', () => {
  it('are made in batches, with ids in the order of the request, and the documented defaults', async () => {
    const listenerId = await httpListener();
    const ids = await create(
      listenerId,
      { Domain: 'b.example.com', Url: '/b' },
      {
        Domains: ['c.example.com', 'd.example.com'],
        SessionExpireTime: 86_400,
        Scheduler: 'ip_hash',
        HealthCheck: {
          HealthSwitch: 1,
          IntervalTime: 10,
          HttpCheckPath: '/healthz',
          HttpCode: 2,
          HttpCheckMethod: 'GET',
        },
      },
    );
    expect(ids).toEqual([expect.stringMatching(/^loc-[0-9a-z]{8}$/), expect.stringMatching(/^loc-/)]);
    const rules = await rulesOf(listenerId);
    expect(rules.map(({ LocationId }) => LocationId)).toEqual(ids);
    expect(rules[0]).toMatchObject({
      ListenerId: listenerId,
      Domain: 'b.example.com',
      Domains: ['b.example.com'],
      Url: '/b',
      Scheduler: 'WRR',
      SessionExpireTime: 0,
      ForwardType: 'HTTP',
      DefaultServer: true,
      TargetType: 'NODE',
      QuicStatus: 'QUIC_INACTIVE',
      HealthCheck: {
        HealthSwitch: 1,
        TimeOut: 2,
        IntervalTime: 5,
        HealthNum: 3,
        UnHealthNum: 3,
        CheckPort: null,
        CheckType: 'HTTP',
        HttpCheckDomain: 'b.example.com',
        HttpCheckPath: '/',
        HttpCheckMethod: 'HEAD',
        HttpVersion: null,
        HttpCode: 31,
        SourceIpType: 0,
      },
    });
    expect(rules[1]).toMatchObject({
      Domain: 'c.example.com',
      Domains: ['c.example.com', 'd.example.com'],
      Scheduler: 'IP_HASH',
      SessionExpireTime: 86_400,
      DefaultServer: false,
      HealthCheck: {
        IntervalTime: 10,
        HttpCheckPath: '/healthz',
        HttpCode: 2,
        HttpCheckDomain: 'c.example.com',
      },
    });
    const call = fixture.simulator.calls.findLast(({ action }) => action === 'CreateRule');
    expect(call?.createdIds).toEqual(ids);
  });

  it('show nothing before their task is done, and keep the load balancer busy until then', async () => {
    const { client, simulator } = fixture;
    const listenerId = await httpListener();
    simulator.settings.createRuleMs = [60_000, 60_000];
    const asked = {
      LoadBalancerId: id,
      ListenerId: listenerId,
      Rules: [{ Url: '/', Domain: 'slow.example.com' }],
    };
    const answer = await client.CreateRule(asked);
    expect(await rulesOf(listenerId)).toEqual([]);
    const again = await failureOf(client.CreateRule(asked));
    expect(again.code).toBe('FailedOperation.ResourceInOperating');
    await fixture.done(answer);
    expect(await rulesOf(listenerId)).toHaveLength(1);
  });

  it('are refused as a whole when one is wrong', async () => {
    const { client } = fixture;
    const listenerId = await httpListener();
    await create(listenerId, { Domain: 'taken.example.com', Url: '/' });
    const table: [object, string][] = [
      [{ Domain: undefined }, 'MissingParameter'],
      [{ Url: undefined }, 'MissingParameter'],
      [{ Domains: ['b.example.com'] }, 'InvalidParameter'],
      [{ Domain: undefined, Domains: ['b.example.com', 'b.example.com'] }, 'InvalidParameterValue'],
      [{ Domain: '' }, 'InvalidParameterValue.Length'],
      [{ Domain: 'a'.repeat(81) }, 'InvalidParameterValue.Length'],
      [{ Domain: '_a.example.com' }, 'InvalidParameterValue'],
      [{ Domain: 'A.example.com' }, 'InvalidParameterValue'],
      [{ Domain: 'a.*.com' }, 'InvalidParameterValue'],
      [{ Domain: '*a.example.com' }, 'InvalidParameterValue'],
      [{ Domain: '*.example.*' }, 'InvalidParameterValue'],
      [{ Domain: '*' }, 'InvalidParameterValue'],
      [{ Domain: '~(' }, 'InvalidParameterValue'],
      [{ Domain: 'a b' }, 'InvalidParameterValue'],
      [{ Url: '' }, 'InvalidParameterValue.Length'],
      [{ Url: `/${'a'.repeat(200)}` }, 'InvalidParameterValue.Length'],
      [{ Url: 'a' }, 'InvalidParameterValue'],
      [{ Url: '/ä' }, 'InvalidParameterValue'],
      [{ Url: '~[' }, 'InvalidParameterValue'],
      [{ Domain: 'taken.example.com' }, 'InvalidParameterValue'],
      [{ Scheduler: 'RANDOM' }, 'InvalidParameterValue'],
      [{ SessionExpireTime: 29 }, 'InvalidParameterValue'],
      [{ SessionExpireTime: 86_401 }, 'InvalidParameterValue'],
      [{ ForwardType: 'GRPC' }, 'InvalidParameterValue'],
      [{ ForwardType: 'TRPC' }, 'UnsupportedOperation'],
      [{ Http2: true }, 'InvalidParameterValue'],
      [{ Quic: true }, 'InvalidParameterValue'],
      [{ Certificate: { CertId: 'x' } }, 'InvalidParameterValue'],
      [{ TargetType: 'TARGETGROUP' }, 'UnsupportedOperation'],
      [{ HealthCheck: { CheckType: 'TCP' } }, 'InvalidParameterValue'],
      [{ HealthCheck: { CheckType: 'GRPC' } }, 'UnsupportedOperation'],
      [{ HealthCheck: { CheckPort: 80 } }, 'InvalidParameterValue'],
      [{ HealthCheck: { HttpVersion: 'HTTP/1.0' } }, 'InvalidParameterValue'],
      [{ HealthCheck: { HttpCheckPath: 'healthz' } }, 'InvalidParameterValue'],
      [{ HealthCheck: { HttpCheckDomain: '*.example.com' } }, 'InvalidParameterValue'],
      [{ HealthCheck: { TimeOut: 5, IntervalTime: 5 } }, 'InvalidParameterValue'],
      [{ Hidden: 1 }, 'UnknownParameter'],
    ];
    for (const [rule, code] of table) {
      expect(await refusal(listenerId, { Domain: 'good.example.com' }, rule), JSON.stringify(rule)).toBe(
        code,
      );
    }
    expect(await refusal(listenerId, { Url: '/x' }, { Url: '/x' })).toBe('InvalidParameterValue');
    expect(await codeOf(client.CreateRule({ LoadBalancerId: id, ListenerId: listenerId, Rules: [] }))).toBe(
      'InvalidParameterValue.Length',
    );
    expect(await rulesOf(listenerId)).toHaveLength(1);
    fixture.simulator.settings.duplicateRuleCode = 'FailedOperation';
    expect(await refusal(listenerId, { Domain: 'taken.example.com' })).toBe('FailedOperation');
  });

  it('of patterns need a domain to probe with, unless they are not probed or that is switched', async () => {
    const listenerId = await httpListener();
    for (const Domain of ['*.example.com', 'www.example.*', '~^www\\d+\\.example\\.com$']) {
      expect(await refusal(listenerId, { Domain }), Domain).toBe('MissingParameter');
    }
    await create(listenerId, { Domain: '*.one.example.com', HealthCheck: { HealthSwitch: 0 } });
    await create(listenerId, {
      Domain: '~^www\\d+\\.example\\.com$',
      HealthCheck: { HttpCheckDomain: 'www1.example.com' },
    });
    fixture.simulator.settings.patternWithoutCheckDomain = 'accept';
    await create(listenerId, { Domain: 'www.two.*' });
    expect((await rulesOf(listenerId)).map(({ HealthCheck }) => HealthCheck?.HttpCheckDomain)).toEqual([
      null,
      'www1.example.com',
      null,
    ]);
  });

  it('keep to their quota', async () => {
    const listenerId = await httpListener();
    const rules = Array.from({ length: 51 }, (_, at) => ({ Url: `/${at}` }));
    expect(await refusal(listenerId, ...rules)).toBe('LimitExceeded');
    await create(listenerId, ...rules.slice(1).map((rule) => ({ Domain: 'a.example.com', ...rule })));
    expect(await refusal(listenerId, { Url: '/one-more' })).toBe('LimitExceeded');
  });

  it('of layer 4 do not exist, of no listener neither', async () => {
    const { client } = fixture;
    nextPort += 1;
    const [tcp = ''] = await fixture.createListeners(id, [nextPort]);
    expect(
      await failureOf(
        client.CreateRule({
          LoadBalancerId: id,
          ListenerId: tcp,
          Rules: [{ Domain: 'a.example.com', Url: '/' }],
        }),
      ),
    ).toMatchObject({
      code: 'InvalidParameterValue',
      message: 'This interface only support HTTP/HTTPS listener.',
    });
    const none = { LoadBalancerId: id, ListenerId: 'lbl-00000000' };
    expect(await codeOf(client.CreateRule({ ...none, Rules: [{ Url: '/' }] }))).toBe('InvalidParameter');
    expect(await codeOf(client.DeleteRule({ ...none, LocationIds: ['loc-00000000'] }))).toBe(
      'InvalidParameter',
    );
    const elsewhere = { LoadBalancerId: 'lb-00000000', ListenerId: tcp, Rules: [{ Url: '/' }] };
    expect(await failureOf(client.CreateRule(elsewhere))).toMatchObject({
      code: 'InvalidParameter',
      message: 'Invalid LoadBalancerId, LoadBalancerId: lb-00000000 not exist.',
    });
  });

  it('are modified member by member, and not into each other', async () => {
    const { client } = fixture;
    const listenerId = await httpListener();
    const [one = ''] = await create(
      listenerId,
      { Domain: 'a.example.com', Url: '/one', HealthCheck: { HttpCheckPath: '/healthz' } },
      { Domain: 'a.example.com', Url: '/two' },
    );
    const modify = (more: Partial<ModifyRule>) =>
      client.ModifyRule({ LoadBalancerId: id, ListenerId: listenerId, LocationId: one, ...more });
    await fixture.done(
      await modify({ SessionExpireTime: 30, Scheduler: 'LEAST_CONN', HealthCheck: { HealthNum: 5 } }),
    );
    await fixture.done(await modify({ Url: '=/three' }));
    expect((await rulesOf(listenerId))[0]).toMatchObject({
      Url: '=/three',
      SessionExpireTime: 30,
      Scheduler: 'LEAST_CONN',
      HealthCheck: { HealthNum: 5, HttpCheckPath: '/healthz', HttpCheckDomain: 'a.example.com' },
    });
    expect(await codeOf(modify({ Url: '/two' }))).toBe('InvalidParameterValue');
    expect(await codeOf(modify({ Url: 'three' }))).toBe('InvalidParameterValue');
    expect(await codeOf(modify({ SessionExpireTime: 10 }))).toBe('InvalidParameterValue');
    expect(await codeOf(modify({ ForwardType: 'HTTPS' }))).toBe('InvalidParameterValue');
    expect(await codeOf(modify({ LocationId: 'loc-00000000' }))).toBe('InvalidParameter');
  });

  it('are deleted by id or by domain and URL, all or none', async () => {
    const { client } = fixture;
    const listenerId = await httpListener();
    const [one = '', two = ''] = await create(
      listenerId,
      { Domain: 'a.example.com', Url: '/1' },
      { Domain: 'a.example.com', Url: '/2' },
      { Domain: 'b.example.com', Url: '/1' },
      { Domain: 'b.example.com', Url: '/2' },
      { Domain: 'c.example.com', Url: '/' },
    );
    const code = (more: object) =>
      codeOf(client.DeleteRule({ LoadBalancerId: id, ListenerId: listenerId, ...more }));
    expect(await code({ LocationIds: [one, 'loc-00000000'] })).toBe('InvalidParameter');
    expect(await code({ LocationIds: [] })).toBe('InvalidParameterValue.Length');
    expect(await code({})).toBe('InvalidParameter');
    expect(await code({ Domain: 'b.example.com', Url: '/3' })).toBe('InvalidParameter');
    expect(await code({ Domain: 'd.example.com' })).toBe('InvalidParameter');
    expect(await rulesOf(listenerId)).toHaveLength(5);
    await deleteRule(listenerId, { LocationIds: [one, two] });
    await deleteRule(listenerId, { Domain: 'b.example.com', Url: '/2' });
    expect((await rulesOf(listenerId)).map(({ Domain, Url }) => `${Domain}${Url}`)).toEqual([
      'b.example.com/1',
      'c.example.com/',
    ]);
    await deleteRule(listenerId, { Domain: 'b.example.com' });
    await deleteRule(listenerId, { Domain: 'c.example.com' });
    expect(await rulesOf(listenerId)).toEqual([]);
  });
});

describe('the default domain', () => {
  it('is the first one, then the one that asks for it, then the oldest that is left', async () => {
    const { simulator } = fixture;
    const listenerId = await httpListener();
    await create(listenerId, { Domain: 'a.example.com', DefaultServer: false });
    expect(await defaultsOf(listenerId)).toEqual(['a.example.com']);
    await create(listenerId, { Domain: 'b.example.com' }, { Domain: 'c.example.com' });
    expect(await defaultsOf(listenerId)).toEqual(['a.example.com']);
    await create(listenerId, { Domain: 'd.example.com', DefaultServer: true });
    expect(await defaultsOf(listenerId)).toEqual(['d.example.com']);
    simulator.settings.secondDefaultServer = 'refuse';
    expect(await refusal(listenerId, { Domain: 'e.example.com', DefaultServer: true })).toBe(
      'InvalidParameterValue',
    );
    await deleteRule(listenerId, { Domain: 'd.example.com' });
    expect(await defaultsOf(listenerId)).toEqual(['a.example.com']);
    await deleteRule(listenerId, { Domain: 'a.example.com', NewDefaultServerDomain: 'c.example.com' });
    expect(await defaultsOf(listenerId)).toEqual(['c.example.com']);
    const wrong = { LoadBalancerId: id, ListenerId: listenerId, NewDefaultServerDomain: 'c.example.com' };
    expect(await codeOf(fixture.client.DeleteRule({ ...wrong, Domain: 'c.example.com' }))).toBe(
      'InvalidParameterValue',
    );
    await deleteRule(listenerId, { Domain: 'b.example.com' });
    await deleteRule(listenerId, { Domain: 'c.example.com' });
    expect(await rulesOf(listenerId)).toEqual([]);
    await create(listenerId, { Domain: 'f.example.com' });
    expect(await defaultsOf(listenerId)).toEqual(['f.example.com']);
  });

  it('cannot be asked for by two domains of one call', async () => {
    const listenerId = await httpListener();
    expect(
      await refusal(
        listenerId,
        { Domain: 'a.example.com', DefaultServer: true },
        { Domain: 'b.example.com', DefaultServer: true },
      ),
    ).toBe('InvalidParameterValue');
  });

  it('is handed over and renamed by ModifyDomainAttributes and ModifyDomain', async () => {
    const { client } = fixture;
    const listenerId = await httpListener();
    const place = { LoadBalancerId: id, ListenerId: listenerId };
    await create(listenerId, { Domain: 'a.example.com', Url: '/1' }, { Domain: 'a.example.com', Url: '/2' });
    const only = client.ModifyDomainAttributes({ ...place, Domain: 'a.example.com', DefaultServer: false });
    expect(await codeOf(only)).toBe('InvalidParameterValue');
    await create(listenerId, { Domain: 'b.example.com' }, { Domain: 'c.example.com' });
    const attributes = async (Domain: string, more: object): Promise<void> =>
      fixture.done(await client.ModifyDomainAttributes({ ...place, Domain, ...more }));
    await attributes('c.example.com', { DefaultServer: true });
    expect(await defaultsOf(listenerId)).toEqual(['c.example.com']);
    await attributes('c.example.com', { DefaultServer: false, NewDefaultServerDomain: 'b.example.com' });
    expect(await defaultsOf(listenerId)).toEqual(['b.example.com']);
    await attributes('b.example.com', { DefaultServer: false });
    expect(await defaultsOf(listenerId)).toEqual(['a.example.com', 'a.example.com']);
    await fixture.done(
      await client.ModifyDomain({ ...place, Domain: 'a.example.com', NewDomain: 'x.example.com' }),
    );
    expect(await defaultsOf(listenerId)).toEqual(['x.example.com', 'x.example.com']);
    await attributes('x.example.com', { NewDomains: ['y.example.com', 'z.example.com'] });
    expect((await rulesOf(listenerId)).map(({ Domains }) => Domains)).toEqual([
      ['y.example.com', 'z.example.com'],
      ['y.example.com', 'z.example.com'],
      ['b.example.com'],
      ['c.example.com'],
    ]);
    const clash = client.ModifyDomain({ ...place, Domain: 'b.example.com', NewDomain: 'c.example.com' });
    expect(await codeOf(clash)).toBe('InvalidParameterValue');
    const unknown = client.ModifyDomain({
      ...place,
      Domain: 'nobody.example.com',
      NewDomain: 'n.example.com',
    });
    expect(await codeOf(unknown)).toBe('InvalidParameter');
    const http2 = client.ModifyDomainAttributes({ ...place, Domain: 'b.example.com', Http2: true });
    expect(await codeOf(http2)).toBe('InvalidParameterValue');
  });
});

describe('the targets of rules', () => {
  const place = async () => {
    const listenerId = await httpListener();
    const [one = '', two = ''] = await create(
      listenerId,
      { Domain: 'a.example.com', HealthCheck: { HealthSwitch: 0 } },
      { Domain: 'b.example.com', HealthCheck: { HealthSwitch: 0 } },
    );
    return { listenerId, one, two, ip: fixture.addresses.allocate('pod') };
  };

  it('are bound by rule, the same address to several', async () => {
    const { client } = fixture;
    const { listenerId, one, two, ip } = await place();
    const bound = { listenerId, ip, port: 80 };
    await fixture.register(id, [
      { ...bound, locationId: one, weight: 7 },
      { ...bound, locationId: two },
    ]);
    const { Listeners } = await client.DescribeTargets({ LoadBalancerId: id, ListenerIds: [listenerId] });
    expect(Listeners?.[0]).toMatchObject({ Targets: null, EndPort: 0, Protocol: 'HTTP' });
    expect(Listeners?.[0]?.Rules).toMatchObject([
      {
        LocationId: one,
        Domain: 'a.example.com',
        Url: '/',
        FunctionTargets: [],
        Targets: [{ Type: 'ENI', PrivateIpAddresses: [ip], Port: 80, Weight: 7 }],
      },
      { LocationId: two, Domain: 'b.example.com', Targets: [{ PrivateIpAddresses: [ip], Weight: 10 }] },
    ]);
    const filtered = await client.DescribeTargets({
      LoadBalancerId: id,
      ListenerIds: [listenerId],
      Filters: [{ Name: 'location-id', Values: [two] }],
    });
    expect(filtered.Listeners?.[0]?.Rules?.map(({ LocationId }) => LocationId)).toEqual([two]);
    await fixture.deregister(id, [{ ...bound, locationId: one }]);
    await fixture.setWeight(id, { ...bound, locationId: two, weight: 3 });
    const after = await client.DescribeTargets({ LoadBalancerId: id, ListenerIds: [listenerId] });
    expect(after.Listeners?.[0]?.Rules?.map(({ Targets }) => Targets?.map(({ Weight }) => Weight))).toEqual([
      [],
      [3],
    ]);
  });

  it('show their health under their rule, which the filter finds', async () => {
    const { client } = fixture;
    const { listenerId, one, two, ip } = await place();
    await fixture.register(id, [{ listenerId, locationId: one, ip, port: 80 }]);
    const health = async (LocationIds?: string[]) => {
      const { LoadBalancers } = await client.DescribeTargetHealth({
        LoadBalancerIds: [id],
        ListenerIds: [listenerId],
        ...(LocationIds === undefined ? {} : { LocationIds }),
      });
      return LoadBalancers?.[0]?.Listeners;
    };
    expect(await health()).toMatchObject([
      {
        ListenerId: listenerId,
        Protocol: 'HTTP',
        Rules: [
          {
            LocationId: one,
            Domain: 'a.example.com',
            Url: '/',
            Targets: [{ IP: ip, HealthStatusDetail: 'Close' }],
          },
          { LocationId: two, Domain: 'b.example.com', Targets: [] },
        ],
      },
    ]);
    expect((await health([two]))?.[0]?.Rules).toHaveLength(1);
    expect(await health(['loc-00000000'])).toEqual([]);
    const empty = await httpListener();
    const { LoadBalancers } = await client.DescribeTargetHealth({
      LoadBalancerIds: [id],
      ListenerIds: [empty],
    });
    expect(LoadBalancers?.[0]?.Listeners).toMatchObject([{ Rules: [] }]);
  });

  it('need a rule that exists in every action', async () => {
    const { client } = fixture;
    const { listenerId, one, ip } = await place();
    const batch = (LocationId?: string) => ({
      LoadBalancerId: id,
      Targets: [
        { ListenerId: listenerId, EniIp: ip, Port: 80, ...(LocationId === undefined ? {} : { LocationId }) },
      ],
    });
    for (const call of [
      client.BatchRegisterTargets.bind(client),
      client.BatchDeregisterTargets.bind(client),
    ]) {
      expect(await codeOf(call(batch()))).toBe('MissingParameter');
      expect(await codeOf(call(batch('loc-00000000')))).toBe('InvalidParameter.LocationNotFound');
    }
    const target = { EniIp: ip, Port: 80 };
    const single = { LoadBalancerId: id, ListenerId: listenerId, Targets: [target] };
    // Which actions have a code of their own for what is missing is documented.
    for (const [call, missing] of [
      [client.RegisterTargets.bind(client), 'MissingParameter'],
      [client.DeregisterTargets.bind(client), 'MissingParameter'],
      [client.ModifyTargetWeight.bind(client), 'InvalidParameter'],
    ] as const) {
      expect(await codeOf(call(single))).toBe(missing);
      expect(await codeOf(call({ ...single, LocationId: 'loc-00000000' }))).toBe('InvalidParameter');
      expect(await codeOf(call({ ...single, Domain: 'a.example.com', Url: '/none' }))).toBe(
        'InvalidParameter',
      );
    }
    const weights = (more: object) => ({
      LoadBalancerId: id,
      ModifyList: [{ ListenerId: listenerId, Targets: [target], ...more }],
    });
    expect(await codeOf(client.BatchModifyTargetWeight(weights({})))).toBe('InvalidParameter');
    expect(await codeOf(client.BatchModifyTargetWeight(weights({ LocationId: 'loc-00000000' })))).toBe(
      'InvalidParameter',
    );
    expect(await codeOf(client.BatchModifyTargetWeight(weights({ LocationId: one })))).toBe(
      'InvalidParameter',
    );
    expect(await codeOf(client.BatchDeregisterTargets(batch(one)))).toBe('InvalidParameter');
  });

  it('are reached by domain and URL as well', async () => {
    const { client } = fixture;
    const { listenerId, ip } = await place();
    const asked = {
      LoadBalancerId: id,
      ListenerId: listenerId,
      Domain: 'b.example.com',
      Url: '/',
      Targets: [{ EniIp: ip, Port: 80 }],
    };
    await fixture.done(await client.RegisterTargets(asked));
    await fixture.done(await client.ModifyTargetWeight({ ...asked, Weight: 0 }));
    expect(fixture.target(ip).weight).toBe(0);
    await fixture.done(await client.DeregisterTargets(asked));
    expect(() => fixture.target(ip)).toThrow('not bound');
  });

  it('may be instances that are known, with their own address', async () => {
    const { client, simulator } = fixture;
    const { listenerId, one } = await place();
    const node = fixture.addresses.allocate('node');
    const target = { ListenerId: listenerId, LocationId: one, InstanceId: 'ins-00000007', Port: 30_080 };
    const asked = { LoadBalancerId: id, Targets: [target] };
    expect(await codeOf(client.BatchRegisterTargets(asked))).toBe('InvalidParameterValue');
    simulator.instances.set('ins-00000007', node);
    await client.BatchRegisterTargets(asked);
    await fixture.unlocked(id);
    const { Listeners } = await client.DescribeTargets({ LoadBalancerId: id, ListenerIds: [listenerId] });
    expect(Listeners?.[0]?.Rules?.[0]?.Targets).toMatchObject([
      { Type: 'CVM', InstanceId: 'ins-00000007', PrivateIpAddresses: [node], Port: 30_080, EniId: '' },
    ]);
    const { LoadBalancers } = await client.DescribeTargetHealth({
      LoadBalancerIds: [id],
      LocationIds: [one],
    });
    expect(LoadBalancers?.[0]?.Listeners?.[0]?.Rules?.[0]?.Targets).toMatchObject([
      { IP: node, Port: 30_080, TargetId: 'ins-00000007' },
    ]);
    await client.BatchDeregisterTargets(asked);
    await fixture.unlocked(id);
    expect(JSON.stringify(simulator.state())).not.toContain(node);
  });

  it('have a quota for each rule', async () => {
    const { client, simulator } = fixture;
    const { listenerId, one, two } = await place();
    simulator.settings.quotaTargets = 3;
    const bind = (locationId: string, count: number) => ({
      LoadBalancerId: id,
      Targets: Array.from({ length: count }, () => ({
        ListenerId: listenerId,
        LocationId: locationId,
        EniIp: fixture.addresses.allocate('pod'),
        Port: 80,
      })),
    });
    expect(await codeOf(client.BatchRegisterTargets(bind(one, 4)))).toBe('LimitExceeded');
    await client.BatchRegisterTargets({
      LoadBalancerId: id,
      Targets: [...bind(one, 3).Targets, ...bind(two, 3).Targets],
    });
    await fixture.unlocked(id);
    expect(await codeOf(client.BatchRegisterTargets(bind(two, 1)))).toBe('LimitExceeded');
  });
});

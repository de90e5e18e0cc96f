import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonicalRequest, dateOf, signature } from '../../infra/sandbox/clb/gateway/signature.ts';
import { type Fixture, startFixture } from './clb-simulator-fixture.ts';

// The exchanges that the documents show, to the byte where they show all of it: no SDK reads the answers here.

let fixture: Fixture;
let id: string;
let tcp: string;
let http: string;
let rule: string;

beforeAll(async () => {
  fixture = await startFixture();
  ({ id } = await fixture.createLoadBalancer());
  const off = { HealthCheck: { HealthSwitch: 0 } };
  [tcp = ''] = await fixture.createListeners(id, [888], { ListenerNames: ['tcp_test'], ...off });
  [http = ''] = await fixture.createListeners(id, [80], { Protocol: 'HTTP' });
  const rules = [{ Domain: 'www.123.com', Url: '/query', ...off }];
  const made = await fixture.client.CreateRule({ LoadBalancerId: id, ListenerId: http, Rules: rules });
  await fixture.done(made);
  [rule = ''] = made.LocationIds ?? [];
});
afterAll(() => fixture.close());

/** The bytes of an answer, but for its RequestId. */
const exchange = async (action: string, parameters: object): Promise<string> => {
  const { url, region, secretId, secretKey } = fixture.simulator;
  const body = JSON.stringify(parameters);
  const timestamp = Math.floor(Date.now() / 1000);
  const scope = { date: dateOf(timestamp), service: 'clb' };
  const names = ['content-type', 'host'];
  const signed = { host: new URL(url).host, 'content-type': 'application/json' };
  const canonical = canonicalRequest(
    { method: 'POST', query: '', headers: signed, body: Buffer.from(body) },
    names,
  );
  const answer = await fetch(url, {
    method: 'POST',
    body,
    headers: {
      'Content-Type': 'application/json',
      'X-TC-Action': action,
      'X-TC-Version': '2018-03-17',
      'X-TC-Region': region,
      'X-TC-Timestamp': `${timestamp}`,
      Authorization: `TC3-HMAC-SHA256 Credential=${secretId}/${scope.date}/clb/tc3_request, SignedHeaders=${names.join(';')}, Signature=${signature(secretKey, `${timestamp}`, scope, canonical).signature}`,
    },
  });
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
  return (await answer.text()).replace(/"RequestId":"[0-9a-f-]{36}"/, '"RequestId":"…"');
};

const targets = (...ports: number[]) => ({
  LoadBalancerId: id,
  Targets: [
    { ListenerId: tcp, Port: ports[0], EniIp: fixture.addresses.allocate('pod'), Weight: 10 },
    {
      ListenerId: http,
      LocationId: rule,
      Port: ports[1],
      EniIp: fixture.addresses.allocate('pod'),
      Weight: 0,
    },
  ],
});

it('a batch: success, failure of a listener, too many calls', async () => {
  expect(await exchange('BatchRegisterTargets', targets(7_777, 8_080))).toBe(
    '{"Response":{"FailListenerIdSet":[],"Message":"","RequestId":"…"}}',
  );
  await fixture.unlocked(id);
  const { faults } = fixture.simulator;
  faults.inject({ effect: { kind: 'fail-listeners', listenerIds: [http], message: 'why' }, times: 1 });
  expect(await exchange('BatchRegisterTargets', targets(7_778, 8_081))).toBe(
    `{"Response":{"FailListenerIdSet":["${http}"],"Message":"why","RequestId":"…"}}`,
  );
  await fixture.unlocked(id);
  faults.inject({ effect: { kind: 'throttle' }, times: 1 });
  expect(await exchange('BatchRegisterTargets', targets(7_779, 8_082))).toMatch(
    /^\{"Response":\{"Error":\{"Code":"RequestLimitExceeded","Message":"Your current request times equals to `\d+` in a second, which exceeds the frequency limit `\d+` for a second\. Please reduce the frequency of calls\."\},"RequestId":"…"\}\}$/,
  );
});

it('a task while it runs, which keeps its load balancer busy; and one that is done', async () => {
  const { client, simulator } = fixture;
  const { id: busy } = await fixture.createLoadBalancer();
  const protect = async (LoadBalancerId: string, DeleteProtect: boolean): Promise<string> =>
    (await client.ModifyLoadBalancerAttributes({ LoadBalancerId, DeleteProtect })).RequestId ?? '';
  const status = (TaskId: string) => exchange('DescribeTaskStatus', { TaskId });
  const RequestId = await protect(id, false);
  await fixture.done({ RequestId });
  expect(await status(RequestId)).toBe(
    `{"Response":{"Status":0,"LoadBalancerIds":["${id}"],"Message":null,"RequestId":"…"}}`,
  );
  // Longer than this test can take.
  simulator.settings.modifyLoadBalancerMs = [100_000_000, 100_000_000];
  expect(await status(await protect(busy, true))).toBe(
    `{"Response":{"Status":2,"LoadBalancerIds":["${busy}"],"Message":null,"RequestId":"…"}}`,
  );
  expect(await exchange('DeleteLoadBalancer', { LoadBalancerIds: [busy] })).toBe(
    `{"Response":{"Error":{"Code":"FailedOperation.ResourceInOperating","Message":"Loadbalancer(${busy}) is not in normal desState, maybe some tasks are being processed, please try later."},"RequestId":"…"}}`,
  );
});

const shown = async (action: string, parameters: object): Promise<unknown> =>
  JSON.parse(await exchange(action, parameters));

it('DescribeTargets and DescribeTargetHealth: layer 4 without rules, layer 7 without targets', async () => {
  const { id: other } = await fixture.createLoadBalancer();
  const [listenerId = ''] = await fixture.createListeners(other, [888], { HealthCheck: { HealthSwitch: 0 } });
  const ip = fixture.addresses.allocate('pod');
  await fixture.register(other, [{ listenerId, ip, port: 7_777 }]);
  const backend = {
    Type: 'ENI',
    InstanceId: '',
    Port: 7_777,
    Weight: 10,
    PublicIpAddresses: null,
    PrivateIpAddresses: [ip],
    InstanceName: null,
    RegisteredTime: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    EniId: expect.stringMatching(/^eni-[0-9a-z]{8}$/),
    Tag: '',
    Zone: `${fixture.simulator.region}-1`,
  };
  const layer4 = { ListenerId: listenerId, Protocol: 'TCP', Port: 888, EndPort: 0, Rules: null };
  expect(await shown('DescribeTargets', { LoadBalancerId: other })).toEqual({
    Response: { Listeners: [{ ...layer4, Targets: [backend] }], RequestId: '…' },
  });
  expect(await shown('DescribeTargets', { LoadBalancerId: id, ListenerIds: [http] })).toMatchObject({
    Response: {
      Listeners: [
        {
          ListenerId: http,
          Protocol: 'HTTP',
          Port: 80,
          EndPort: 0,
          Targets: null,
          Rules: [{ LocationId: rule, Domain: 'www.123.com', Url: '/query', FunctionTargets: [] }],
        },
      ],
    },
  });
  const hidden = { LocationId: expect.stringMatching(/^loc-[0-9a-z]{8}$/), Domain: null, Url: null };
  expect(await shown('DescribeTargetHealth', { LoadBalancerIds: [other] })).toMatchObject({
    Response: {
      LoadBalancers: [
        {
          LoadBalancerId: other,
          Listeners: [
            {
              ListenerId: listenerId,
              Protocol: 'TCP',
              Port: 888,
              Rules: [
                {
                  ...hidden,
                  Targets: [
                    { IP: ip, Port: 7_777, HealthStatus: false, TargetId: '', HealthStatusDetail: 'Close' },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
  });
});

it('DescribeQuota: what a load balancer or listener has of its own has no current number', async () => {
  expect(await shown('DescribeQuota', {})).toMatchObject({
    Response: {
      QuotaSet: expect.arrayContaining([
        { QuotaId: 'TOTAL_OPEN_CLB_QUOTA', QuotaLimit: 100, QuotaCurrent: 3 },
        { QuotaId: 'TOTAL_TARGET_BIND_QUOTA', QuotaLimit: 100, QuotaCurrent: null },
      ]),
      RequestId: '…',
    },
  });
});

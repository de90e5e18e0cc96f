import { describe, expect, it } from 'vitest';
import { ClbError } from './clb-port.ts';
import { observe } from './observe.ts';
import {
  clusterId,
  listener,
  observedWith,
  type ScriptedClb,
  scripted,
  settings,
  uid,
} from './scripted.test-support.ts';

const running = { LoadBalancerId: 'lb-1', Status: 1, LoadBalancerVips: ['1.2.3.4'] };
const loadBalancers = (...LoadBalancerSet: readonly object[]) => ({
  answer: { TotalCount: LoadBalancerSet.length, LoadBalancerSet },
});
const described = (ListenerId: string, Port: number, ListenerName = `clb-direct/${clusterId}/${uid}`) => ({
  ListenerId,
  Port,
  ListenerName,
  Protocol: 'TCP',
});
const listeners = (...Listeners: readonly object[]) => ({
  answer: { Listeners, TotalCount: Listeners.length },
});
const bound = (ListenerId: string, ...ips: readonly string[]) => ({
  ListenerId,
  Targets: ips.map((ip) => ({ PrivateIpAddresses: [ip], Port: 8080, Weight: 10 })),
});
const targets = (...Listeners: readonly object[]) => ({ answer: { Listeners } });

const failing = async (clb: ScriptedClb): Promise<ClbError> => {
  const error: unknown = await observe(clb.options, 'lb-1').catch((thrown: unknown) => thrown);
  if (!(error instanceof ClbError)) throw new Error(String(error));
  return error;
};

describe('observe with nothing known', () => {
  it('reads addresses, targets and listeners, in three calls; whose a listener is stands in its name (L8)', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', loadBalancers(running)],
      ['DescribeTargets', targets(bound('lbl-1', '10.0.0.1'), bound('lbl-2', '10.0.0.2'))],
      [
        'DescribeListeners',
        listeners(
          described('lbl-1', 80),
          described('lbl-2', 81, `clb-direct/c2/${uid}`),
          described('lbl-3', 82, ''),
        ),
      ],
    ]);
    expect(await observe(clb.options, 'lb-1')).toEqual(
      observedWith(
        listener('lbl-1', 80, ['10.0.0.1']),
        {
          listenerId: 'lbl-2',
          name: `clb-direct/c2/${uid}`,
          protocol: 'TCP',
          port: 81,
          ours: false,
          settings,
          targets: [{ ip: '10.0.0.2', port: 8080, weight: 10 }],
        },
        { listenerId: 'lbl-3', name: '', protocol: 'TCP', port: 82, ours: false, settings, targets: [] },
      ),
    );
    expect(clb.calls.map(({ request }) => request)).toEqual([
      { LoadBalancerIds: ['lb-1'] },
      { LoadBalancerId: 'lb-1' },
      { LoadBalancerId: 'lb-1' },
    ]);
  });

  it('a load balancer that does not exist is not found, after one call', async () => {
    const clb = scripted([['DescribeLoadBalancers', loadBalancers()]]);
    expect((await failing(clb)).failure).toMatchObject({ kind: 'not-found', what: 'load-balancer' });
    expect(clb.calls).toHaveLength(1);
  });

  it('one that is still being made is busy', async () => {
    const clb = scripted([['DescribeLoadBalancers', loadBalancers({ ...running, Status: 0 })]]);
    expect((await failing(clb)).failure.kind).toBe('busy');
  });

  it('one that is isolated is told to be, after one call', async () => {
    const clb = scripted([['DescribeLoadBalancers', loadBalancers({ ...running, Isolation: 1 })]]);
    expect((await failing(clb)).failure.kind).toBe('isolated');
  });
});

describe('L10: observe with what the store knows', () => {
  const known = observedWith(listener('lbl-1', 80, ['10.0.0.1']), listener('lbl-2', 81));

  it('is one call while the listeners are the same', async () => {
    const clb = scripted([['DescribeTargets', targets(bound('lbl-2', '10.0.0.9'), bound('lbl-1'))]]);
    const observed = await observe(clb.options, 'lb-1', known);
    expect(observed).toEqual(observedWith(listener('lbl-1', 80), listener('lbl-2', 81, ['10.0.0.9'])));
    expect(clb.calls).toEqual([{ action: 'DescribeTargets', request: { LoadBalancerId: 'lb-1' } }]);
  });

  it.each([
    ['a listener is missing', [bound('lbl-1')], [described('lbl-1', 80)]],
    [
      'there is one more',
      [bound('lbl-1'), bound('lbl-2'), bound('lbl-3')],
      [described('lbl-1', 80), described('lbl-2', 81), described('lbl-3', 82)],
    ],
    ['one was replaced', [bound('lbl-1'), bound('lbl-3')], [described('lbl-1', 80), described('lbl-3', 81)]],
  ])('is two calls when %s', async (_, answer, asked) => {
    const clb = scripted([
      ['DescribeTargets', targets(...answer)],
      ['DescribeListeners', listeners(...asked)],
    ]);
    const observed = await observe(clb.options, 'lb-1', known);
    expect(observed.listeners.map(({ listenerId }) => listenerId)).toEqual(
      asked.map(({ ListenerId }) => ListenerId),
    );
    expect(observed.addresses).toEqual(known.addresses);
    expect(clb.calls).toHaveLength(2);
  });

  it('reads the addresses when they are not known yet', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', loadBalancers(running)],
      ['DescribeTargets', targets(bound('lbl-1'), bound('lbl-2'))],
    ]);
    const observed = await observe(clb.options, 'lb-1', { ...known, addresses: [] });
    expect(observed.addresses).toEqual([{ kind: 'ip', value: '1.2.3.4' }]);
  });

  it('where the answer is too large, 20 listeners a call', async () => {
    const ids = Array.from({ length: 21 }, (_, at) => `lbl-${at}`);
    const clb = scripted([
      ['DescribeTargets', { fails: { kind: 'refused', code: 'ResponseSizeLimitExceeded', message: '' } }],
      ['DescribeListeners', listeners(...ids.map((id, at) => described(id, 80 + at)))],
      ['DescribeTargets', targets(...ids.slice(0, 20).map((id) => bound(id)))],
      ['DescribeTargets', targets(bound('lbl-20', '10.0.0.1'))],
    ]);
    const observed = await observe(
      clb.options,
      'lb-1',
      observedWith(...ids.map((id, at) => listener(id, 80 + at))),
    );
    expect(observed.listeners.at(-1)?.targets).toHaveLength(1);
    expect(clb.calls.at(-1)?.request).toEqual({ LoadBalancerId: 'lb-1', ListenerIds: ['lbl-20'] });
  });

  it('no budget: told, not waited for (L11)', async () => {
    const clb = scripted([], { pace: async () => ({ granted: false, afterMs: 40 }) });
    expect((await failing(clb)).failure).toMatchObject({ kind: 'throttled', afterMs: 40 });
  });
});

describe('observe of layer 7', () => {
  const http = (...Rules: readonly object[]) => ({ ...described('lbl-7', 80), Protocol: 'HTTP', Rules });
  const rule = (LocationId: string, Domain: string, Url: string) => ({ LocationId, Domain, Url });
  const behind = (LocationId: string, ...ips: readonly string[]) => ({
    LocationId,
    Targets: bound('', ...ips).Targets,
  });
  const boundRules = (...Rules: readonly object[]) => ({ ListenerId: 'lbl-7', Targets: null, Rules });

  it('rules stand with their targets; the own address reads as none', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', loadBalancers(running)],
      ['DescribeTargets', targets(boundRules(behind('loc-1', '10.0.0.1'), behind('loc-2')))],
      [
        'DescribeListeners',
        listeners(http(rule('loc-1', '1.2.3.4', '/'), rule('loc-2', 'a.example.com', '/b'))),
      ],
    ]);
    const observed = await observe(clb.options, 'lb-1');
    expect(observed.listeners).toMatchObject([
      {
        listenerId: 'lbl-7',
        targets: [],
        rules: [
          { locationId: 'loc-1', domain: '', url: '/', targets: [{ ip: '10.0.0.1' }] },
          { locationId: 'loc-2', domain: 'a.example.com', url: '/b', targets: [] },
        ],
      },
    ]);
  });

  it('a rule that is not known makes it read the listeners again; known ones do not (L10)', async () => {
    const clb = scripted([
      ['DescribeLoadBalancers', loadBalancers(running)],
      ['DescribeTargets', targets(boundRules(behind('loc-1')))],
      ['DescribeListeners', listeners(http(rule('loc-1', 'a', '/')))],
      ['DescribeTargets', targets(boundRules(behind('loc-1', '10.0.0.1')))],
      ['DescribeTargets', targets(boundRules(behind('loc-1', '10.0.0.1'), behind('loc-9')))],
      ['DescribeListeners', listeners(http(rule('loc-1', 'a', '/'), rule('loc-9', 'b', '/')))],
    ]);
    const first = await observe(clb.options, 'lb-1');
    const second = await observe(clb.options, 'lb-1', first);
    expect(second.listeners[0]?.rules?.[0]?.targets).toHaveLength(1);
    const third = await observe(clb.options, 'lb-1', second);
    expect(third.listeners[0]?.rules?.map(({ locationId }) => locationId)).toEqual(['loc-1', 'loc-9']);
  });
});

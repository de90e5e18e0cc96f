import { describe, expect, it } from 'vitest';
import type { ObservedListener, ObservedLoadBalancer, ObservedTarget } from '../model/observed.ts';
import type { Step, TargetWrite } from '../model/plan-types.ts';
import { apply } from './apply.ts';
import {
  accepted,
  batchDone,
  clusterId,
  holdThat,
  listener,
  observedWith,
  type ScriptedClb,
  scripted,
  settings,
  task,
  toCreate,
  uid,
  whileTimePasses,
  write,
} from './scripted.test-support.ts';

const run = (clb: ScriptedClb, step: Step, observed = observedWith(listener('lbl-1', 80))) =>
  whileTimePasses(clb.clock, apply(clb.options, step, observed, holdThat()));

const targetsOf = (observed: ObservedLoadBalancer): readonly ObservedTarget[] =>
  observed.listeners.flatMap(({ targets }) => targets);

describe('rules', () => {
  const http = (rules: ObservedListener['rules'] = []): ObservedListener => ({
    ...listener('lbl-7', 80),
    protocol: 'HTTP',
    rules,
  });
  const rule = (locationId: string, domain: string, url: string, ips: readonly string[] = []) => ({
    locationId,
    domain,
    url,
    settings,
    targets: ips.map((ip) => ({ ip, port: 8080, weight: 10 })),
  });
  const place = { protocol: 'HTTP', port: 80 };
  const apiSettings = {
    HealthCheck: { HealthSwitch: 1, IntervalTime: 5, TimeOut: 2, HealthNum: 3, UnHealthNum: 3 },
    SessionExpireTime: 0,
    Scheduler: 'WRR',
  };
  const at = (locationId: string, ip: string, weight = 10): TargetWrite => ({
    ...write('lbl-7', ip, weight),
    place: { ...place, rule: { domain: 'a.example.com', url: '/' } },
    locationId,
  });

  it('a listener of layer 7 is made without settings, which are its rules’', async () => {
    const clb = scripted([
      ['CreateListener', { answer: { ListenerIds: ['lbl-7'] } }],
      ['DescribeTaskStatus', task(0)],
    ]);
    const step: Step = {
      do: 'create-listeners',
      lane: 'ready',
      listeners: [toCreate(80, { protocol: 'HTTP' })],
    };
    const applied = await run(clb, step, observedWith());
    expect(clb.calls[0]?.request).toEqual({
      LoadBalancerId: 'lb-1',
      Protocol: 'HTTP',
      Ports: [80],
      ListenerNames: [`clb-direct/${clusterId}/${uid}`],
    });
    expect(applied.observed.listeners).toEqual([http()]);
  });

  it('are made in one call; the own address is spelt out and takes what no other rule takes', async () => {
    const clb = scripted([
      ['CreateRule', { answer: { LocationIds: ['loc-1', 'loc-2'] } }],
      ['DescribeTaskStatus', task(0)],
    ]);
    const step: Step = {
      do: 'create-rules',
      lane: 'ready',
      listenerId: 'lbl-7',
      place,
      rules: [
        { domain: '', url: '/', settings, ownerUid: uid },
        { domain: 'a.example.com', url: '/b', settings, ownerUid: uid },
      ],
    };
    const applied = await run(clb, step, observedWith(http()));
    expect(clb.calls[0]?.request).toEqual({
      LoadBalancerId: 'lb-1',
      ListenerId: 'lbl-7',
      Rules: [
        { Domain: '1.2.3.4', DefaultServer: true, Url: '/', ...apiSettings },
        { Domain: 'a.example.com', Url: '/b', ...apiSettings },
      ],
    });
    expect(applied.observed.listeners).toEqual([
      http([rule('loc-1', '', '/'), rule('loc-2', 'a.example.com', '/b')]),
    ]);
  });

  it('are modified by their own call', async () => {
    const clb = scripted([
      ['ModifyRule', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const changed = { ...settings, sessionExpireSeconds: 60 };
    const step: Step = {
      do: 'modify-rule',
      lane: 'rest',
      listenerId: 'lbl-7',
      locationId: 'loc-1',
      place,
      settings: changed,
      ownerUid: uid,
    };
    const before = observedWith(http([rule('loc-1', '', '/'), rule('loc-2', '', '/b')]));
    const applied = await run(clb, step, before);
    expect(clb.calls[0]?.request).toEqual({
      LoadBalancerId: 'lb-1',
      ListenerId: 'lbl-7',
      LocationId: 'loc-1',
      ...apiSettings,
      SessionExpireTime: 60,
    });
    expect(applied.observed.listeners[0]?.rules?.map((one) => one.settings)).toEqual([changed, settings]);
  });

  it('of a wildcard are probed with a name that it takes', async () => {
    const clb = scripted([
      ['CreateRule', { answer: { LocationIds: ['loc-1'] } }],
      ['DescribeTaskStatus', task(0)],
      ['ModifyRule', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const wildcard = { domain: '*.example.com', url: '/' };
    const { observed } = await run(
      clb,
      {
        do: 'create-rules',
        lane: 'ready',
        listenerId: 'lbl-7',
        place,
        rules: [{ ...wildcard, settings, ownerUid: uid }],
      },
      observedWith(http()),
    );
    await run(
      clb,
      {
        do: 'modify-rule',
        lane: 'rest',
        listenerId: 'lbl-7',
        locationId: 'loc-1',
        place: { ...place, rule: wildcard },
        settings,
        ownerUid: uid,
      },
      observed,
    );
    const HealthCheck = { ...apiSettings.HealthCheck, HttpCheckDomain: 'x.example.com' };
    const [create, , modify] = clb.calls.map(({ request }) => request);
    expect(create).toMatchObject({ Rules: [{ Domain: '*.example.com', HealthCheck }] });
    expect(modify).toMatchObject({ HealthCheck });
  });

  it('are deleted by id; those that are gone already do not keep the others, and none is never sent (L8)', async () => {
    const clb = scripted([
      ['DeleteRule', { fails: { kind: 'not-found', what: 'listener', message: 'LocationNotFound' } }],
      [
        'DescribeListeners',
        {
          answer: {
            Listeners: [
              {
                ListenerId: 'lbl-7',
                Protocol: 'HTTP',
                Port: 80,
                Rules: [{ LocationId: 'loc-2', Domain: 'a', Url: '/' }],
              },
            ],
          },
        },
      ],
      ['DeleteRule', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const step: Step = {
      do: 'delete-rules',
      lane: 'rest',
      listenerId: 'lbl-7',
      locationIds: ['loc-1', 'loc-2'],
    };
    const before = observedWith(
      http([rule('loc-1', '', '/'), rule('loc-2', 'a', '/'), rule('loc-3', 'b', '/')]),
    );
    const applied = await run(clb, step, before);
    expect(clb.calls.at(-2)?.request).toEqual({
      LoadBalancerId: 'lb-1',
      ListenerId: 'lbl-7',
      LocationIds: ['loc-2'],
    });
    expect(applied.observed.listeners[0]?.rules?.map(({ locationId }) => locationId)).toEqual(['loc-3']);
    const allGone = scripted([
      ['DeleteRule', { fails: { kind: 'not-found', what: 'listener', message: 'LocationNotFound' } }],
      ['DescribeListeners', { answer: { Listeners: [] } }],
    ]);
    await run(allGone, step, before);
    expect(allGone.actions()).toEqual(['DescribeListeners']);
  });

  it('targets are named with their rule, and change nothing behind another', async () => {
    const clb = scripted([
      ['BatchRegisterTargets', batchDone],
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', task(0)],
      ['BatchDeregisterTargets', batchDone],
    ]);
    let observed = observedWith(http([rule('loc-1', '', '/'), rule('loc-2', '', '/b', ['10.0.0.1'])]));
    const rules = () =>
      observed.listeners[0]?.rules?.map(({ targets }) => targets.map(({ ip, weight }) => `${ip} ${weight}`));
    const go = async (step: Step) => {
      ({ observed } = await run(clb, step, observed));
    };
    await go({ do: 'register', lane: 'ready', targets: [at('loc-1', '10.0.0.1'), at('loc-1', '10.0.0.2')] });
    expect(rules()).toEqual([['10.0.0.1 10', '10.0.0.2 10'], ['10.0.0.1 10']]);
    await go({
      do: 'set-weights',
      lane: 'drain',
      targets: [at('loc-1', '10.0.0.1', 0), at('loc-2', '10.0.0.1', 5)],
    });
    expect(rules()).toEqual([['10.0.0.1 0', '10.0.0.2 10'], ['10.0.0.1 5']]);
    await go({ do: 'deregister', lane: 'rest', targets: [at('loc-1', '10.0.0.1')] });
    expect(rules()).toEqual([['10.0.0.2 10'], ['10.0.0.1 5']]);
    expect(
      clb.calls.filter(({ action }) => action !== 'DescribeTaskStatus').map(({ request }) => request),
    ).toEqual([
      {
        LoadBalancerId: 'lb-1',
        Targets: [
          { ListenerId: 'lbl-7', LocationId: 'loc-1', EniIp: '10.0.0.1', Port: 8080, Weight: 10 },
          { ListenerId: 'lbl-7', LocationId: 'loc-1', EniIp: '10.0.0.2', Port: 8080, Weight: 10 },
        ],
      },
      {
        LoadBalancerId: 'lb-1',
        ModifyList: [
          {
            ListenerId: 'lbl-7',
            LocationId: 'loc-1',
            Targets: [{ EniIp: '10.0.0.1', Port: 8080, Weight: 0 }],
          },
          {
            ListenerId: 'lbl-7',
            LocationId: 'loc-2',
            Targets: [{ EniIp: '10.0.0.1', Port: 8080, Weight: 5 }],
          },
        ],
      },
      {
        LoadBalancerId: 'lb-1',
        Targets: [{ ListenerId: 'lbl-7', LocationId: 'loc-1', EniIp: '10.0.0.1', Port: 8080 }],
      },
    ]);
  });

  it('a listener of layer 7 is renamed without settings', async () => {
    const clb = scripted([
      ['ModifyListener', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const name = `clb-direct/${clusterId}/other`;
    const step: Step = { do: 'modify-listener', lane: 'rest', listenerId: 'lbl-7', name, settings };
    const applied = await run(clb, step, observedWith(http()));
    expect(clb.calls[0]?.request).toEqual({
      LoadBalancerId: 'lb-1',
      ListenerId: 'lbl-7',
      ListenerName: name,
    });
    expect(applied.observed.listeners[0]).toMatchObject({ name, ownerUid: 'other' });
  });

  it('nodes are named by the id of their CVM, in every call', async () => {
    const clb = scripted([
      ['BatchRegisterTargets', batchDone],
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', task(0)],
      ['BatchDeregisterTargets', batchDone],
    ]);
    const node = { ...write('lbl-1', '10.1.0.1'), instanceId: 'ins-1' };
    const observed = observedWith({
      ...listener('lbl-1', 80),
      targets: [{ ip: '10.1.0.1', port: 8080, weight: 10, instanceId: 'ins-1' }],
    });
    const registered = await run(clb, { do: 'register', lane: 'ready', targets: [node] });
    expect(targetsOf(registered.observed)).toEqual([
      { ip: '10.1.0.1', port: 8080, weight: 10, instanceId: 'ins-1' },
    ]);
    await run(clb, { do: 'set-weights', lane: 'rest', targets: [node] }, observed);
    await run(clb, { do: 'deregister', lane: 'rest', targets: [node] }, observed);
    const asked = JSON.stringify(clb.calls.map(({ request }) => request));
    expect(asked.match(/"InstanceId":"ins-1"/g)).toHaveLength(3);
    expect(asked).not.toContain('EniIp');
  });
});

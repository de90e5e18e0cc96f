import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { codeOf, type Fixture, failureOf, sdkClient, startFixture, until } from './clb-simulator-fixture.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});
afterEach(() => {
  fixture.simulator.faults.clear();
  Object.assign(fixture.simulator.settings, defaultSettings, { callsPerSecond: 1_000 });
});
afterAll(() => fixture.close());

const tenMinutesMs = 600_000 * 100;
const forever = [tenMinutesMs, tenMinutesMs] as const;

const loadBalancer = async (ports: number[] = [9_000]): Promise<{ id: string; listenerIds: string[] }> => {
  const { id } = await fixture.createLoadBalancer();
  const listenerIds = await fixture.createListeners(id, ports, { HealthCheck: { HealthSwitch: 0 } });
  return { id, listenerIds };
};

const registration = (id: string, ...listenerIds: string[]) => ({
  LoadBalancerId: id,
  Targets: listenerIds.map((ListenerId) => ({
    ListenerId,
    EniIp: fixture.addresses.allocate('pod'),
    Port: 80,
  })),
});

const boundCount = async (id: string): Promise<number[]> => {
  const { Listeners = [] } = await fixture.client.DescribeTargets({ LoadBalancerId: id });
  return Listeners.map(({ Targets }) => Targets?.length ?? 0);
};

describe('tasks', () => {
  it('are 2 while nothing is changed yet, then 0', async () => {
    const { client, simulator } = fixture;
    const { id } = await fixture.createLoadBalancer();
    simulator.settings.createListenerMs = forever;
    const answer = await client.CreateListener({ LoadBalancerId: id, Ports: [9_000], Protocol: 'TCP' });
    expect(await client.DescribeTaskStatus({ TaskId: answer.RequestId ?? '' })).toMatchObject({ Status: 2 });
    expect((await client.DescribeListeners({ LoadBalancerId: id })).TotalCount).toBe(0);
  });

  it('of a creation: the load balancer has Status 0, no address, and takes no write', async () => {
    const { client, simulator } = fixture;
    simulator.settings.createLoadBalancerMs = forever;
    const { LoadBalancerIds: [id = ''] = [] } = await client.CreateLoadBalancer({ LoadBalancerType: 'OPEN' });
    const creating = await client.DescribeLoadBalancers({ LoadBalancerIds: [id] });
    expect(creating.LoadBalancerSet).toMatchObject([{ Status: 0, LoadBalancerVips: [] }]);
    expect(await codeOf(client.CreateListener({ LoadBalancerId: id, Ports: [80], Protocol: 'TCP' }))).toBe(
      'FailedOperation',
    );
  });

  it('of a creation name the load balancer', async () => {
    const { client, done } = fixture;
    const answer = await client.CreateLoadBalancer({ LoadBalancerType: 'OPEN' });
    await done(answer);
    const task = await client.DescribeTaskStatus({ TaskId: answer.RequestId ?? '' });
    expect(task).toMatchObject({ Status: 0, LoadBalancerIds: answer.LoadBalancerIds, Message: null });
  });

  it('that nobody knows are InvalidParameter, unless that is switched', async () => {
    const { client, simulator } = fixture;
    expect(await codeOf(client.DescribeTaskStatus({ TaskId: 'unknown' }))).toBe('InvalidParameter');
    expect(await codeOf(client.DescribeTaskStatus({}))).toBe('InvalidParameter');
    simulator.settings.unknownTask = 'success';
    expect(await client.DescribeTaskStatus({ TaskId: 'unknown' })).toMatchObject({ Status: 0 });
  });

  it('that fail say why and change nothing', async () => {
    const { client, simulator, done } = fixture;
    const { id } = await loadBalancer();
    simulator.faults.inject({
      action: 'CreateListener',
      times: 1,
      effect: { kind: 'task-fails', message: 'no room' },
    });
    const request = { LoadBalancerId: id, Ports: [9_001], Protocol: 'TCP' };
    await expect(done(await client.CreateListener(request))).rejects.toThrow('no room');
    expect((await client.DescribeListeners({ LoadBalancerId: id })).TotalCount).toBe(1);
    await done(await client.CreateListener(request));
    expect((await client.DescribeListeners({ LoadBalancerId: id })).TotalCount).toBe(2);
  });
});

describe('the lock of a load balancer', () => {
  it('refuses every write at once while a task runs, in both wordings, and no read', async () => {
    const { client, simulator } = fixture;
    const { id, listenerIds } = await loadBalancer();
    const [listenerId = ''] = listenerIds;
    simulator.settings.modifyListenerMs = forever;
    await client.ModifyListener({ LoadBalancerId: id, ListenerId: listenerId, ListenerName: 'new' });
    const writes = [
      () => client.CreateListener({ LoadBalancerId: id, Ports: [9_001], Protocol: 'TCP' }),
      () => client.ModifyListener({ LoadBalancerId: id, ListenerId: listenerId }),
      () => client.DeleteLoadBalancerListeners({ LoadBalancerId: id, ListenerIds: [listenerId] }),
      () => client.BatchRegisterTargets(registration(id, listenerId)),
      () => client.BatchDeregisterTargets(registration(id, listenerId)),
      () =>
        client.BatchModifyTargetWeight({
          LoadBalancerId: id,
          ModifyList: [{ ListenerId: listenerId, Targets: [{ EniIp: '10.0.0.1', Port: 80 }] }],
        }),
      () => client.ModifyLoadBalancerAttributes({ LoadBalancerId: id, LoadBalancerName: 'x' }),
      () => client.DeleteLoadBalancer({ LoadBalancerIds: [id] }),
    ];
    const messages = new Set<string>();
    for (const write of writes) {
      const failure = await failureOf(write());
      expect(failure.code).toBe('FailedOperation.ResourceInOperating');
      messages.add(failure.message);
    }
    expect(messages).toEqual(
      new Set([
        `Loadbalancer(${id}) is not in normal desState, maybe some tasks are being processed, please try later.`,
        'Your task is working (ModifyListener). Pls wait for the task to complete and try again.',
      ]),
    );
    expect(simulator.state().lockConflicts).toBeGreaterThanOrEqual(writes.length);
    await client.DescribeListeners({ LoadBalancerId: id });
    await client.DescribeTargets({ LoadBalancerId: id });
    await client.DescribeTargetHealth({ LoadBalancerIds: [id] });
    // Another load balancer is not locked.
    const other = await fixture.createLoadBalancer();
    await fixture.createListeners(other.id, [9_000]);
  });

  it('is held by a synchronous batch while it runs and for its tail, then free', async () => {
    const { client, simulator } = fixture;
    const { id, listenerIds } = await loadBalancer([9_000, 9_001]);
    const [a = '', b = ''] = listenerIds;
    simulator.settings.batchBaseMs = 40_000;
    simulator.settings.batchLockTailMs = forever;
    const running = client.BatchRegisterTargets(registration(id, a));
    await until('the batch holds the lock', () =>
      simulator.state().loadBalancers.some((lb) => lb.id === id && lb.locked),
    );
    expect(await codeOf(client.BatchRegisterTargets(registration(id, b)))).toBe(
      'FailedOperation.ResourceInOperating',
    );
    await running;
    expect(await codeOf(client.BatchRegisterTargets(registration(id, b)))).toBe(
      'FailedOperation.ResourceInOperating',
    );
    const second = await loadBalancer();
    simulator.settings.batchLockTailMs = [200, 2_000];
    await fixture.register(second.id, [
      { listenerId: second.listenerIds[0] ?? '', ip: fixture.addresses.allocate('pod'), port: 80 },
    ]);
  });
});

describe('faults', () => {
  it('FailListenerIdSet: those listeners fail with a message, the rest is applied, the task is 0', async () => {
    const { client, simulator } = fixture;
    const { id, listenerIds } = await loadBalancer([9_000, 9_001]);
    const [a = '', b = ''] = listenerIds;
    simulator.faults.inject({
      action: 'BatchRegisterTargets',
      effect: { kind: 'fail-listeners', listenerIds: [b], message: 'back end busy' },
    });
    const answer = await client.BatchRegisterTargets(registration(id, a, b));
    expect(answer).toMatchObject({ FailListenerIdSet: [b], Message: 'back end busy' });
    expect(await boundCount(id)).toEqual([1, 0]);
    expect(await client.DescribeTaskStatus({ TaskId: answer.RequestId ?? '' })).toMatchObject({ Status: 0 });
  });

  it('success without effect, of a batch and of a task', async () => {
    const { client, simulator, done } = fixture;
    const { id, listenerIds } = await loadBalancer();
    simulator.faults.inject({
      effect: { kind: 'no-effect' },
      when: ({ loadBalancerId }) => loadBalancerId === id,
    });
    const answer = await client.BatchRegisterTargets(registration(id, listenerIds[0] ?? ''));
    expect(answer.FailListenerIdSet).toEqual([]);
    expect(await boundCount(id)).toEqual([0]);
    await fixture.unlocked(id);
    await done(await client.DeleteLoadBalancerListeners({ LoadBalancerId: id, ListenerIds: listenerIds }));
    expect((await client.DescribeListeners({ LoadBalancerId: id })).TotalCount).toBe(1);
  });

  it('a connection dropped before the effect, or after it', async () => {
    const { client, simulator } = fixture;
    const { id, listenerIds } = await loadBalancer();
    const request = registration(id, listenerIds[0] ?? '');
    simulator.faults.inject({
      action: 'BatchRegisterTargets',
      times: 1,
      effect: { kind: 'drop-before-effect' },
    });
    expect(await failureOf(client.BatchRegisterTargets(request))).toMatchObject({ code: undefined });
    expect(await boundCount(id)).toEqual([0]);
    simulator.faults.inject({
      action: 'BatchRegisterTargets',
      times: 1,
      effect: { kind: 'drop-after-effect' },
    });
    const failure = await failureOf(client.BatchRegisterTargets(request));
    expect(failure.message).toContain('socket hang up');
    expect(await boundCount(id)).toEqual([1]);
    expect(simulator.calls.filter(({ code }) => code === 'dropped')).toHaveLength(2);
  });

  it('HTTP 502 before or after the effect, truncated JSON after it', async () => {
    const { client, simulator } = fixture;
    const { id, listenerIds } = await loadBalancer();
    const [listenerId = ''] = listenerIds;
    const struck = async (
      effect: Parameters<typeof simulator.faults.inject>[0]['effect'],
    ): Promise<Awaited<ReturnType<typeof failureOf>>> => {
      await fixture.unlocked(id);
      simulator.faults.inject({ action: 'BatchRegisterTargets', times: 1, effect });
      return failureOf(client.BatchRegisterTargets(registration(id, listenerId)));
    };
    expect(await struck({ kind: 'http-status', status: 502 })).toMatchObject({ httpCode: 502 });
    expect(await boundCount(id)).toEqual([0]);
    expect(await struck({ kind: 'http-status', status: 504, afterEffect: true })).toMatchObject({
      httpCode: 504,
    });
    expect(await boundCount(id)).toEqual([1]);
    expect((await struck({ kind: 'truncated-json' })).message).toContain('invalid json');
    expect(await boundCount(id)).toEqual([2]);
  });

  it('error codes, throttling and its sub-codes, for some calls and some times only', async () => {
    const { client, simulator } = fixture;
    const remove = simulator.faults.inject({
      action: ['DescribeQuota', 'DescribeTaskStatus'],
      effect: { kind: 'error', code: 'InternalError' },
    });
    expect(await codeOf(client.DescribeQuota())).toBe('InternalError');
    await client.DescribeLoadBalancers({});
    remove();
    await client.DescribeQuota();
    simulator.faults.inject({ times: 2, effect: { kind: 'throttle' } });
    expect((await failureOf(client.DescribeQuota())).message).toContain('equals to `1001` in a second');
    expect(await codeOf(client.DescribeQuota())).toBe('RequestLimitExceeded');
    await client.DescribeQuota();
    simulator.faults.inject({
      times: 1,
      effect: { kind: 'throttle', code: 'RequestLimitExceeded.UinLimitExceeded' },
    });
    expect(await codeOf(client.DescribeQuota())).toBe('RequestLimitExceeded.UinLimitExceeded');
  });

  it('latency, and a lock that stays longer', async () => {
    const { client, simulator } = fixture;
    const { id, listenerIds } = await loadBalancer();
    simulator.faults.inject({ action: 'DescribeQuota', times: 1, effect: { kind: 'latency', ms: 20_000 } });
    const startedMs = performance.now();
    await client.DescribeQuota();
    expect(performance.now() - startedMs).toBeGreaterThan(199);
    simulator.faults.inject({
      action: 'BatchRegisterTargets',
      times: 1,
      effect: { kind: 'lock-tail', ms: tenMinutesMs },
    });
    await client.BatchRegisterTargets(registration(id, listenerIds[0] ?? ''));
    expect(
      await codeOf(client.ModifyListener({ LoadBalancerId: id, ListenerId: listenerIds[0] ?? '' })),
    ).toBe('FailedOperation.ResourceInOperating');
  });
});

describe('the record of calls', () => {
  it('has every call with parameters, load balancer, answer and time, and is also told live', async () => {
    const { client, simulator } = fixture;
    const { id } = await loadBalancer();
    const seen: string[] = [];
    const off = simulator.on('call', ({ action, code }) => void seen.push(`${action} ${code}`));
    const before = simulator.calls.length;
    await client.DescribeListeners({ LoadBalancerId: id });
    await codeOf(client.DescribeListeners({ LoadBalancerId: 'lb-00000000' }));
    await codeOf(sdkClient(simulator, { secretKey: 'wrong' }).DescribeQuota());
    off();
    expect(simulator.calls.slice(before)).toMatchObject([
      {
        action: 'DescribeListeners',
        region: 'ap-guangzhou',
        loadBalancerId: id,
        parameters: { LoadBalancerId: id },
        code: 'OK',
        secretId: simulator.secretId,
      },
      { action: 'DescribeListeners', loadBalancerId: 'lb-00000000', code: 'InvalidParameter.LBIdNotFound' },
      { action: 'DescribeQuota', code: 'AuthFailure.SignatureFailure' },
    ]);
    expect(seen).toEqual([
      'DescribeListeners OK',
      'DescribeListeners InvalidParameter.LBIdNotFound',
      'DescribeQuota AuthFailure.SignatureFailure',
    ]);
    expect(simulator.callCounts().DescribeListeners).toBeGreaterThanOrEqual(2);
  });
});

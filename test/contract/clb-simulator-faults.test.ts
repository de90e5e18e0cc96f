import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseFault } from '../../infra/sandbox/clb/fault-spec.ts';
import { defaultSettings } from '../../infra/sandbox/clb/settings.ts';
import { codeOf, type Fixture, failureOf, sdkClient, startFixture, until } from './clb-simulator-fixture.ts';

let fixture: Fixture;
let id: string;
let listenerId: string;

beforeAll(async () => {
  fixture = await startFixture();
});
beforeEach(async () => {
  ({ id } = await fixture.createLoadBalancer());
  [listenerId = ''] = await fixture.createListeners(id, [9_000], { HealthCheck: { HealthSwitch: 0 } });
});
afterEach(() => {
  fixture.simulator.faults.clear();
  Object.assign(fixture.simulator.settings, defaultSettings, { callsPerSecond: 1_000 });
});
afterAll(() => fixture.close());

/** Injects a fault as `--fault` takes it. */
const inject = (text: string): void => {
  const parsed = parseFault(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  fixture.simulator.faults.inject(parsed.fault);
};

const register = (ip = fixture.addresses.allocate('pod')) =>
  fixture.client.BatchRegisterTargets({
    LoadBalancerId: id,
    Targets: [{ ListenerId: listenerId, EniIp: ip, Port: 80 }],
  });

const bound = (): number =>
  fixture.simulator
    .state()
    .loadBalancers.filter((lb) => lb.id === id)
    .flatMap(({ listeners }) => listeners.flatMap(({ targets }) => targets)).length;

describe('what --fault takes, as an SDK sees it', () => {
  it.each([
    ['error=InternalError', { code: 'InternalError' }, 0],
    ['error=FailedOperation,message=a, b', { code: 'FailedOperation', message: 'a, b' }, 0],
    ['throttle', { code: 'RequestLimitExceeded' }, 0],
    ['drop-before-effect', { code: undefined, message: expect.stringContaining('socket hang up') }, 0],
    ['drop-after-effect', { code: undefined, message: expect.stringContaining('socket hang up') }, 1],
    ['http-status=500', { code: undefined, httpCode: 500 }, 0],
    ['http-status=504,after-effect', { code: undefined, httpCode: 504 }, 1],
    ['truncated-json', { code: undefined, message: expect.stringContaining('invalid json') }, 1],
  ])('%s', async (text, failure, targets) => {
    inject(`${text.replace(/(,message=|$)/, ',action=BatchRegisterTargets,times=1$1')}`);
    expect(await failureOf(register())).toMatchObject(failure);
    expect(bound()).toBe(targets);
    await fixture.unlocked(id);
    await register();
    expect(bound()).toBe(targets + 1);
  });

  it('fail-listeners, with a message and without', async () => {
    inject('fail-listeners,times=1,message=back end busy');
    expect(await register()).toMatchObject({ FailListenerIdSet: [listenerId], Message: 'back end busy' });
    await fixture.unlocked(id);
    inject('fail-listeners=all,times=1,message=');
    expect(await register()).toMatchObject({ FailListenerIdSet: [listenerId], Message: '' });
    await fixture.unlocked(id);
    expect(bound()).toBe(0);
    expect(await register()).toMatchObject({ FailListenerIdSet: [] });
  });

  it('no-effect and task-fails: success is answered, and only the task or the state tells', async () => {
    inject('no-effect,times=1');
    await register();
    await fixture.unlocked(id);
    inject('task-fails,times=1,message=no room');
    const task = fixture.client.CreateListener({ LoadBalancerId: id, Ports: [9_001], Protocol: 'TCP' });
    await expect(task.then(fixture.done)).rejects.toThrow('no room');
    expect(bound()).toBe(0);
  });

  it('latency and lock-tail take the time that they name', async () => {
    inject('latency=10000,action=DescribeQuota,times=1');
    const startedMs = performance.now();
    await fixture.client.DescribeQuota();
    expect(performance.now() - startedMs).toBeGreaterThan(99);
    // A hundred minutes at this speed: it does not end by itself while somebody looks.
    inject('lock-tail=600000000,times=1');
    await register();
    expect(await codeOf(register())).toBe('FailedOperation.ResourceInOperating');
  });
});

describe('a clock that is wrong', () => {
  it('by ten minutes refuses every call, and shows itself in the Date of the answers', async () => {
    for (const ms of [600_000, -600_000]) {
      inject(`clock-skew=${ms}`);
      expect(await codeOf(fixture.client.DescribeQuota())).toBe('AuthFailure.SignatureExpire');
      const answer = await fetch(fixture.simulator.url, { method: 'POST', body: '{}' });
      const skewMs = Date.parse(answer.headers.get('date') ?? '') - Date.now();
      expect(Math.abs(skewMs - ms)).toBeLessThan(60_000);
      fixture.simulator.faults.clear();
    }
    await fixture.client.DescribeQuota();
  });

  it('by four minutes refuses none', async () => {
    inject('clock-skew=240000');
    await fixture.client.DescribeQuota();
  });
});

describe('a storm of throttling', () => {
  it('strikes its share of the calls', async () => {
    inject('throttle,share=0.5');
    const calls = Array.from({ length: 60 }, () =>
      fixture.client.DescribeQuota().then(
        () => 'OK',
        ({ code }) => code,
      ),
    );
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['OK', 'RequestLimitExceeded']));
  });

  it('is over after its time', async () => {
    inject('throttle,for=2');
    expect(await codeOf(fixture.client.DescribeQuota())).toBe('RequestLimitExceeded');
    await until('a call is spared', () =>
      fixture.client.DescribeQuota().then(
        () => true,
        () => false,
      ),
    );
  });
});

describe('somebody else, by hand', () => {
  it('deletes the load balancer just before a call that needs it', async () => {
    inject('deleted-by-hand,action=BatchRegisterTargets,times=1');
    expect(await codeOf(register())).toBe('InvalidParameter.LBIdNotFound');
    const { LoadBalancerSet } = await fixture.client.DescribeLoadBalancers({});
    expect(LoadBalancerSet?.some(({ LoadBalancerId }) => LoadBalancerId === id)).toBe(false);
  });

  it('changes it just before a call that counts on it', async () => {
    inject(
      `changed-by-hand=DeleteListener,action=BatchRegisterTargets,times=1,with={"ListenerId":"${listenerId}"}`,
    );
    expect(await codeOf(register())).toBe('InvalidParameter.ListenerIdNotFound');
  });

  it('is not what the caller hears of, when they are refused', async () => {
    const warnings: string[] = [];
    const stop = fixture.simulator.on('warning', (warning) => warnings.push(warning));
    inject('changed-by-hand=DeleteListener,action=BatchRegisterTargets,with={"ListenerId":"lbl-00000000"}');
    await register();
    stop();
    expect(bound()).toBe(1);
    expect(warnings).toEqual([expect.stringMatching(/^By hand: .*lbl-00000000 not found/)]);
  });

  it('is in no record, counts to no limit and meets no fault', async () => {
    const { simulator } = fixture;
    const before = simulator.statistics();
    inject('error=InternalError');
    simulator.settings.callsPerSecond = 0;
    const [ip, another] = [fixture.addresses.allocate('pod'), fixture.addresses.allocate('pod')];
    await simulator.byHand('RegisterTargets', {
      LoadBalancerId: id,
      ListenerId: listenerId,
      Targets: [ip, another].map((EniIp) => ({ EniIp, Port: 80 })),
    });
    await simulator.byHand('DeregisterTargets', {
      LoadBalancerId: id,
      ListenerId: listenerId,
      Targets: [{ EniIp: another, Port: 80 }],
    });
    expect(fixture.target(ip).weight).toBe(10);
    expect(bound()).toBe(1);
    expect(simulator.statistics()).toEqual(before);
  });

  it('holds the lock like everybody, and waits for that of others', async () => {
    const { simulator, client } = fixture;
    simulator.settings.modifyListenerMs = [30_000, 30_000];
    const renamed = client.ModifyListener({
      LoadBalancerId: id,
      ListenerId: listenerId,
      ListenerName: 'one',
    });
    await renamed;
    simulator.settings.modifyListenerMs = [200_000, 200_000];
    const byHand = simulator.byHand('ModifyListener', {
      LoadBalancerId: id,
      ListenerId: listenerId,
      ListenerName: 'two',
    });
    const name = (): string | undefined =>
      simulator.state().loadBalancers.find((lb) => lb.id === id)?.listeners[0]?.name;
    await until('the first has its effect, and the hand its lock', async () => {
      const isLocked = simulator.state().loadBalancers.some((lb) => lb.id === id && lb.locked);
      return name() === 'one' && isLocked;
    });
    expect(await codeOf(register())).toBe('FailedOperation.ResourceInOperating');
    await byHand;
    expect(name()).toBe('two');
    await register();
  });

  it('is refused as everybody', async () => {
    const wrong = { LoadBalancerId: 'lb-00000000', ListenerId: listenerId };
    await expect(fixture.simulator.byHand('DeleteListener', wrong)).rejects.toThrow('not exist');
    await expect(fixture.simulator.byHand('DeleteEverything', {})).rejects.toThrow('There is no action');
  });
});

describe('the statistics', () => {
  it('count the calls of each action, load balancer and second, and what the lock and the limit refused', async () => {
    const { simulator, client } = fixture;
    const before = simulator.statistics();
    inject('lock-tail=600000000,times=1');
    await register();
    for (let tries = 0; tries < 3; tries += 1) await codeOf(register());
    inject('throttle,times=2');
    for (let tries = 0; tries < 2; tries += 1) await codeOf(client.DescribeListeners({ LoadBalancerId: id }));
    await codeOf(client.DescribeListeners({ LoadBalancerId: 'lb-00000000' }));

    const after = simulator.statistics();
    expect(after.calls - before.calls).toBe(7);
    expect(after.errors - before.errors).toBe(6);
    expect(after.lockConflicts - before.lockConflicts).toBe(3);
    expect(after.limitHits - before.limitHits).toBe(2);
    expect(after.byAction['BatchRegisterTargets']?.lockConflicts).toBe(
      (before.byAction['BatchRegisterTargets']?.lockConflicts ?? 0) + 3,
    );
    expect(after.byLoadBalancer[id]).toMatchObject({
      lockConflicts: 3,
      limitHits: 2,
      byAction: { BatchRegisterTargets: 4, DescribeListeners: 2, CreateListener: 1 },
    });
    const total = (of: (second: (typeof after.seconds)[number]) => number): number =>
      after.seconds.reduce((sum, second) => sum + of(second), 0);
    expect(total(({ calls }) => calls)).toBe(after.calls);
    expect(total(({ byAction }) => byAction['BatchRegisterTargets'] ?? 0)).toBe(
      after.byAction['BatchRegisterTargets']?.calls,
    );
    const most = Math.max(...after.seconds.map(({ byAction }) => byAction['BatchRegisterTargets'] ?? 0));
    expect(after.byAction['BatchRegisterTargets']?.mostInASecond).toBe(most);
  });

  it('are a page too, beside the calls and the state', async () => {
    const page = await (await fetch(`${fixture.simulator.url}/simulator/statistics`)).json();
    expect(page).toEqual(fixture.simulator.statistics());
  });
});

describe('answers that nobody has verified', () => {
  const target = (ip: string) => ({ EniIp: ip, Port: 80 });
  const set = (settings: Partial<typeof defaultSettings>): void =>
    void Object.assign(fixture.simulator.settings, settings);

  it('the lock under another code keeps its message; a fault that says the code is left alone', async () => {
    set({ lockedCode: 'FailedOperation' });
    inject('lock-tail=600000000,times=1');
    await register();
    const failure = await failureOf(register());
    expect(failure.code).toBe('FailedOperation');
    expect(failure.message).toMatch(/is not in normal desState|Your task is working/);
    inject('error=FailedOperation.ResourceInOperating');
    expect(await codeOf(register())).toBe('FailedOperation.ResourceInOperating');
  });

  it('refusals whose text nobody has seen may have none; those that were seen keep theirs', async () => {
    set({ unseenTexts: 'empty' });
    inject('clock-skew=600000,times=1');
    expect(await failureOf(fixture.client.DescribeQuota())).toMatchObject({
      code: 'AuthFailure.SignatureExpire',
      message: '',
    });
    const wrong = sdkClient(fixture.simulator, { secretKey: 'wrong' });
    expect((await failureOf(wrong.DescribeQuota())).message).toContain('could not be validated');
  });

  it('an empty list, one target twice, and a target of two listeners have the codes that are set', async () => {
    const [second = ''] = await fixture.createListeners(id, [9_001]);
    const ip = fixture.addresses.allocate('pod');
    const batch = (...listenerIds: string[]) =>
      codeOf(
        fixture.client.BatchRegisterTargets({
          LoadBalancerId: id,
          Targets: listenerIds.map((ListenerId) => ({ ListenerId, ...target(ip) })),
        }),
      );
    expect([await batch(), await batch(second, second), await batch(listenerId, second)]).toEqual([
      'InvalidParameterValue.Length',
      'InvalidParameterValue',
      'InvalidParameter.PortCheckFailed',
    ]);
    set({
      emptyListCode: 'MissingParameter',
      duplicateInBatchCode: 'InvalidParameter',
      boundTwiceCode: 'Failed',
    });
    expect([await batch(), await batch(second, second), await batch(listenerId, second)]).toEqual([
      'MissingParameter',
      'InvalidParameter',
      'Failed',
    ]);
  });

  it('RegisterTargets of a bound target is accepted or refused', async () => {
    const ask = () =>
      fixture.client.RegisterTargets({
        LoadBalancerId: id,
        ListenerId: listenerId,
        Targets: [target(ip)],
      });
    const ip = fixture.addresses.allocate('pod');
    await fixture.done(await ask());
    await fixture.done(await ask());
    set({ boundInRegister: 'refuse' });
    expect(await codeOf(ask())).toBe('InvalidParameter');
  });

  it('a task is unknown in another region and after its time', async () => {
    const { client, simulator } = fixture;
    const answer = await client.ModifyListener({
      LoadBalancerId: id,
      ListenerId: listenerId,
      ListenerName: 'x',
    });
    const { RequestId: TaskId = '' } = answer;
    await fixture.done(answer);
    const elsewhere = sdkClient(simulator, { region: 'ap-shanghai' });
    expect(await codeOf(elsewhere.DescribeTaskStatus({ TaskId }))).toBe('InvalidParameter');
    set({ taskOfAnotherRegion: 'known' });
    expect(await elsewhere.DescribeTaskStatus({ TaskId })).toMatchObject({ Status: 0 });
    set({ taskLifeMs: 0 });
    expect(await codeOf(client.DescribeTaskStatus({ TaskId }))).toBe('InvalidParameter');
  });
});

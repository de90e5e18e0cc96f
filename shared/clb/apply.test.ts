import { describe, expect, it } from 'vitest';
import type { Step } from '../model/plan-types.ts';
import { apply } from './apply.ts';
import { ApplyError } from './clb-port.ts';
import {
  accepted,
  batchDone,
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

const register = (...ips: readonly string[]): Step & { readonly do: 'register' } => ({
  do: 'register',
  lane: 'ready',
  targets: ips.map((ip) => write('lbl-1', ip)),
});
const deregister = (...ips: readonly string[]): Step => ({ ...register(...ips), do: 'deregister' });
const weights = (weight: number, ...ips: readonly string[]): Step => ({
  do: 'set-weights',
  lane: 'drain',
  targets: ips.map((ip) => write('lbl-1', ip, weight)),
});

const run = (
  clb: ScriptedClb,
  step: Step,
  observed = observedWith(listener('lbl-1', 80)),
  hold = holdThat(),
) => whileTimePasses(clb.clock, apply(clb.options, step, observed, hold));

const failing = async (applying: Promise<unknown>): Promise<ApplyError> => {
  const error = await applying.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApplyError)) throw new Error(`no ApplyError: ${String(error)}`);
  return error;
};

const targetsOf = (observed: { listeners: readonly { targets: readonly object[] }[] }): readonly object[] =>
  observed.listeners.flatMap(({ targets }) => targets);

describe('register', () => {
  it('is one synchronous call, and the model has the targets', async () => {
    const clb = scripted([['BatchRegisterTargets', batchDone]]);
    const applied = await run(clb, register('10.0.0.1', '10.0.0.2'));
    expect(clb.calls).toEqual([
      {
        action: 'BatchRegisterTargets',
        request: {
          LoadBalancerId: 'lb-1',
          Targets: [
            { ListenerId: 'lbl-1', EniIp: '10.0.0.1', Port: 8080, Weight: 10 },
            { ListenerId: 'lbl-1', EniIp: '10.0.0.2', Port: 8080, Weight: 10 },
          ],
        },
      },
    ]);
    expect(targetsOf(applied.observed)).toEqual([
      { ip: '10.0.0.1', port: 8080, weight: 10 },
      { ip: '10.0.0.2', port: 8080, weight: 10 },
    ]);
    expect(applied.newer).toBeUndefined();
  });

  it('a target that is bound keeps the weight it has until it is read back', async () => {
    const clb = scripted([['BatchRegisterTargets', batchDone]]);
    const bound = { ...listener('lbl-1', 80), targets: [{ ip: '10.0.0.1', port: 8080, weight: 3 }] };
    const applied = await run(clb, register('10.0.0.1'), observedWith(bound));
    expect(targetsOf(applied.observed)).toEqual([{ ip: '10.0.0.1', port: 8080, weight: 3 }]);
  });

  it('is split by the cap, in order; nothing to do is no call', async () => {
    const clb = scripted(
      [
        ['BatchRegisterTargets', batchDone],
        ['BatchRegisterTargets', batchDone],
      ],
      { batchTargets: 2 },
    );
    const applied = await run(clb, register('10.0.0.1', '10.0.0.2', '10.0.0.3'));
    expect(targetsOf(applied.observed)).toHaveLength(3);
    await run(clb, register());
    expect(clb.calls).toHaveLength(2);
  });

  it('a listener that failed does not take the others with it, nor the next calls (L12)', async () => {
    const clb = scripted(
      [
        ['BatchRegisterTargets', { answer: { FailListenerIdSet: ['lbl-2'], Message: 'no luck' } }],
        ['BatchRegisterTargets', batchDone],
      ],
      { batchTargets: 2 },
    );
    const step: Step = {
      do: 'register',
      lane: 'ready',
      targets: [write('lbl-1', '10.0.0.1'), write('lbl-2', '10.0.0.1'), write('lbl-1', '10.0.0.2')],
    };
    const error = await failing(run(clb, step, observedWith(listener('lbl-1', 80), listener('lbl-2', 81))));
    expect(error.failure).toEqual({ kind: 'partial', listenerIds: ['lbl-2'], message: 'no luck' });
    expect(error.observed.listeners.map(({ targets }) => targets.length)).toEqual([2, 0]);
    expect(error.rest).toEqual({ ...step, targets: [write('lbl-2', '10.0.0.1')] });
  });

  it('a call that fails ends the step; what was applied and what is left is told', async () => {
    const clb = scripted(
      [
        ['BatchRegisterTargets', batchDone],
        ['BatchRegisterTargets', { fails: { kind: 'busy', message: 'm' } }],
      ],
      { batchTargets: 1 },
    );
    const error = await failing(run(clb, register('10.0.0.1', '10.0.0.2', '10.0.0.3')));
    expect(error.failure.kind).toBe('busy');
    expect(targetsOf(error.observed)).toHaveLength(1);
    expect(error.rest).toEqual(register('10.0.0.2', '10.0.0.3'));
  });
});

describe('deregister and weights of what is not bound any more', () => {
  const bound = {
    Listeners: [
      { ListenerId: 'lbl-1', Targets: [{ PrivateIpAddresses: ['10.0.0.2'], Port: 8080, Weight: 10 }] },
    ],
  };
  const refused = { fails: { kind: 'refused', code: 'InvalidParameter', message: 'not bound' } } as const;
  const observed = observedWith(listener('lbl-1', 80, ['10.0.0.1', '10.0.0.2']));

  it('deregister reads what is bound and goes on with it', async () => {
    const clb = scripted([
      ['BatchDeregisterTargets', refused],
      ['DescribeTargets', { answer: bound }],
      ['BatchDeregisterTargets', batchDone],
    ]);
    const applied = await run(clb, deregister('10.0.0.1', '10.0.0.2'), observed);
    expect(clb.calls.at(-2)?.request).toEqual({ LoadBalancerId: 'lb-1', ListenerIds: ['lbl-1'] });
    expect(clb.calls.at(-1)?.request).toEqual({
      LoadBalancerId: 'lb-1',
      Targets: [{ ListenerId: 'lbl-1', EniIp: '10.0.0.2', Port: 8080 }],
    });
    expect(targetsOf(applied.observed)).toEqual([]);
  });

  it('none of them bound, or their listener gone, is success', async () => {
    const clb = scripted([
      ['BatchDeregisterTargets', { fails: { kind: 'not-found', what: 'listener', message: 'm' } }],
      ['DescribeTargets', { answer: { Listeners: [] } }],
    ]);
    const applied = await run(clb, deregister('10.0.0.1'), observed);
    expect(targetsOf(applied.observed)).toEqual([{ ip: '10.0.0.2', port: 8080, weight: 10 }]);
  });

  it('a refusal while all are bound is a refusal', async () => {
    const clb = scripted([
      ['BatchDeregisterTargets', refused],
      ['DescribeTargets', { answer: bound }],
    ]);
    const error = await failing(run(clb, deregister('10.0.0.2'), observed));
    expect(error.failure).toMatchObject({ kind: 'refused', code: 'InvalidParameter' });
    expect(targetsOf(error.observed)).toHaveLength(2);
  });

  it('weights skip what is gone, and wait for the task', async () => {
    const clb = scripted([
      ['BatchModifyTargetWeight', refused],
      ['DescribeTargets', { answer: bound }],
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', task(2)],
      ['DescribeTaskStatus', task(0)],
    ]);
    const applied = await run(clb, weights(0, '10.0.0.1', '10.0.0.2'), observed);
    expect(clb.calls[1]?.request).toEqual({
      LoadBalancerId: 'lb-1',
      ModifyList: [{ ListenerId: 'lbl-1', Targets: [{ EniIp: '10.0.0.2', Port: 8080, Weight: 0 }] }],
    });
    expect(clb.calls.at(-1)?.request).toEqual({ TaskId: 'r2' });
    expect(targetsOf(applied.observed)).toEqual([{ ip: '10.0.0.2', port: 8080, weight: 0 }]);
  });

  it('a load balancer that is gone is told', async () => {
    const clb = scripted([
      ['BatchDeregisterTargets', { fails: { kind: 'not-found', what: 'load-balancer', message: 'm' } }],
    ]);
    const error = await failing(run(clb, deregister('10.0.0.1'), observed));
    expect(error.failure).toMatchObject({ kind: 'not-found', what: 'load-balancer' });
  });
});

describe('listeners', () => {
  it('equal settings are made in one call, others in another; the ids come by port', async () => {
    const other = { ...settings, sessionExpireSeconds: 60 };
    const clb = scripted([
      ['CreateListener', { answer: { ListenerIds: ['lbl-a', 'lbl-c'] } }],
      ['DescribeTaskStatus', task(0)],
      ['CreateListener', { answer: { ListenerIds: ['lbl-b'] } }],
      ['DescribeTaskStatus', task(0)],
    ]);
    const step: Step = {
      do: 'create-listeners',
      lane: 'rest',
      listeners: [toCreate(80), toCreate(81, { settings: other }), toCreate(82)],
    };
    const { observed } = await run(clb, step, observedWith());
    expect(clb.calls[0]?.request).toEqual({
      LoadBalancerId: 'lb-1',
      Protocol: 'TCP',
      Ports: [80, 82],
      ListenerNames: [toCreate(80).name, toCreate(82).name],
      HealthCheck: { HealthSwitch: 1, IntervalTime: 5, TimeOut: 2, HealthNum: 3, UnHealthNum: 3 },
      SessionExpireTime: 0,
      Scheduler: 'WRR',
    });
    expect(
      observed.listeners.map(({ listenerId, port, ownerUid, ours }) => [listenerId, port, ownerUid, ours]),
    ).toEqual([
      ['lbl-a', 80, uid, true],
      ['lbl-c', 82, uid, true],
      ['lbl-b', 81, uid, true],
    ]);
    expect(observed.listeners.at(-1)?.settings).toEqual(other);
  });

  it('49 ports a call', async () => {
    const ids = (count: number) => ({
      answer: { ListenerIds: Array.from({ length: count }, (_, at) => `lbl-${at}`) },
    });
    const clb = scripted([
      ['CreateListener', ids(49)],
      ['DescribeTaskStatus', task(0)],
      ['CreateListener', ids(1)],
      ['DescribeTaskStatus', task(0)],
    ]);
    const listeners = Array.from({ length: 50 }, (_, at) => toCreate(80 + at));
    await run(clb, { do: 'create-listeners', lane: 'rest', listeners }, observedWith());
    expect(clb.calls).toHaveLength(4);
  });

  it('an answer with too few ids has an unknown outcome', async () => {
    const clb = scripted([
      ['CreateListener', { answer: { ListenerIds: null } }],
      ['DescribeTaskStatus', task(0)],
    ]);
    const error = await failing(
      run(clb, { do: 'create-listeners', lane: 'rest', listeners: [toCreate(80)] }, observedWith()),
    );
    expect(error.failure.kind).toBe('unknown-outcome');
  });

  it('modify changes name, owner and settings of one', async () => {
    const clb = scripted([
      ['ModifyListener', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const changed = { ...settings, scheduler: 'LEAST_CONN' } as const;
    const step: Step = {
      do: 'modify-listener',
      lane: 'rest',
      listenerId: 'lbl-1',
      name: 'clb-direct/c1/u2',
      settings: changed,
    };
    const { observed } = await run(clb, step);
    expect(observed.listeners[0]).toMatchObject({
      name: 'clb-direct/c1/u2',
      ownerUid: 'u2',
      settings: changed,
    });
  });

  const remove = (...listenerIds: readonly string[]): Step => ({
    do: 'delete-listeners',
    lane: 'rest',
    listenerIds,
  });
  const gone = {
    fails: { kind: 'not-found', what: 'listener', message: 'some ListenerId … not found' },
  } as const;

  it('delete: no ids, no call, for that would delete all (L8)', async () => {
    const clb = scripted([]);
    const { observed } = await run(clb, remove());
    expect(observed.listeners).toHaveLength(1);
    expect(clb.calls).toEqual([]);
  });

  it('delete goes on with those that exist, and never with none', async () => {
    const two = observedWith(listener('lbl-1', 80), listener('lbl-2', 81));
    const left = { answer: { Listeners: [{ ListenerId: 'lbl-2', Protocol: 'TCP', Port: 81 }] } };
    const clb = scripted([
      ['DeleteLoadBalancerListeners', gone],
      ['DescribeListeners', left],
      ['DeleteLoadBalancerListeners', accepted],
      ['DescribeTaskStatus', task(0)],
      ['DeleteLoadBalancerListeners', gone],
      ['DescribeListeners', { answer: { Listeners: [] } }],
    ]);
    const first = await run(clb, remove('lbl-1', 'lbl-2'), two);
    expect(first.observed.listeners).toEqual([]);
    expect(clb.calls[1]?.request).toEqual({ LoadBalancerId: 'lb-1', ListenerIds: ['lbl-2'] });
    expect((await run(clb, remove('lbl-1', 'lbl-2'), two)).observed.listeners).toEqual([]);
  });

  it('delete: 20 ids a call, each once', async () => {
    const clb = scripted([
      ['DeleteLoadBalancerListeners', accepted],
      ['DescribeTaskStatus', task(0)],
      ['DeleteLoadBalancerListeners', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const ids = Array.from({ length: 21 }, (_, at) => `lbl-${at}`);
    await run(clb, remove(...ids, ...ids));
    expect(clb.calls[2]?.request).toEqual({ LoadBalancerId: 'lb-1', ListenerIds: ['lbl-20'] });
  });
});

describe('tasks', () => {
  const step = weights(0, '10.0.0.1');
  const observed = observedWith(listener('lbl-1', 80, ['10.0.0.1']));

  it.each([
    ['Your task is working', 'busy'],
    ['(vip+protocol+rsip+rsport) should be globally unique', 'refused'],
    ['something', 'unknown-outcome'],
  ])('one that failed with "%s" is %s', async (message, kind) => {
    const clb = scripted([
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', task(1, message)],
    ]);
    const error = await failing(run(clb, step, observed));
    expect(error.failure.kind).toBe(kind);
    expect(targetsOf(error.observed)).toEqual([{ ip: '10.0.0.1', port: 8080, weight: 10 }]);
  });

  it('one that never ends is busy at the bound; the hold is renewed every 5 s meanwhile (L4)', async () => {
    const clb = scripted(
      [
        ['BatchModifyTargetWeight', accepted],
        ...Array.from({ length: 60 }, () => ['DescribeTaskStatus', task(2)] as const),
      ],
      { taskTimeoutMs: 16_000 },
    );
    const hold = holdThat();
    const error = await failing(run(clb, step, observed, hold));
    expect(error.failure.kind).toBe('busy');
    // Before, after, and at 5, 10 and 15 s.
    expect(hold.checks()).toBe(5);
    expect(clb.calls.length).toBeLessThan(40);
  });

  it('one that the CLB does not know has an unknown outcome: its write was not refused', async () => {
    const clb = scripted([
      ['BatchModifyTargetWeight', accepted],
      [
        'DescribeTaskStatus',
        { fails: { kind: 'refused', code: 'InvalidParameter', message: 'TaskId t1 not found.' } },
      ],
    ]);
    const error = await failing(run(clb, step, observed));
    expect(error.action).toBe('BatchModifyTargetWeight');
    expect(error.failure.kind).toBe('unknown-outcome');
    expect(error.rest).toEqual(step);
  });

  it('one that must not be read is refused as the right to it is', async () => {
    const failure = { kind: 'refused', code: 'UnauthorizedOperation', message: 'no' } as const;
    const clb = scripted([
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', { fails: failure }],
    ]);
    expect((await failing(run(clb, step, observed))).failure).toEqual(failure);
  });

  it('polls that fail or find no budget are followed by others', async () => {
    let asked = 0;
    const clb = scripted(
      [
        ['BatchModifyTargetWeight', accepted],
        ['DescribeTaskStatus', { fails: { kind: 'unknown-outcome', message: 'reset' } }],
        ['DescribeTaskStatus', { fails: { kind: 'throttled', afterMs: 1000, message: 'm' } }],
        ['DescribeTaskStatus', task(0)],
      ],
      {
        pace: async () => {
          asked += 1;
          return asked === 2 ? { granted: false, afterMs: 50 } : { granted: true };
        },
      },
    );
    const applied = await run(clb, step, observed);
    expect(targetsOf(applied.observed)).toEqual([{ ip: '10.0.0.1', port: 8080, weight: 0 }]);
    expect(asked).toBe(5);
  });
});

describe('L4: the hold', () => {
  it('is checked before each call and after its answer', async () => {
    const clb = scripted(
      [
        ['BatchRegisterTargets', batchDone],
        ['BatchRegisterTargets', batchDone],
      ],
      { batchTargets: 1 },
    );
    const hold = holdThat();
    await run(clb, register('10.0.0.1', '10.0.0.2'), undefined, hold);
    expect(hold.checks()).toBe(4);
  });

  it('lost before the call: nothing is sent', async () => {
    const clb = scripted([]);
    const error = await failing(run(clb, register('10.0.0.1'), undefined, holdThat('lost')));
    expect(error.failure.kind).toBe('lost');
    expect(clb.calls).toEqual([]);
  });

  it('lost after the answer is lost, too', async () => {
    const clb = scripted([['BatchRegisterTargets', batchDone]]);
    const error = await failing(run(clb, register('10.0.0.1'), undefined, holdThat('mine', 'lost')));
    expect(error.failure.kind).toBe('lost');
  });

  it.each([
    [1_999, 0],
    [2_001, 1],
  ])('a check %i ms ago, when the connection stands, is checked again %i times', async (ms, again) => {
    const clb: ScriptedClb = scripted([
      ['BatchRegisterTargets', { gated: batchDone, before: () => clb.clock.advance(ms) }],
    ]);
    const hold = holdThat();
    await apply(clb.options, register('10.0.0.1'), observedWith(), hold);
    expect(hold.checks()).toBe(2 + again);
  });

  it.each([['lost'], ['newer']] as const)('%s while connecting: nothing is written', async (answer) => {
    const clb: ScriptedClb = scripted([
      ['BatchRegisterTargets', { gated: batchDone, before: () => clb.clock.advance(3_000) }],
    ]);
    const applying = apply(clb.options, register('10.0.0.1'), observedWith(), holdThat('mine', answer));
    if (answer === 'lost') expect((await failing(applying)).failure.kind).toBe('lost');
    else expect((await applying).newer).toMatchObject({ answer: 'newer' });
    expect(clb.calls).toEqual([]);
  });

  it('newer states before a call stop the step there', async () => {
    const clb = scripted([['BatchRegisterTargets', batchDone]], { batchTargets: 1 });
    const applied = await run(
      clb,
      register('10.0.0.1', '10.0.0.2'),
      undefined,
      holdThat('mine', 'mine', 'newer'),
    );
    expect(applied.newer).toMatchObject({ answer: 'newer' });
    expect(targetsOf(applied.observed)).toHaveLength(1);
  });

  it('newer states told after an answer or while a task runs are not lost, and the task is waited for', async () => {
    const clb = scripted([
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const observed = observedWith(listener('lbl-1', 80, ['10.0.0.1']));
    const applied = await run(clb, weights(0, '10.0.0.1'), observed, holdThat('mine', 'newer', 'mine'));
    expect(applied.newer).toMatchObject({ answer: 'newer' });
    expect(targetsOf(applied.observed)).toEqual([{ ip: '10.0.0.1', port: 8080, weight: 0 }]);
  });

  it.each([['lost'], ['newer']] as const)('%s once a task has ended is told', async (answer) => {
    const clb = scripted([
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', task(0)],
    ]);
    const applying = run(clb, weights(0, '10.0.0.1'), undefined, holdThat('mine', 'mine', answer));
    if (answer === 'lost') expect((await failing(applying)).failure.kind).toBe('lost');
    else expect((await applying).newer).toMatchObject({ answer: 'newer' });
  });

  it('newer states told before a failure travel with it', async () => {
    const clb = scripted([
      ['BatchModifyTargetWeight', accepted],
      ['DescribeTaskStatus', task(1, 'x')],
    ]);
    const error = await failing(run(clb, weights(0, '10.0.0.1'), undefined, holdThat('mine', 'newer')));
    expect(error.newer).toMatchObject({ answer: 'newer' });
  });

  it('an error of the store itself is not taken for one of the CLB', async () => {
    const hold = { ...holdThat(), check: () => Promise.reject(new Error('store is down')) };
    await expect(run(scripted([]), register('10.0.0.1'), undefined, hold)).rejects.toThrow('store is down');
  });
});

describe('L11: the budget', () => {
  it('without budget nothing is sent and nobody waits', async () => {
    const asked: string[] = [];
    const clb = scripted([], {
      pace: async (action, lane) => {
        asked.push(`${action} ${lane}`);
        return { granted: false, afterMs: 70 };
      },
    });
    const hold = holdThat();
    const error = await failing(
      apply(clb.options, weights(0, '10.0.0.1'), observedWith(listener('lbl-1', 80)), hold),
    );
    expect(error.failure).toMatchObject({ kind: 'throttled', afterMs: 70 });
    expect(asked).toEqual(['BatchModifyTargetWeight drain']);
    expect(hold.checks()).toBe(0);
  });
});

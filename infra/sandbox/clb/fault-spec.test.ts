import { describe, expect, it } from 'vitest';
import { faultForms, parseFault } from './fault-spec.ts';
import type { Fault } from './faults.ts';

describe('a fault as a person writes it', () => {
  it.each<[string, Fault]>([
    ['latency=500', { effect: { kind: 'latency', ms: 500 } }],
    ['drop-before-effect', { effect: { kind: 'drop-before-effect' } }],
    [
      'drop-after-effect,action=BatchRegisterTargets+CreateListener,times=2',
      { action: ['BatchRegisterTargets', 'CreateListener'], times: 2, effect: { kind: 'drop-after-effect' } },
    ],
    ['http-status=502', { effect: { kind: 'http-status', status: 502, afterEffect: false } }],
    [
      'http-status=504,after-effect,times=1',
      { times: 1, effect: { kind: 'http-status', status: 504, afterEffect: true } },
    ],
    ['truncated-json,share=0.5', { share: 0.5, effect: { kind: 'truncated-json' } }],
    ['error=InternalError', { effect: { kind: 'error', code: 'InternalError' } }],
    [
      'error=FailedOperation.ResourceInOperating,times=1,message=one, two=three',
      {
        times: 1,
        effect: { kind: 'error', code: 'FailedOperation.ResourceInOperating', message: 'one, two=three' },
      },
    ],
    ['throttle,share=.3,for=5', { share: 0.3, forMs: 5_000, effect: { kind: 'throttle' } }],
    [
      'throttle=RequestLimitExceeded.IPLimitExceeded',
      { effect: { kind: 'throttle', code: 'RequestLimitExceeded.IPLimitExceeded' } },
    ],
    ['task-fails,message=no room', { effect: { kind: 'task-fails', message: 'no room' } }],
    ['fail-listeners', { effect: { kind: 'fail-listeners', listenerIds: 'first' } }],
    [
      'fail-listeners=lbl-1+lbl-2,message=',
      { effect: { kind: 'fail-listeners', listenerIds: ['lbl-1', 'lbl-2'], message: '' } },
    ],
    ['no-effect', { effect: { kind: 'no-effect' } }],
    ['lock-tail=2000', { effect: { kind: 'lock-tail', ms: 2_000 } }],
    ['clock-skew=-600000', { effect: { kind: 'clock-skew', ms: -600_000 } }],
    ['deleted-by-hand', { effect: { kind: 'deleted-by-hand' } }],
    [
      'changed-by-hand=DeleteListener,times=1,with={"ListenerId":"lbl-1","x":[1,2]}',
      {
        times: 1,
        effect: {
          kind: 'changed-by-hand',
          action: 'DeleteListener',
          parameters: { ListenerId: 'lbl-1', x: [1, 2] },
        },
      },
    ],
  ])('%s', (text, fault) => {
    expect(parseFault(text)).toEqual({ fault });
  });

  it('lb= strikes the calls of one load balancer', () => {
    const parsed = parseFault('no-effect,lb=lb-1');
    const when = 'fault' in parsed ? parsed.fault.when : undefined;
    const call = { action: 'X', region: 'ap-guangzhou', parameters: {} };
    expect(when?.({ ...call, loadBalancerId: 'lb-1' })).toBe(true);
    expect(when?.({ ...call, loadBalancerId: 'lb-2' })).toBe(false);
  });

  it.each([
    ['', /There is no fault ""\. The forms are:\nlatency=MS\n/],
    ['constructor', /There is no fault "constructor"/],
    ['latency', /"latency" does not fit; the form is latency=MS, and each with any of/],
    ['latency=-5', /"latency=-5" does not fit/],
    ['no-effect=1', /"no-effect=1" does not fit/],
    ['http-status=404', /"http-status=404" does not fit/],
    ['error=', /"error=" does not fit/],
    ['no-effect,times=0', /"times=0" does not fit/],
    ['no-effect,share=2', /"share=2" does not fit/],
    ['no-effect,sometimes', /"sometimes" does not fit/],
    ['no-effect,after-effect', /no-effect does not take after-effect/],
    ['no-effect,message=x', /no-effect has no message/],
    ['changed-by-hand=DeleteListener,with={', /`with` takes a JSON object/],
    ['no-effect,with={}', /`with` takes a JSON object, of changed-by-hand/],
  ])('is refused with the forms that there are: %s', (text, problem) => {
    const parsed = parseFault(text);
    expect('problem' in parsed ? parsed.problem : '').toMatch(problem);
  });

  it('every form is told with its meaning', () => {
    expect(faultForms()).toHaveLength(2 * 14 + 1);
  });
});

import { describe, expect, test } from 'vitest';
import { podPatch } from './pod-patch.ts';

const pod = (spec: object) => ({ metadata: { name: 'web' }, spec });
const gate = { gateType: 'example.com/gate' };

describe('gate', () => {
  test('is added where there is none, beside others, and never twice', () => {
    expect(podPatch(pod({ containers: [] }), gate)).toEqual([
      { op: 'add', path: '/spec/readinessGates', value: [{ conditionType: 'example.com/gate' }] },
    ]);
    expect(podPatch(pod({ readinessGates: [{ conditionType: 'other' }] }), gate)).toEqual([
      { op: 'add', path: '/spec/readinessGates/-', value: { conditionType: 'example.com/gate' } },
    ]);
    expect(podPatch(pod({ readinessGates: [{ conditionType: 'example.com/gate' }] }), gate)).toEqual([]);
  });

  test('nothing is added that is not wished for', () => {
    expect(podPatch(pod({ containers: [{ name: 'a' }] }), {})).toEqual([]);
  });
});

describe('preStop', () => {
  const sleep = { preStopSleepSeconds: 15 };
  const preStop = { sleep: { seconds: 15 } };

  test('is added to containers without a handler of their own; the grace period grows by as much', () => {
    const patch = podPatch(
      pod({
        terminationGracePeriodSeconds: 40,
        containers: [
          { name: 'bare' },
          { name: 'handled', lifecycle: { preStop: { exec: { command: ['true'] } } } },
          { name: 'started', lifecycle: { postStart: { exec: { command: ['true'] } } } },
        ],
      }),
      sleep,
    );
    expect(patch).toEqual([
      { op: 'add', path: '/spec/containers/0/lifecycle', value: { preStop } },
      { op: 'add', path: '/spec/containers/2/lifecycle/preStop', value: preStop },
      { op: 'add', path: '/spec/terminationGracePeriodSeconds', value: 55 },
    ]);
  });

  test('a grace period that is not given is the default one', () => {
    expect(podPatch(pod({ containers: [{ name: 'a' }] }), sleep).at(-1)?.value).toBe(45);
  });

  test('where every container has its own handler nothing changes', () => {
    const containers = [{ name: 'a', lifecycle: { preStop: { sleep: { seconds: 3 } } } }];
    expect(podPatch(pod({ terminationGracePeriodSeconds: 5, containers }), sleep)).toEqual([]);
  });

  test('asked again after another webhook added a container, the grace period does not grow again', () => {
    const containers = [{ name: 'a', lifecycle: { preStop } }, { name: 'sidecar' }];
    expect(podPatch(pod({ terminationGracePeriodSeconds: 45, containers }), sleep)).toEqual([
      { op: 'add', path: '/spec/containers/1/lifecycle', value: { preStop } },
    ]);
  });
});

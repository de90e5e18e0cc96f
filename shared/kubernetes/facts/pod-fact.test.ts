import { describe, expect, it } from 'vitest';
import type { PodFact } from '../../model/facts.ts';
import { podFact } from './pod-fact.ts';

type Parts = { metadata?: object; spec?: object; status?: object };

const aPod = ({ metadata = {}, spec = {}, status = {} }: Parts = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'shop', name: 'web-1', uid: 'u1', resourceVersion: '7', ...metadata },
  spec: { containers: [{ name: 'nginx' }], ...spec },
  status: { phase: 'Running', ...status },
});

const factOf = (object: unknown): PodFact => {
  const parsed = podFact(object);
  if (!('fact' in parsed)) throw new Error(parsed.dropped);
  return parsed.fact;
};

const deletionTimestamp = '2026-11-23T06:00:30Z';
const running = { running: { startedAt: '2026-11-23T05:00:00Z' } };
const terminated = { terminated: { exitCode: 0, finishedAt: '2026-11-23T06:00:02Z' } };
const waiting = { waiting: { reason: 'ContainerCreating' } };
const crashed = {
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  lastState: terminated,
  restartCount: 3,
};

describe('podFact', () => {
  it('reads addresses, conditions, gates and the end of the grace period', () => {
    const fact = factOf(
      aPod({
        metadata: { labels: { app: 'nginx' }, deletionTimestamp },
        spec: {
          nodeName: 'n1',
          hostNetwork: true,
          readinessGates: [{ conditionType: 'a/b' }, { conditionType: 'c/d' }, { conditionType: 'a/b' }],
        },
        status: {
          podIP: '10.0.0.1',
          podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
          conditions: [
            { type: 'ContainersReady', status: 'True', lastTransitionTime: '2026-11-23T05:00:00Z' },
            { type: 'Ready', status: 'False', lastTransitionTime: '2026-11-23T04:00:00Z' },
            { type: 'a/b', status: 'False', lastTransitionTime: '2026-11-23T03:00:00Z', message: 'waits' },
          ],
        },
      }),
    );
    expect(fact).toEqual({
      ref: { kind: 'Pod', namespace: 'shop', name: 'web-1', uid: 'u1' },
      resourceVersion: '7',
      labels: { app: 'nginx' },
      ips: ['10.0.0.1', 'fd00::1'],
      nodeName: 'n1',
      hostNetwork: true,
      eni: false,
      containersReady: true,
      containersReadyChangedAt: Date.parse('2026-11-23T05:00:00Z'),
      ready: false,
      readyChangedAt: Date.parse('2026-11-23T04:00:00Z'),
      gates: [
        { type: 'a/b', status: 'False', changedAt: Date.parse('2026-11-23T03:00:00Z'), message: 'waits' },
        { type: 'c/d', status: 'absent' },
      ],
      terminatingAt: Date.parse(deletionTimestamp),
      ended: false,
      problems: [],
    });
  });

  it('takes podIP where podIPs is not written yet', () => {
    expect(factOf(aPod({ status: { podIP: '10.0.0.9' } })).ips).toEqual(['10.0.0.9']);
  });

  it.each([
    ['a request', { resources: { requests: { 'tke.cloud.tencent.com/eni-ip': '1' } } }, true],
    ['a limit', { resources: { limits: { 'tke.cloud.tencent.com/eni-ip': '1' } } }, true],
    ['a request of nothing', { resources: { requests: { 'tke.cloud.tencent.com/eni-ip': '0' } } }, false],
    ['another resource', { resources: { requests: { cpu: '1' } } }, false],
  ])('sees by %s of a container whether it asks for an ENI address', (_, resources, eni) => {
    expect(factOf(aPod({ spec: { containers: [{ name: 'a' }, { name: 'b', ...resources }] } })).eni).toBe(
      eni,
    );
  });

  it('sees the ENI network among several in the annotation', () => {
    const annotations = { 'tke.cloud.tencent.com/networks': 'tke-bridge, tke-route-eni' };
    expect(factOf(aPod({ metadata: { annotations } })).eni).toBe(true);
  });

  describe('ended', () => {
    const containerStatuses = (...states: object[]) => ({
      containerStatuses: states.map((state, i) => ({ name: `c${i}`, restartCount: 0, ...state })),
    });
    const containers = (count: number) => ({
      containers: Array.from({ length: count }, (_, i) => ({ name: `c${i}` })),
    });

    it.each(['Succeeded', 'Failed'])('holds in phase %s, terminating or not', (phase) => {
      expect(factOf(aPod({ status: { phase } })).ended).toBe(true);
    });

    it.each([
      ['all terminated', [{ state: terminated }, { state: terminated }], true],
      ['one still runs', [{ state: terminated }, { state: running }], false],
      ['one never started', [{ state: terminated }, { state: waiting }], true],
      ['none ever started', [{ state: waiting }, { state: waiting }], false],
      ['one waits to be started again', [{ state: terminated }, crashed], false],
      ['one has no status', [{ state: terminated }], false],
      [
        'one runs with nothing said of since when',
        [{ state: terminated }, { state: { running: {} } }],
        false,
      ],
    ])('of a terminating Pod: %s', (_, states, ended) => {
      const pod = {
        metadata: { deletionTimestamp },
        spec: containers(2),
        status: containerStatuses(...states),
      };
      expect(factOf(aPod(pod)).ended).toBe(ended);
    });

    it('does not hold for terminated containers while the Pod is not terminating: they are restarted', () => {
      const status = containerStatuses({ state: terminated });
      expect(factOf(aPod({ spec: containers(1), status })).ended).toBe(false);
    });

    it('waits for sidecars, not for finished init containers', () => {
      const initContainers = [{ name: 'setup' }, { name: 'proxy', restartPolicy: 'Always' }];
      const endedWith = (proxy: object): boolean =>
        factOf(
          aPod({
            metadata: { deletionTimestamp },
            spec: { ...containers(1), initContainers },
            status: {
              ...containerStatuses({ state: terminated }),
              initContainerStatuses: [
                { name: 'setup', restartCount: 0, state: terminated },
                { name: 'proxy', restartCount: 0, state: proxy },
              ],
            },
          }),
        ).ended;
      expect(endedWith(running)).toBe(false);
      expect(endedWith(terminated)).toBe(true);
    });
  });

  it.each(['0', '50', '100'])('reads custom-weight %s', (weight) => {
    const annotations = { 'service.cloud.tencent.com/custom-weight': weight };
    expect(factOf(aPod({ metadata: { annotations } }))).toMatchObject({
      customWeight: Number(weight),
      problems: [],
    });
  });

  it.each(['101', '-1', '1.5', '', 'ten', '010', '1e1', ' 5'])(
    'reports custom-weight %j with key, value and what is allowed, and ignores it',
    (weight) => {
      const annotations = { 'service.cloud.tencent.com/custom-weight': weight };
      const fact = factOf(aPod({ metadata: { annotations } }));
      expect(fact.customWeight).toBeUndefined();
      expect(fact.problems).toEqual([
        {
          code: 'D1001',
          severity: 'warning',
          message: `Annotation service.cloud.tencent.com/custom-weight is ${JSON.stringify(weight)}; allowed: a whole number 0 to 100.`,
          about: { podUid: 'u1' },
        },
      ]);
    },
  );

  it.each([
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { metadata: null },
    { metadata: { namespace: 'a', name: 'b', uid: 'c' } },
  ])('drops what has no identity: %j', (object) => {
    expect(podFact(object)).toHaveProperty('dropped');
  });

  it('gives a fact for an object of which only the identity can be read', () => {
    const metadata = {
      namespace: 'a',
      name: 'b',
      uid: 'c',
      resourceVersion: '1',
      labels: 7,
      annotations: [],
    };
    expect(factOf({ metadata, spec: 'x', status: [1] })).toMatchObject({ ips: [], ended: false, gates: [] });
    expect(
      factOf({ metadata, spec: { containers: [null] }, status: { conditions: 1, podIPs: [null] } }),
    ).toMatchObject({ ips: [], containersReady: false });
  });
});

import { describe, expect, it } from 'vitest';
import {
  conditionOf,
  type Draft,
  type Endpoint,
  type EndpointSlice,
  endpointSlices,
  events,
  type Pod,
  pods,
  type Service,
  services,
} from '../../../infra/sandbox/cluster/objects.ts';
import { gate, until } from '../../integration/sandbox-cluster-fixture.ts';
import { isReady, newIp, runningStatus, useHandPods } from './hand-pods.ts';
import { changesOf, endpointAt, endpointsAt, type History, type Moment } from './history.ts';
import { useHistories, useWorld } from './world.ts';

const fixture = useWorld({ nodes: 1, nodeMonitorGraceMs: 600_000 });
const byHand = 'by-hand';
const hand = useHandPods(fixture, [byHand]);
const newHistory = useHistories(fixture);

const begin = async (name: string, spec: object = {}): Promise<{ namespace: string; history: History }> => {
  const begun = await newHistory(name);
  await fixture.expose(begun.namespace, spec);
  return begun;
};

const conditions = (ready: boolean, serving: boolean, terminating: boolean): Endpoint['conditions'] => ({
  ready,
  serving,
  terminating,
});
const ready = conditions(true, true, false);
const notReady = conditions(false, false, false);

const become = (history: History, pod: string, wanted: Endpoint['conditions'] | 'absent'): Promise<Moment> =>
  history.until(
    (now) => sameText(endpointAt(now, pod)?.conditions ?? 'absent', wanted),
    `the endpoint of ${pod} is ${JSON.stringify(wanted)}`,
  );

const sameText = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The Events of a namespace: what they are about and why. */
const reasons = async (namespace: string): Promise<string[]> => {
  const { items } = await fixture.cluster.client.list(events, { namespace });
  return items.map(({ involvedObject, reason }) => `${involvedObject?.kind} ${reason}`);
};

const remove = (pod: Pod, gracePeriodSeconds?: number): Promise<void> =>
  fixture.remove(pod.metadata.namespace ?? '', pod.metadata.name, gracePeriodSeconds);

describe('an endpoint', () => {
  it('is there when its Pod has an address, whether or not that is ready, and not before', async () => {
    const { namespace, history } = await begin('address');
    const other = await hand.running(namespace, 'other');
    const pod = await hand.create(namespace, 'one');
    await become(history, 'other', ready);
    // What is written later is shown: the Pod without an address was passed over, not missed.
    await hand.setStatus(other, isReady('False'));
    await become(history, 'other', notReady);
    expect(endpointAt(history.now(), 'one')).toBeUndefined();
    await hand.setStatus(pod, runningStatus('False'));
    await become(history, 'one', notReady);
    expect(endpointAt(history.now(), 'one')).toMatchObject({
      addresses: [history.now().pods.get('one')?.status?.podIP],
      nodeName: byHand,
      targetRef: { kind: 'Pod', namespace, name: 'one', uid: pod.metadata.uid },
    });
  });

  it('serves while its ready Pod terminates, and is gone only after it', async () => {
    const { namespace, history } = await begin('terminating');
    const pod = await hand.running(namespace, 'one');
    await become(history, 'one', ready);
    await remove(pod);
    await become(history, 'one', conditions(false, true, true));
    await hand.setStatus(pod, isReady('False'));
    await become(history, 'one', conditions(false, false, true));
    await hand.setStatus(pod, isReady('True'));
    await become(history, 'one', conditions(false, true, true));
    await remove(pod, 0);
    await become(history, 'one', 'absent');
    expect(
      changesOf(history.moments(), (moment) => endpointAt(moment, 'one')?.conditions ?? 'absent'),
    ).toEqual([
      'absent',
      ready,
      conditions(false, true, true),
      conditions(false, false, true),
      conditions(false, true, true),
      'absent',
    ]);
    const goneAt = history
      .moments()
      .findIndex((moment) => endpointAt(moment, 'one')?.conditions.terminating && !moment.pods.has('one'));
    expect(goneAt, 'the Pod went first').toBeGreaterThan(0);
  });

  it('does not serve while a Pod terminates that never was ready', async () => {
    const { namespace, history } = await begin('never-ready');
    const pod = await hand.running(namespace, 'one', 'False');
    await become(history, 'one', notReady);
    await remove(pod);
    await become(history, 'one', conditions(false, false, true));
  });

  it('goes with a terminal phase, deleted or not', async () => {
    const { namespace, history } = await begin('terminal');
    for (const phase of ['Succeeded', 'Failed'] as const) {
      const pod = await hand.running(namespace, phase.toLowerCase());
      await become(history, pod.metadata.name, ready);
      await hand.setStatus(pod, { phase, ...isReady('False') });
      await become(history, pod.metadata.name, 'absent');
      expect(history.now().pods.get(pod.metadata.name)?.metadata.deletionTimestamp).toBeUndefined();
    }
  });

  it('stays with containers that have ended while the phase is Running', async () => {
    const { namespace, history } = await begin('ended-container');
    const { nodes } = fixture.cluster;
    await fixture.pod(namespace, 'one', {
      nodeName: nodes[0]?.name ?? '',
      restartPolicy: 'Never',
      containers: [
        { name: 'ends', image: 'busybox', command: ['true'] },
        { name: 'stays', image: 'busybox', command: ['sleep', '600'] },
      ],
    });
    const now = await history.until(
      ({ pods: all }) => all.get('one')?.status?.containerStatuses?.[0]?.state.terminated !== undefined,
      'a container has ended',
    );
    expect(now.pods.get('one')?.status?.phase).toBe('Running');
    await become(history, 'one', notReady);
    await fixture.remove(namespace, 'one', 0);
  });

  it('is replaced with the address of its Pod, and goes with its labels', async () => {
    const { namespace, history } = await begin('moved');
    const pod = await hand.running(namespace, 'one');
    await become(history, 'one', ready);
    const ip = newIp();
    await hand.setStatus(pod, runningStatus('True', ip));
    await history.until((now) => endpointAt(now, 'one')?.addresses[0] === ip, 'the new address');
    expect(endpointsAt(history.now())).toHaveLength(1);
    await fixture.cluster.client.patch(pods, namespace, 'one', 'merge', {
      metadata: { labels: { app: 'other' } },
    });
    await become(history, 'one', 'absent');
    await fixture.cluster.client.patch(services, namespace, 'web', 'merge', {
      spec: { selector: { app: 'other' } },
    });
    await become(history, 'one', ready);
  });

  it('is ready in every state where not ready addresses are published', async () => {
    const { namespace, history } = await begin('published', { publishNotReadyAddresses: true });
    const pod = await hand.running(namespace, 'one', 'False');
    await become(history, 'one', conditions(true, false, false));
    await remove(pod);
    await become(history, 'one', conditions(true, false, true));
  });

  it('of a gated Pod is ready with the gate, and the gate stays when it closes again', async () => {
    const { namespace, history } = await begin('gated');
    await fixture.pod(namespace, 'one', {
      nodeSelector: { 'kubernetes.io/hostname': fixture.cluster.nodes[0]?.name ?? '' },
      readinessGates: [{ conditionType: gate }],
    });
    const { pods: all } = await history.until(
      (now) => conditionOf(now.pods.get('one')?.status?.conditions, 'ContainersReady')?.status === 'True',
      'its containers are ready',
    );
    const pod = all.get('one') ?? never();
    await become(history, 'one', notReady);
    expect(conditionOf(pod.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: `corresponding condition of pod readiness gate "${gate}" does not exist.`,
    });
    await fixture.setGate(pod, 'True');
    await become(history, 'one', ready);
    await fixture.setGate(pod, 'False');
    await become(history, 'one', notReady);
    await fixture.setGate(pod, 'True');
    await become(history, 'one', ready);
    await fixture.remove(namespace, 'one', 0);
    await become(history, 'one', 'absent');
  });
});

describe('the slices of a Service', () => {
  it('carry its ports as each Pod has them, and none where a name leads nowhere', async () => {
    const { namespace, history } = await begin('ports');
    const container = (containerPort: number) => ({
      containers: [{ name: 'nginx', image: 'nginx', ports: [{ name: 'web', containerPort }] }],
    });
    await hand.running(namespace, 'one', 'True', container(8080));
    await hand.running(namespace, 'two', 'True', container(9090));
    const retarget = (targetPort: string | number) =>
      fixture.cluster.client.patch(services, namespace, 'web', 'merge', {
        spec: { ports: [{ name: 'http', port: 80, targetPort }] },
      });
    const portsOf = (now: Moment) =>
      [...now.slices.values()]
        .filter(({ endpoints }) => (endpoints ?? []).length > 0)
        .map((slice) => [
          (slice.ports ?? []).map(({ port }) => port),
          (slice.endpoints ?? []).map(({ targetRef }) => targetRef?.name).sort(),
        ])
        .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    const show = (wanted: unknown) =>
      history.until((now) => sameText(portsOf(now), wanted), `ports ${JSON.stringify(wanted)}`);
    await show([[[80], ['one', 'two']]]);
    await retarget('web');
    await show([
      [[8080], ['one']],
      [[9090], ['two']],
    ]);
    await retarget('nowhere');
    await show([[[], ['one', 'two']]]);
    await retarget(7070);
    await show([[[7070], ['one', 'two']]]);
  });

  it('are one without endpoints or ports before any Pod is there, and none without a selector', async () => {
    const { namespace, history } = await begin('empty');
    await fixture.cluster.client.create(services, namespace, {
      metadata: { name: 'by-hand', namespace },
      spec: { ports: [{ port: 80 }] },
    });
    const now = await history.until(({ slices }) => slices.size === 1, 'one slice');
    const [slice] = [...now.slices.values()];
    expect(slice?.endpoints ?? []).toEqual([]);
    expect(slice?.ports ?? []).toEqual([]);
    expect(slice?.metadata.labels).toMatchObject({
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
  });

  it('leave those of others alone, also ones that name another namespace', async () => {
    const { namespace, history } = await begin('others');
    const draft = (name: string, managedBy: string): Draft<EndpointSlice> => ({
      metadata: {
        name,
        namespace,
        labels: {
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': managedBy,
        },
      },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.9.9.9'],
          conditions: ready,
          targetRef: { kind: 'Pod', namespace: 'kube-system', name: 'foreign', uid: 'foreign' },
        },
      ],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    });
    await fixture.cluster.client.create(endpointSlices, namespace, draft('foreign', 'somebody-else'));
    await hand.running(namespace, 'one');
    await become(history, 'one', ready);
    expect(endpointAt(history.now(), 'foreign')?.addresses).toEqual(['10.9.9.9']);
  });

  it('are not updated at all while one Pod has an address that none may hold; an Event says so', async () => {
    const { namespace, history } = await begin('loopback');
    const bad = await hand.setStatus(await hand.create(namespace, 'bad'), runningStatus('True', '127.0.0.5'));
    await hand.running(namespace, 'good');
    await until(
      async () => (await reasons(namespace)).includes('Service FailedToUpdateEndpointSlices'),
      'an Event',
    );
    expect(endpointsAt(history.now())).toEqual([]);
    await remove(bad, 0);
    await become(history, 'good', ready);
  });

  it('stay and follow while a finalizer holds their deleted Service', async () => {
    const { namespace, history } = await begin('held');
    const { client } = fixture.cluster;
    const pod = await hand.running(namespace, 'one');
    await become(history, 'one', ready);
    await client.patch(services, namespace, 'web', 'merge', {
      metadata: { finalizers: ['example.com/held'] },
    });
    await client.delete(services, namespace, 'web', { propagationPolicy: 'Background' });
    await hand.setStatus(pod, isReady('False'));
    await become(history, 'one', notReady);
    await client.patch(services, namespace, 'web', 'merge', { metadata: { finalizers: null } });
    await history.until(({ slices }) => slices.size === 0, 'no slice');
  });

  it('go before their Service when that is deleted in the foreground', async () => {
    const { namespace, history } = await begin('foreground');
    const { client } = fixture.cluster;
    await hand.running(namespace, 'one');
    await become(history, 'one', ready);
    await client.patch(services, namespace, 'web', 'merge', {
      metadata: { finalizers: ['example.com/held'] },
    });
    await client.delete(services, namespace, 'web', { propagationPolicy: 'Foreground' });
    await client.waitFor<Service>(
      services,
      namespace,
      'web',
      (service) => service?.metadata.finalizers?.includes('foregroundDeletion') === false,
    );
    await history.until(({ slices }) => slices.size === 0, 'no slice');
    await client.patch(services, namespace, 'web', 'merge', { metadata: { finalizers: null } });
  });
});

const never = (): never => {
  throw new Error('there is none');
};

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  conditionOf,
  deployments,
  isPodActive,
  isPodReady,
  type Pod,
  type PodStatus,
  pods,
  replicaSets,
  type StatefulSet,
  statefulSets,
} from '../../../infra/sandbox/cluster/objects.ts';
import { gate } from '../../integration/sandbox-cluster-fixture.ts';
import { runningStatus, useHandPods } from './hand-pods.ts';
import { changesOf, endpointAt, endpointsAt, type History, type Moment } from './history.ts';
import { useHistories, useWorld } from './world.ts';

const fixture = useWorld({ nodes: 1, nodeMonitorGraceMs: 600_000 });
const hand = useHandPods(fixture, ['crowded', 'lonely']);
const newHistory = useHistories(fixture);
const folder = mkdtempSync(join(tmpdir(), 'workloads-'));
afterAll(() => rmSync(folder, { recursive: true }));

const podsOf = (moment: Moment): Pod[] => [...moment.pods.values()];

describe('a ReplicaSet that shrinks', () => {
  it('deletes first what serves least', async () => {
    const { namespace, history } = await newHistory('ranking');
    const { client } = fixture.cluster;
    await fixture.expose(namespace);
    const anHourAgo = new Date(Date.now() - 3_600_000).toISOString().replace(/\..*/, 'Z');
    const now = new Date().toISOString().replace(/\..*/, 'Z');
    const readySince = async (name: string, nodeName: string, since: string): Promise<Pod> =>
      hand.setStatus(
        await hand.create(namespace, name, { nodeName }),
        runningStatus('True', undefined, since),
      );
    const restarts = (restartCount: number): PodStatus => ({
      containerStatuses: [
        {
          name: 'nginx',
          image: 'nginx',
          imageID: '',
          ready: true,
          started: true,
          restartCount,
          state: { running: { startedAt: anHourAgo } },
          lastState: {},
        },
      ],
    });
    // In the order in which they go; made in another one.
    const ranked: Record<string, () => Promise<Pod>> = {
      unassigned: () => fixture.pod(namespace, 'unassigned', { schedulerName: 'nobody' }),
      pending: () => hand.create(namespace, 'pending'),
      'not-ready': () => hand.running(namespace, 'not-ready', 'False'),
      cheap: async () => {
        const pod = await readySince('cheap', 'lonely', anHourAgo);
        const annotations = { 'controller.kubernetes.io/pod-deletion-cost': '-5' };
        return client.patch(pods, namespace, pod.metadata.name, 'merge', { metadata: { annotations } });
      },
      'crowded-new': () => readySince('crowded-new', 'crowded', now),
      'crowded-old': () => readySince('crowded-old', 'crowded', anHourAgo),
      new: () => readySince('new', 'lonely', now),
      restarted: async () => hand.setStatus(await readySince('restarted', 'lonely', anHourAgo), restarts(7)),
    };
    const order = Object.keys(ranked);
    for (const name of [...order].reverse()) await ranked[name]?.();
    const last = await readySince('stays', 'lonely', anHourAgo);
    // The controllers share one view of the Pods: whoever shows the last one knows all of them.
    await history.until(
      (moment) => endpointAt(moment, last.metadata.name) !== undefined,
      'the last Pod is known',
    );

    // Two ReplicaSets of one owner, as in a rollout: the Pods of both count where a node is crowded.
    const owner = await client.request<{ metadata: { uid: string } }>(
      'POST',
      `/api/v1/namespaces/${namespace}/configmaps`,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owner' } },
    );
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid, controller: true },
    ];
    const createSet = (name: string, app: string, replicas: number) =>
      client.create(replicaSets, namespace, {
        metadata: { name, namespace, ownerReferences },
        spec: {
          replicas,
          selector: { matchLabels: { app } },
          template: { metadata: { labels: { app } }, spec: { ...last.spec, nodeName: 'crowded' } },
        },
      });
    await createSet('sibling', 'sibling', 3);
    await history.until(
      (moment) => moment.replicaSets.get('sibling')?.status?.replicas === 3,
      'the sibling has its Pods',
    );
    const { metadata } = await createSet('web', 'web', order.length + 1);
    const activeOf = (moment: Moment): Pod[] =>
      podsOf(moment).filter(
        (pod) => isPodActive(pod) && pod.metadata.ownerReferences?.[0]?.uid === metadata.uid,
      );
    await history.until((moment) => activeOf(moment).length === order.length + 1, 'it owns all of them');
    for (let size = order.length; size >= 1; size -= 1) {
      await client.patch(replicaSets, namespace, 'web', 'merge', { spec: { replicas: size } });
      await history.until((moment) => activeOf(moment).length === size, `size ${size}`);
    }
    const active = changesOf(history.moments(), (moment) => activeOf(moment).map((pod) => pod.metadata.name));
    const gone = active.flatMap((names, at) =>
      (active[at - 1] ?? []).filter((name) => !names.includes(name)),
    );
    expect(gone).toEqual(order);
  });
});

describe('a Pod that is scheduled', () => {
  it('has the zone and the region of its node among its labels', async () => {
    const { namespace, history } = await newHistory('scheduled');
    await fixture.pod(namespace, 'one');
    await hand.create(namespace, 'two');
    const names = ['one', 'two'];
    const now = await history.until(
      (moment) => names.every((name) => moment.pods.get(name)?.spec.nodeName !== undefined),
      'both are bound',
    );
    for (const name of names)
      expect(now.pods.get(name)?.metadata.labels).toEqual({
        app: 'web',
        'topology.kubernetes.io/region': 'sandbox',
        'topology.kubernetes.io/zone': '800002',
      });
  });
});

describe('a Deployment whose probes fail', () => {
  it('is unavailable and loses its endpoints, and none of its Pods is replaced', async () => {
    const { namespace, history } = await newHistory('probes');
    const file = join(folder, 'healthy');
    writeFileSync(file, '');
    await fixture.expose(namespace);
    await fixture.deploy(namespace, 2, {
      nodeSelector: { 'kubernetes.io/hostname': fixture.cluster.nodes[0]?.name ?? '' },
      containers: [
        {
          name: 'nginx',
          image: 'nginx',
          env: [{ name: 'ACCEPT_SECONDS', value: '0' }],
          readinessProbe: { exec: { command: ['test', '-e', file] }, periodSeconds: 1, failureThreshold: 1 },
        },
      ],
    });
    const shows = (moment: Moment, serving: number): boolean =>
      endpointsAt(moment).filter(({ conditions }) => conditions.ready).length === serving &&
      (moment.deployments.get('web')?.status?.availableReplicas ?? 0) === serving;
    await history.until((moment) => shows(moment, 2), 'both serve');
    const uids = podsOf(history.now()).map(({ metadata }) => metadata.uid);
    rmSync(file);
    await history.until((moment) => shows(moment, 0), 'none serves');
    expect(existsSync(file)).toBe(false);
    expect(endpointsAt(history.now()).map(({ conditions }) => conditions)).toEqual([
      { ready: false, serving: false, terminating: false },
      { ready: false, serving: false, terminating: false },
    ]);
    writeFileSync(file, '');
    await history.until((moment) => shows(moment, 2), 'both serve again');
    const reasonOf = (type: string) => (moment: Moment) =>
      conditionOf(moment.deployments.get('web')?.status?.conditions, type)?.reason ?? 'none';
    expect(changesOf(history.moments(), reasonOf('Available'))).toEqual([
      'none',
      'MinimumReplicasUnavailable',
      'MinimumReplicasAvailable',
      'MinimumReplicasUnavailable',
      'MinimumReplicasAvailable',
    ]);
    // That was a rollout once; what comes and goes later is none.
    expect(changesOf(history.moments(), reasonOf('Progressing')).at(-1)).toBe('NewReplicaSetAvailable');
    expect(podsOf(history.now()).map(({ metadata }) => metadata.uid)).toEqual(uids);
    await fixture.cluster.client.delete(deployments, namespace, 'web', { propagationPolicy: 'Background' });
  });
});

describe('a StatefulSet', () => {
  const create = async (namespace: string, replicas: number, more: Partial<StatefulSet['spec']> = {}) => {
    await fixture.cluster.client.create(statefulSets, namespace, {
      metadata: { name: 'db', namespace },
      spec: {
        replicas,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: {
          metadata: { labels: { app: 'db' } },
          spec: {
            nodeSelector: { 'kubernetes.io/hostname': fixture.cluster.nodes[0]?.name ?? '' },
            readinessGates: [{ conditionType: gate }],
            terminationGracePeriodSeconds: 10,
            containers: [{ name: 'nginx', image: 'nginx:1', env: [{ name: 'ACCEPT_SECONDS', value: '0' }] }],
          },
        },
        ...more,
      },
    });
  };
  const patch = (namespace: string, spec: object) =>
    fixture.cluster.client.patch(statefulSets, namespace, 'db', 'strategic', { spec });
  const tagOf = (pod: Pod): string => pod.spec.containers[0]?.image.replace('nginx:', '') ?? '';
  /** Each Pod as its number and version, `x` while it ends. */
  const shape = (moment: Moment): string =>
    podsOf(moment)
      .map(
        (pod) =>
          `${pod.metadata.name.replace('db-', '')}${tagOf(pod) === '1' ? '' : `v${tagOf(pod)}`}${isPodActive(pod) ? '' : 'x'}`,
      )
      .sort()
      .join(' ');
  const readyPods = (moment: Moment): number => moment.statefulSets.get('db')?.status?.readyReplicas ?? 0;
  const settle = (history: History, wanted: string, ready: number): Promise<Moment> =>
    history.until(
      (moment) =>
        shape(moment) === wanted &&
        readyPods(moment) === ready &&
        podsOf(moment).every(
          (pod) => conditionOf(pod.status?.conditions, 'ContainersReady')?.status === 'True',
        ),
      `Pods ${wanted}, ${ready} ready`,
    );
  const open = async (history: History, name: string): Promise<void> => {
    const pod = history.now().pods.get(name);
    if (pod === undefined) throw new Error(`no ${name}`);
    await fixture.setGate(pod, 'True');
  };

  it('makes, replaces and removes one Pod after the other, each when the one before is ready', async () => {
    const { namespace, history } = await newHistory('ordered');
    await create(namespace, 2);
    await settle(history, '0', 0);
    await open(history, 'db-0');
    await settle(history, '0 1', 1);
    await open(history, 'db-1');
    await settle(history, '0 1', 2);
    await patch(namespace, { template: { spec: { containers: [{ name: 'nginx', image: 'nginx:2' }] } } });
    await settle(history, '0 1v2', 1);
    await open(history, 'db-1');
    await settle(history, '0v2 1v2', 1);
    await open(history, 'db-0');
    await settle(history, '0v2 1v2', 2);
    await patch(namespace, { replicas: 3 });
    await settle(history, '0v2 1v2 2v2', 2);
    await open(history, 'db-2');
    await settle(history, '0v2 1v2 2v2', 3);
    await patch(namespace, { replicas: 1 });
    await settle(history, '0v2', 1);
    await history.until(
      ({ statefulSets: all }) => all.get('db')?.status?.replicas === 1,
      'its status says so',
    );
    const moments = history.moments();
    expect(changesOf(moments, shape)).toEqual([
      '',
      ...['0', '0 1'],
      ...['0 1x', '0', '0 1v2', '0x 1v2', '1v2', '0v2 1v2'],
      '0v2 1v2 2v2',
      ...['0v2 1v2 2v2x', '0v2 1v2', '0v2 1v2x', '0v2'],
    ]);
    // Of the new revision, and of the one before.
    const revisions = changesOf(moments, (moment) => {
      const status = moment.statefulSets.get('db')?.status;
      return `${status?.updatedReplicas ?? 0} ${status?.currentReplicas ?? 0}`;
    });
    expect(revisions).toEqual([
      ...['0 0', '1 1', '2 2'],
      ...['0 1', '1 1', '1 0', '2 0', '2 2'],
      '3 3',
      ...['2 2', '1 1'],
    ]);
    expect(podsOf(history.now())[0]?.metadata).toMatchObject({
      generateName: 'db-',
      labels: { 'statefulset.kubernetes.io/pod-name': 'db-0', 'apps.kubernetes.io/pod-index': '0' },
    });
    await fixture.cluster.client.delete(statefulSets, namespace, 'db', { propagationPolicy: 'Background' });
  });

  it('changes its size at once where order does not matter, and updates one after the other all the same', async () => {
    const { namespace, history } = await newHistory('parallel');
    await create(namespace, 3, { podManagementPolicy: 'Parallel' });
    await settle(history, '0 1 2', 0);
    for (const name of ['db-0', 'db-1', 'db-2']) await open(history, name);
    await settle(history, '0 1 2', 3);
    await patch(namespace, {
      updateStrategy: { rollingUpdate: { partition: 1 } },
      template: { spec: { containers: [{ name: 'nginx', image: 'nginx:2' }] } },
    });
    await settle(history, '0 1 2v2', 2);
    await open(history, 'db-2');
    await settle(history, '0 1v2 2v2', 2);
    await open(history, 'db-1');
    await settle(history, '0 1v2 2v2', 3);
    await patch(namespace, { replicas: 0 });
    await history.until(({ pods: all }) => all.size === 0, 'no Pod');
    const shrinking = history.moments().filter((moment) => podsOf(moment).every((pod) => !isPodActive(pod)));
    expect(
      podsOf(shrinking.find((moment) => moment.pods.size > 0) ?? never()).length,
      'they end side by side',
    ).toBe(3);
    expect(podsOf(history.now()).filter(isPodReady)).toEqual([]);
  });
});

const never = (): never => {
  throw new Error('there is none');
};

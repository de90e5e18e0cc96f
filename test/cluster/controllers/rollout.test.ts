import { describe, expect, it } from 'vitest';
import {
  conditionOf,
  type Deployment,
  deployments,
  isPodReady,
  isPodTerminal,
  type Pod,
  type PodSpec,
  replicaSets,
} from '../../../infra/sandbox/cluster/objects.ts';
import { gate } from '../../integration/sandbox-cluster-fixture.ts';
import { activePods, deploymentAt, isSettled, reasonOf, sizesOf } from './deployment-seen.ts';
import { changesOf, endpointsAt, type History, type Moment } from './history.ts';
import { useHistories, useWorld } from './world.ts';

const fixture = useWorld();
const newHistory = useHistories(fixture);

const gated = { readinessGates: [{ conditionType: gate }] };
const wanted = 4;

/** A Deployment of four available Pods with a Service, and the record of what follows. */
const rolledOut = async (
  name: string,
  more: Partial<Deployment['spec']> = {},
  spec: Partial<PodSpec> = {},
): Promise<{ namespace: string; history: History }> => {
  const { namespace, history } = await newHistory(name);
  await fixture.expose(namespace);
  await fixture.deploy(namespace, wanted, spec, more);
  await history.until((now) => isSettled(now) && sizesOf(now) === String(wanted), 'four Pods are available');
  return { namespace, history };
};

const setTemplate = async (
  namespace: string,
  image: string,
  spec: Partial<PodSpec> = {},
): Promise<number> => {
  const body = { spec: { template: { spec: { ...spec, containers: [{ name: 'nginx', image }] } } } };
  const changed = await fixture.cluster.client.patch(deployments, namespace, 'web', 'strategic', body);
  return Number(changed.metadata.resourceVersion);
};

const scaleTo = async (namespace: string, replicas: number): Promise<void> => {
  await fixture.cluster.client.patch(deployments, namespace, 'web', 'merge', { spec: { replicas } });
};

const closedGates = (moment: Moment): Pod[] =>
  activePods(moment).filter(
    (pod) => pod.spec.readinessGates !== undefined && conditionOf(pod.status?.conditions, gate) === undefined,
  );

const openOne = async (history: History): Promise<void> => {
  const [pod] = closedGates(history.now());
  if (pod === undefined) throw new Error('no gate is closed');
  await fixture.setGate(pod, 'True');
};

/** What a moment may never show, whoever runs the controllers. */
const expectCausality = (moments: readonly Moment[]): void => {
  const wasReady = new Set<string>();
  for (const moment of moments) {
    for (const pod of moment.pods.values()) if (isPodReady(pod)) wasReady.add(pod.metadata.name);
    for (const { targetRef, conditions } of endpointsAt(moment)) {
      const name = targetRef?.name ?? '';
      const pod = moment.pods.get(name);
      if (conditions.ready) expect(wasReady, 'an endpoint is ready after its Pod').toContain(name);
      if (conditions.terminating && pod !== undefined)
        expect(pod.metadata.deletionTimestamp, 'an endpoint terminates after its Pod').toBeDefined();
    }
  }
};

interface Variant {
  readonly name: string;
  readonly strategy: NonNullable<Deployment['spec']['strategy']>;
  readonly mostSurge: number;
  readonly mostUnavailable: number;
  /** Sizes of the old and the new ReplicaSet, each as it was asked for. */
  readonly sizes: readonly string[];
  /** Where it stops with no gate opened, with one, with two, … */
  readonly stops: readonly string[];
}

const variants: readonly Variant[] = [
  {
    name: '25% and 25%, the defaults',
    strategy: {},
    mostSurge: 1,
    mostUnavailable: 1,
    sizes: ['4', '4 1', '3 1', '3 2', '2 2', '2 3', '1 3', '1 4', '0 4'],
    stops: ['3 2', '2 3', '1 4', '0 4', '0 4'],
  },
  {
    name: 'no surge and one unavailable',
    strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    mostSurge: 0,
    mostUnavailable: 1,
    sizes: ['4', '4 0', '3 0', '3 1', '2 1', '2 2', '1 2', '1 3', '0 3', '0 4'],
    stops: ['3 1', '2 2', '1 3', '0 4', '0 4'],
  },
  {
    name: 'a surge of one and none unavailable',
    strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    mostSurge: 1,
    mostUnavailable: 0,
    sizes: ['4', '4 1', '3 1', '3 2', '2 2', '2 3', '1 3', '1 4', '0 4'],
    stops: ['4 1', '3 2', '2 3', '1 4', '0 4'],
  },
];

describe('a rolling update whose gates open one after the other', () => {
  it.each(variants)('with $name', async ({ strategy, mostSurge, mostUnavailable, sizes, stops }) => {
    const { namespace, history } = await rolledOut(`roll-${mostSurge}-${mostUnavailable}`, { strategy });
    const from = await setTemplate(namespace, 'nginx:2', gated);
    for (const [opened, stop] of stops.entries()) {
      await history.until((now) => sizesOf(now) === stop && isSettled(now), `sizes ${stop}`);
      if (opened < wanted) await openOne(history);
    }
    await history.until((now) => reasonOf(now, 'Progressing') === 'NewReplicaSetAvailable', 'it is complete');

    expect(changesOf(history.moments(from), sizesOf)).toEqual(sizes);
    for (const moment of history.moments(from)) {
      const active = activePods(moment);
      // maxSurge bounds what is asked of the ReplicaSets. Each obeys in its own time: the new one may have created
      // before the old one deletes, and between two stops the old one is asked for one less.
      expect(active.length).toBeLessThanOrEqual(wanted + mostSurge + 1);
      expect(active.filter(isPodReady).length).toBeGreaterThanOrEqual(wanted - mostUnavailable);
    }
    expectCausality(history.moments());
  });
});

describe('the status of a Deployment', () => {
  it('tells of a rollout in the order of a real one, and counts only what is there', async () => {
    const { namespace, history } = await rolledOut('status');
    await setTemplate(namespace, 'nginx:2');
    await history.until((now) => sizesOf(now) === '0 4' && isSettled(now), 'it has rolled');
    await history.until((now) => reasonOf(now, 'Progressing') === 'NewReplicaSetAvailable', 'it is complete');
    const moments = history.moments();

    const round = ['NewReplicaSetCreated', 'ReplicaSetUpdated', 'NewReplicaSetAvailable'];
    expect(changesOf(moments, (moment) => reasonOf(moment, 'Progressing') ?? 'none')).toEqual([
      'none',
      ...round,
      ...round,
    ]);
    expect(changesOf(moments, (moment) => reasonOf(moment, 'Available') ?? 'none')).toEqual([
      'none',
      'MinimumReplicasUnavailable',
      'MinimumReplicasAvailable',
    ]);
    // The new ReplicaSet is told of before the new generation counts as observed.
    const created = changesOf(moments, (moment) => [
      reasonOf(moment, 'Progressing'),
      deploymentAt(moment)?.status?.observedGeneration,
    ]).filter(([reason]) => reason === 'NewReplicaSetCreated');
    expect(created).toContainEqual(['NewReplicaSetCreated', undefined]);
    expect(created).toContainEqual(['NewReplicaSetCreated', 1]);
    expect(deploymentAt(moments.at(-1) ?? never())?.status).toEqual({
      observedGeneration: 2,
      replicas: 4,
      updatedReplicas: 4,
      readyReplicas: 4,
      availableReplicas: 4,
      terminatingReplicas: 0,
      conditions: [
        expect.objectContaining({ type: 'Available', status: 'True' }),
        expect.objectContaining({ type: 'Progressing', status: 'True' }),
      ],
    });
  });
});

describe('Recreate', () => {
  it('makes no new Pod before every old one has ended', async () => {
    const { namespace, history } = await rolledOut('recreate', { strategy: { type: 'Recreate' } });
    const from = await setTemplate(namespace, 'nginx:2');
    await history.until((now) => sizesOf(now) === '0 4' && isSettled(now), 'it has rolled');
    expect(changesOf(history.moments(from), sizesOf)).toEqual(['4', '0', '0 4']);
    for (const moment of history.moments(from)) {
      const running = [...moment.pods.values()].filter((pod) => !isPodTerminal(pod));
      expect(new Set(running.map((pod) => pod.spec.containers[0]?.image)).size).toBeLessThanOrEqual(1);
    }
  });
});

describe('a rollout that is stuck', () => {
  it('costs what maxUnavailable allows, is called failed, and goes back without losing a Pod that serves', async () => {
    const { namespace, history } = await rolledOut('stuck', { progressDeadlineSeconds: 4 });
    const [old] = [...history.now().replicaSets.values()];
    const from = await setTemplate(namespace, 'nginx:2', gated);
    await history.until((now) => sizesOf(now) === '3 2' && isSettled(now), 'it is stuck');
    await history.until(
      (now) => reasonOf(now, 'Progressing') === 'ProgressDeadlineExceeded',
      'it is called failed',
    );
    expect(sizesOf(history.now())).toBe('3 2');

    // As `kubectl rollout undo` does: the template of the old ReplicaSet, without its hash.
    const template = structuredClone(
      (await fixture.cluster.client.get(replicaSets, namespace, old?.metadata.name ?? '')).spec.template,
    );
    const { 'pod-template-hash': _hash, ...labels } = template.metadata?.labels ?? {};
    await fixture.cluster.client.patch(deployments, namespace, 'web', 'json', [
      {
        op: 'replace',
        path: '/spec/template',
        value: { ...template, metadata: { ...template.metadata, labels } },
      },
    ]);
    await history.until((now) => sizesOf(now) === '4 0' && isSettled(now), 'it is back');
    await history.until((now) => reasonOf(now, 'Progressing') === 'NewReplicaSetAvailable', 'it is complete');
    const moments = history.moments(from);
    expect(changesOf(moments, sizesOf)).toEqual(['4', '4 1', '3 1', '3 2', '3 0', '4 0']);
    for (const moment of moments)
      expect(activePods(moment).filter(isPodReady).length).toBeGreaterThanOrEqual(3);
    expect(changesOf(moments, (moment) => reasonOf(moment, 'Available'))).toEqual([
      'MinimumReplicasAvailable',
    ]);
    expect(changesOf(moments, (moment) => reasonOf(moment, 'Progressing'))).toEqual([
      'NewReplicaSetAvailable',
      'NewReplicaSetCreated',
      'ReplicaSetUpdated',
      'ProgressDeadlineExceeded',
      'ReplicaSetUpdated',
      'NewReplicaSetAvailable',
    ]);
    expect(
      history.now().deployments.get('web')?.metadata.annotations?.['deployment.kubernetes.io/revision'],
    ).toBe('3');
  });

  it('is scaled in proportion while it is stuck', async () => {
    const { namespace, history } = await rolledOut('proportion');
    const from = await setTemplate(namespace, 'nginx:2', gated);
    await history.until((now) => sizesOf(now) === '3 2' && isSettled(now), 'it is stuck');
    await scaleTo(namespace, 10);
    await history.until((now) => sizesOf(now) === '8 5' && isSettled(now), 'it has grown');
    await scaleTo(namespace, 2);
    await history.until((now) => sizesOf(now) === '2 1' && isSettled(now), 'it has shrunk');
    expect(changesOf(history.moments(from), sizesOf)).toEqual([
      ...['4', '4 1', '3 1', '3 2'],
      ...['8 2', '8 5'],
      ...['2 5', '2 1'],
    ]);
    expectCausality(history.moments(from));
  });
});

const never = (): never => {
  throw new Error('there is none');
};

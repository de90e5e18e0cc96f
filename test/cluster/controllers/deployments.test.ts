import { describe, expect, it } from 'vitest';
import {
  conditionOf,
  deployments,
  isPodActive,
  pods,
  replicaSets,
  services,
} from '../../../infra/sandbox/cluster/objects.ts';
import { until } from '../../integration/sandbox-cluster-fixture.ts';
import { activePods, isSettled, reasonOf, sizesOf } from './deployment-seen.ts';
import { changesOf, endpointLags, endpointsAt, type Moment } from './history.ts';
import { useHistories, useWorld } from './world.ts';

const fixture = useWorld();
const newHistory = useHistories(fixture);
const scaleTo = async (namespace: string, replicas: number): Promise<void> => {
  await fixture.cluster.client.patch(deployments, namespace, 'web', 'merge', { spec: { replicas } });
};

const median = (values: readonly number[]): number =>
  Math.round([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);

describe('a Deployment', () => {
  it('of 3 becomes available, with hash, revision, owners and conditions', async () => {
    const namespace = await fixture.namespace('start');
    await fixture.deploy(namespace, 3);
    const web = await fixture.untilAvailable(namespace, 3);
    expect(web?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    await until(async () => {
      const now = await fixture.cluster.client.get(deployments, namespace, 'web');
      return conditionOf(now.status?.conditions, 'Progressing')?.reason === 'NewReplicaSetAvailable';
    }, 'the rollout is called complete');
    const now = await fixture.cluster.client.get(deployments, namespace, 'web');
    expect(conditionOf(now.status?.conditions, 'Available')).toMatchObject({
      status: 'True',
      reason: 'MinimumReplicasAvailable',
    });
    expect(now.status?.unavailableReplicas ?? 0).toBe(0);
    const [set] = (await fixture.cluster.client.list(replicaSets, { namespace })).items;
    const hash = set?.metadata.labels?.['pod-template-hash'];
    expect(set?.metadata.name).toBe(`web-${hash}`);
    expect(set?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Deployment', controller: true });
    for (const pod of await fixture.pods(namespace)) {
      expect(pod.metadata.labels).toMatchObject({ app: 'web', 'pod-template-hash': hash });
      expect(pod.metadata.ownerReferences?.[0]?.uid).toBe(set?.metadata.uid);
    }
    const nodes = new Set((await fixture.pods(namespace)).map((pod) => pod.spec.nodeName));
    expect(nodes.size).toBe(3);
  });

  it('is made smaller and larger without a rollout, all Pods of a step side by side', async () => {
    const { namespace, history } = await newHistory('scale');
    await fixture.expose(namespace);
    await fixture.deploy(namespace, 4, {
      terminationGracePeriodSeconds: 60,
      containers: [{ name: 'nginx', image: 'nginx', env: [{ name: 'ACCEPT_SECONDS', value: '50' }] }],
    });
    await history.until((now) => sizesOf(now) === '4' && isSettled(now), 'four Pods serve');
    await scaleTo(namespace, 1);
    const terminating = (now: Moment) => endpointsAt(now).filter(({ conditions }) => conditions.terminating);
    const now = await history.until((moment) => terminating(moment).length === 3, 'three are ending');
    expect(terminating(now).map(({ conditions }) => [conditions.ready, conditions.serving])).toEqual([
      [false, true],
      [false, true],
      [false, true],
    ]);
    expect(now.pods.size).toBe(4);
    for (const pod of [...now.pods.values()].filter((one) => !isPodActive(one)))
      await fixture.remove(namespace, pod.metadata.name, 0);
    await history.until((moment) => sizesOf(moment) === '1' && isSettled(moment), 'one Pod is left');
    await scaleTo(namespace, 3);
    await history.until((moment) => sizesOf(moment) === '3' && isSettled(moment), 'three Pods serve');
    await scaleTo(namespace, 0);
    await history.until((moment) => activePods(moment).length === 0, 'none is left');
    expect(changesOf(history.moments(), sizesOf)).toEqual(['', '4', '1', '3', '0']);
    expect(changesOf(history.moments(), (moment) => reasonOf(moment, 'Progressing') ?? 'none')).toEqual([
      'none',
      'NewReplicaSetCreated',
      'ReplicaSetUpdated',
      'NewReplicaSetAvailable',
    ]);
    // Measured, not judged: a busy machine makes them late.
    const { ready, terminating: ending } = endpointLags(history.moments());
    console.info(
      `Slices follow Pods after ${median(ready)} ms when they are ready, ${median(ending)} ms when they end.`,
    );
    for (const pod of history.now().pods.keys()) await fixture.remove(namespace, pod, 0);
  });

  it('does not roll while it is paused, is scaled all the same, and rolls when it goes on', async () => {
    const { namespace, history } = await newHistory('paused');
    await fixture.expose(namespace);
    await fixture.deploy(namespace, 2);
    await history.until((now) => sizesOf(now) === '2' && isSettled(now), 'two Pods serve');
    const spec = { paused: true, template: { metadata: { annotations: { changed: 'yes' } } } };
    await fixture.cluster.client.patch(deployments, namespace, 'web', 'merge', { spec });
    await history.until((now) => reasonOf(now, 'Progressing') === 'DeploymentPaused', 'it is paused');
    await scaleTo(namespace, 3);
    await history.until((now) => sizesOf(now) === '3' && isSettled(now), 'three Pods serve');
    await fixture.cluster.client.patch(deployments, namespace, 'web', 'merge', { spec: { paused: null } });
    await history.until((now) => sizesOf(now) === '0 3' && isSettled(now), 'it has rolled');
    await history.until((now) => reasonOf(now, 'Progressing') === 'NewReplicaSetAvailable', 'it is complete');
    expect(
      changesOf(history.moments(), (moment) => {
        const condition = conditionOf(moment.deployments.get('web')?.status?.conditions, 'Progressing');
        return `${condition?.status} ${condition?.reason}`;
      }),
    ).toEqual([
      'undefined undefined',
      'True NewReplicaSetCreated',
      'True ReplicaSetUpdated',
      'True NewReplicaSetAvailable',
      'Unknown DeploymentPaused',
      'Unknown DeploymentResumed',
      'True ReplicaSetUpdated',
      'True NewReplicaSetAvailable',
    ]);
  });

  it('counts a Pod as available only after minReadySeconds', async () => {
    const namespace = await fixture.namespace('min-ready');
    await fixture.deploy(namespace, 1, {}, { minReadySeconds: 2 });
    const ready = await fixture.cluster.client.waitFor(
      deployments,
      namespace,
      'web',
      (web) => web?.status?.readyReplicas === 1,
    );
    expect(ready?.status?.availableReplicas ?? 0).toBe(0);
    await fixture.untilAvailable(namespace, 1);
  });

  it('says so when it makes no progress within its deadline', async () => {
    const namespace = await fixture.namespace('deadline');
    await fixture.deploy(
      namespace,
      1,
      { containers: [{ name: 'nginx', image: 'nowhere.example/none' }] },
      { progressDeadlineSeconds: 1 },
    );
    await fixture.cluster.client.waitFor(
      deployments,
      namespace,
      'web',
      (web) => conditionOf(web?.status?.conditions, 'Progressing')?.reason === 'ProgressDeadlineExceeded',
    );
    const [pod] = await fixture.pods(namespace);
    expect(pod?.status?.phase).toBe('Pending');
    expect(pod?.status?.containerStatuses?.[0]?.state.waiting?.reason).toMatch(
      /^(ErrImagePull|ImagePullBackOff)$/,
    );
  });

  it('replaces a relabelled Pod and lets it go', async () => {
    const namespace = await fixture.namespace('relabel');
    await fixture.deploy(namespace, 2);
    await fixture.untilAvailable(namespace, 2);
    const [pod] = await fixture.pods(namespace);
    const { name, uid } = pod?.metadata ?? never();
    await fixture.cluster.client.patch(pods, namespace, name, 'merge', {
      metadata: { labels: { app: 'other' } },
    });
    await until(async () => (await fixture.pods(namespace)).length === 3, 'a third Pod');
    const released = await fixture.cluster.client.get(pods, namespace, name);
    expect(released.metadata.uid).toBe(uid);
    expect(released.metadata.ownerReferences ?? []).toEqual([]);
  });

  it('takes everything it owns with it', async () => {
    const namespace = await fixture.namespace('gone');
    await fixture.deploy(namespace, 2);
    await fixture.expose(namespace);
    await fixture.untilAvailable(namespace, 2);
    const { client } = fixture.cluster;
    await client.delete(deployments, namespace, 'web', { propagationPolicy: 'Background' });
    await client.delete(services, namespace, 'web');
    await until(async () => (await fixture.pods(namespace)).length === 0, 'no Pod');
    await until(
      async () =>
        (await client.list(replicaSets, { namespace })).items.length === 0 &&
        (await fixture.endpoints(namespace)).length === 0,
      'no ReplicaSet and no slice',
    );
  });
});

const never = (): never => {
  throw new Error('there is none');
};

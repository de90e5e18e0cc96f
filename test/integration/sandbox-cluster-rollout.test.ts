import { afterEach, describe, expect, it } from 'vitest';
import {
  conditionOf,
  deployments,
  isPodActive,
  isPodReady,
  isPodTerminal,
  podDisruptionBudgets,
  pods,
  replicaSets,
  services,
  statefulSets,
} from '../../infra/sandbox/cluster/objects.ts';
import { isStatus } from '../../infra/sandbox/cluster/transport.ts';
import { gate, until, useCluster } from './sandbox-cluster-fixture.ts';

const fixture = useCluster();
const setImage = async (namespace: string, image: string): Promise<void> => {
  const body = { spec: { template: { spec: { containers: [{ name: 'nginx', image }] } } } };
  await fixture.cluster.client.patch(deployments, namespace, 'web', 'strategic', body);
};
const scaleTo = async (namespace: string, replicas: number): Promise<void> => {
  await fixture.cluster.client.patch(deployments, namespace, 'web', 'merge', { spec: { replicas } });
};

/** Follows the Pods of a namespace and remembers the least that were Ready and the most that existed. */
const observe = (namespace: string) => {
  const seen = { leastReady: Number.POSITIVE_INFINITY, mostActive: 0 };
  const informer = fixture.cluster.client.watch(pods, { namespace });
  const look = (): void => {
    const active = informer.list().filter(isPodActive);
    seen.leastReady = Math.min(seen.leastReady, active.filter(isPodReady).length);
    seen.mostActive = Math.max(seen.mostActive, active.length);
  };
  closers.push(() => informer.close());
  return informer.synced.then(() => {
    look();
    informer.onChange(look);
    return seen;
  });
};
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

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
      expect(pod.metadata.labels).toEqual({ app: 'web', 'pod-template-hash': hash });
      expect(pod.metadata.ownerReferences?.[0]?.uid).toBe(set?.metadata.uid);
    }
    const nodes = new Set((await fixture.pods(namespace)).map((pod) => pod.spec.nodeName));
    expect(nodes.size).toBe(3);
  });

  it('rolls to a new template within its bounds, and back to the old ReplicaSet', async () => {
    const namespace = await fixture.namespace('roll');
    await fixture.deploy(namespace, 4);
    await fixture.untilAvailable(namespace, 4);
    const seen = await observe(namespace);
    await setImage(namespace, 'nginx:2');
    const web = await fixture.untilAvailable(namespace, 4);
    expect(seen.leastReady).toBeGreaterThanOrEqual(3);
    expect(seen.mostActive).toBeLessThanOrEqual(5);
    expect(web?.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
    const running = (await fixture.pods(namespace)).filter(isPodActive);
    expect(running.map((pod) => pod.spec.containers[0]?.image)).toEqual(Array(4).fill('nginx:2'));
    // A Pod without a readiness probe is Ready as soon as its process runs, a moment before it listens.
    const answers = async () => JSON.parse((await fixture.get(running[0] ?? never())).body).version === '2';
    await until(() => answers().catch(() => false), 'an answer of version 2');

    await setImage(namespace, 'nginx');
    await fixture.untilAvailable(namespace, 4);
    const sets = (await fixture.cluster.client.list(replicaSets, { namespace })).items;
    expect(sets).toHaveLength(2);
    await until(
      async () =>
        (await fixture.cluster.client.get(deployments, namespace, 'web')).metadata.annotations?.[
          'deployment.kubernetes.io/revision'
        ] === '3',
      'revision 3',
    );
  });

  it('loses one of four Pods and stops while the new gates are closed; opened gates let it end', async () => {
    const namespace = await fixture.namespace('gate');
    await fixture.deploy(namespace, 4);
    await fixture.untilAvailable(namespace, 4);
    const seen = await observe(namespace);
    const readinessGates = [{ conditionType: gate }];
    const body = { spec: { template: { spec: { readinessGates } } } };
    await fixture.cluster.client.patch(deployments, namespace, 'web', 'strategic', body);
    const gated = async () =>
      (await fixture.pods(namespace)).filter((pod) => pod.spec.readinessGates !== undefined);
    await until(async () => (await gated()).length === 2, 'two new Pods');
    await until(
      async () =>
        (await gated()).every(
          (pod) => conditionOf(pod.status?.conditions, 'ContainersReady')?.status === 'True',
        ),
      'their containers are ready',
    );
    await until(async () => (await fixture.pods(namespace)).length === 5, 'one old Pod is gone');
    for (const pod of await gated()) {
      expect(conditionOf(pod.status?.conditions, 'Ready')).toMatchObject({
        status: 'False',
        reason: 'ReadinessGatesNotReady',
        message: `corresponding condition of pod readiness gate "${gate}" does not exist.`,
      });
    }
    expect(seen.leastReady).toBe(3);

    let opened = 0;
    const open = fixture.cluster.client.watch(pods, { namespace });
    closers.push(() => open.close());
    open.onChange(({ type, object }) => {
      if (type === 'deleted' || object.spec.readinessGates === undefined || !isPodActive(object)) return;
      if (conditionOf(object.status?.conditions, gate) !== undefined) return;
      if (conditionOf(object.status?.conditions, 'ContainersReady')?.status !== 'True') return;
      opened += 1;
      void fixture.setGate(object, 'True');
    });
    await fixture.untilAvailable(namespace, 4);
    expect(seen.leastReady).toBe(3);
    expect(seen.mostActive).toBe(5);
    expect(opened).toBeGreaterThanOrEqual(4);
    // The gate's condition is somebody else's: the kubelet's writes keep it.
    for (const pod of (await gated()).filter(isPodActive)) {
      expect(conditionOf(pod.status?.conditions, gate)?.status).toBe('True');
    }
  });

  it('scales down and up, and takes Pods that are not ready first', async () => {
    const namespace = await fixture.namespace('scale');
    await fixture.deploy(namespace, 4, { readinessGates: [{ conditionType: gate }] });
    await until(async () => {
      const all = await fixture.pods(namespace);
      return all.length === 4 && all.every((pod) => pod.status?.phase === 'Running');
    }, 'four running Pods');
    const [first, second] = await fixture.pods(namespace);
    await fixture.setGate(first ?? never(), 'True');
    await fixture.setGate(second ?? never(), 'True');
    await fixture.readyPod(namespace, first?.metadata.name ?? '');
    await fixture.readyPod(namespace, second?.metadata.name ?? '');
    await scaleTo(namespace, 2);
    await fixture.untilAvailable(namespace, 2);
    const left = (await fixture.pods(namespace)).filter(isPodActive).map((pod) => pod.metadata.uid);
    expect(left.sort()).toEqual([first?.metadata.uid, second?.metadata.uid].sort());
    await scaleTo(namespace, 3);
    await until(async () => (await fixture.pods(namespace)).filter(isPodActive).length === 3, 'three Pods');
    await scaleTo(namespace, 0);
    await until(async () => (await fixture.pods(namespace)).length === 0, 'no Pod');
  });

  it('with strategy Recreate starts new Pods only when the last old one is gone', async () => {
    const namespace = await fixture.namespace('recreate');
    await fixture.deploy(namespace, 2, {}, { strategy: { type: 'Recreate' } });
    await fixture.untilAvailable(namespace, 2);
    let together = false;
    const informer = fixture.cluster.client.watch(pods, { namespace });
    closers.push(() => informer.close());
    informer.onChange(() => {
      const running = informer.list().filter((pod) => !isPodTerminal(pod));
      const images = new Set(running.map((pod) => pod.spec.containers[0]?.image));
      together ||= images.size > 1;
    });
    await setImage(namespace, 'nginx:2');
    await until(async () => {
      const all = await fixture.pods(namespace);
      return (
        all.length === 2 && all.every((pod) => isPodReady(pod) && pod.spec.containers[0]?.image === 'nginx:2')
      );
    }, 'two new Pods');
    expect(together).toBe(false);
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

describe('a PodDisruptionBudget', () => {
  it('refuses the eviction of Pods when one is lost already', async () => {
    const namespace = await fixture.namespace('budget');
    const { client } = fixture.cluster;
    await fixture.deploy(namespace, 3);
    await client.create(podDisruptionBudgets, namespace, {
      metadata: { name: 'web', namespace },
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
    });
    await fixture.untilAvailable(namespace, 3);
    await client.waitFor(
      podDisruptionBudgets,
      namespace,
      'web',
      (one) => one?.status?.disruptionsAllowed === 1,
    );
    const [first, second] = await fixture.pods(namespace);
    const evict = (name: string) =>
      client.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace },
      });
    await evict(first?.metadata.name ?? '');
    const refused = await evict(second?.metadata.name ?? '').then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(isStatus(refused, 429)).toBe(true);
    await client.waitFor(
      podDisruptionBudgets,
      namespace,
      'web',
      (one) => one?.status?.disruptionsAllowed === 1,
    );
  });
});

describe('a StatefulSet', () => {
  it('starts in order and replaces from the last to the first', async () => {
    const namespace = await fixture.namespace('stateful');
    const { client } = fixture.cluster;
    const started: string[] = [];
    const informer = client.watch(pods, { namespace });
    closers.push(() => informer.close());
    informer.onChange(({ type, object }) => {
      if (type === 'added') started.push(object.metadata.name);
    });
    const spec = (image: string) => ({
      replicas: 2,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' } },
        spec: { containers: [{ name: 'c', image, env: [{ name: 'ACCEPT_SECONDS', value: '0' }] }] },
      },
    });
    await client.create(statefulSets, namespace, {
      metadata: { name: 'db', namespace },
      spec: spec('nginx:1'),
    });
    const isReady =
      (count: number) =>
      (set: { status?: { readyReplicas?: number; updatedReplicas?: number } } | undefined) =>
        set?.status?.readyReplicas === count && set.status.updatedReplicas === count;
    await client.waitFor(statefulSets, namespace, 'db', isReady(2));
    await client.patch(statefulSets, namespace, 'db', 'strategic', { spec: spec('nginx:2') });
    await until(
      () => started.length === 4,
      () => started.join(),
    );
    expect(started).toEqual(['db-0', 'db-1', 'db-1', 'db-0']);
  });
});

const never = (): never => {
  throw new Error('there is none');
};

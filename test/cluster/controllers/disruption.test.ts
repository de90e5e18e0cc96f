import { describe, expect, it } from 'vitest';
import {
  conditionOf,
  isPodActive,
  isPodReady,
  namespaces,
  nodes,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgets,
  pods,
  services,
} from '../../../infra/sandbox/cluster/objects.ts';
import { ApiError } from '../../../infra/sandbox/cluster/transport.ts';
import { gate } from '../../integration/sandbox-cluster-fixture.ts';
import { isReady, useHandPods } from './hand-pods.ts';
import { changesOf, endpointAt, type History, type Moment } from './history.ts';
import { useHistories, useWorld } from './world.ts';

/** The nodes that have a kubelet. */
const pool = { pool: 'kubelet' };
const fixture = useWorld({
  nodes: [
    { name: 'left', labels: pool },
    { name: 'right', labels: pool },
  ],
  nodeMonitorGraceMs: 600_000,
});
const hand = useHandPods(fixture, ['by-hand']);
const newHistory = useHistories(fixture);

const podsOf = (moment: Moment): Pod[] => [...moment.pods.values()];
const containersReady = (pod: Pod): boolean =>
  conditionOf(pod.status?.conditions, 'ContainersReady')?.status === 'True';

/** Asks for an eviction; resolves with the status of the answer, and the message where it was refused. */
const evict = ({ metadata: { name, namespace = '' } }: Pod): Promise<string> =>
  fixture.cluster.client
    .request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, namespace },
    })
    .then(
      () => 'evicted',
      (error: unknown) => {
        if (error instanceof ApiError) return `${error.status} ${error.message}`;
        throw error;
      },
    );
const refused = "429 Cannot evict pod as it would violate the pod's disruption budget.";

const budget = async (namespace: string, spec: PodDisruptionBudget['spec']): Promise<void> => {
  await fixture.cluster.client.create(podDisruptionBudgets, namespace, {
    metadata: { name: 'web', namespace },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  });
};

const budgetShows = async (
  namespace: string,
  wanted: NonNullable<PodDisruptionBudget['status']>,
): Promise<void> => {
  await fixture.cluster.client.waitFor(podDisruptionBudgets, namespace, 'web', (one) => {
    const { status } = one ?? {};
    return (
      status?.observedGeneration === one?.metadata.generation &&
      Object.entries(wanted).every(([key, value]) => status?.[key as keyof typeof wanted] === value)
    );
  });
};

describe('a node that is drained', () => {
  it('keeps the Pods that its budget asks for, gate by gate', async () => {
    const { namespace, history } = await newHistory('drain');
    const { client } = fixture.cluster;
    const replicas = 4;
    await fixture.expose(namespace);
    await fixture.deploy(namespace, replicas, {
      nodeSelector: pool,
      readinessGates: [{ conditionType: gate }],
    });
    const gated = (moment: Moment): Pod[] =>
      podsOf(moment).filter(
        (pod) =>
          isPodActive(pod) &&
          containersReady(pod) &&
          conditionOf(pod.status?.conditions, gate)?.status !== 'True',
      );
    await history.until((moment) => gated(moment).length === replicas, 'all containers are ready');
    for (const pod of gated(history.now())) await fixture.setGate(pod, 'True');
    await budget(namespace, { maxUnavailable: 1 });
    await budgetShows(namespace, {
      disruptionsAllowed: 1,
      expectedPods: 4,
      currentHealthy: 4,
      desiredHealthy: 3,
    });

    const drained = podsOf(history.now())[0]?.spec.nodeName ?? '';
    await client.patch(nodes, '', drained, 'merge', { spec: { unschedulable: true } });
    const from = history.now().version;
    const leaving = podsOf(history.now()).filter((pod) => pod.spec.nodeName === drained);
    for (const [at, pod] of leaving.entries()) {
      expect(await evict(pod)).toBe('evicted');
      const next = leaving[at + 1];
      if (next !== undefined) expect(await evict(next)).toBe(refused);
      await history.until((moment) => gated(moment).length === 1, 'its replacement waits for its gate');
      await budgetShows(namespace, { disruptionsAllowed: 0, currentHealthy: 3 });
      if (next !== undefined) expect(await evict(next)).toBe(refused);
      for (const replacement of gated(history.now())) await fixture.setGate(replacement, 'True');
      await budgetShows(namespace, { disruptionsAllowed: 1, currentHealthy: 4 });
    }
    await history.until(
      (moment) => podsOf(moment).every((pod) => pod.spec.nodeName !== drained),
      'the node is empty',
    );
    const moments = history.moments(from);
    for (const { metadata } of leaving) {
      const fate = changesOf(moments, (moment) => {
        const pod = moment.pods.get(metadata.name);
        const why = conditionOf(pod?.status?.conditions, 'DisruptionTarget')?.reason ?? '';
        return pod === undefined ? 'gone' : `${why} ${isPodActive(pod) ? 'runs' : 'ends'}`.trim();
      });
      expect(fate, 'why it goes is told before').toEqual([
        'runs',
        'EvictionByEvictionAPI runs',
        'EvictionByEvictionAPI ends',
        'gone',
      ]);
    }
    const known = new Set(leaving.map(({ metadata }) => metadata.name));
    for (const moment of moments) {
      expect(
        podsOf(moment).filter((pod) => isPodActive(pod) && isPodReady(pod)).length,
      ).toBeGreaterThanOrEqual(3);
      for (const pod of podsOf(moment))
        if (pod.spec.nodeName === drained) expect(known).toContain(pod.metadata.name);
    }
    await client.patch(nodes, '', drained, 'merge', { spec: { unschedulable: null } });
  });
});

describe('a budget', () => {
  it('protects a Pod with a closed gate while others are missing, unless its policy says otherwise', async () => {
    const { namespace, history } = await newHistory('closed');
    const good = await hand.running(namespace, 'good');
    const closed = await hand.running(namespace, 'closed', 'False');
    await budget(namespace, { minAvailable: 2 });
    await budgetShows(namespace, { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2 });
    expect(await evict(closed)).toBe(refused);
    const spec = { unhealthyPodEvictionPolicy: 'AlwaysAllow' };
    await fixture.cluster.client.patch(podDisruptionBudgets, namespace, 'web', 'merge', { spec });
    await budgetShows(namespace, { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2 });
    expect(await evict(good)).toBe(refused);
    expect(await evict(closed)).toBe('evicted');
    await history.until(
      (moment) => !isPodActive(moment.pods.get('closed') ?? never()),
      'it is being deleted',
    );
  });

  it('lets a Pod with a closed gate go when enough others are healthy, and one that never ran always', async () => {
    const { namespace, history } = await newHistory('enough');
    const good = await hand.running(namespace, 'good');
    const closed = await hand.running(namespace, 'closed', 'False');
    const pending = await hand.create(namespace, 'pending');
    await budget(namespace, { minAvailable: 1 });
    await budgetShows(namespace, { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1 });
    expect(await evict(good)).toBe(refused);
    expect(await evict(closed)).toBe('evicted');
    expect(await evict(pending)).toBe('evicted');
    const now = await history.until(
      (moment) => podsOf(moment).filter(isPodActive).length === 1,
      'two are being deleted',
    );
    const whys = podsOf(now).map((pod) => [
      pod.metadata.name,
      conditionOf(pod.status?.conditions, 'DisruptionTarget')?.reason,
    ]);
    expect(whys).toEqual([
      ['good', undefined],
      ['closed', 'EvictionByEvictionAPI'],
      ['pending', 'EvictionByEvictionAPI'],
    ]);
  });
});

describe('a Pod of a Deployment', () => {
  const deployed = async (name: string): Promise<{ namespace: string; history: History; pod: Pod }> => {
    const { namespace, history } = await newHistory(name);
    await fixture.expose(namespace);
    await fixture.deploy(namespace, 1, {
      nodeSelector: { 'kubernetes.io/hostname': 'left' },
      terminationGracePeriodSeconds: 600,
      containers: [{ name: 'nginx', image: 'nginx', env: [{ name: 'ACCEPT_SECONDS', value: '500' }] }],
    });
    await history.until((moment) => moment.slices.size === 1 && readyEndpoints(moment) === 1, 'it serves');
    return { namespace, history, pod: podsOf(history.now())[0] ?? never() };
  };
  const readyEndpoints = (moment: Moment): number =>
    podsOf(moment).filter((pod) => endpointAt(moment, pod.metadata.name)?.conditions.ready).length;

  it('is replaced as soon as its deletion begins, long before it is gone', async () => {
    const { namespace, history, pod } = await deployed('replaced');
    await fixture.remove(namespace, pod.metadata.name);
    const now = await history.until(
      (moment) =>
        readyEndpoints(moment) === 1 && endpointAt(moment, pod.metadata.name)?.conditions.ready === false,
      'another serves',
    );
    expect(now.pods.size).toBe(2);
    expect(isPodActive(now.pods.get(pod.metadata.name) ?? never())).toBe(false);
    expect(endpointAt(now, pod.metadata.name)?.conditions).toEqual({
      ready: false,
      serving: true,
      terminating: true,
    });
    await fixture.remove(namespace, pod.metadata.name, 0);
  });

  it('that is deleted by force is announced, and gone before its endpoint is', async () => {
    const { namespace, history, pod } = await deployed('forced');
    const { name } = pod.metadata;
    await fixture.remove(namespace, name, 0);
    await history.until((moment) => !moment.pods.has(name) && readyEndpoints(moment) === 1, 'another serves');
    const moments = history.moments();
    const last = moments.findLastIndex((moment) => moment.pods.has(name));
    expect(endpointAt(moments[last + 1] ?? never(), name), 'the slice has it when it is gone').toBeDefined();
    const replaced = moments.find((moment) => podsOf(moment).some((other) => other.metadata.name !== name));
    const left = replaced?.pods.get(name);
    expect(left === undefined || !isPodActive(left), 'no other Pod before its deletion').toBe(true);
  });
});

describe('the deletion of a Pod', () => {
  const deletion = async (namespace: string, name: string): Promise<number> => {
    const pod = await fixture.cluster.client.get(pods, namespace, name);
    return Date.parse(pod.metadata.deletionTimestamp ?? '');
  };

  it('shows when its grace ends, which another deletion may bring nearer and not put off', async () => {
    const { namespace } = await newHistory('grace');
    const pod = await hand.running(namespace, 'one');
    const startMs = Date.now();
    await fixture.remove(namespace, 'one');
    const first = await deletion(namespace, 'one');
    expect(first - startMs).toBeGreaterThan(598_000);
    await fixture.remove(namespace, 'one', 900);
    expect(await deletion(namespace, 'one')).toBe(first);
    await fixture.remove(namespace, 'one', 60);
    const second = await deletion(namespace, 'one');
    expect(first - second).toBeGreaterThan(500_000);
    expect(second).toBeGreaterThan(startMs);
    expect((await fixture.cluster.client.get(pods, namespace, 'one')).metadata.uid).toBe(pod.metadata.uid);
  });

  it('has no phase of ending by force or for one that was never bound or has ended, and is announced all the same', async () => {
    const { namespace, history } = await newHistory('at-once');
    await fixture.pod(namespace, 'unbound', { schedulerName: 'nobody', terminationGracePeriodSeconds: 600 });
    await hand.setStatus(await hand.running(namespace, 'failed'), { phase: 'Failed', ...isReady('False') });
    await hand.running(namespace, 'forced');
    for (const name of ['unbound', 'failed', 'forced']) {
      await fixture.remove(namespace, name, name === 'forced' ? 0 : undefined);
      expect((await fixture.pods(namespace)).map(({ metadata }) => metadata.name)).not.toContain(name);
      await history.until((moment) => !moment.pods.has(name), `${name} is gone`);
      const graces = changesOf(
        history.moments().filter((moment) => moment.pods.has(name)),
        (moment) => moment.pods.get(name)?.metadata.deletionGracePeriodSeconds ?? 'none',
      );
      expect(graces, name).toEqual(['none', 0]);
    }
  });
});

describe('the deletion of a namespace', () => {
  it('takes its Pods first, and its Services only when they are gone', async () => {
    const { namespace, history } = await newHistory('whole');
    const { client } = fixture.cluster;
    await fixture.expose(namespace);
    const pod = await hand.running(namespace, 'one', 'True', { terminationGracePeriodSeconds: 3 });
    await history.until((moment) => endpointAt(moment, 'one') !== undefined, 'it is an endpoint');
    await client.delete(namespaces, '', namespace);
    await history.until(
      (moment) => !isPodActive(moment.pods.get('one') ?? never()),
      'the Pod is being deleted',
    );
    await history.until(
      (moment) => endpointAt(moment, 'one')?.conditions.terminating === true,
      'its endpoint says so',
    );
    expect((await client.list(services, { namespace })).items).toHaveLength(1);
    await fixture.remove(namespace, pod.metadata.name, 0);
    await client.waitFor(namespaces, '', namespace, (one) => one === undefined);
    expect(history.now().slices.size).toBe(0);
  });
});

const never = (): never => {
  throw new Error('there is none');
};

import { describe, expect, it } from 'vitest';
import { conditionOf, isPodReady, type Pod, pods } from '../../infra/sandbox/cluster/objects.ts';
import { until, useCluster } from './sandbox-cluster-fixture.ts';

const fixture = useCluster({
  kubeletTimes: { podStartMs: 20, firstRestartBackOffMs: 1000 },
});
const noAccept = [{ name: 'ACCEPT_SECONDS', value: '0' }];

const stateOf = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0];

/** Every state of a Pod from now on. */
const follow = async (namespace: string, name: string) => {
  const seen: Pod[] = [];
  const informer = fixture.cluster.client.watch(pods, { namespace, fieldSelector: `metadata.name=${name}` });
  informer.onChange(({ object }) => seen.push(object));
  await informer.synced;
  return { seen, close: () => informer.close() };
};

describe('a Pod', () => {
  it('runs as a process that knows it and answers at its address', async () => {
    const namespace = await fixture.namespace('runs');
    await fixture.pod(namespace, 'one', {
      containers: [
        {
          name: 'nginx',
          image: 'nginx:1.25',
          env: [...noAccept, { name: 'VERSION', value: 'v7' }],
          readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 1 },
        },
      ],
    });
    const pod = await fixture.readyPod(namespace, 'one');
    expect(pod.status).toMatchObject({
      phase: 'Running',
      hostIP: fixture.cluster.nodes.find(({ name }) => name === pod.spec.nodeName)?.ip,
      podIPs: [{ ip: pod.status?.podIP }],
      containerStatuses: [{ ready: true, started: true, restartCount: 0, state: { running: {} } }],
    });
    for (const type of ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready']) {
      const condition = conditionOf(pod.status?.conditions, type);
      expect(condition).toMatchObject({ status: 'True' });
      expect(condition?.reason).toBeUndefined();
    }
    const answer = JSON.parse((await fixture.get(pod)).body);
    expect(answer).toMatchObject({ pod: 'one', version: 'v7', requests: expect.any(Number) });
  });

  it('has no process for long when it is deleted by force', async () => {
    const namespace = await fixture.namespace('force');
    await fixture.pod(namespace, 'one');
    const pod = await fixture.readyPod(namespace, 'one');
    await fixture.remove(namespace, 'one', 0);
    // Its process gets a moment, then it is gone too.
    await until(
      () =>
        fixture.get(pod).then(
          () => false,
          () => true,
        ),
      'nobody listens',
    );
  });

  it('becomes ready and not ready as its probe says', async () => {
    const namespace = await fixture.namespace('probe');
    await fixture.pod(namespace, 'one', {
      containers: [
        {
          name: 'nginx',
          image: 'nginx',
          env: [...noAccept, { name: 'READY_AFTER_MS', value: '1500' }],
          readinessProbe: { httpGet: { path: '/', port: 80 }, periodSeconds: 1, failureThreshold: 1 },
        },
        {
          name: 'other',
          image: 'busybox',
          command: ['sleep', '60'],
          readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
        },
      ],
    });
    const first = await fixture.cluster.client.waitFor(
      pods,
      namespace,
      'one',
      (one) => one?.status?.containerStatuses?.[1]?.ready === true,
    );
    expect(conditionOf(first?.status?.conditions, 'ContainersReady')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [nginx]',
    });
    await fixture.readyPod(namespace, 'one');
    await fixture.remove(namespace, 'one', 1);
    await fixture.untilGone(namespace, 'one');
  });

  it('runs its init containers first, one after the other', async () => {
    const namespace = await fixture.namespace('init');
    await fixture.pod(namespace, 'one', {
      initContainers: [
        { name: 'first', image: 'busybox', command: ['sleep', '0.3'] },
        { name: 'second', image: 'busybox', command: ['true'] },
      ],
    });
    const { seen, close } = await follow(namespace, 'one');
    await fixture.readyPod(namespace, 'one');
    close();
    const waited = seen.filter((pod) => pod.status?.initContainerStatuses?.[0]?.state.running !== undefined);
    expect(waited.length).toBeGreaterThan(0);
    for (const pod of waited) {
      expect(pod.status?.phase).toBe('Pending');
      expect(stateOf(pod)?.state.waiting).toBeDefined();
      expect(conditionOf(pod.status?.conditions, 'Initialized')?.status).toBe('False');
    }
  });

  it('is started again after a crash, with a growing wait', async () => {
    const namespace = await fixture.namespace('crash');
    await fixture.pod(namespace, 'one', {
      containers: [{ name: 'c', image: 'busybox', command: ['sh', '-c', 'exit 3'] }],
    });
    const pod = await fixture.cluster.client.waitFor(
      pods,
      namespace,
      'one',
      (one) =>
        stateOf(one)?.state.waiting?.reason === 'CrashLoopBackOff' && (stateOf(one)?.restartCount ?? 0) >= 2,
    );
    expect(pod?.status?.phase).toBe('Running');
    expect(stateOf(pod)?.lastState.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
  });

  it.each([
    ['true', 'Succeeded', 0],
    ['false', 'Failed', 1],
  ])(
    'that is not to be restarted ends with %s as %s, and is deleted at once',
    async (command, phase, exitCode) => {
      const namespace = await fixture.namespace(`ends-${command}`);
      await fixture.pod(namespace, 'one', {
        restartPolicy: 'Never',
        containers: [{ name: 'c', image: 'busybox', command: [command] }],
      });
      const pod = await fixture.cluster.client.waitFor(
        pods,
        namespace,
        'one',
        (one) => one?.status?.phase === phase,
      );
      expect(stateOf(pod)?.state.terminated?.exitCode).toBe(exitCode);
      expect(conditionOf(pod?.status?.conditions, 'Ready')?.status).toBe('False');
      await fixture.remove(namespace, 'one');
      await fixture.untilGone(namespace, 'one', 5000);
    },
  );

  it('with an image that is not in the table waits and says so', async () => {
    const namespace = await fixture.namespace('image');
    await fixture.pod(namespace, 'one', { containers: [{ name: 'c', image: 'registry.example/none:1' }] });
    const pod = await fixture.cluster.client.waitFor(
      pods,
      namespace,
      'one',
      (one) => stateOf(one)?.state.waiting?.reason === 'ImagePullBackOff',
    );
    expect(pod?.status?.phase).toBe('Pending');
    await fixture.remove(namespace, 'one', 1);
    await fixture.untilGone(namespace, 'one');
  });

  it('waits while no node has a free ENI address', async () => {
    const namespace = await fixture.namespace('eni');
    const asking = (count: string) => ({
      containers: [
        {
          name: 'nginx',
          image: 'nginx',
          env: noAccept,
          resources: {
            requests: { 'tke.cloud.tencent.com/eni-ip': count },
            limits: { 'tke.cloud.tencent.com/eni-ip': count },
          },
        },
      ],
    });
    await fixture.pod(namespace, 'many', asking('1000'));
    const pod = await fixture.cluster.client.waitFor(
      pods,
      namespace,
      'many',
      (one) => conditionOf(one?.status?.conditions, 'PodScheduled')?.status === 'False',
    );
    expect(conditionOf(pod?.status?.conditions, 'PodScheduled')).toMatchObject({
      reason: 'Unschedulable',
      message: '0/3 nodes are available: 3 Insufficient tke.cloud.tencent.com/eni-ip.',
    });
    await fixture.pod(namespace, 'few', asking('1'));
    await fixture.readyPod(namespace, 'few');
  });
});

describe('a Pod that is deleted', () => {
  const end = async (namespace: string, graceSeconds?: number) => {
    const { seen, close } = await follow(namespace, 'one');
    const startedMs = Date.now();
    await fixture.remove(namespace, 'one', graceSeconds);
    await fixture.untilGone(namespace, 'one');
    const tookMs = Date.now() - startedMs;
    close();
    return { tookMs, seen };
  };

  it('goes on answering while it accepts, with Connection: close, finishes what is in flight and exits 0', async () => {
    const namespace = await fixture.namespace('graceful');
    await fixture.pod(namespace, 'one', {
      containers: [{ name: 'nginx', image: 'nginx', env: [{ name: 'ACCEPT_SECONDS', value: '1' }] }],
    });
    const pod = await fixture.readyPod(namespace, 'one');
    await until(
      () =>
        fixture.get(pod).then(
          () => true,
          () => false,
        ),
      'an answer',
    );
    expect((await fixture.get(pod)).connection).toBe('keep-alive');
    const slow = fixture.get(pod, '/slow?ms=2500');
    await fixture.cluster.client.delete(pods, namespace, 'one');
    await until(async () => (await fixture.get(pod)).connection === 'close', 'Connection: close');
    await until(
      () =>
        fixture.get(pod).then(
          () => false,
          (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
        ),
      'no new connection',
    );
    expect(JSON.parse((await slow).body)).toMatchObject({ pod: 'one' });
    await fixture.untilGone(namespace, 'one');
  });

  it('is shown with its containers terminated and a terminal phase before it is gone', async () => {
    const namespace = await fixture.namespace('terminal');
    await fixture.pod(namespace, 'one');
    await fixture.readyPod(namespace, 'one');
    const { seen } = await end(namespace);
    const last = seen.filter((pod) => stateOf(pod)?.state.terminated !== undefined).at(-1);
    expect(last?.status?.phase).toBe('Succeeded');
    expect(stateOf(last)?.state.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(isPodReady(last ?? never())).toBe(false);
  });

  it('runs its preStop sleep before SIGTERM', async () => {
    const namespace = await fixture.namespace('sleep');
    await fixture.pod(namespace, 'one', {
      containers: [{ name: 'a', image: 'abrupt', lifecycle: { preStop: { sleep: { seconds: 2 } } } }],
    });
    const pod = await fixture.readyPod(namespace, 'one');
    await until(
      () =>
        fixture.get(pod).then(
          () => true,
          () => false,
        ),
      'an answer',
    );
    const deletedMs = Date.now();
    await fixture.cluster.client.delete(pods, namespace, 'one');
    let lastAnswerMs = 0;
    await until(
      () =>
        fixture.get(pod).then(
          () => {
            lastAnswerMs = Date.now();
            return false;
          },
          () => true,
        ),
      'it closes',
    );
    expect(lastAnswerMs - deletedMs).toBeGreaterThan(1800);
    await fixture.untilGone(namespace, 'one');
  });

  it('runs its preStop command before SIGTERM', async () => {
    const namespace = await fixture.namespace('exec');
    await fixture.pod(namespace, 'one', {
      containers: [
        {
          name: 'a',
          image: 'abrupt',
          lifecycle: { preStop: { exec: { command: ['sh', '-c', 'sleep 1.5'] } } },
        },
      ],
    });
    await fixture.readyPod(namespace, 'one');
    const { tookMs } = await end(namespace);
    expect(tookMs).toBeGreaterThanOrEqual(1500);
    expect(tookMs).toBeLessThan(9000);
  });

  it('is killed at the end of its grace period', async () => {
    const namespace = await fixture.namespace('kill');
    await fixture.pod(namespace, 'one', {
      terminationGracePeriodSeconds: 3,
      containers: [{ name: 'nginx', image: 'nginx', env: [{ name: 'ACCEPT_SECONDS', value: '60' }] }],
    });
    await fixture.readyPod(namespace, 'one');
    const { tookMs, seen } = await end(namespace);
    expect(tookMs).toBeGreaterThanOrEqual(2900);
    expect(tookMs).toBeLessThan(8000);
    const last = seen.filter((pod) => stateOf(pod)?.state.terminated !== undefined).at(-1);
    expect(stateOf(last)?.state.terminated).toMatchObject({ exitCode: 137 });
    expect(last?.status?.phase).toBe('Failed');
  });

  it('ends earlier when a second deletion asks for it', async () => {
    const namespace = await fixture.namespace('second');
    await fixture.pod(namespace, 'one', {
      terminationGracePeriodSeconds: 60,
      containers: [{ name: 'nginx', image: 'nginx', env: [{ name: 'ACCEPT_SECONDS', value: '60' }] }],
    });
    await fixture.readyPod(namespace, 'one');
    await fixture.cluster.client.delete(pods, namespace, 'one');
    const { tookMs } = await end(namespace, 1);
    expect(tookMs).toBeLessThan(10_000);
  });

  it('closes at once with the abrupt image', async () => {
    const namespace = await fixture.namespace('abrupt');
    await fixture.pod(namespace, 'one', { containers: [{ name: 'a', image: 'abrupt' }] });
    const pod = await fixture.readyPod(namespace, 'one');
    await until(
      () =>
        fixture.get(pod).then(
          () => true,
          () => false,
        ),
      'an answer',
    );
    const slow = fixture.get(pod, '/slow?ms=5000').then(
      () => 'answered',
      () => 'cut',
    );
    await fixture.cluster.client.delete(pods, namespace, 'one');
    expect(await slow).toBe('cut');
    await fixture.untilGone(namespace, 'one', 5000);
  });

  it('gives its address back, which is not used again soon', async () => {
    const namespace = await fixture.namespace('address');
    await fixture.pod(namespace, 'one');
    const first = await fixture.readyPod(namespace, 'one');
    await end(namespace);
    await fixture.pod(namespace, 'one');
    const second = await fixture.readyPod(namespace, 'one');
    expect(second.status?.podIP).not.toBe(first.status?.podIP);
  });
});

const never = (): never => {
  throw new Error('there is none');
};

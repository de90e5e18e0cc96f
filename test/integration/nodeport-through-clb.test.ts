import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services } from '../../infra/sandbox/cluster/objects.ts';
import { type Fixture as ClbFixture, startFixture } from '../contract/clb-simulator-fixture.ts';
import { until, useCluster } from './sandbox-cluster-fixture.ts';

/** The way of a request in NodePort mode: load balancer, node, Pod. */

const fixture = useCluster({
  nodes: 3,
  kubeletTimes: { podStartMs: 20 },
  kubeProxy: { times: { minSyncPeriodMs: 100, syncMs: [5, 20] } },
});
let clb: ClbFixture;
beforeAll(async () => {
  clb = await startFixture({ addresses: fixture.addresses });
  for (const { instanceId, ip } of fixture.cluster.nodes) clb.simulator.instances.set(instanceId, ip);
});
afterAll(() => clb?.close());

interface Answer {
  readonly pod: string;
  /** The address that the Pod saw. */
  readonly client: string;
}

const ask = (vip: string, client: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const localAddress = fixture.addresses.sourceOf(client);
    const asked = request(
      {
        ...fixture.addresses.socketOf(vip, 80),
        agent: false,
        ...(localAddress === undefined ? {} : { localAddress }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const { pod, client: seen }: Answer = JSON.parse(body);
          resolve({ pod, client: fixture.addresses.ordinary(seen.replace(/^::ffff:/, '')) });
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });

/** Two Pods on the first two nodes, a Service, and a load balancer with every node behind it. */
const setUp = async (namespace: string, policy: 'Cluster' | 'Local'): Promise<string> => {
  await fixture.namespace(namespace);
  await fixture.expose(namespace, { type: 'LoadBalancer', externalTrafficPolicy: policy });
  const [first, second] = fixture.cluster.nodes;
  for (const node of [first, second]) {
    const name = `on-${node?.instanceId}`;
    await fixture.pod(namespace, name, { nodeSelector: { 'kubernetes.io/hostname': node?.name ?? '' } });
    await fixture.readyPod(namespace, name);
  }
  const { spec } = await fixture.cluster.client.get(services, namespace, 'web');
  const nodePort = spec.ports?.[0]?.nodePort ?? 0;
  const { id, vip } = await clb.createLoadBalancer();
  const [listenerId = ''] = await clb.createListeners(id, [80]);
  await clb.client.BatchRegisterTargets({
    LoadBalancerId: id,
    Targets: fixture.cluster.nodes.map(({ instanceId }) => ({
      ListenerId: listenerId,
      InstanceId: instanceId,
      Port: nodePort,
      Weight: 10,
    })),
  });
  await clb.unlocked(id);
  const serving = policy === 'Cluster' ? 3 : 2;
  const states = (): string[] =>
    clb.simulator
      .state()
      .loadBalancers.find((lb) => lb.id === id)
      ?.listeners.flatMap(({ targets }) => targets.map(({ health }) => health))
      .sort() ?? [];
  const wanted = [...Array(serving).fill('Alive'), ...Array(3 - serving).fill('Dead')];
  await until(
    () => states().join() === wanted.join(),
    () => `${wanted.join()}, but ${states().join()}`,
  );
  const client = fixture.addresses.allocate('client');
  // A container listens a moment after its Pod is Ready: it has no probe.
  await until(async () => {
    const asked = await Promise.allSettled(Array.from({ length: 12 }, () => ask(vip, client)));
    return asked.every(({ status }) => status === 'fulfilled');
  }, 'every Pod answers');
  return vip;
};

const podsOf = (answers: readonly Answer[]): string[] => [...new Set(answers.map(({ pod }) => pod))].sort();

const askMany = async (vip: string, client: string): Promise<Answer[]> => {
  const answers: Answer[] = [];
  for (let asked = 0; asked < 40; asked += 1) answers.push(await ask(vip, client));
  return answers;
};

describe('a request through a load balancer that has nodes for targets', () => {
  it('shows the Pod a node in place of its client with policy Cluster; every node is Alive', async () => {
    const vip = await setUp('cluster', 'Cluster');
    const answers = await askMany(vip, fixture.addresses.allocate('client'));
    expect(podsOf(answers)).toHaveLength(2);
    const nodes = fixture.cluster.nodes.map(({ ip }) => ip);
    if (fixture.addresses.mode === 'range') {
      expect([...new Set(answers.map(({ client }) => client))].sort()).toEqual(nodes.sort());
    }
  });

  it('keeps its client with policy Local; only nodes with a Pod are Alive', async () => {
    const vip = await setUp('local', 'Local');
    const client = fixture.addresses.allocate('client');
    const answers = await askMany(vip, client);
    expect(podsOf(answers)).toHaveLength(2);
    if (fixture.addresses.mode === 'range') {
      expect([...new Set(answers.map((answer) => answer.client))]).toEqual([client]);
    }
  });
});

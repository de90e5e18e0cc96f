import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { NodePortRefusal } from '../../infra/sandbox/cluster/kube-proxy/node-port.ts';
import { type Pod, pods, services } from '../../infra/sandbox/cluster/objects.ts';
import { seededRandom } from '../../infra/sandbox/random.ts';
import { until, useCluster } from './sandbox-cluster-fixture.ts';

const nodeNames = ['one', 'two', 'three'] as const;
type NodeName = (typeof nodeNames)[number];

const refusals: NodePortRefusal[] = [];
const fixture = useCluster({
  nodes: nodeNames.map((name) => ({ name })),
  kubeletTimes: { podStartMs: 20 },
  kubeProxy: {
    random: seededRandom(7),
    times: { minSyncPeriodMs: 100, syncMs: [5, 20] },
    onRefused: (refusal) => refusals.push(refusal),
  },
});

const nodeIp = (name: NodeName): string => {
  const node = fixture.cluster.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node.ip;
};

const stateOf = (name: NodeName) => {
  const state = fixture.cluster.kubeProxy?.state().find(({ node }) => node === name);
  if (state === undefined) throw new Error(`no kube-proxy on ${name}`);
  return state;
};

const endpointsAt = (name: NodeName, nodePort: number): number =>
  stateOf(name).nodePorts.find((rule) => rule.nodePort === nodePort)?.endpoints.length ?? 0;

const untilEndpoints = (name: NodeName, nodePort: number, count: number): Promise<void> =>
  until(() => endpointsAt(name, nodePort) === count, `${count} endpoints at ${name}:${nodePort}`);

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Asks a port of a node over a connection of its own. */
const ask = (name: NodeName, nodePort: number, clientIp?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const localAddress = clientIp === undefined ? undefined : fixture.addresses.sourceOf(clientIp);
    const asked = request(
      {
        ...fixture.addresses.socketOf(nodeIp(name), nodePort),
        agent: false,
        ...(localAddress === undefined ? {} : { localAddress }),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body, headers: response.headers });
        });
        response.on('error', reject);
      },
    );
    asked.on('error', reject);
    asked.end();
  });

const askPod = async (
  name: NodeName,
  nodePort: number,
  clientIp?: string,
): Promise<{ pod: string; client: string }> => {
  const { body } = await ask(name, nodePort, clientIp);
  const { pod, client }: { pod: string; client: string } = JSON.parse(body);
  return { pod, client: fixture.addresses.ordinary(client.replace(/^::ffff:/, '')) };
};

const on = (name: NodeName) => ({ nodeSelector: { 'kubernetes.io/hostname': name } });

const nodePortOf = async (namespace: string): Promise<{ nodePort: number; healthPort: number }> => {
  const { spec } = await fixture.cluster.client.get(services, namespace, 'web');
  return { nodePort: spec.ports?.[0]?.nodePort ?? 0, healthPort: spec.healthCheckNodePort ?? 0 };
};

const runPods = async (namespace: string, where: readonly NodeName[]): Promise<Pod[]> => {
  const made = where.map((node, index) => fixture.pod(namespace, `p${index}`, on(node)));
  const names = (await Promise.all(made)).map(({ metadata }) => metadata.name);
  return Promise.all(names.map((name) => fixture.readyPod(namespace, name)));
};

/** Resolves with the answer once the containers behind it listen. */
const untilAnswers = (name: NodeName, nodePort: number, count: number): Promise<void> =>
  until(async () => {
    const asked = await Promise.allSettled(Array.from({ length: count }, () => ask(name, nodePort)));
    return asked.every(({ status }) => status === 'fulfilled');
  }, `${name}:${nodePort} answers`);

describe('a node port of policy Cluster', () => {
  it('spreads connections over the Pods of all nodes, and every Pod sees the node', async () => {
    const namespace = await fixture.namespace('spread');
    await fixture.expose(namespace, { type: 'NodePort' });
    const { nodePort } = await nodePortOf(namespace);
    const running = await runPods(namespace, ['one', 'two', 'three']);
    for (const name of nodeNames) await untilEndpoints(name, nodePort, 3);
    for (const name of nodeNames) await untilAnswers(name, nodePort, 12);
    const client = fixture.addresses.allocate('client');
    const counts = new Map<string, number>();
    for (let asked = 0; asked < 90; asked += 1) {
      const seen = await askPod('one', nodePort, client);
      counts.set(seen.pod, (counts.get(seen.pod) ?? 0) + 1);
      if (fixture.addresses.mode === 'range') expect(seen.client).toBe(nodeIp('one'));
    }
    expect([...counts.keys()].sort()).toEqual(running.map((pod) => pod.metadata.name).sort());
    for (const count of counts.values()) expect(count).toBeGreaterThan(15);
    // A node without a Pod of it answers as well as any other.
    await fixture.remove(namespace, 'p2', 0);
    await untilEndpoints('three', nodePort, 2);
    expect((await askPod('three', nodePort, client)).pod).not.toBe('p2');
  });

  it('refuses while there is no endpoint, and listens anew when there is one', async () => {
    const namespace = await fixture.namespace('empty');
    await fixture.expose(namespace, { type: 'NodePort' });
    const { nodePort } = await nodePortOf(namespace);
    await until(
      () => stateOf('one').nodePorts.some((rule) => rule.nodePort === nodePort),
      'the port is known',
    );
    await expect(ask('one', nodePort)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await runPods(namespace, ['two']);
    await untilEndpoints('one', nodePort, 1);
    await untilAnswers('one', nodePort, 1);
    await fixture.remove(namespace, 'p0', 0);
    await untilEndpoints('one', nodePort, 0);
    await expect(ask('one', nodePort)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await fixture.cluster.client.delete(services, namespace, 'web');
    await until(
      () => !stateOf('one').nodePorts.some((rule) => rule.nodePort === nodePort),
      'the port is forgotten',
    );
  });

  it('resets a connection that its Pod does not take, and tells who', async () => {
    const namespace = await fixture.namespace('deaf');
    await fixture.expose(namespace, {
      type: 'NodePort',
      ports: [{ name: 'http', port: 80, targetPort: 81 }],
    });
    const { nodePort } = await nodePortOf(namespace);
    const [pod] = await runPods(namespace, ['one']);
    await untilEndpoints('two', nodePort, 1);
    const client = fixture.addresses.allocate('client');
    await expect(ask('two', nodePort, client)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(refusals.filter((refusal) => refusal.nodePort === nodePort)).toEqual([
      {
        nodeIp: nodeIp('two'),
        nodePort,
        service: { namespace, name: 'web' },
        client: fixture.addresses.mode === 'range' ? client : '127.0.0.1',
        endpoint: { ip: pod?.status?.podIP, port: 81 },
        code: 'ECONNREFUSED',
      },
    ]);
  });

  it('keeps a client at its Pod where the Service asks for affinity', async () => {
    const namespace = await fixture.namespace('affine');
    await fixture.expose(namespace, { type: 'NodePort', sessionAffinity: 'ClientIP' });
    const { nodePort } = await nodePortOf(namespace);
    await runPods(namespace, ['one', 'two', 'three']);
    await untilEndpoints('two', nodePort, 3);
    // Affinity holds each address at one Pod, so each Pod is waited for by itself.
    const client = fixture.addresses.allocate('client');
    await until(
      () =>
        askPod('two', nodePort, client).then(
          () => true,
          () => false,
        ),
      'the Pod answers',
    );
    const first = await askPod('two', nodePort, client);
    for (let asked = 0; asked < 20; asked += 1) {
      expect((await askPod('two', nodePort, client)).pod).toBe(first.pod);
    }
  });
});

describe('a node port of policy Local', () => {
  it('goes to its own Pods only, shows them the client, refuses where it has none, and says so on the health port', async () => {
    const namespace = await fixture.namespace('local');
    await fixture.expose(namespace, { type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
    const { nodePort, healthPort } = await nodePortOf(namespace);
    await runPods(namespace, ['one', 'one', 'two']);
    await untilEndpoints('one', nodePort, 2);
    await untilEndpoints('two', nodePort, 1);
    await untilAnswers('one', nodePort, 12);
    await untilAnswers('two', nodePort, 1);
    const client = fixture.addresses.allocate('client');
    for (let asked = 0; asked < 20; asked += 1) {
      const seen = await askPod('one', nodePort, client);
      expect(['p0', 'p1']).toContain(seen.pod);
      if (fixture.addresses.mode === 'range') expect(seen.client).toBe(client);
    }
    expect((await askPod('two', nodePort, client)).pod).toBe('p2');
    await expect(ask('three', nodePort)).rejects.toMatchObject({ code: 'ECONNREFUSED' });

    const service = { namespace, name: 'web' };
    const healthy = await ask('one', healthPort);
    expect(healthy.status).toBe(200);
    expect(JSON.parse(healthy.body)).toEqual({ service, localEndpoints: 2, serviceProxyHealthy: true });
    expect(healthy.headers['x-load-balancing-endpoint-weight']).toBe('2');
    const without = await ask('three', healthPort);
    expect(without.status).toBe(503);
    expect(JSON.parse(without.body)).toMatchObject({ localEndpoints: 0 });
  });
});

/** A connection to `tcp-echo` with what came back on it. */
const openLines = async (name: NodeName, nodePort: number): Promise<{ socket: Socket; text(): string }> => {
  let text = '';
  const socket = connect(fixture.addresses.socketOf(nodeIp(name), nodePort));
  socket.setEncoding('utf8');
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  await until(() => text.includes('\n') || socket.destroyed, 'a greeting');
  return { socket, text: () => text };
};

describe('an open connection', () => {
  it('stays with a Pod that leaves the endpoints, while new ones go to others', async () => {
    const namespace = await fixture.namespace('kept');
    await fixture.expose(namespace, {
      type: 'NodePort',
      ports: [{ name: 'echo', port: 9000, targetPort: 9000 }],
    });
    const { nodePort } = await nodePortOf(namespace);
    const spec = (node: NodeName, acceptSeconds: string) => ({
      ...on(node),
      terminationGracePeriodSeconds: 60,
      containers: [
        {
          name: 'echo',
          image: 'tcp-echo',
          env: [{ name: 'ACCEPT_SECONDS', value: acceptSeconds }],
          ports: [{ containerPort: 9000 }],
        },
      ],
    });
    await fixture.pod(namespace, 'old', spec('two', '50'));
    await fixture.readyPod(namespace, 'old');
    await untilEndpoints('one', nodePort, 1);
    let lines = await openLines('one', nodePort);
    await until(async () => {
      if (lines.text().startsWith('old ')) return true;
      lines = await openLines('one', nodePort);
      return false;
    }, 'the old Pod greets');

    await fixture.pod(namespace, 'new', spec('three', '0'));
    await fixture.readyPod(namespace, 'new');
    await fixture.cluster.client.delete(pods, namespace, 'old');
    await until(async () => {
      const { endpoints = [] } = stateOf('one').nodePorts.find((rule) => rule.nodePort === nodePort) ?? {};
      const { status } = await fixture.cluster.client.get(pods, namespace, 'new');
      return endpoints.length === 1 && endpoints[0]?.ip === status?.podIP;
    }, 'new connections go to the new Pod only');
    await until(async () => {
      const other = await openLines('one', nodePort);
      other.socket.destroy();
      return other.text().startsWith('new ');
    }, 'the new Pod greets');

    lines.socket.write('still here\n');
    await until(() => lines.text().includes('still here'), 'the old Pod still echoes');
    await fixture.cluster.client.delete(services, namespace, 'web');
    await until(() => endpointsAt('one', nodePort) === 0, 'the Service is forgotten');
    lines.socket.write('even now\n');
    await until(() => lines.text().includes('even now'), 'the connection outlives the Service');
    expect(stateOf('one').connections).toBeGreaterThan(0);
    lines.socket.destroy();
    await fixture.remove(namespace, 'old', 0);
    await fixture.remove(namespace, 'new', 0);
  });
});

describe('nodes', () => {
  it('have ids that a load balancer can name them by', async () => {
    const ids = fixture.cluster.nodes.map(({ instanceId }) => instanceId);
    expect(new Set(ids).size).toBe(3);
    for (const { name, instanceId } of fixture.cluster.nodes) {
      expect(instanceId).toMatch(/^ins-[a-z0-9]{8}$/);
      const node = await fixture.cluster.client.request<{ spec: { providerID: string } }>(
        'GET',
        `/api/v1/nodes/${name}`,
      );
      expect(node.spec.providerID).toBe(`qcloud:///800002/${instanceId}`);
    }
  });

  /** Last: the node stays dead. */
  it('that die take their ports and connections with them', async () => {
    const namespace = await fixture.namespace('dead');
    await fixture.expose(namespace, { type: 'NodePort' });
    const { nodePort } = await nodePortOf(namespace);
    await runPods(namespace, ['one']);
    await untilEndpoints('three', nodePort, 1);
    await untilAnswers('three', nodePort, 1);
    const lines = await (async () => {
      const socket = connect(fixture.addresses.socketOf(nodeIp('three'), nodePort));
      socket.on('error', () => undefined);
      await until(() => stateOf('three').connections > 0, 'a connection');
      return socket;
    })();
    fixture.cluster.kubelet.stopNode('three');
    await until(() => lines.destroyed, 'the connection is cut');
    await expect(ask('three', nodePort)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect((await ask('one', nodePort)).status).toBe(200);
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { conditionOf, deployments, nodes, pods } from '../../infra/sandbox/cluster/objects.ts';
import { startClients } from '../../infra/sandbox/load/clients.ts';
import { startUdpClient } from '../contract/clb-runtime-fixture.ts';
import { until, useCluster } from './sandbox-cluster-fixture.ts';

const fixture = useCluster({
  kubeletTimes: { podStartMs: 20, heartbeatMs: 500 },
  controllerTimes: { nodeMonitorGraceMs: 3000, orphanedPodMs: 500 },
  nodes: [{ name: 'one' }, { name: 'two', eniIps: 3 }, { name: 'three' }],
});
afterEach(() => fixture.cluster.api.faults.clear());

const noAccept = [{ name: 'ACCEPT_SECONDS', value: '0' }];

describe('nodes', () => {
  it('are Ready, offer ENI addresses and have no taint', async () => {
    const list = (await fixture.cluster.client.list(nodes)).items;
    expect(list.map((node) => node.metadata.name).sort()).toEqual(['one', 'three', 'two']);
    for (const node of list) {
      expect(conditionOf(node.status?.conditions, 'Ready')?.status).toBe('True');
      expect(node.spec?.taints ?? []).toEqual([]);
      expect(Number(node.status?.allocatable?.['tke.cloud.tencent.com/eni-ip'])).toBeGreaterThan(0);
    }
  });

  it('that are cordoned get no Pod', async () => {
    const namespace = await fixture.namespace('cordon');
    const cordon = (name: string, unschedulable: boolean | null) =>
      fixture.cluster.client.patch(nodes, '', name, 'merge', { spec: { unschedulable } });
    await cordon('one', true);
    await cordon('two', true);
    await fixture.deploy(namespace, 3);
    await fixture.untilAvailable(namespace, 3);
    expect((await fixture.pods(namespace)).map((pod) => pod.spec.nodeName)).toEqual([
      'three',
      'three',
      'three',
    ]);
    await cordon('one', null);
    await cordon('two', null);
  });

  it('hold as many Pods as they have ENI addresses', async () => {
    const namespace = await fixture.namespace('full');
    const eni = { 'tke.cloud.tencent.com/eni-ip': '1' };
    await fixture.deploy(namespace, 4, {
      nodeSelector: { 'kubernetes.io/hostname': 'two' },
      containers: [
        { name: 'nginx', image: 'nginx', env: noAccept, resources: { requests: eni, limits: eni } },
      ],
    });
    const waiting = async () => (await fixture.pods(namespace)).filter((pod) => !pod.spec.nodeName);
    await until(
      async () => (await fixture.pods(namespace)).length - (await waiting()).length === 3,
      'three Pods run',
    );
    expect(await waiting()).toHaveLength(1);
    const running = (await fixture.pods(namespace)).find((pod) => pod.spec.nodeName);
    await fixture.remove(namespace, running?.metadata.name ?? '', 0);
    await until(
      async () => (await waiting()).length === 1 && (await fixture.pods(namespace)).length === 4,
      'the next',
    );
  });
});

describe('the stand-ins', () => {
  it('go on where they were when the API server cuts every connection and forgets its history', async () => {
    const namespace = await fixture.namespace('faults');
    const { api, client } = fixture.cluster;
    await fixture.deploy(namespace, 2);
    await fixture.untilAvailable(namespace, 2);
    api.faults.refuseConnections(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    api.faults.refuseConnections(false);
    api.compact();
    await until(
      () =>
        client.patch(deployments, namespace, 'web', 'merge', { spec: { replicas: 4 } }).then(
          () => true,
          () => false,
        ),
      'the server answers',
    );
    await fixture.untilAvailable(namespace, 4);
    // Failing writes are tried again.
    api.faults.add(
      ({ method }) => method === 'PATCH' || method === 'POST',
      { kind: 'status', code: 500 },
      10,
    );
    await until(
      () =>
        client.patch(deployments, namespace, 'web', 'merge', { spec: { replicas: 1 } }).then(
          () => true,
          () => false,
        ),
      'the server answers',
    );
    await until(async () => (await fixture.pods(namespace)).length === 1, 'one Pod');
    await fixture.untilAvailable(namespace, 1);
  });
});

describe('a Pod that is deleted under load', () => {
  it('loses nothing that came while it accepted', async () => {
    const namespace = await fixture.namespace('load');
    await fixture.pod(namespace, 'one', {
      containers: [{ name: 'nginx', image: 'nginx', env: [{ name: 'ACCEPT_SECONDS', value: '3' }] }],
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
    const target = { ip: pod.status?.podIP ?? '', port: 80 };
    const clients = startClients({
      addresses: fixture.addresses,
      programsDir: fixture.programsDir,
      clients: [
        { name: 'new', kind: 'new-connections', target, ratePerSecond: 100 },
        { name: 'kept', kind: 'keep-alive', target, ratePerSecond: 200, connections: 4 },
        { name: 'slow', kind: 'slow', target, path: '/slow?ms=500', ratePerSecond: 10 },
      ],
    });
    try {
      const total = () => clients.reports().reduce((sum, report) => sum + report.total, 0);
      await until(() => clients.reports().length === 3 && total() > 200, 'requests are under way');
      const deletedMs = Date.now();
      await fixture.cluster.client.delete(pods, namespace, 'one');
      await until(() => Date.now() - deletedMs > 1500, 'half of the time to accept has passed');
      const reports = await clients.stop();
      for (const report of reports) expect(report).toMatchObject({ failed: 0, reset: 0, failures: [] });
    } finally {
      clients.close();
    }
    await fixture.untilGone(namespace, 'one');
  });
});

describe('a Pod of long TCP connections', () => {
  it('echoes every line and ends its connections in order', async () => {
    const namespace = await fixture.namespace('tcp');
    await fixture.pod(namespace, 'one', {
      containers: [{ name: 'echo', image: 'tcp-echo', env: noAccept, ports: [{ containerPort: 9000 }] }],
    });
    const pod = await fixture.readyPod(namespace, 'one');
    const clients = startClients({
      addresses: fixture.addresses,
      programsDir: fixture.programsDir,
      clients: [
        {
          name: 'lines',
          kind: 'tcp',
          target: { ip: pod.status?.podIP ?? '', port: 9000 },
          ratePerSecond: 50,
          connections: 2,
        },
      ],
    });
    try {
      await until(() => (clients.reports()[0]?.ok ?? 0) > 20, 'lines come back');
      const [report] = await clients.stop();
      expect(report?.pods).toEqual({ one: report?.ok });
      // Before it listened, connections were refused; none was ever cut.
      for (const failure of report?.failures ?? []) expect(failure.kind).toBe('refused');
      expect(report?.reset).toBe(0);
    } finally {
      clients.close();
    }
    await fixture.remove(namespace, 'one');
    await fixture.untilGone(namespace, 'one');
  });
});

describe('a Pod of datagrams', () => {
  it('sends each back with its name, on its own and its declared UDP ports', async () => {
    const namespace = await fixture.namespace('udp');
    await fixture.pod(namespace, 'one', {
      containers: [
        { name: 'echo', image: 'udp-echo', env: noAccept, ports: [{ containerPort: 9000, protocol: 'UDP' }] },
      ],
    });
    const pod = await fixture.readyPod(namespace, 'one');
    for (const port of [7, 9000]) {
      const client = await startUdpClient(fixture.addresses, pod.status?.podIP ?? '', port);
      try {
        await until(() => {
          client.send('hello');
          return client.received.includes('one hello');
        }, 'an answer');
      } finally {
        client.close();
      }
    }
    await fixture.remove(namespace, 'one');
    await fixture.untilGone(namespace, 'one');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startClients } from '../../infra/sandbox/load/clients.ts';
import { hasRedisServer } from '../../infra/sandbox/redis-server.ts';
import type { Sandbox } from '../../infra/sandbox/sandbox.ts';
import { createClbApi } from '../../shared/clb/clb-api.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { isControlPlaneUnderTest } from '../support/control-plane.ts';
import { requestsForbidden, startSandboxUnderTest } from '../support/sandbox-under-test.ts';
import { answers, until } from './command.ts';
import { hasKubectl, Kubectl } from './kubectl.ts';

// The guide from its first manifest to its last, by kubectl alone, as its reader would go through it.

const examples = 'docs/examples';
const waitMs = 60_000;
const replicas = 3;
/** A real API server has not served the guide's own form of an Ingress since 1.22. */
const ingressFile = isControlPlaneUnderTest ? 'ingress/ingress-v1' : 'guide/ingress';

let sandbox: Sandbox;
const kubectl = new Kubectl();
const folder = mkdtempSync(join(tmpdir(), 'clb-direct-guide-'));

beforeAll(async () => {
  sandbox = await startSandboxUnderTest({ platform: hasRedisServer() ? 'scf' : 'standalone', speed: 10 });
  kubectl.kubeconfig = sandbox.kubeconfigFile;
}, 120_000);

afterAll(async () => {
  await sandbox?.close();
  kubectl.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Applies what stands in no file of the examples. */
const applyText = async (name: string, manifest: object): Promise<string> => {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(manifest));
  return await kubectl.run('apply', '-f', file);
};

const addressPath = 'jsonpath={.status.loadBalancer.ingress[0].ip}';

/** The address that the object shows, once it does. */
const addressOf = async (kind: 'ingress' | 'service', name: string): Promise<string> => {
  let ip = '';
  await until(
    `${kind} ${name} has an address`,
    async () => {
      ip = await kubectl.run('get', kind, name, '-o', addressPath);
      return ip !== '';
    },
    waitMs,
  );
  return ip;
};

/** What the object's Events say, once one of them matches. */
const describedAs = async (kind: string, name: string, pattern: RegExp): Promise<void> => {
  let shown = '';
  await vi.waitFor(
    async () => {
      shown = await kubectl.run('describe', kind, name);
      expect(shown).toMatch(pattern);
    },
    { timeout: waitMs, interval: 250 },
  );
};

interface Answer {
  readonly status: number;
  /** Who opened the connection, and on whose behalf, as the Pod saw it. */
  readonly client?: string;
  readonly forwardedFor?: string;
  readonly pod?: string;
}

/** One request from a client's own address. */
const ask = (vip: string, from: string, headers: Record<string, string> = {}): Promise<Answer> => {
  const { addresses } = sandbox;
  const localAddress = addresses.sourceOf(from);
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...addresses.socketOf(vip, 80),
        agent: false,
        ...(localAddress === undefined ? {} : { localAddress }),
        headers: { host: vip, ...headers },
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          resolve(status === 200 ? { ...JSON.parse(body), status } : { status });
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });
};

/** The load balancer at an address, as the CLB itself knows it. */
const loadBalancerAt = (vip: string) => sandbox.clb.state().loadBalancers.find((one) => one.vip === vip);

const targetsAt = (vip: string) =>
  loadBalancerAt(vip)?.listeners.flatMap(({ rules, targets }) =>
    rules === undefined ? targets : rules.flatMap((rule) => rule.targets),
  ) ?? [];

const serving = (vip: string, count: number): Promise<void> =>
  until(
    `${count} targets serve at ${vip}`,
    () => {
      const targets = targetsAt(vip);
      return (
        targets.length === count && targets.every(({ weight, health }) => weight > 0 && health === 'Alive')
      );
    },
    waitMs,
  );

const podsBy = async (field: string): Promise<ReadonlySet<string>> => {
  const path = `jsonpath={.items[*].${field}}`;
  return new Set((await kubectl.run('get', 'pods', '-l', 'app=nginx', '-o', path)).split(' '));
};
const podIps = (): Promise<ReadonlySet<string>> => podsBy('status.podIP');

/** The Pod sees the client behind the load balancer's own connection. */
const expectClientToBeSeen = async (vip: string): Promise<void> => {
  const from = sandbox.addresses.allocate('client');
  const answer = await ask(vip, from);
  expect(answer).toMatchObject({ status: 200, pod: expect.stringMatching(/^nginx-deployment-eni-/) });
  if (sandbox.addresses.mode === 'range') {
    expect(answer.forwardedFor).toBe(from);
    // What a client says about itself stands before what the load balancer knows.
    const posing = await ask(vip, from, { 'x-forwarded-for': '203.0.113.7' });
    expect(posing.forwardedFor).toBe(`203.0.113.7, ${from}`);
  }
};

/** `kubectl rollout restart` while clients ask all of these addresses. */
const restartUnderLoad = async (vips: readonly string[]): Promise<void> => {
  const [before, namesBefore] = [await podIps(), await podsBy('metadata.name')];
  const clients = startClients({
    addresses: sandbox.addresses,
    clients: vips.flatMap((ip) => [
      { name: `new to ${ip}`, kind: 'new-connections', target: { ip, port: 80 }, ratePerSecond: 40 },
      { name: `kept to ${ip}`, kind: 'keep-alive', target: { ip, port: 80 }, ratePerSecond: 40 },
    ]),
  });
  try {
    await until('every client gets answers', () => {
      const reports = clients.reports();
      return reports.length === 2 * vips.length && reports.every(({ ok }) => ok > 0);
    });
    await kubectl.run('rollout', 'restart', 'deployment/nginx-deployment-eni');
    expect(await kubectl.run('rollout', 'status', 'deployment/nginx-deployment-eni')).toMatch(
      /successfully rolled out/,
    );
    await until(
      'no old Pod is bound any more',
      () => vips.every((vip) => targetsAt(vip).every(({ ip }) => !before.has(ip))),
      waitMs,
    );
    await until('every client has answers of new Pods, too', () =>
      clients.reports().every(({ pods }) => Object.keys(pods).some((name) => !namesBefore.has(name))),
    );
    const reports = await clients.stop();
    expect(reports.map(({ name, failures }) => ({ name, failures }))).toEqual(
      reports.map(({ name }) => ({ name, failures: [] })),
    );
    for (const { total, pods } of reports) {
      expect(total).toBeGreaterThan(100);
      expect(Object.keys(pods).some((name) => namesBefore.has(name))).toBe(true);
    }
  } finally {
    clients.close();
  }
};

const closes = async (vip: string): Promise<void> => {
  const at = sandbox.addresses.socketOf(vip, 80);
  await until('its load balancer is gone', () => loadBalancerAt(vip) === undefined, waitMs);
  expect(await answers(at)).toBe(false);
};

describe.skipIf(!hasKubectl())('the guide', { timeout: 180_000 }, () => {
  let serviceIp = '';
  let ingressIp = '';

  it('applies as it stands; its Service points straight at its Pods', async () => {
    for (const [file, made] of [
      ['guide/deployment', 'deployment.apps/nginx-deployment-eni created'],
      ['guide/service', 'service/nginx-service-eni created'],
      [ingressFile, 'ingress.networking.k8s.io/test-ingress created'],
    ] as const) {
      expect(await kubectl.run('apply', '-f', `${examples}/${file}.yaml`)).toContain(made);
    }
    serviceIp = await addressOf('service', 'nginx-service-eni');
    await serving(serviceIp, replicas);
    expect(new Set(targetsAt(serviceIp).map(({ ip }) => ip))).toEqual(await podIps());
  });

  it('says on the Ingress that the guide defines no Service for it', async () => {
    await describedAs('ingress', 'test-ingress', /Warning +BackendServiceMissing .*E4041.*default\/nginx/);
  });

  it('serves the Ingress as soon as there is that Service, and shows Pods who asked', async () => {
    await kubectl.run('apply', '-f', `${examples}/ingress/service.yaml`);
    ingressIp = await addressOf('ingress', 'test-ingress');
    await serving(ingressIp, replicas);
    expect(await kubectl.run('get', 'ingress', 'test-ingress')).toContain(ingressIp);
    await expectClientToBeSeen(ingressIp);
  });

  it('loses nothing while the Deployment is restarted behind both of them (L1)', async () => {
    await restartUnderLoad([serviceIp, ingressIp]);
  });

  it('takes the load balancer away with the Ingress, and leaves the Service’s alone', async () => {
    await kubectl.run('delete', '-f', `${examples}/${ingressFile}.yaml`);
    await closes(ingressIp);
    expect(await ask(serviceIp, sandbox.addresses.allocate('client'))).toMatchObject({ status: 200 });
  });

  it.skipIf(isControlPlaneUnderTest)('does the same with the Ingress in its v1 form', async () => {
    expect(await kubectl.run('apply', '-f', `${examples}/ingress/ingress-v1.yaml`)).toMatch(
      /test-ingress created/,
    );
    ingressIp = await addressOf('ingress', 'test-ingress');
    await serving(ingressIp, replicas);
    await expectClientToBeSeen(ingressIp);
    await restartUnderLoad([ingressIp]);
    await kubectl.run('delete', '-f', `${examples}/ingress/ingress-v1.yaml`);
    await closes(ingressIp);
  });

  it('without direct access goes by way of node ports: Pods see a node, not the client', async () => {
    await kubectl.run('apply', '-f', `${examples}/node-port/service.yaml`);
    const vip = await addressOf('service', 'nginx-service');
    const nodes = sandbox.cluster.nodes.map(({ ip }) => ip);
    await serving(vip, nodes.length);
    expect(new Set(targetsAt(vip).map(({ ip }) => ip))).toEqual(new Set(nodes));
    const from = sandbox.addresses.allocate('client');
    const [through, straight] = [await ask(vip, from), await ask(serviceIp, from)];
    expect([through.status, straight.status]).toEqual([200, 200]);
    if (sandbox.addresses.mode === 'range') {
      expect(nodes).toContain(sandbox.addresses.ordinary(through.client ?? ''));
      expect(sandbox.addresses.ordinary(straight.client ?? '')).toBe(from);
    }
    await kubectl.run('delete', '-f', `${examples}/node-port/service.yaml`);
    await closes(vip);
  });

  it('of two Ingresses that want one host and path tells the younger one, until the older one goes', async () => {
    const { clb } = sandbox;
    const api = createClbApi({
      region: clb.region,
      endpoint: new URL(clb.url).host,
      protocol: 'http:',
      credentials: () => ({ secretId: clb.secretId, secretKey: clb.secretKey }),
      clock: systemClock,
    });
    const asked = { LoadBalancerType: 'OPEN', VpcId: clb.vpcId };
    const [existing = ''] = (await api.call('CreateLoadBalancer', asked)).loadBalancerIds;
    api.close();
    const found = () => clb.state().loadBalancers.find(({ id }) => id === existing);
    await until('the user’s load balancer runs', () => found()?.status === 1, waitMs);
    const vip = found()?.vip ?? '';
    const ingress = (name: string, host: string) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        name,
        annotations: {
          'ingress.cloud.tencent.com/direct-access': 'true',
          'kubernetes.io/ingress.existLbId': existing,
        },
      },
      spec: {
        ingressClassName: 'qcloud',
        rules: [
          {
            host,
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 'nginx', port: { number: 80 } } },
                },
              ],
            },
          },
        ],
      },
    });
    await applyText('older', ingress('older', 'shop.example.com'));
    await serving(vip, replicas);
    await applyText('younger', ingress('younger', 'shop.example.com'));
    await describedAs('ingress', 'younger', /Warning +RuleTaken .*D1020.*shop\.example\.com.*default\/older/);
    expect(await kubectl.run('describe', 'ingress', 'older')).not.toContain('RuleTaken');
    expect(found()?.listeners.map(({ rules }) => rules?.length)).toEqual([1]);
    await kubectl.run('delete', 'ingress', 'older');
    await serving(vip, replicas);
    const from = sandbox.addresses.allocate('client');
    expect(await ask(vip, from, { host: 'shop.example.com' })).toMatchObject({ status: 200 });
    await kubectl.run('delete', 'ingress', 'younger');
    // It is the user's: only what was made in it goes.
    expect(found()?.listeners).toEqual([]);
  });

  it.runIf(isControlPlaneUnderTest)('has refused clb-direct nothing for want of a right', async () => {
    expect(await requestsForbidden(sandbox)).toEqual([]);
  });
});

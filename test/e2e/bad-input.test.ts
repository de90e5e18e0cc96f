import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EndpointSlice,
  endpointSlices,
  events,
  type KubernetesObject,
  type Pod,
  pods,
  type Service,
  services,
} from '../../infra/sandbox/cluster/objects.ts';
import { type Sandbox, startSandbox } from '../../infra/sandbox/sandbox.ts';

interface EventObject extends KubernetesObject {
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
}

const namespace = 'default';
const direct = { 'service.cloud.tencent.com/direct-access': 'true' };

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ speed: 50, systemEnv: { CLB_DIRECT_REQUIRE_ENI: 'true' } });
});

afterAll(() => sandbox?.close());

const aService = (
  name: string,
  more: Record<string, unknown> = {},
  annotations: Record<string, string> = direct,
) =>
  ({
    metadata: { name, namespace, annotations },
    spec: {
      type: 'LoadBalancer',
      selector: { app: name },
      ports: [{ name: 'http', port: 80, targetPort: 80 }],
      ...more,
    },
  }) as unknown as Service;

const aPod = (name: string, app: string, more: Record<string, unknown> = {}) =>
  ({
    metadata: {
      name,
      namespace,
      labels: { app },
      annotations: { 'tke.cloud.tencent.com/networks': 'tke-route-eni' },
      ...more,
    },
    spec: { containers: [{ name: 'nginx', image: 'nginx' }] },
  }) as unknown as Pod;

/** The Event of this code on this very object. */
const eventOn = async (kind: string, name: string, code: string): Promise<EventObject> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const { items } = await sandbox.cluster.client.list(events, { namespace });
    const found = (items as readonly EventObject[]).find(
      ({ involvedObject, message }) =>
        involvedObject?.kind === kind && involvedObject.name === name && message?.startsWith(code) === true,
    );
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no Event ${code} on ${kind} ${name}`);
};

const served = async (name: string): Promise<void> => {
  await sandbox.cluster.client.waitFor(
    services,
    namespace,
    name,
    (service) => JSON.stringify(service ?? {}).includes('"ingress":[{'),
    { timeoutMs: 30_000 },
  );
};

describe('bad input is told on its own object, and the rest goes on (L12)', { timeout: 60_000 }, () => {
  it('an annotation value that is not allowed', async () => {
    await sandbox.cluster.client.create(
      services,
      namespace,
      aService('bad-annotation', {}, { 'service.cloud.tencent.com/direct-access': 'yes' }),
    );
    expect(await eventOn('Service', 'bad-annotation', 'D1001')).toMatchObject({
      type: 'Warning',
      message: expect.stringMatching(/direct-access.*yes.*true.*false/),
    });
  });

  it('a Service without a selector', async () => {
    await sandbox.cluster.client.create(services, namespace, aService('no-selector', { selector: {} }));
    expect((await eventOn('Service', 'no-selector', 'E4082')).message).toMatch(/Give the Service a selector/);
  });

  it('a Pod without an ENI address, an address that is not its Pod’s; the Pods beside them are served', async () => {
    const { client } = sandbox.cluster;
    await client.create(services, namespace, aService('web'));
    await client.create(pods, namespace, aPod('good', 'web'));
    await client.create(pods, namespace, aPod('no-eni', 'web', { annotations: {} }));
    const good = (await client.waitFor(pods, namespace, 'good', (pod) => pod?.status?.podIP !== undefined, {
      timeoutMs: 30_000,
    })) as Pod;
    const forged = {
      metadata: {
        name: 'forged',
        namespace,
        labels: { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'somebody' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
      endpoints: [
        {
          addresses: ['10.250.0.99'],
          conditions: { ready: true },
          targetRef: { kind: 'Pod', namespace, name: 'good', uid: good.metadata.uid },
        },
      ],
    } as unknown as EndpointSlice;
    await client.create(endpointSlices, namespace, forged);
    expect((await eventOn('Pod', 'no-eni', 'E4033')).message).toMatch(/no ENI address/);
    expect((await eventOn('Service', 'web', 'D1002')).message).toMatch(/10\.250\.0\.99.*good/);
    await served('web');
    const bound = sandbox.clb
      .state()
      .loadBalancers.flatMap(({ listeners }) =>
        listeners.flatMap(({ targets }) => targets.map(({ ip }) => ip)),
      );
    expect(bound).toEqual([good.status?.podIP]);
  });
});

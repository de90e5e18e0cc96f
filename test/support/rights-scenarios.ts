import { expect } from 'vitest';
import { loadAuthority } from '../../functions/forwarder/webhook/authority-secret.ts';
import { register } from '../../functions/forwarder/webhook/registration.ts';
import type { Client } from '../../infra/sandbox/cluster/client.ts';
import { type KubernetesObject, pods, type Resource, services } from '../../infra/sandbox/cluster/objects.ts';
import { isStatus } from '../../infra/sandbox/cluster/transport.ts';
import { webhookConfigurations } from '../../infra/sandbox/system/webhook-object.ts';
import type { Connection } from '../../shared/kubernetes/connection.ts';
import { holdLease } from '../../shared/kubernetes/lease.ts';
import { createObjectWriter } from '../../shared/kubernetes/object-writer-http.ts';
import { startReflector } from '../../shared/kubernetes/reflector.ts';
import { readResourceVersion } from '../../shared/kubernetes/resource-version.ts';
import { requestToken } from '../../shared/kubernetes/service-account-token.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type Log, silentLog } from '../../shared/process/log.ts';
import { until } from '../integration/sandbox-programs.ts';

// What each right of infra/deploy/rbac.yaml is for: the part of the product that needs it, run as its own account. It
// works with all of the rights, and fails for want of any one of them.

const own = 'clb-direct';
const gateType = 'cloud.tencent.com/load-balancer-backendgroup-ready';
const day = 86_400_000;
let count = 0;

export interface RightsWorld {
  /** The administrator's. */
  readonly client: Client;
  /** As each account. */
  readonly forwarder: Connection;
  readonly functions: Connection;
}

/** A log that tells of the first failure, for what tries on by itself. */
const listening = (): { readonly log: Log; readonly failed: Promise<never> } => {
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  return { log: { ...silentLog, warn: (_, fields) => fail(fields?.['error']) }, failed };
};

const gone = async <T extends KubernetesObject>(
  { client }: RightsWorld,
  of: Resource<T>,
  namespace: string,
  name: string,
): Promise<void> => {
  await client.delete(of, namespace, name).catch((error: unknown) => {
    if (!isStatus(error, 404)) throw error;
  });
};

const resource = (
  group: string,
  version: string,
  plural: string,
  kind: string,
): Resource<KubernetesObject> => ({
  group,
  version,
  plural,
  kind,
  namespaced: true,
});
const leases = resource('coordination.k8s.io', 'v1', 'leases', 'Lease');
const secrets = resource('', 'v1', 'secrets', 'Secret');
const ingresses = resource('networking.k8s.io', 'v1', 'ingresses', 'Ingress');

const watched = {
  services: '/api/v1/services',
  pods: '/api/v1/pods',
  nodes: '/api/v1/nodes',
  endpointslices: '/apis/discovery.k8s.io/v1/endpointslices',
  ingresses: '/apis/networking.k8s.io/v1/ingresses',
  ingressclasses: '/apis/networking.k8s.io/v1/ingressclasses',
};

/** The forwarder learns all objects of a resource and keeps up with them. */
const keepsUp = async (world: RightsWorld, path: string): Promise<void> => {
  const { log, failed } = listening();
  const reflector = startReflector(world.forwarder, {
    path,
    parse: (fact) => ({ fact }),
    onChange: () => undefined,
    log,
    clock: systemClock,
    random: Math.random,
  });
  try {
    await Promise.race([reflector.synced, failed]);
  } finally {
    await reflector.stop();
  }
};

/** Where a resource is now: a leader asks before it says that everything is put, a planner when it is in doubt. */
const catchesUp = async (world: RightsWorld, path: string): Promise<void> => {
  await readResourceVersion(world.forwarder, path, {}, AbortSignal.timeout(10_000));
};

const leads = async (world: RightsWorld): Promise<void> => {
  await gone(world, leases, own, 'clb-direct-forwarder');
  const { log, failed } = listening();
  const lease = holdLease(world.forwarder, {
    namespace: own,
    name: 'clb-direct-forwarder',
    identity: 'one',
    durationMs: 3_000,
    renewMs: 100,
    clock: systemClock,
    random: Math.random,
    log,
    onAcquired: () => undefined,
    onLost: () => undefined,
  });
  const renewTime = async (): Promise<unknown> => {
    const { spec }: KubernetesObject & { spec?: { renewTime?: string } } = await world.client.get(
      leases,
      own,
      'clb-direct-forwarder',
    );
    return spec?.renewTime;
  };
  const renewed = async (): Promise<void> => {
    await until(() => lease.held, 'it leads');
    const first = await renewTime();
    await until(async () => (await renewTime()) !== first, 'it renews');
  };
  try {
    const works = renewed();
    works.catch(() => undefined);
    await Promise.race([works, failed]);
  } finally {
    await lease.stop();
  }
};

const sharesAuthority = async (world: RightsWorld): Promise<void> => {
  await gone(world, secrets, own, 'clb-direct-webhook-ca');
  const where = { namespace: own, name: 'clb-direct-webhook-ca' };
  await loadAuthority(world.forwarder, where, Date.now());
  // Before it ends it is replaced.
  await loadAuthority(world.forwarder, where, Date.now() + 310 * day);
};

const registers = async (world: RightsWorld): Promise<void> => {
  await gone(world, webhookConfigurations, '', own);
  const settings = {
    configuration: own,
    entry: 'pods.clb-direct.io',
    target: { url: 'https://127.0.0.1:9/mutate' },
  };
  const { current } = await loadAuthority(
    world.forwarder,
    { namespace: own, name: 'clb-direct-webhook-ca' },
    Date.now(),
  );
  await register(world.forwarder, { settings, ownNamespace: own, trust: current.certificatePem });
  await register(world.forwarder, {
    settings: { ...settings, entry: 'b.pods.clb-direct.io' },
    ownNamespace: own,
    trust: current.certificatePem,
  });
};

const refOf = (kind: ObjectRef['kind'], { metadata }: KubernetesObject): ObjectRef => ({
  kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid,
});

const nextName = (): string => {
  count += 1;
  return `web-${count}`;
};

const writer = ({ functions }: RightsWorld) =>
  createObjectWriter(functions, { component: 'clb-direct', now: Date.now });

const newService = async (world: RightsWorld): Promise<ObjectRef> => {
  const made = await world.client.create(services, 'default', {
    metadata: { name: nextName() },
    spec: {
      type: 'LoadBalancer',
      ports: [{ port: 80, protocol: 'TCP' }],
    },
  });
  return refOf('Service', made);
};

const opensGates = async (world: RightsWorld): Promise<void> => {
  const pod = await world.client.create(pods, 'default', {
    metadata: { name: nextName() },
    spec: { containers: [{ name: 'c', image: 'nginx' }], readinessGates: [{ conditionType: gateType }] },
  });
  const outcome = await writer(world).gate({
    pod: refOf('Pod', pod),
    gateType,
    open: true,
    reason: 'LoadBalancerNetworkGroupReady',
    message: 'm',
    lastTransitionTime: new Date().toISOString(),
  });
  expect(outcome).toBe('written');
};

const takesAndLetsGo = async (world: RightsWorld, object: ObjectRef): Promise<void> => {
  expect(await writer(world).claim(object, 1, 'created')).toEqual({ outcome: 'written', life: 1 });
  expect(await writer(world).status(object, [{ kind: 'ip', value: '1.2.3.4' }])).toBe('written');
  expect(await writer(world).release(object, true)).toBe('written');
};

const takesServices = async (world: RightsWorld): Promise<void> =>
  takesAndLetsGo(world, await newService(world));

const takesIngresses = async (world: RightsWorld): Promise<void> => {
  const object = Object.assign(
    { metadata: { name: nextName() } },
    { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
  );
  await takesAndLetsGo(world, refOf('Ingress', await world.client.create(ingresses, 'default', object)));
};

const tellsPeople = async (world: RightsWorld): Promise<void> => {
  const writes = writer(world);
  const object = await newService(world);
  await writes.event({ object, type: 'Warning', reason: 'E4036', message: 'm', dedupKey: 'k' });
  if (writes.counters.eventsDropped > 0) throw new Error('the Event was dropped');
};

/** A part of the product that needs rights; it rejects with what the API server answered, or with what came of it. */
export interface Scenario {
  readonly name: string;
  /** The rights without any of which it fails. */
  readonly needs: readonly string[];
  readonly run: (world: RightsWorld) => Promise<void>;
}

export const scenarios: readonly Scenario[] = [
  ...Object.entries(watched).flatMap(([plural, path]) => [
    {
      name: `the forwarder keeps up with ${plural}`,
      needs: [`clb-direct-forwarder watch ${plural}`],
      run: (world: RightsWorld) => keepsUp(world, path),
    },
    {
      name: `a new leader catches up with ${plural}`,
      needs: [`clb-direct-forwarder list ${plural}`],
      run: (world: RightsWorld) => catchesUp(world, path),
    },
  ]),
  {
    name: 'one forwarder leads',
    needs: [
      'clb-direct-forwarder create leases',
      'clb-direct-forwarder get leases clb-direct-forwarder',
      'clb-direct-forwarder update leases clb-direct-forwarder',
    ],
    run: leads,
  },
  {
    name: 'the replicas share an authority, and replace it before it ends',
    needs: [
      'clb-direct-forwarder create secrets',
      'clb-direct-forwarder get secrets clb-direct-webhook-ca',
      'clb-direct-forwarder update secrets clb-direct-webhook-ca',
    ],
    run: sharesAuthority,
  },
  {
    name: 'each replica registers its webhook',
    needs: [
      'clb-direct-forwarder create mutatingwebhookconfigurations',
      'clb-direct-forwarder get mutatingwebhookconfigurations clb-direct',
      'clb-direct-forwarder update mutatingwebhookconfigurations clb-direct',
    ],
    run: registers,
  },
  {
    name: 'the functions get a token',
    needs: ['clb-direct-forwarder create serviceaccounts/token clb-direct-functions'],
    run: async (world) => {
      await requestToken(world.forwarder, { namespace: own, name: 'clb-direct-functions' });
    },
  },
  { name: 'a gate is opened', needs: ['clb-direct-functions patch pods/status'], run: opensGates },
  {
    name: 'a Service is taken, shows its address and is let go of',
    needs: ['clb-direct-functions patch services/status'],
    run: takesServices,
  },
  {
    name: 'an Ingress is taken, shows its address and is let go of',
    needs: ['clb-direct-functions patch ingresses/status'],
    run: takesIngresses,
  },
  {
    name: 'people are told by an Event',
    needs: ['clb-direct-functions create events'],
    run: tellsPeople,
  },
];

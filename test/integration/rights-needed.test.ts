import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAuthority } from '../../functions/forwarder/webhook/authority-secret.ts';
import { register } from '../../functions/forwarder/webhook/registration.ts';
import { type KubernetesObject, pods, type Resource, services } from '../../infra/sandbox/cluster/objects.ts';
import { isStatus } from '../../infra/sandbox/cluster/transport.ts';
import { type Accounts, createAccounts } from '../../infra/sandbox/system/accounts.ts';
import { clusterRoles, roles } from '../../infra/sandbox/system/rights.ts';
import { webhookConfigurations } from '../../infra/sandbox/system/webhook-object.ts';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { holdLease } from '../../shared/kubernetes/lease.ts';
import { createObjectWriter } from '../../shared/kubernetes/object-writer-http.ts';
import { startReflector } from '../../shared/kubernetes/reflector.ts';
import { createObject, getObject } from '../../shared/kubernetes/request.ts';
import { readResourceVersion } from '../../shared/kubernetes/resource-version.ts';
import { requestToken } from '../../shared/kubernetes/service-account-token.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type Log, silentLog } from '../../shared/process/log.ts';
import { type ApiUnderTest, startApiUnderTest } from '../support/api-under-test.ts';
import { type Right, rights, ruleOf, textOf } from '../support/rights.ts';
import { until } from './sandbox-programs.ts';

// What each right of infra/deploy/rbac.yaml is for: the part of the product that needs it, run as its own account. It
// works with all of the rights, and fails for want of any one of them.

const own = 'clb-direct';
const gateType = 'cloud.tencent.com/load-balancer-backendgroup-ready';
const day = 86_400_000;

let api: ApiUnderTest;
let accounts: Accounts;
let forwarder: Connection;
let functions: Connection;
let count = 0;

beforeAll(async () => {
  api = await startApiUnderTest();
  accounts = await createAccounts(api.client);
  const connect = async (account: 'forwarder' | 'functions'): Promise<Connection> =>
    connectionOf({ server: api.url, ca: api.caPem, token: await accounts.tokenOf(account) });
  forwarder = await connect('forwarder');
  functions = await connect('functions');
});

afterAll(async () => {
  forwarder?.close();
  functions?.close();
  accounts?.close();
  await api?.close();
});

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
  of: Resource<T>,
  namespace: string,
  name: string,
): Promise<void> => {
  await api.client.delete(of, namespace, name).catch((error: unknown) => {
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
const keepsUp = async (path: string): Promise<void> => {
  const { log, failed } = listening();
  const reflector = startReflector(forwarder, {
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
const catchesUp = async (path: string): Promise<void> => {
  await readResourceVersion(forwarder, path, {}, AbortSignal.timeout(10_000));
};

const leads = async (): Promise<void> => {
  await gone(leases, own, 'clb-direct-forwarder');
  const { log, failed } = listening();
  const lease = holdLease(forwarder, {
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
    const { spec }: KubernetesObject & { spec?: { renewTime?: string } } = await api.client.get(
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

const sharesAuthority = async (): Promise<void> => {
  await gone(secrets, own, 'clb-direct-webhook-ca');
  const where = { namespace: own, name: 'clb-direct-webhook-ca' };
  await loadAuthority(forwarder, where, Date.now());
  // Before it ends it is replaced.
  await loadAuthority(forwarder, where, Date.now() + 310 * day);
};

const registers = async (): Promise<void> => {
  await gone(webhookConfigurations, '', own);
  const settings = {
    configuration: own,
    entry: 'pods.clb-direct.io',
    target: { url: 'https://127.0.0.1:9/mutate' },
  };
  const { current } = await loadAuthority(
    forwarder,
    { namespace: own, name: 'clb-direct-webhook-ca' },
    Date.now(),
  );
  await register(forwarder, { settings, ownNamespace: own, trust: current.certificatePem });
  await register(forwarder, {
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

const writer = () => createObjectWriter(functions, { component: 'clb-direct', now: Date.now });

const newService = async (): Promise<ObjectRef> => {
  const made = await api.client.create(services, 'default', {
    metadata: { name: nextName() },
    spec: {
      type: 'LoadBalancer',
      ports: [{ port: 80, protocol: 'TCP' }],
    },
  });
  return refOf('Service', made);
};

const opensGates = async (): Promise<void> => {
  const pod = await api.client.create(pods, 'default', {
    metadata: { name: nextName() },
    spec: { containers: [{ name: 'c', image: 'nginx' }], readinessGates: [{ conditionType: gateType }] },
  });
  const outcome = await writer().gate({
    pod: refOf('Pod', pod),
    gateType,
    open: true,
    reason: 'LoadBalancerNetworkGroupReady',
    message: 'm',
    lastTransitionTime: new Date().toISOString(),
  });
  expect(outcome).toBe('written');
};

const takesAndLetsGo = async (object: ObjectRef): Promise<void> => {
  expect(await writer().claim(object, 1, 'created')).toEqual({ outcome: 'written', life: 1 });
  expect(await writer().status(object, [{ kind: 'ip', value: '1.2.3.4' }])).toBe('written');
  expect(await writer().release(object, true)).toBe('written');
};

const takesServices = async (): Promise<void> => takesAndLetsGo(await newService());

const takesIngresses = async (): Promise<void> => {
  const object = Object.assign(
    { metadata: { name: nextName() } },
    { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } },
  );
  await takesAndLetsGo(refOf('Ingress', await api.client.create(ingresses, 'default', object)));
};

const tellsPeople = async (): Promise<void> => {
  const writes = writer();
  const object = await newService();
  await writes.event({ object, type: 'Warning', reason: 'E4036', message: 'm', dedupKey: 'k' });
  if (writes.counters.eventsDropped > 0) throw new Error('the Event was dropped');
};

interface Scenario {
  readonly name: string;
  /** The rights without any of which it fails. */
  readonly needs: readonly string[];
  readonly run: () => Promise<void>;
}

const scenarios: readonly Scenario[] = [
  ...Object.entries(watched).flatMap(([plural, path]) => [
    {
      name: `the forwarder keeps up with ${plural}`,
      needs: [`clb-direct-forwarder watch ${plural}`],
      run: () => keepsUp(path),
    },
    {
      name: `a new leader catches up with ${plural}`,
      needs: [`clb-direct-forwarder list ${plural}`],
      run: () => catchesUp(path),
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
    run: async () => {
      await requestToken(forwarder, { namespace: own, name: 'clb-direct-functions' });
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

/** Gives a role only these rights, and waits until the API server goes by it. */
const grant = async (right: Right, granted: readonly Right[], isAllowed: boolean): Promise<void> => {
  const { namespace = '', role, group, names, verb } = right;
  const [plural = '', subresource] = right.resource.split('/');
  const rules = granted
    .filter((other) => other.role === role && other.namespace === right.namespace)
    .map(ruleOf);
  const of = namespace === '' ? clusterRoles : roles;
  await api.client.patch(of, namespace, role, 'merge', { rules });
  const attributes = {
    ...(namespace === '' ? {} : { namespace }),
    group,
    resource: plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(names[0] === undefined ? {} : { name: names[0] }),
    verb,
  };
  const asked = right.user.endsWith('functions') ? functions : forwarder;
  await until(
    async () => {
      const review = await createObject(asked, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: attributes },
      });
      return JSON.stringify(review).includes(`"allowed":${isAllowed}`);
    },
    `${textOf(right)} is ${isAllowed ? 'given' : 'taken away'}`,
  );
};

describe('the rights of infra/deploy/rbac.yaml', () => {
  it('are all needed by a scenario, and no scenario needs another', () => {
    expect(scenarios.flatMap(({ needs }) => needs).sort()).toEqual(rights.map(textOf).sort());
  });

  it('are enough: with them, and nothing else, each of the scenarios works', async () => {
    for (const { name, run } of scenarios) {
      await expect(run(), name).resolves.toBeUndefined();
    }
    // And nothing else: what no scenario needs is refused.
    for (const connection of [forwarder, functions]) {
      await expect(getObject(connection, '/api/v1/namespaces/default/secrets')).rejects.toMatchObject({
        status: 403,
      });
    }
  });

  for (const right of rights) {
    const scenario = scenarios.find(({ needs }) => needs.includes(textOf(right)));
    it(`${textOf(right)}: without it fails “${scenario?.name}”`, async () => {
      await grant(
        right,
        rights.filter((other) => other !== right),
        false,
      );
      try {
        const { verb, resource: of } = right;
        await expect(scenario?.run()).rejects.toThrow(
          of === 'events' ? 'the Event was dropped' : new RegExp(`cannot ${verb} resource "${of}"`),
        );
      } finally {
        await grant(right, rights, true);
      }
    });
  }
});

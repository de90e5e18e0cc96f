import { request as httpsRequest } from 'node:https';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadAuthority, pemBlocks } from '../../functions/forwarder/webhook/authority-secret.ts';
import { register } from '../../functions/forwarder/webhook/registration.ts';
import { startWebhook, type Webhook } from '../../functions/forwarder/webhook/webhook.ts';
import { freePort } from '../../infra/sandbox/net/listening.ts';
import { type Connection, connectionOf } from '../../shared/kubernetes/connection.ts';
import { createObject, getObject, replaceObject, requestJson } from '../../shared/kubernetes/request.ts';
import { aServiceFact, aView } from '../../shared/model/builders.ts';
import type { ServiceFact } from '../../shared/model/facts.ts';
import { createFakeClock, type FakeClock } from '../../shared/model/fake-clock.test-support.ts';
import { defaultGateType } from '../../shared/model/names.ts';
import type { WebhookSettings } from '../../shared/process/config.ts';
import { silentLog } from '../../shared/process/log.ts';
import { createMetrics, type Metrics } from '../../shared/process/metrics.ts';
import { type ApiUnderTest, startApiUnderTest } from '../support/api-under-test.ts';
import { isControlPlaneUnderTest } from '../support/control-plane.ts';
import { until } from './sandbox-programs.ts';

interface Pod {
  readonly spec: {
    readonly terminationGracePeriodSeconds: number;
    readonly readinessGates?: readonly { readonly conditionType: string }[];
    readonly containers: readonly { readonly lifecycle?: { readonly preStop?: object } }[];
  };
}

const configurationPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/clb-direct';
const secret = { namespace: 'clb-direct', name: 'webhook-ca' };
const secretPath = '/api/v1/namespaces/clb-direct/secrets/webhook-ca';
const day = 86_400_000;

let api: ApiUnderTest;
/** Where each replica listens on a real server: no Service leads to it there, so it is called by a URL. */
let ports: Readonly<Record<string, number>>;
let connection: Connection;
let clock: FakeClock;
let webhooks: Map<string, Webhook>;
let counter = 0;

beforeAll(async () => {
  api = await startApiUnderTest({
    resolveService: ({ name }) => {
      const webhook = webhooks.get(name);
      return webhook === undefined ? undefined : { host: '127.0.0.1', port: webhook.port };
    },
  });
  connection = connectionOf({ server: api.url, ca: api.caPem, token: api.adminToken });
  await createObject(connection, '/api/v1/namespaces', { metadata: { name: 'clb-direct' } });
  ports = { one: await freePort('127.0.0.1'), two: await freePort('127.0.0.1') };
});

afterAll(async () => {
  connection.close();
  await api.close();
});

beforeEach(() => {
  webhooks = new Map();
  clock = createFakeClock(Date.now());
});

afterEach(async () => {
  const stopped = Promise.all([...webhooks.values()].map((webhook) => webhook.stop()));
  await clock.advance(10_000);
  await stopped;
  for (const path of [configurationPath, secretPath]) {
    await requestJson(connection, { method: 'DELETE', path }).catch(() => undefined);
  }
});

const settingsOf = (service: string, more: Partial<WebhookSettings> = {}): WebhookSettings => ({
  configuration: 'clb-direct',
  entry: `${service}.pods.clb-direct.io`,
  ...(isControlPlaneUnderTest
    ? {
        listen: { host: '127.0.0.1', port: ports[service] ?? 0 },
        target: { url: `https://127.0.0.1:${ports[service]}/mutate` },
      }
    : { listen: { host: '127.0.0.1', port: 0 }, target: { service } }),
  secret: secret.name,
  lingerMs: 0,
  preStopSleepSeconds: 0,
  ...more,
});

/** A replica of the webhook. */
const serve = async (
  how: {
    service?: string;
    services?: readonly ServiceFact[];
    synced?: Promise<void>;
    settings?: Partial<WebhookSettings>;
    metrics?: Metrics;
  } = {},
): Promise<Webhook> => {
  const { service = 'one', services = [aServiceFact()], synced = Promise.resolve() } = how;
  const webhook = await startWebhook({
    connection,
    settings: settingsOf(service, how.settings),
    ownNamespace: 'clb-direct',
    view: aView({ services }),
    options: { claim: 'annotation', gateType: defaultGateType, requireEni: false },
    synced,
    metrics: how.metrics ?? createMetrics(),
    clock,
    log: silentLog,
  });
  webhooks.set(service, webhook);
  return webhook;
};

const asksForGate = { annotations: { 'clb-direct.io/readiness-gate': 'true' } };

/** A real API server goes by a configuration a moment after it has taken it. */
const takenUp = (): Promise<void> =>
  until(
    async () => gatesOf(await created(template(asksForGate), 'default', { dryRun: 'All' })).length > 0,
    'the API server asks the webhook',
  );

const served = async (how: Parameters<typeof serve>[0] = {}): Promise<Webhook> => {
  const webhook = await serve(how);
  await until(async () => {
    if (webhook.isReady()) return true;
    // Who lost a race to register comes again a second later.
    await clock.advance(1_000);
    return false;
  }, 'the webhook is ready');
  if (isControlPlaneUnderTest) await takenUp();
  return webhook;
};

const template = (metadata: object = {}, spec: object = {}) => {
  counter += 1;
  return {
    metadata: { name: `pod-${counter}`, labels: { app: 'web' }, ...metadata },
    spec: { containers: [{ name: 'nginx', image: 'nginx' }], ...spec },
  };
};

const created = async (
  pod: object = template(),
  namespace = 'default',
  query: Record<string, string> = {},
): Promise<Pod> =>
  (await requestJson(connection, {
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/pods`,
    query,
    body: pod,
  })) as Pod;

const gatesOf = (pod: Pod): readonly string[] =>
  (pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType);

/** How many reviews came to what. */
const reviews = async (metrics: Metrics): Promise<{ patched: number; unchanged: number }> => {
  const { text } = await metrics.scrape();
  const count = (outcome: string): number =>
    Number(
      new RegExp(`clb_direct_webhook_reviews_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1] ?? 0,
    );
  return { patched: count('patched'), unchanged: count('unchanged') };
};

/** Speaks to the webhook itself, trusting its own authority only. */
const ask = async (
  webhook: Webhook,
  body: string,
  how: { method?: string; path?: string } = {},
): Promise<{ status: number; text: string }> => {
  const authority = await loadAuthority(connection, secret, clock.now());
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        port: webhook.port,
        path: how.path ?? '/mutate',
        method: how.method ?? 'POST',
        ca: authority.bundlePem,
        ...(isControlPlaneUnderTest ? {} : { servername: 'one.clb-direct.svc' }),
        agent: false,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
};

interface Configuration {
  readonly webhooks: readonly {
    readonly name: string;
    readonly clientConfig: { readonly caBundle?: string };
  }[];
}
const configuration = async (): Promise<Configuration> =>
  (await getObject(connection, configurationPath)) as Configuration;

describe('what Pods get', () => {
  test('the gate, once, if a direct Service selects them; others are left alone', async () => {
    const metrics = createMetrics();
    await served({ metrics });
    const before = await reviews(metrics);
    expect(gatesOf(await created())).toEqual([defaultGateType]);
    expect(gatesOf(await created(template({ labels: { app: 'other' } })))).toEqual([]);
    const after = await reviews(metrics);
    expect(after.patched - before.patched).toBe(1);
    expect(after.unchanged - before.unchanged).toBe(1);
    const own = template({}, { readinessGates: [{ conditionType: defaultGateType }] });
    expect(gatesOf(await created(own))).toEqual([defaultGateType]);
  });

  test('two replicas, each with an entry of its own, add each thing once', async () => {
    const services = [aServiceFact({ preStopSleepSeconds: 7 })];
    await served({ services });
    await served({ service: 'two', services });
    const pod = await created(template({}, { terminationGracePeriodSeconds: 20 }));
    expect(gatesOf(pod)).toEqual([defaultGateType]);
    expect(pod.spec.terminationGracePeriodSeconds).toBe(27);
    expect(pod.spec.containers[0]?.lifecycle?.preStop).toEqual({ sleep: { seconds: 7 } });
    await webhooks.get('one')?.stop();
    webhooks.delete('one');
    if (isControlPlaneUnderTest) await takenUp();
    expect(gatesOf(await created())).toEqual([defaultGateType]);
  });

  test('the preStop sleep that the Pod asks for, never a second handler', async () => {
    await served({ services: [] });
    const pod = await created(
      template(
        {
          annotations: {
            'clb-direct.io/readiness-gate': 'true',
            'clb-direct.io/pre-stop-sleep-seconds': '12',
          },
        },
        {
          containers: [
            { name: 'bare', image: 'nginx' },
            { name: 'own', image: 'nginx', lifecycle: { preStop: { exec: { command: ['true'] } } } },
          ],
        },
      ),
    );
    expect(gatesOf(pod)).toEqual([defaultGateType]);
    expect(pod.spec.terminationGracePeriodSeconds).toBe(42);
    expect(pod.spec.containers.map(({ lifecycle }) => lifecycle?.preStop)).toEqual([
      { sleep: { seconds: 12 } },
      { exec: { command: ['true'] } },
    ]);
  });

  test('nothing in kube-system and in our own namespace', async () => {
    await served();
    expect(gatesOf(await created(template(asksForGate), 'kube-system'))).toEqual([]);
    expect(gatesOf(await created(template(asksForGate), 'clb-direct'))).toEqual([]);
  });

  test('a dry run shows the same and leaves nothing', async () => {
    await served();
    expect(gatesOf(await created(template(), 'default', { dryRun: 'All' }))).toEqual([defaultGateType]);
  });
});

describe('when it cannot', () => {
  test('before the Services are known it is not registered, and a review waits no longer than 1.5 s', async () => {
    let sync = (): void => {};
    const synced = new Promise<void>((resolve) => {
      sync = resolve;
    });
    const webhook = await serve({ synced });
    const body = JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: { uid: 'u', operation: 'CREATE', resource: { group: '', version: 'v1', resource: 'pods' } },
    });
    // Who calls before it has a certificate waits until it has.
    expect((await ask(webhook, '{')).status).toBe(400);
    const early = ask(webhook, body);
    await until(() => clock.sleepers() > 0, 'the review waits');
    await clock.advance(1_500);
    expect((await early).status).toBe(503);
    expect(webhook.isReady()).toBe(false);
    await expect(configuration()).rejects.toThrow();
    const waiting = ask(webhook, body);
    sync();
    expect(await waiting).toMatchObject({ status: 200 });
    await until(webhook.isReady, 'the webhook is ready');
    expect((await configuration()).webhooks.map(({ name }) => name)).toEqual(['one.pods.clb-direct.io']);
  });

  test('a webhook that is down costs no Pod, only its gate', async () => {
    const webhook = await served();
    await webhook.stop();
    expect(gatesOf(await created())).toEqual([]);
  });

  test('what is no review is refused with its reason', async () => {
    const webhook = await served();
    expect(await ask(webhook, 'no json')).toEqual({
      status: 400,
      text: 'malformed AdmissionReview: the body is not JSON\n',
    });
    const old = { apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview', request: {} };
    expect((await ask(webhook, JSON.stringify(old))).status).toBe(400);
    expect((await ask(webhook, '', { method: 'GET' })).status).toBe(405);
    expect((await ask(webhook, '{}', { path: '/other' })).status).toBe(404);
    expect((await ask(webhook, ' '.repeat(5 * 1024 * 1024))).status).toBe(413);
  });

  test('a review of something else is allowed as it is', async () => {
    const webhook = await served();
    const review = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: { uid: 'u', operation: 'UPDATE', resource: { group: '', resource: 'pods' }, object: {} },
    };
    const { status, text } = await ask(webhook, JSON.stringify(review));
    expect(status).toBe(200);
    expect(JSON.parse(text)).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u', allowed: true },
    });
  });

  test('told to stop it serves on for its time', async () => {
    const webhook = await served({ settings: { lingerMs: 10_000 } });
    let ended = false;
    const stopping = webhook.stop().then(() => {
      ended = true;
    });
    expect(webhook.isReady()).toBe(false);
    expect(gatesOf(await created())).toEqual([defaultGateType]);
    expect(ended).toBe(false);
    await clock.advance(10_000);
    await stopping;
    expect(gatesOf(await created())).toEqual([]);
  });
});

describe('its authority', () => {
  test('is made once, read by others, and kept over a restart', async () => {
    await Promise.all([served(), served({ service: 'two' })]);
    const { current } = await loadAuthority(connection, secret, clock.now());
    const bundles = (await configuration()).webhooks.map(({ clientConfig }) =>
      Buffer.from(clientConfig.caBundle ?? '', 'base64').toString(),
    );
    expect(bundles).toEqual([current.certificatePem, current.certificatePem]);
    await webhooks.get('one')?.stop();
    await served();
    expect((await loadAuthority(connection, secret, clock.now())).current).toEqual(current);
  });

  test('is replaced before it ends; the old one stays trusted as long as it is valid', async () => {
    await served();
    const old = await loadAuthority(connection, secret, clock.now());
    const later = await loadAuthority(connection, secret, clock.now() + 310 * day);
    expect(later.current.certificatePem).not.toBe(old.current.certificatePem);
    expect(pemBlocks(later.bundlePem)).toEqual([later.current.certificatePem, old.current.certificatePem]);
    const muchLater = await loadAuthority(connection, secret, clock.now() + 640 * day);
    expect(pemBlocks(muchLater.bundlePem)).toEqual([
      muchLater.current.certificatePem,
      later.current.certificatePem,
    ]);
  });

  test('a Secret that cannot be used is replaced', async () => {
    await createObject(connection, '/api/v1/namespaces/clb-direct/secrets', {
      metadata: { name: secret.name },
      data: { 'ca.crt': 'bm9uc2Vuc2U=' },
    });
    await served();
    expect(gatesOf(await created())).toEqual([defaultGateType]);
  });

  test('a configuration that somebody applied without it gets it again, and keeps what they set', async () => {
    await served();
    const { webhooks: entries, ...rest } = (await configuration()) as Configuration & object;
    const [entry] = entries;
    await replaceObject(connection, configurationPath, {
      ...rest,
      webhooks: [
        { ...entry, timeoutSeconds: 1, clientConfig: { ...entry?.clientConfig, caBundle: undefined } },
      ],
    });
    await until(async () => gatesOf(await created()).length === 0, 'it is not trusted');
    await until(() => clock.sleepers() > 0, 'the webhook rests');
    await clock.advance(10_000);
    await until(
      async () => (await configuration()).webhooks[0]?.clientConfig.caBundle !== undefined,
      'the authority is back',
    );
    expect((await configuration()).webhooks[0]).toMatchObject({ timeoutSeconds: 1 });
    await until(async () => gatesOf(await created()).includes(defaultGateType), 'it is trusted again');
  });

  test('a newer authority that another replica registered is not undone', async () => {
    const settings = settingsOf('one');
    const old = await loadAuthority(connection, secret, clock.now());
    const later = await loadAuthority(connection, secret, clock.now() + 310 * day);
    await register(connection, { settings, ownNamespace: 'clb-direct', trust: later.bundlePem });
    await register(connection, { settings, ownNamespace: 'clb-direct', trust: old.bundlePem });
    const bundle = (await configuration()).webhooks[0]?.clientConfig.caBundle ?? '';
    expect(Buffer.from(bundle, 'base64').toString()).toBe(later.bundlePem);
  });
});

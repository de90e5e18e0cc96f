import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeApiAccess } from '../../functions/platform/api-access.ts';
import { functionFile } from '../../infra/sandbox/program-files.ts';
import { makeDesiredStateEvent } from '../../shared/events/make-event.ts';
import { formatSequence } from '../../shared/events/sequence.ts';
import { aGate, aPod, aState, serviceRef } from '../../shared/model/builders.ts';
import { laneOf } from '../../shared/model/changes.ts';
import type { DesiredState } from '../../shared/model/desired-state.ts';
import { readSettings } from '../../shared/process/config.ts';
import { createRedisStore } from '../../shared/queue/store/redis/redis-store.ts';
import { json, type ScriptedServer, startScriptedServer } from '../integration/kubernetes-scripted-server.ts';
import { until } from '../integration/sandbox-programs.ts';
import { nodeBinary, nodeMajors } from '../support/node-binary.ts';
import { type ReconcileWorld, startReconcileWorld } from '../support/reconcile-world.ts';
import { type RedisServer, redisExpected, startRedis } from '../support/redis.ts';
import { type Platform, runtimesOfTests } from './function-runtimes-fixture.ts';

const started = runtimesOfTests();
const tokenKey = Buffer.alloc(32, 7);
const cases = nodeMajors.flatMap((major) =>
  (['lambda', 'scf'] as const).map((platform) => ({ platform, major })),
);

describe.each(cases)('$platform on Node $major', ({ platform, major }) => {
  const nodePath = nodeBinary(major);

  test.skipIf(nodePath === undefined)('an instance is a process of that Node', async () => {
    const runtime = await started(platform, { nodePath: nodePath ?? '' });
    expect((await runtime.see()).node).toMatch(new RegExp(`^v${major}\\.`));
  });
});

describe.runIf(redisExpected)('the built bundles, from a state in Redis to an open gate', () => {
  let world: ReconcileWorld;
  let redis: RedisServer;
  let api: ScriptedServer;

  beforeAll(async () => {
    redis = await startRedis();
    world = await startReconcileWorld();
    // It takes what is written, and says no more than a client has to know.
    api = await startScriptedServer((response, { method, body }) =>
      json(response, method === 'POST' ? 201 : 200, { ...Object(body), metadata: { name: 'it', uid: 'u' } }),
    );
  });

  afterAll(async () => {
    await api?.close();
    await world?.close();
    await redis?.close();
  });

  const settingsOf = (clusterId: string): Record<string, string> => ({
    CLB_DIRECT_CLUSTER_ID: clusterId,
    CLB_DIRECT_REDIS_URL: redis.url,
    CLB_DIRECT_TOKEN_KEY: tokenKey.toString('base64'),
    CLB_DIRECT_CLB_ENDPOINT: new URL(world.clb.url).host,
    CLB_DIRECT_CLB_PROTOCOL: 'http',
    CLB_DIRECT_CLB_REGION: world.clb.region,
    CLB_DIRECT_CLB_VPC_ID: world.clb.vpcId,
  });

  /** What the forwarder has left in the store: one state, and how to reach the cluster. */
  const leave = async (settings: Record<string, string>, state: DesiredState): Promise<void> => {
    const read = readSettings(settings, 'function');
    if (!('settings' in read)) throw new Error(read.problems.map(({ name }) => name).join(', '));
    const store = createRedisStore(read.settings.redis);
    try {
      const { epoch } = await store.takeOver();
      const sequence = formatSequence(epoch, 1);
      const event = makeDesiredStateEvent({ source: 'test', sequence, timeMs: Date.now(), state });
      await store.put(event, laneOf(undefined, state));
      await store.complete(epoch);
      const access = { server: api.url, token: `of-${state.object.name}`, expiresAt: Date.now() + 3_600_000 };
      await writeApiAccess(store, access, tokenKey);
    } finally {
      await store.close();
    }
  };

  /** What the platform is told beside: keys in the environment, or a role with a token. */
  const credentialsOn = (platform: Platform) => {
    const { secretId, secretKey } = world.clb;
    if (platform === 'lambda') {
      return { env: { TENCENTCLOUD_SECRET_ID: secretId, TENCENTCLOUD_SECRET_KEY: secretKey } };
    }
    const role = { secretId: 'AKIDofTheRole', secretKey: 'keyOfTheRole', token: 'tokenOfTheRole' };
    world.clb.addCredential(role);
    return { role, env: {} };
  };

  const targets = (loadBalancerId: string): readonly string[] =>
    world.clb
      .state()
      .loadBalancers.filter(({ id }) => id === loadBalancerId)
      .flatMap(({ listeners }) => listeners.flatMap((listener) => listener.targets))
      .map(({ ip, weight }) => `${ip} w${weight}`);

  test.each(cases.filter(({ major }) => nodeBinary(major) !== undefined))(
    'on $platform with Node $major: bind a Pod and open its gate',
    async ({ platform, major }) => {
      const name = `web-${platform}-${major}`;
      const loadBalancerId = await world.foreign.createLoadBalancer();
      const ip = await world.startPod();
      const pod = aPod(name, ip, { ready: false, gate: aGate('False'), heldBy: [`uid-${name}`] });
      const state = aState([pod], {
        object: serviceRef(name),
        loadBalancerKey: loadBalancerId,
        loadBalancer: { source: 'existing', loadBalancerId },
        shown: { addresses: [] },
      });
      const settings = settingsOf(name);
      await leave(settings, state);

      const { env, ...role } = credentialsOn(platform);
      const start = (part: 'reconcile' | 'readiness') =>
        started(platform, {
          source: { file: functionFile(part) },
          env: { ...settings, ...env },
          ...role,
          nodePath: nodeBinary(major) ?? '',
        });
      const [reconcile, readiness] = [await start('reconcile'), await start('readiness')];

      let told = '';
      await until(
        async () => {
          const request = { invocationId: `i-${name}`, loadBalancerKeys: [loadBalancerId] };
          told = (await reconcile.client.invoke('it', request)).answer;
          return JSON.parse(told).results?.[0]?.outcome === 'done';
        },
        () => `reconcile is done: ${told}`,
      );
      expect(targets(loadBalancerId)).toEqual([`${ip} w10`]);

      const path = `/api/v1/namespaces/default/pods/${name}/status`;
      const opened = () =>
        api.seen.find((one) => one.path === path && JSON.stringify(one.body).includes('"status":"True"'));
      await until(
        async () => {
          told = (await readiness.client.invoke('it', { invocationId: `r-${name}`, unheld: [] })).answer;
          return opened() !== undefined;
        },
        () => `readiness has opened the gate: ${told}`,
      );
      expect(opened()).toMatchObject({ method: 'PATCH', headers: { authorization: `Bearer of-${name}` } });
    },
  );
});

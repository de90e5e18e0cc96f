import { expect, test } from 'vitest';
import { describeProblems, findCredentials, readSettings, settingDocs } from './config.ts';

const least = {
  KUBECONFIG: 'kubeconfig.yaml',
  CLB_DIRECT_CLUSTER_ID: 'demo',
  CLB_DIRECT_CLB_REGION: 'ap-guangzhou',
  TENCENTCLOUD_SECRET_ID: 'id',
  TENCENTCLOUD_SECRET_KEY: 'key',
};

const read = (env: Record<string, string>) => {
  const answer = readSettings(env, 'standalone');
  if (!('settings' in answer)) throw new Error(describeProblems(answer.problems));
  return answer.settings;
};

const problemsOf = (env: Record<string, string>) =>
  Object.fromEntries(readSettings(env, 'standalone').problems.map((problem) => [problem.name, problem]));

test('the fewest settings start it, everything else has its documented default', () => {
  const settings = read({ ...least, HOME: '/root' });
  expect(settings).toMatchObject({
    claim: 'class',
    gateType: 'clb-direct.io/load-balancer-ready',
    policy: { clusterId: 'demo', defaultWeight: 10, drainSeconds: 30, drainSlackSeconds: 30 },
    kubernetes: { namespace: 'clb-direct', leaseName: 'clb-direct-forwarder' },
    clb: {
      endpoint: 'clb.tencentcloudapi.com',
      protocol: 'https',
    },
    credentials: { secretId: 'id', secretKey: 'key' },
    resyncMs: 600_000,
    exitWithParent: false,
  });
  expect(settings.webhook).toBeUndefined();
  expect(settings.kubernetes.source).toEqual({ kind: 'kubeconfig', path: 'kubeconfig.yaml' });
  expect(settings.kubernetes.identity).not.toBe('');
});

test('by annotation the gate is the one that TKE users know', () => {
  expect(read({ ...least, CLB_DIRECT_CLAIM: 'annotation' }).gateType).toBe(
    'cloud.tencent.com/load-balancer-backendgroup-ready',
  );
});

test('all problems are listed at once, with name, value and what is allowed', () => {
  const problems = problemsOf({
    CLB_DIRECT_CLUSTER_ID: 'Not Allowed',
    CLB_DIRECT_CLAIM: 'both',
    CLB_DIRECT_DRAIN_SECONDS: '-1',
    CLB_DIRECT_DEFAULT_WEIGHT: '101',
    CLB_DIRECT_HEALTH_LISTEN: '127.0.0.1:99999',
    CLB_DIRECT_WEBHOOK_CONFIGURATION: 'clb-direct',
    CLB_DIRECT_CLAIMS: 'class',
    TENCENTCLOUD_SECRET_ID: 'id',
  });
  expect(Object.keys(problems).sort()).toEqual([
    'CLB_DIRECT_CLAIM',
    'CLB_DIRECT_CLAIMS',
    'CLB_DIRECT_CLB_REGION',
    'CLB_DIRECT_CLUSTER_ID',
    'CLB_DIRECT_DEFAULT_WEIGHT',
    'CLB_DIRECT_DRAIN_SECONDS',
    'CLB_DIRECT_HEALTH_LISTEN',
    'CLB_DIRECT_WEBHOOK_LISTEN',
    'KUBECONFIG',
    'TENCENTCLOUD_SECRET_KEY',
  ]);
  expect(problems.CLB_DIRECT_CLAIM).toMatchObject({ value: 'both', allowed: 'one of annotation, class' });
  expect(problems.CLB_DIRECT_CLUSTER_ID?.value).toBe('Not Allowed');
});

test('plain http is for an endpoint on this machine only', () => {
  const http = { ...least, CLB_DIRECT_CLB_PROTOCOL: 'http' };
  expect(problemsOf({ ...http, CLB_DIRECT_CLB_ENDPOINT: 'clb.example.com' })).toHaveProperty(
    'CLB_DIRECT_CLB_PROTOCOL',
  );
  expect(read({ ...http, CLB_DIRECT_CLB_ENDPOINT: '127.0.0.1:8080' }).clb.endpoint).toBe('127.0.0.1:8080');
});

test("SCF's own names of the credentials are read", () => {
  const { credentials } = read({
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    CLB_DIRECT_CLUSTER_ID: 'demo',
    CLB_DIRECT_CLB_REGION: 'ap-guangzhou',
    TENCENTCLOUD_SECRETID: 'id',
    TENCENTCLOUD_SECRETKEY: 'key',
    TENCENTCLOUD_SESSIONTOKEN: 'token',
  });
  expect(credentials).toEqual({ secretId: 'id', secretKey: 'key', token: 'token' });
});

test('a key of ours is never sent with the token of the platform’s role, and half a pair is none', () => {
  const platform = {
    TENCENTCLOUD_SECRETID: 'role-id',
    TENCENTCLOUD_SECRETKEY: 'role-key',
    TENCENTCLOUD_SESSIONTOKEN: 'role-token',
  };
  const own = { TENCENTCLOUD_SECRET_ID: 'id', TENCENTCLOUD_SECRET_KEY: 'key' };
  expect(findCredentials({ ...own, ...platform })).toEqual({ secretId: 'id', secretKey: 'key' });
  expect(findCredentials({ TENCENTCLOUD_SECRET_ID: 'id', ...platform })).toEqual({
    secretId: 'role-id',
    secretKey: 'role-key',
    token: 'role-token',
  });
  expect(findCredentials({ TENCENTCLOUD_SECRET_ID: 'id', TENCENTCLOUD_SECRETKEY: 'key' })).toBeUndefined();
});

test('the refusal can be read, and shows no value that may be a secret', () => {
  const { problems } = readSettings(
    { CLB_DIRECT_SECRET_KEY: 'hush', CLB_DIRECT_CLAIM: 'x', CLB_DIRECT_REDIS_URL: 'http://:hush@host' },
    'forwarder',
  );
  const text = describeProblems(problems);
  expect(text).toContain('CLB_DIRECT_CLAIM: "x"; allowed: one of annotation, class');
  expect(text).toContain('CLB_DIRECT_CLUSTER_ID: not set; allowed: 1 to 32 characters');
  expect(text).toContain('CLB_DIRECT_SECRET_KEY: no such setting');
  expect(text).toContain('CLB_DIRECT_REDIS_URL: a redis:// or rediss:// URL');
  expect(text).not.toContain('hush');
});

test('every setting is documented, and every default is allowed', () => {
  for (const { name, meaning, allowed } of settingDocs) {
    expect(name).toMatch(/^CLB_DIRECT_[A-Z_]+$/);
    expect(meaning).toMatch(/\.$/);
    expect(allowed).not.toBe('');
  }
  const defaults = settingDocs.flatMap(({ name, default: value }) =>
    value === undefined ? [] : [[name, value] as const],
  );
  expect(read({ ...least, ...Object.fromEntries(defaults) })).toEqual(read(least));
});

test('each program asks only for what it needs', () => {
  const names = (program: Parameters<typeof readSettings>[1], env: Record<string, string>) =>
    readSettings(env, program)
      .problems.map(({ name }) => name)
      .sort();
  const id = { CLB_DIRECT_CLUSTER_ID: 'demo' };
  expect(names('function', id)).toEqual([
    'CLB_DIRECT_CLB_REGION',
    'CLB_DIRECT_REDIS_URL',
    'CLB_DIRECT_TOKEN_KEY',
  ]);
  expect(names('forwarder', { ...id, CLB_DIRECT_PLATFORM: 'scf' })).toEqual([
    'CLB_DIRECT_FUNCTIONS_REGION',
    'CLB_DIRECT_REDIS_URL',
    'CLB_DIRECT_TOKEN_KEY',
    'KUBECONFIG',
    'TENCENTCLOUD_SECRET_ID',
    'TENCENTCLOUD_SECRET_KEY',
  ]);
  expect(names('worker', id)).toEqual([
    'CLB_DIRECT_CLB_REGION',
    'CLB_DIRECT_REDIS_URL',
    'KUBECONFIG',
    'TENCENTCLOUD_SECRET_ID',
    'TENCENTCLOUD_SECRET_KEY',
  ]);
  expect(names('forwarder', id)).toEqual(['CLB_DIRECT_REDIS_URL', 'KUBECONFIG']);
});

test('several Redis URLs are a cluster, each cluster of Kubernetes has keys of its own', () => {
  const answer = readSettings({ ...least, CLB_DIRECT_REDIS_URL: 'redis://a,redis://b:7000' }, 'worker');
  expect('settings' in answer && answer.settings.redis).toEqual({
    urls: ['redis://a', 'redis://b:7000'],
    prefix: 'clb-direct:demo',
  });
});

import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { aPod, mergePatch, openServerUnderTest, type ServerUnderTest } from './api-server-under-test.ts';

/** Another kubectl than the one in the path, e.g. an older one. */
const kubectl = process.env['KUBECTL'] ?? 'kubectl';

const isThere = ((): boolean => {
  try {
    execFileSync(kubectl, ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!isThere)('kubectl', () => {
  let server: ServerUnderTest;
  let folder: string;
  let namespace: string;
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    server = await openServerUnderTest();
    namespace = await server.namespace();
    folder = mkdtempSync(join(tmpdir(), 'clb-direct-kubectl-'));
    const cluster = {
      server: server.url,
      'certificate-authority-data': Buffer.from(server.caPem).toString('base64'),
    };
    writeFileSync(
      join(folder, 'config'),
      stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster }],
        users: [{ name: 'u', user: { token: server.token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace } }],
        'current-context': 'x',
      }),
    );
    environment = { ...process.env, KUBECONFIG: join(folder, 'config'), HOME: folder };
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.close();
  });

  /** Runs kubectl; a failure is an error with what it said. */
  const run = (args: string, input?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = execFile(
        kubectl,
        args.split(' '),
        { env: environment, timeout: 30_000 },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else reject(new Error(`kubectl ${args}: ${stderr}${stdout}`));
        },
      );
      child.stdin?.end(input);
    });

  const manifest = (image: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: "${image}", ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: 80}]
`;

  it('applies, applies again, applies a change', async () => {
    const created = await run('apply -f -', manifest('nginx:1.26'));
    expect(created).toContain('deployment.apps/web created');
    expect(created).toContain('service/web created');
    expect(await run('apply -f -', manifest('nginx:1.26'))).toContain('deployment.apps/web unchanged');
    expect(await run('apply -f -', manifest('nginx:1.27'))).toContain('deployment.apps/web configured');
    expect(await run('get deployment web -o jsonpath={.spec.template.spec.containers[0].image}')).toBe(
      'nginx:1.27',
    );
  });

  it('says what an apply would change, and changes nothing', async () => {
    // It ends with 1 where there is a difference.
    await expect(run('diff -f -', manifest('nginx:1.29'))).rejects.toThrow(
      /^-\s+- image: nginx:1\.27\n\+\s+- image: nginx:1\.29$/m,
    );
    const tried = await run('apply -f - --dry-run=server', manifest('nginx:1.29'));
    expect(tried).toContain('deployment.apps/web configured (server dry run)');
    expect(tried).toContain('service/web unchanged (server dry run)');
    expect(await run('diff -f -', manifest('nginx:1.27'))).toBe('');
  });

  it('applies on the server', async () => {
    expect(await run('apply -f - --server-side --force-conflicts', manifest('nginx:1.28'))).toContain(
      'serverside-applied',
    );
  });

  it('finds no log, and no fault, where a Pod has no node', async () => {
    await server.call('POST', `/api/v1/namespaces/${namespace}/pods`, { body: aPod('nowhere') });
    expect(await run('logs nowhere')).toBe('');
    await run('delete pod nowhere --force --grace-period=0');
  });

  it('gets wide tables, YAML, names and all', async () => {
    const services = await run('get service web -o wide');
    expect(services).toMatch(/NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR/);
    expect(services).toMatch(/web +LoadBalancer +[\d.]+ +<pending> +80:\d+\/TCP +\d+s +app=web/);
    await server.call('PATCH', `/api/v1/namespaces/${namespace}/services/web/status`, {
      contentType: mergePatch,
      body: { status: { loadBalancer: { ingress: [{ ip: '198.51.100.7' }] } } },
    });
    expect(await run('get svc web')).toMatch(/web +LoadBalancer +[\d.]+ +198\.51\.100\.7 /);
    expect(await run('get deploy web -o wide')).toMatch(/web +0\/0 +0 +0 +\d+s +nginx +nginx:1\.28 +app=web/);
    expect(await run('get svc web -o yaml')).toContain('kind: Service');
    expect(await run('get svc -o name')).toContain('service/web');
    expect(await run('get all')).toContain('deployment.apps/web');
  });

  it('shows the readiness gates of Pods', async () => {
    const gates = { nodeName: 'node-1', readinessGates: [{ conditionType: 'example.com/gate' }] };
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    await server.call('POST', pods, { body: aPod('gated', gates) });
    const status = {
      phase: 'Running',
      podIP: '10.57.0.9',
      containerStatuses: [
        { name: 'main', ready: true, restartCount: 2, image: 'nginx', imageID: '', state: { running: {} } },
      ],
      conditions: [{ type: 'example.com/gate', status: 'False', message: 'waits for lb-1' }],
    };
    await server.call('PATCH', `${pods}/gated/status`, { body: { status }, contentType: mergePatch });
    const table = await run('get pods -o wide');
    expect(table).toMatch(/NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES/);
    expect(table).toMatch(/gated +1\/1 +Running +2 +\d+s +10\.57\.0\.9 +node-1 +<none> +0\/1/);
    expect(await run('describe pod gated')).toMatch(
      /Readiness Gates:\n +Type +Status\n +example\.com\/gate +False/,
    );
    await run('delete pod gated --wait=false');
    expect(await run('get pods')).toMatch(/gated +1\/1 +Terminating/);
    await run('delete pod gated --force --grace-period=0');
  });

  it('describes with Events', async () => {
    const body = {
      metadata: { name: 'web.1' },
      involvedObject: {
        kind: 'Service',
        name: 'web',
        namespace,
        uid: await run('get svc web -o jsonpath={.metadata.uid}'),
      },
      reason: 'Ensured',
      message: 'load balancer lb-1 is bound',
      type: 'Normal',
      source: { component: 'clb-direct' },
    };
    await server.call('POST', `/api/v1/namespaces/${namespace}/events`, { body });
    expect(await run('describe service web')).toContain('load balancer lb-1 is bound');
    expect(await run('describe deployment web')).toContain('RollingUpdate');
    expect(await run('get events')).toContain('Ensured');
  });

  it('labels, annotates, patches, scales, restarts, watches a rollout', async () => {
    await run('label service web tier=front');
    await run('annotate service web example.com/note=x');
    await run('patch deployment web --type=merge -p {"spec":{"paused":false}}');
    expect(await run('scale deployment web --replicas=0')).toContain('scaled');
    expect(await run('rollout restart deployment web')).toContain('restarted');
    if (!server.isReal) {
      const status = { observedGeneration: 100, replicas: 0, updatedReplicas: 0, availableReplicas: 0 };
      await server.call('PATCH', `/apis/apps/v1/namespaces/${namespace}/deployments/web/status`, {
        body: { status },
        contentType: mergePatch,
      });
    }
    expect(await run('rollout status deployment web --timeout=20s')).toContain('successfully rolled out');
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/web/status`;
    const conditions = [{ type: 'Available', status: 'True' }];
    if (!server.isReal)
      await server.call('PATCH', path, { body: { status: { conditions } }, contentType: mergePatch });
    expect(await run('wait --for=condition=Available deployment/web --timeout=20s')).toContain(
      'condition met',
    );
  });

  it('watches with -w', async () => {
    const child = spawn(kubectl, ['get', 'configmaps', '-w', '-o', 'name'], { env: environment });
    const seen = new Promise<string>((resolve) => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('configmap/watched')) resolve(text);
      });
    });
    await run('create configmap watched --from-literal=a=b');
    await seen;
    child.kill();
  });

  it('asks what it can do, and lists what is served', async () => {
    expect((await run('auth can-i delete pods')).trim()).toBe('yes');
    expect(await run('api-resources --namespaced=true -o name')).toContain('deployments.apps');
    expect(await run('version')).toContain('Server Version');
  });

  it('says what is wrong in the words of Kubernetes', async () => {
    await expect(run('get service none')).rejects.toThrow(
      'Error from server (NotFound): services "none" not found',
    );
    const bad = manifest('nginx:1.28').replace('port: 80,', 'port: 80000,');
    await expect(run('apply -f -', bad)).rejects.toThrow('must be between 1 and 65535, inclusive');
  });

  it("applies the guide's own Ingress in v1beta1, and the same object in v1", async (test) => {
    test.skip(server.isReal);
    const file = 'docs/examples/guide/ingress.yaml';
    expect(await run(`apply -f ${file}`)).toContain('ingress.networking.k8s.io/test-ingress created');
    const version = (): Promise<string> =>
      run('get ingress test-ingress -n default -o jsonpath={.metadata.resourceVersion}');
    const before = await version();
    // kubectl sends the rules again, because the server has filled in a pathType; nothing comes of it.
    await run(`apply -f ${file}`);
    expect(await version()).toBe(before);
    const { metadata, spec }: { metadata: { uid: string; annotations: object }; spec: object } = JSON.parse(
      await run('get ingress test-ingress -n default -o json'),
    );
    expect(metadata.annotations).toMatchObject({ 'kubernetes.io/ingress.class': 'qcloud' });
    const backend = { service: { name: 'nginx', port: { number: 80 } } };
    expect(spec).toEqual({
      rules: [{ http: { paths: [{ path: '/', pathType: 'ImplementationSpecific', backend }] } }],
    });
    expect(await run('get ingress test-ingress -n default')).toMatch(/test-ingress +qcloud +\* +80 +/);
    expect(await run('describe ingress test-ingress -n default')).toContain('nginx:80');
    const v1 = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: test-ingress, namespace: default}
spec:
  rules:
  - host: www.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: nginx, port: {number: 80}}}}]}
`;
    expect(await run('apply -f -', v1)).toContain('ingress.networking.k8s.io/test-ingress configured');
    expect(await run('get ingress test-ingress -n default -o jsonpath={.metadata.uid}')).toBe(metadata.uid);
    const beta = 'get ingresses.v1beta1.networking.k8s.io test-ingress -n default';
    expect(await run(`${beta} -o jsonpath={.spec.rules[0].host}`)).toBe('www.example.com');
    expect(await run(`${beta} -o jsonpath={.spec.rules[0].http.paths[0].backend}`)).toBe(
      '{"serviceName":"nginx","servicePort":80}',
    );
    await run('delete ingress test-ingress -n default');
  });

  it('deletes and waits until it is gone', async () => {
    expect(await run('delete deployment,service web')).toContain('service "web" deleted');
    await expect(run('get service web')).rejects.toThrow('NotFound');
  });
});

import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubeconfigYaml } from '../../../infra/sandbox/cluster/api-server/kubeconfig.ts';
import { isControlPlaneUnderTest } from '../../support/control-plane.ts';
import { useWorld } from '../controllers/world.ts';
import { type Kubectl, kubectls, openKubectl } from './kubectls.ts';

const fixture = useWorld({ nodes: [{ name: 'left' }, { name: 'right' }] });

const manifest = (version: string, replicas = 2): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: nginx
        image: nginx
        ports: [{containerPort: 80}]
        env: [{name: VERSION, value: "${version}"}, {name: ACCEPT_SECONDS, value: "0"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 80}]
`;

describe('there is a kubectl to ask', () => {
  it('of Kubernetes 1.20 or newer', () => {
    expect(kubectls.length).toBeGreaterThan(0);
  });
});

describe.each(kubectls.map((program) => ({ program, minor: program.minor })))(
  'kubectl 1.$minor',
  ({ program, minor }) => {
    let kubectl: Kubectl;
    const namespace = `by-kubectl-${minor}`;

    beforeAll(async () => {
      await fixture.namespace(namespace);
      const { url, ca, token = '' } = fixture.cluster.client.access;
      kubectl = openKubectl(program, kubeconfigYaml({ name: 'c', url, caPem: ca, token }), namespace);
    });
    afterAll(() => kubectl?.close());

    const version = (): Promise<string> =>
      kubectl.run([
        'get',
        'deployment/web',
        '-o',
        'jsonpath={.spec.template.spec.containers[0].env[?(@.name=="VERSION")].value}',
      ]);

    it('says what an apply would change, and nothing once it is done', async () => {
      const before = await kubectl.ran('diff -f -', manifest('v1'));
      expect([before.code, before.out]).toEqual([1, expect.stringContaining('+  name: web')]);
      expect(await kubectl.run('apply -f -', manifest('v1'))).toContain('deployment.apps/web created');
      expect(await kubectl.run('rollout status deployment/web --timeout=50s')).toContain(
        'successfully rolled out',
      );
      expect((await kubectl.ran('diff -f -', manifest('v1'))).code).toBe(0);
      const other = await kubectl.ran('diff -f -', manifest('v2'));
      expect([other.code, other.out]).toEqual([1, expect.stringContaining('+          value: v2')]);
    });

    it('gets by jsonpath, columns, JSON, selector, and sorted', async () => {
      expect(await version()).toBe('v1');
      const names = await kubectl.run([
        'get',
        'pods',
        '-l',
        'app=web',
        '-o',
        'jsonpath={.items[*].metadata.name}',
      ]);
      expect(names.split(' ')).toHaveLength(2);
      const columns = [
        '-o',
        'custom-columns=NAME:.metadata.name,NODE:.spec.nodeName',
        '--sort-by=.metadata.name',
      ];
      expect((await kubectl.run(['get', 'pods', ...columns])).trim().split('\n')).toHaveLength(3);
      const list: { items: unknown[] } = JSON.parse(await kubectl.run('get pods,service,deployment -o json'));
      expect(list.items.length).toBeGreaterThan(3);
      expect(await kubectl.run('get deployment/web -o go-template={{.status.readyReplicas}}')).toBe('2');
      expect(await kubectl.run('get pods --field-selector=status.phase=Running -o name')).toContain(
        'pod/web-',
      );
    });

    it('waits for conditions, of Pods and Deployments', async () => {
      expect(await kubectl.run('wait --for=condition=Ready pod -l app=web --timeout=30s')).toContain(
        'condition met',
      );
      expect(await kubectl.run('wait --for=condition=Available deployment/web --timeout=30s')).toContain(
        'condition met',
      );
    });

    it('edits with the editor of the user', async () => {
      const editor = join(kubectl.environment['HOME'] ?? '', 'edit.sh');
      writeFileSync(editor, '#!/bin/sh\nsed -i \'s/value: v1/value: v2/\' "$1"\n');
      chmodSync(editor, 0o700);
      const edited = openKubectl(
        program,
        kubeconfigYaml({
          name: 'c',
          url: fixture.cluster.client.access.url,
          caPem: fixture.cluster.client.access.ca,
          token: fixture.cluster.client.access.token ?? '',
        }),
        namespace,
        { KUBE_EDITOR: editor },
      );
      expect(await edited.run('edit deployment/web')).toContain('deployment.apps/web edited');
      edited.close();
      expect(await version()).toBe('v2');
      await kubectl.run('rollout status deployment/web --timeout=50s');
    });

    it('tells the history of a rollout, undoes it, pauses and resumes', async () => {
      expect(await kubectl.run('rollout history deployment/web')).toMatch(/REVISION[\s\S]*\n1 [\s\S]*\n2 /);
      expect(await kubectl.run('rollout undo deployment/web')).toContain('rolled back');
      await kubectl.run('rollout status deployment/web --timeout=50s');
      expect(await version()).toBe('v1');
      expect(await kubectl.run('rollout pause deployment/web')).toContain('paused');
      expect(await kubectl.run('rollout resume deployment/web')).toContain('resumed');
      expect(await kubectl.run('rollout restart deployment/web')).toContain('restarted');
      await kubectl.run('rollout status deployment/web --timeout=50s');
    });

    it('sets an image and scales, up and down', async () => {
      expect(await kubectl.run('set image deployment/web nginx=nginx:1.27')).toContain('image updated');
      expect(await kubectl.run('scale deployment/web --replicas=3')).toContain('scaled');
      await kubectl.run('rollout status deployment/web --timeout=50s');
      expect(await kubectl.run('get deployment/web')).toMatch(/web +3\/3 +3 +3 /);
      await kubectl.run('scale deployment/web --replicas=2');
      await kubectl.run('rollout status deployment/web --timeout=50s');
    });

    it('shows Events, of all and of one object', async () => {
      expect(await kubectl.run('get events')).toContain('ScalingReplicaSet');
      expect(await kubectl.run('describe deployment/web')).toMatch(/Events:[\s\S]*ScalingReplicaSet/);
      if (minor >= 26)
        expect(await kubectl.run('events --for=deployment/web')).toContain('ScalingReplicaSet');
    });

    it.runIf(isControlPlaneUnderTest)(
      'applies on the server’s side, and is told who else owns a field',
      async () => {
        const args = 'apply --server-side -f - --field-manager=somebody';
        const refused = await kubectl.ran(args, manifest('v1', 5).split('---')[0]);
        expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('conflict')]);
      },
    );

    it('watches what it gets until the user has seen enough', async () => {
      const child = spawn(program.file, ['-n', namespace, 'get', 'pods', '-w', '-o', 'name'], {
        env: kubectl.environment,
      });
      const seen = new Promise<void>((resolve) => {
        let text = '';
        child.stdout.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (new Set(text.match(/web-\S+/g)).size >= 3) resolve();
        });
      });
      await kubectl.run('scale deployment/web --replicas=3');
      await seen;
      child.kill();
      await kubectl.run('rollout status deployment/web --timeout=50s');
    });

    it('answers what one may do, and as whom', async () => {
      expect(await kubectl.run('auth can-i create deployments')).toContain('yes');
      const other = await kubectl.ran('auth can-i create deployments --as=nobody');
      if (minor >= 28)
        expect(await kubectl.run('auth whoami -o jsonpath={.status.userInfo.groups}')).toContain('masters');
      expect([other.code, other.out.trim()]).toEqual([1, expect.stringMatching(/^no/)]);
    });

    it('drains a node: no budget is broken, nothing comes back to it until it is uncordoned', async () => {
      // 1.20 knows the budget in v1beta1 only, which a server of today does not have.
      await fixture.cluster.client.request(
        'POST',
        `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`,
        {
          apiVersion: 'policy/v1',
          kind: 'PodDisruptionBudget',
          metadata: { name: 'web' },
          spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } },
        },
      );
      const onLeft = (): Promise<string> =>
        kubectl.run('get pods -l app=web --field-selector=spec.nodeName=left -o name');
      expect(await kubectl.run('cordon left')).toContain('node/left cordoned');
      expect(await kubectl.run('get node left')).toContain('SchedulingDisabled');
      const drained = await kubectl.ran('drain left --pod-selector=app=web --timeout=60s --force');
      if (minor >= 22) {
        expect([drained.code, drained.out]).toEqual([0, expect.stringContaining('drained')]);
        expect(await onLeft()).toBe('');
      }
      await kubectl.run('wait --for=condition=Available deployment/web --timeout=30s');
      expect(await kubectl.run('uncordon left')).toContain('uncordoned');
    });

    it('deletes with all that hangs on it, and waits', async () => {
      expect(await kubectl.run('delete deployment/web service/web --cascade=foreground')).toContain(
        'deleted',
      );
      expect(await kubectl.run('get pods,replicasets -o name')).toBe('');
    });
  },
);

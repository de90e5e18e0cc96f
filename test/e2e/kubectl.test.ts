import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Command, startCommand } from './command.ts';
import { hasKubectl, Kubectl } from './kubectl.ts';

const guide = 'docs/examples/guide';

describe.skipIf(!hasKubectl())('kubectl', () => {
  let command: Command;
  const its = new Kubectl();
  const kubectl = (...args: string[]): Promise<string> => its.run(...args);
  afterAll(() => its.close());

  describe('against `start`', () => {
    beforeAll(async () => {
      command = startCommand(['start', '--idle', '--speed', '10']);
      const line = await command.line(/export KUBECONFIG=/);
      its.kubeconfig = line.replace(/^.*KUBECONFIG=/, '');
    });
    afterAll(async () => {
      command.child.kill('SIGTERM');
      await command.ended;
    });

    it('applies the guide’s manifests over what is there', async () => {
      expect(await kubectl('apply', '-f', `${guide}/deployment.yaml`)).toMatch(/nginx-deployment-eni/);
      expect(await kubectl('apply', '-f', `${guide}/service.yaml`)).toMatch(/nginx-service-eni/);
      expect(await kubectl('apply', '-f', `${guide}/ingress.yaml`)).toMatch(/test-ingress created/);
    });

    it('shows the Service with its address', async () => {
      const shown = await kubectl('get', 'service', 'nginx-service-eni');
      expect(shown).toMatch(/LoadBalancer +10\.\d+\.\d+\.\d+ +10\.\d+\.\d+\.\d+ +80:/);
    });

    it('restarts, watches the rollout and shows Pods with open gates', async () => {
      await kubectl('rollout', 'restart', 'deployment/nginx-deployment-eni');
      expect(await kubectl('rollout', 'status', 'deployment/nginx-deployment-eni')).toMatch(
        /successfully rolled out/,
      );
      const shown = await kubectl('get', 'pods', '-o', 'wide');
      expect(shown).toMatch(/READINESS GATES/);
      expect(shown.match(/Running .* 1\/1 *$/gm)?.length ?? 0, shown).toBeGreaterThanOrEqual(3);
    });

    it('scales up and describes', async () => {
      await kubectl('scale', 'deployment/nginx-deployment-eni', '--replicas=4');
      await kubectl('rollout', 'status', 'deployment/nginx-deployment-eni');
      expect(await kubectl('get', 'deployment', 'nginx-deployment-eni')).toMatch(/4\/4/);
      expect(await kubectl('describe', 'deployment', 'nginx-deployment-eni')).toMatch(/4 available/);
      expect(await kubectl('describe', 'service', 'nginx-service-eni')).toMatch(/direct-access: true/);
      expect(await kubectl('describe', 'pods', '-l', 'app=nginx')).toMatch(
        /cloud\.tencent\.com\/load-balancer-backendgroup-ready +True/,
      );
    });
  });

  describe('against `sandbox cluster`', () => {
    const folder = mkdtempSync(join(tmpdir(), 'clb-direct-alone-'));
    let alone: Command;
    beforeAll(async () => {
      its.kubeconfig = join(folder, 'kubeconfig');
      alone = startCommand(['sandbox', 'cluster', '--kubeconfig', its.kubeconfig]);
      await alone.line(/"ready":true/);
    });
    afterAll(async () => {
      alone.child.kill('SIGTERM');
      expect(await alone.ended).toBe(0);
      rmSync(folder, { recursive: true, force: true });
    });

    it('applies all three manifests, shows, scales and restarts', async () => {
      await kubectl('apply', '-f', guide);
      await kubectl('rollout', 'status', 'deployment/nginx-deployment-eni');
      expect((await kubectl('get', 'pods')).match(/ Running /g)).toHaveLength(3);
      await kubectl('scale', 'deployment/nginx-deployment-eni', '--replicas=2');
      await kubectl('rollout', 'restart', 'deployment/nginx-deployment-eni');
      expect(await kubectl('rollout', 'status', 'deployment/nginx-deployment-eni')).toMatch(
        /successfully rolled out/,
      );
    });
  });
});

import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ran, runOnce } from '../../e2e/command.ts';
import { assetsUnderTest } from '../../support/control-plane.ts';

const run = (platform: string, folder: string): Promise<Ran> =>
  runOnce(['--speed', '10', '--platform', platform, '--cluster', 'control-plane'], {
    KUBEBUILDER_ASSETS: folder,
  });

const expectLossless = ({ exitCode, result, said }: Ran): void => {
  expect(result, said).toMatchObject({ cluster: 'control-plane', failed: 0, reset: 0, sessionKept: true });
  expect(Number(result['requestsDuringRollout']), said).toBeGreaterThan(2_000);
  expect(result['pods'], said).toHaveLength(6);
  expect(exitCode, said).toBe(0);
};

describe('npm start -- --cluster control-plane', { timeout: 180_000 }, () => {
  it('loses no request with workers in the cluster, each process as its own ServiceAccount (L1)', async () => {
    const ran = await run('worker', assetsUnderTest().folder);
    expectLossless(ran);
    expect(ran.said).toContain('a real control plane with its own controllers and scheduler');
  });

  it('on an API server without controllers runs our stand-ins of them, and says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clb-direct-assets-'));
    try {
      for (const name of ['etcd', 'kube-apiserver', 'kubectl']) {
        symlinkSync(join(assetsUnderTest().folder, name), join(folder, name));
      }
      const ran = await run('standalone', folder);
      expectLossless(ran);
      expect(ran.said).toContain('a real API server without controllers');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

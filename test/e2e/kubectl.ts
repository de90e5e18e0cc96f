import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const hasKubectl = (): boolean => {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** The real one, with a cache of its own. */
export class Kubectl {
  readonly #cache = mkdtempSync(join(tmpdir(), 'clb-direct-kubectl-'));
  /** File of the kubeconfig. */
  kubeconfig = '';

  /** @returns what it writes to stdout. @throws with its stderr when it does not exit with 0 */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await run('kubectl', ['--cache-dir', this.#cache, ...args], {
      env: { PATH: process.env['PATH'] ?? '', KUBECONFIG: this.kubeconfig },
      timeout: 150_000,
    });
    return stdout;
  }

  /** Removes the cache. */
  close(): void {
    rmSync(this.#cache, { recursive: true, force: true });
  }
}

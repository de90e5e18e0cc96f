import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAssets } from '../../../infra/sandbox/control-plane/assets.ts';

/** A kubectl of this machine, and the minor version of Kubernetes 1 that it is of. */
export interface KubectlProgram {
  readonly file: string;
  readonly minor: number;
}

const programOf = (file: string): KubectlProgram | undefined => {
  try {
    const text = execFileSync(file, ['version', '--client', '-o', 'json'], { encoding: 'utf8' });
    const [, minor] = /"gitVersion": "v1\.(\d+)\./.exec(text) ?? [];
    return minor === undefined ? undefined : { file, minor: Number(minor) };
  } catch {
    return undefined;
  }
};

/** The one on the PATH (on CI Debian's 1.20), and the one of the control plane that is built here, where it is. */
export const kubectls: readonly KubectlProgram[] = [
  programOf('kubectl'),
  ...[findAssets()].map((assets) => assets && programOf(join(assets.folder, 'kubectl'))),
].filter((program) => program !== undefined);

/** What a command wrote, and with which exit code it ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One kubectl for one cluster and namespace, with a home of its own. */
export interface Kubectl {
  readonly environment: NodeJS.ProcessEnv;
  /** @throws with what it said, when it does not exit with 0 */
  run(args: readonly string[] | string, input?: string): Promise<string>;
  /** The same, whatever its exit code. */
  ran(args: readonly string[] | string, input?: string): Promise<Ran>;
  close(): void;
}

/** @param kubeconfig as YAML */
export const openKubectl = (
  { file }: KubectlProgram,
  kubeconfig: string,
  namespace: string,
  more: NodeJS.ProcessEnv = {},
): Kubectl => {
  const home = mkdtempSync(join(tmpdir(), 'clb-direct-kubectl-'));
  writeFileSync(join(home, 'config'), kubeconfig, { mode: 0o600 });
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    KUBECONFIG: join(home, 'config'),
    ...more,
  };
  const ran: Kubectl['ran'] = (args, input) =>
    new Promise((resolve) => {
      const list = typeof args === 'string' ? args.split(' ') : args;
      const child = execFile(
        file,
        ['--namespace', namespace, ...list],
        { env: environment, timeout: 60_000 },
        (error, out, err) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
          resolve({ code, out, err });
        },
      );
      child.stdin?.end(input);
    });
  return {
    environment,
    ran,
    run: async (args, input) => {
      const { code, out, err } = await ran(args, input);
      if (code !== 0) throw new Error(`kubectl ${String(args)}: ${err}${out}`);
      return out;
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  };
};

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkTypes } from './node/check-types.ts';
import { type Command, mustRun, runCommand } from './run-command.ts';
import type { World } from './world.ts';

export interface Language {
  readonly name: string;
  /** Passes that its SDK cannot make. */
  readonly without?: readonly string[];
  /** Makes ready what it needs, and keeps it. @returns why it cannot be run here, where it cannot */
  prepare(root: string): Promise<string | undefined>;
  /** Leads the scenario through its SDK. */
  run(root: string, world: World): Command;
  /** What else its SDK says about the answers. @returns what is wrong with them */
  judge?(root: string, world: World): Promise<string | undefined>;
}

const common = ({ workFile, url }: World): Record<string, string> => ({
  WITNESS_WORK: workFile,
  HTTPS_PROXY: url,
  https_proxy: url,
  // What the machine has set for others must not lead elsewhere.
  HTTP_PROXY: '',
  http_proxy: '',
  NO_PROXY: '',
  no_proxy: '',
});

const node: Language = {
  name: 'node',
  prepare: async () => undefined,
  run: (root, world) => ({
    command: process.execPath,
    args: [join(root, 'dist', 'test', 'witness', 'node', 'main.mjs')],
    cwd: root,
    env: { ...common(world), NODE_EXTRA_CA_CERTS: world.caFile },
  }),
  judge: (root, { reportFile }) => checkTypes(root, reportFile),
};

const goIn = (name: string, folder: string, without: readonly string[] = []): Language => {
  const cwd = (root: string): string => join(root, 'test', 'witness', 'go', folder);
  const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };
  return {
    name,
    without,
    prepare: async (root) => {
      const { code, output } = await runCommand({ command: 'go', args: ['version'], cwd: root });
      if (code !== 0) return `no Go: ${output.trim()}`;
      await mustRun({ command: 'go', args: ['mod', 'download'], cwd: cwd(root), env });
      return undefined;
    },
    run: (root, world) => ({
      command: 'go',
      args: ['test', '-count=1', '-timeout=5m', './...'],
      cwd: cwd(root),
      env: { ...env, ...common(world), SSL_CERT_FILE: world.caFile, SSL_CERT_DIR: '' },
    }),
  };
};

const pythonFolder = (root: string): string => join(root, '.clb-direct', 'witness-python');

/** In a virtual environment of its own, made anew when what it must hold is another. */
const python: Language = {
  name: 'python',
  prepare: async (root) => {
    const { code, output } = await runCommand({ command: 'python3', args: ['--version'], cwd: root });
    if (code !== 0) return `no Python: ${output.trim()}`;
    const folder = pythonFolder(root);
    const requirements = join(root, 'test', 'witness', 'python', 'requirements.txt');
    const wanted = `${output.trim()} ${createHash('sha256').update(readFileSync(requirements)).digest('hex')}`;
    const stamp = join(folder, 'made-from');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
    rmSync(folder, { recursive: true, force: true });
    await mustRun({ command: 'python3', args: ['-m', 'venv', folder], cwd: root });
    const install = ['-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', requirements];
    await mustRun({ command: join(folder, 'bin', 'python'), args: install, cwd: root });
    writeFileSync(stamp, wanted);
    return undefined;
  },
  run: (root, world) => ({
    command: join(pythonFolder(root), 'bin', 'python'),
    args: ['-m', 'pytest', '-q', '-x', '--tb=short', '-p', 'no:cacheprovider', '.'],
    cwd: join(root, 'test', 'witness', 'python'),
    env: { ...common(world), PYTHONDONTWRITEBYTECODE: '1' },
  }),
};

/** Go twice: by the typed client, and by today's client for any action. */
export const languages: readonly Language[] = [
  node,
  goIn('go', 'typed'),
  // A GET of its client for any action has no parameters.
  goIn('go-common', 'common', ['get']),
  python,
];

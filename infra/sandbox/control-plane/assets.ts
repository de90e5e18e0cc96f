import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The programs of a control plane and the client of its own version. */
export const programNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
] as const;

export type ProgramName = (typeof programNames)[number];

/** Without these there is no API server; the others can be stood in for. */
const needed: readonly ProgramName[] = ['etcd', 'kube-apiserver', 'kubectl'];

/** A folder with the programs of a real control plane. */
export interface Assets {
  readonly folder: string;
  /** False: other people's folder has no controller-manager or no scheduler (envtest's own has neither). */
  readonly hasControllers: boolean;
}

/** There is no control plane on this machine, and what to do about it. */
export class NoControlPlane extends Error {}

const goModule = (): string => {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    const folder = join(dir, 'infra', 'sandbox', 'control-plane');
    if (existsSync(join(folder, 'go.mod'))) return folder;
    if (dir === dirname(dir)) throw new Error('infra/sandbox/control-plane/go.mod is not in this clone.');
  }
};

const sources = ['go.mod', 'go.sum', 'main.go'] as const;

/** The version of Kubernetes that our module builds, such as `v1.36.3`. */
const kubernetesVersion = (module: string): string => {
  const [, version] = /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(module, 'go.mod'), 'utf8')) ?? [];
  if (version === undefined) throw new Error(`${module}/go.mod requires no k8s.io/kubernetes.`);
  return version;
};

/** Where the build of these very sources is kept, git-ignored. */
const cacheFolder = (module: string): string => {
  const hash = createHash('sha256');
  for (const name of sources) hash.update(readFileSync(join(module, name)));
  const name = `${kubernetesVersion(module)}-${hash.digest('hex').slice(0, 12)}`;
  return join(module, '..', '..', '..', '.clb-direct', 'control-plane', name);
};

const assetsIn = (folder: string): Assets | undefined =>
  needed.every((name) => existsSync(join(folder, name)))
    ? { folder, hasControllers: programNames.every((name) => existsSync(join(folder, name))) }
    : undefined;

/**
 * The control plane that is there already: that of `KUBEBUILDER_ASSETS`, else the one that was built here.
 *
 * @throws NoControlPlane when `KUBEBUILDER_ASSETS` names a folder without it
 */
export const findAssets = (): Assets | undefined => {
  const given = process.env['KUBEBUILDER_ASSETS'] ?? '';
  if (given === '') return assetsIn(cacheFolder(goModule()));
  const assets = assetsIn(given);
  if (assets === undefined) {
    throw new NoControlPlane(`KUBEBUILDER_ASSETS is ${given}, which has not all of ${needed.join(', ')}.`);
  }
  return assets;
};

const hasGo = (): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'go')));

interface GoRun {
  readonly module: string;
  /** Ends it. */
  readonly signal: AbortSignal | undefined;
}

/** Runs a program of Go's to its end; each line that it writes on stderr is passed on. */
const go = (
  { module, signal }: GoRun,
  args: readonly string[],
  onLine: (line: string) => void,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      cwd: module,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal === undefined ? {} : { signal }),
    });
    let out = '';
    const last: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    createInterface(child.stderr).on('line', (line) => {
      last.push(line);
      if (last.length > 20) last.shift();
      onLine(line);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(out);
      else reject(new Error(`go ${args[0]} ended with ${code}:\n${last.join('\n')}`));
    });
  });

/**
 * The programs of a control plane: those that are there already, else they are built, once; that takes about five
 * minutes on two cores, 4 GB of Go's caches and a module proxy that this machine can reach.
 *
 * @param tell gets a line now and then about how far it is
 * @param signal ends the build; what it has compiled so far is in Go's caches
 * @throws NoControlPlane when there is none and no Go to build it with
 */
export const provideAssets = async (tell: (line: string) => void, signal?: AbortSignal): Promise<Assets> => {
  const found = findAssets();
  if (found !== undefined) return found;
  if (!hasGo()) {
    throw new NoControlPlane(
      'There is no Go on the PATH to build a control plane with (https://go.dev/dl). One that is there already is ' +
        'used where KUBEBUILDER_ASSETS names its folder; `setup-envtest use -p path` prints one.',
    );
  }
  const module = goModule();
  const version = kubernetesVersion(module);
  const folder = cacheFolder(module);
  mkdirSync(dirname(folder), { recursive: true });
  // Beside the place where it will be: only a whole one gets its name.
  const temporary = mkdtempSync(`${folder}.`);
  try {
    tell(`Building Kubernetes ${version} from source (once; about five minutes on two cores)…`);
    let downloaded = 0;
    const listed = await go({ module, signal }, ['list', '-deps', '.'], (line) => {
      if (!line.includes('downloading')) return;
      downloaded += 1;
      if (downloaded % 50 === 0) tell(`  ${downloaded} modules downloaded`);
    });
    const total = listed.trim().split('\n').length;
    const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
    const stamp = { gitVersion: version, gitMajor: major, gitMinor: minor };
    const flags = Object.entries(stamp).map(
      ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
    );
    let built = 0;
    await go(
      { module, signal },
      [
        'build',
        '-v',
        '-trimpath',
        '-ldflags',
        ['-s', '-w', ...flags].join(' '),
        // What the linker leaves out need not be compiled; it is a sixth of the time.
        '-gcflags',
        'all=-dwarf=false',
        '-o',
        join(temporary, 'control-plane'),
        '.',
      ],
      () => {
        built += 1;
        if (built % 200 === 0) tell(`  ${built} of ${total} packages built`);
      },
    );
    for (const name of programNames) symlinkSync('control-plane', join(temporary, name));
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return { folder, hasControllers: true };
};

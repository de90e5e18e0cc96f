import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubeconfigYaml } from '../cluster/api-server/kubeconfig.ts';
import { type ClusterAccess, createTransport, type Transport } from '../cluster/transport.ts';
import { startGuard } from '../guard.ts';
import { makeServerCertificate } from '../net/certificates.ts';
import { freePort } from '../net/listening.ts';
import { createPrivateFolder } from '../private-folder.ts';
import type { Assets, ProgramName } from './assets.ts';

export interface ControlPlaneOptions {
  readonly assets: Assets;
  /** Whether the controller-manager and the scheduler run, too. Default: where the assets have them. */
  readonly controllers?: boolean;
  /** Without it Pods stay as they are made. Default: it runs where the controllers do. */
  readonly scheduler?: boolean;
  /** More flags of the API server, without the dashes. */
  readonly apiServerFlags?: Readonly<Record<string, string>>;
  /** More flags of the controller-manager, without their dashes. */
  readonly controllerFlags?: Readonly<Record<string, string>>;
  readonly programsDir?: string;
}

/** A real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with RBAC. */
export interface ControlPlane {
  readonly url: string;
  readonly caPem: string;
  readonly adminToken: string;
  /** How the stand-ins of the sandbox (kubelets) reach it: as another administrator. */
  readonly standIns: ClusterAccess;
  readonly hasControllers: boolean;
  /** A kubeconfig for the administrator, as YAML. */
  kubeconfig(): string;
  /** Forgets the history of changes, as etcd is told to every five minutes. */
  compact(): Promise<void>;
  /** Kills the API server and starts it again: what it kept in memory of older versions is gone. */
  restartApiServer(): Promise<void>;
  /** With SIGSTOP it is silent, with SIGCONT it goes on. */
  signal(program: ProgramName, signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void;
  close(): Promise<void>;
}

const host = '127.0.0.1';
const readyTimeoutMs = 120_000;
const masters = 'system:masters';
const serviceCidr = '10.96.0.0/16';

/** Somebody was quicker to listen on one of the ports. */
class PortTaken extends Error {}

interface Running {
  readonly name: ProgramName;
  readonly child: ChildProcess;
  readonly logFile: string;
}

const lastLines = ({ logFile }: Running): string =>
  readFileSync(logFile, 'utf8').trim().split('\n').slice(-15).join('\n');

const hasEnded = ({ child }: Running): boolean => child.exitCode !== null || child.signalCode !== null;

/** Asks until it `holds`. @throws Error with the last lines of a program that ended, or when the time is over */
const untilHolds = async (
  what: string,
  programs: readonly Running[],
  holds: () => Promise<boolean>,
): Promise<void> => {
  const end = Date.now() + readyTimeoutMs;
  while (!(await holds().catch(() => false))) {
    for (const program of programs) {
      if (!hasEnded(program)) continue;
      const lines = lastLines(program);
      const message = `${program.name} ended while ${what} was waited for:\n${lines}`;
      throw lines.includes('address already in use') ? new PortTaken(message) : new Error(message);
    }
    if (Date.now() > end) throw new Error(`${what} is not ready:\n${programs.map(lastLines).join('\n')}`);
    await sleep(50);
  }
};

const isReady = (transport: Transport) => async (): Promise<boolean> => {
  const answer = await transport.stream('/readyz', AbortSignal.timeout(2_000));
  answer.resume();
  return answer.statusCode === 200;
};

/** Through etcd's gateway, which takes JSON. */
const compact = async (etcdUrl: string): Promise<void> => {
  const etcd = createTransport({ url: etcdUrl });
  try {
    const key = Buffer.from('/').toString('base64');
    const { header } = await etcd.request<{ header: { revision: string } }>('POST', '/v3/kv/range', { key });
    await etcd.request('POST', '/v3/kv/compaction', { revision: header.revision, physical: true });
  } finally {
    etcd.close();
  }
};

const startOnce = async (options: ControlPlaneOptions): Promise<ControlPlane> => {
  const { assets } = options;
  const private_ = createPrivateFolder();
  const folder = private_.path;
  const guard = startGuard(options.programsDir);
  const programs: Running[] = [];
  const fileOf = (name: string, contents: string): string => {
    const file = join(folder, name);
    writeFileSync(file, contents, { mode: 0o600 });
    return file;
  };
  const run = (name: ProgramName, args: Readonly<Record<string, string>>): void => {
    const logFile = fileOf(`${name}.log`, '');
    const log = openSync(logFile, 'a');
    const child = spawn(
      join(assets.folder, name),
      Object.entries(args).map(([flag, value]) => `--${flag}=${value}`),
      { stdio: ['ignore', log, log], detached: true, env: { HOME: folder }, cwd: folder },
    );
    closeSync(log);
    if (child.pid !== undefined) guard.add(child.pid);
    child.once('error', () => undefined);
    programs.push({ name, child, logFile });
  };
  const end = async (program: Running): Promise<void> => {
    programs.splice(programs.indexOf(program), 1);
    if (hasEnded(program) || program.child.pid === undefined) return;
    const gone = new Promise((resolve) => program.child.once('exit', resolve));
    program.child.kill('SIGKILL');
    await gone;
    guard.remove(program.child.pid);
  };
  let transport: Transport | undefined;
  const close = async (): Promise<void> => {
    transport?.close();
    for (const program of programs.slice().reverse()) await end(program);
    guard.close();
    private_.remove();
  };
  try {
    const [etcdPort, peerPort, securePort] = [
      await freePort(host),
      await freePort(host),
      await freePort(host),
    ];
    const etcdUrl = `http://${host}:${etcdPort}`;
    const peerUrl = `http://${host}:${peerPort}`;
    mkdirSync(join(folder, 'etcd'));
    run('etcd', {
      name: 'etcd',
      'data-dir': join(folder, 'etcd'),
      'listen-client-urls': etcdUrl,
      'advertise-client-urls': etcdUrl,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': `etcd=${peerUrl}`,
      // Watches that nothing happens in get bookmarks; every cluster that is installed by its own tools sets this.
      'watch-progress-notify-interval': '5s',
      // Its data ends with it.
      'unsafe-no-fsync': 'true',
    });
    const newToken = (): string => randomBytes(24).toString('base64url');
    const [adminToken, standInToken, controllerToken] = [newToken(), newToken(), newToken()];
    const users = [
      [adminToken, 'admin', 'admin'],
      [standInToken, 'sandbox', 'sandbox'],
      [controllerToken, 'system:kube-controller-manager', 'controllers'],
    ];
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const signingKeyFile = fileOf('service-accounts.key', privateKey);
    const certificate = await makeServerCertificate([host, 'localhost', 'kubernetes.default.svc']);
    const caFile = fileOf('ca.crt', certificate.caPem);
    const url = `https://${host}:${securePort}`;
    const apiServerArgs = {
      'etcd-servers': etcdUrl,
      'cert-dir': folder,
      'tls-cert-file': fileOf('server.crt', certificate.certificatePem),
      'tls-private-key-file': fileOf('server.key', certificate.keyPem),
      'bind-address': host,
      'advertise-address': host,
      'secure-port': String(securePort),
      // Endpoints on loopback are refused, so its own Service has none.
      'endpoint-reconciler-type': 'none',
      'service-account-issuer': 'https://kubernetes.default.svc',
      'service-account-key-file': fileOf('service-accounts.pub', publicKey),
      'service-account-signing-key-file': signingKeyFile,
      'token-auth-file': fileOf(
        'tokens.csv',
        users.map(([token, name, uid]) => `${token},${name},${uid},"${masters}"\n`).join(''),
      ),
      'authorization-mode': 'RBAC',
      'service-cluster-ip-range': serviceCidr,
      // A Pod needs no ServiceAccount here: the containers are processes of this machine.
      'disable-admission-plugins': 'ServiceAccount',
      profiling: 'false',
      ...options.apiServerFlags,
    };
    run('kube-apiserver', apiServerArgs);
    transport = createTransport({ url, ca: certificate.caPem, token: adminToken });
    const ready = isReady(transport);
    await untilHolds('the API server', programs, ready);
    const hasControllers = options.controllers ?? assets.hasControllers;
    if (hasControllers) {
      const kubeconfigFile = fileOf(
        'controllers.kubeconfig',
        kubeconfigYaml({ name: 'control-plane', url, caPem: certificate.caPem, token: controllerToken }),
      );
      const common = {
        kubeconfig: kubeconfigFile,
        'leader-elect': 'false',
        'secure-port': '0',
        profiling: 'false',
      };
      run('kube-controller-manager', {
        ...common,
        'service-account-private-key-file': signingKeyFile,
        'root-ca-file': caFile,
        'kube-api-qps': '200',
        'kube-api-burst': '400',
        ...options.controllerFlags,
      });
      if (options.scheduler ?? true) run('kube-scheduler', common);
      const { request } = transport;
      await untilHolds('the controller-manager', programs, async () => {
        await request('GET', '/api/v1/namespaces/default/serviceaccounts/default');
        return true;
      });
    }
    return {
      url,
      caPem: certificate.caPem,
      adminToken,
      standIns: { url, ca: certificate.caPem, token: standInToken },
      hasControllers,
      kubeconfig: () =>
        kubeconfigYaml({ name: 'control-plane', url, caPem: certificate.caPem, token: adminToken }),
      compact: () => compact(etcdUrl),
      restartApiServer: async () => {
        const program = programs.find(({ name }) => name === 'kube-apiserver');
        if (program !== undefined) await end(program);
        run('kube-apiserver', apiServerArgs);
        await untilHolds('the API server', programs, ready);
      },
      signal: (name, signal) => {
        for (const program of programs) if (program.name === name) program.child.kill(signal);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/**
 * Starts a control plane on free ports of 127.0.0.1, all of its data in a folder of its own; resolves when it answers
 * and its controllers run. It dies with this process, however that ends.
 *
 * @throws Error with the last lines of the program that did not start
 */
export const startControlPlane = async (options: ControlPlaneOptions): Promise<ControlPlane> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (!(error instanceof PortTaken) || tries === 5) throw error;
    }
  }
};

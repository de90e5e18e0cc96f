import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Addresses, claimAddresses } from './addresses.ts';
import type { ClbSettings } from './clb/settings.ts';
import { type ClbSimulator, startClbSimulator } from './clb/simulator.ts';
import type { AttachOptions } from './cluster/attach.ts';
import {
  type Cluster,
  type ControlPlaneCluster,
  type RunningCluster,
  startCluster,
  startControlPlaneCluster,
} from './cluster/cluster.ts';
import type { Assets } from './control-plane/assets.ts';
import type { FunctionChange } from './functions/pool.ts';
import { createPrivateFolder } from './private-folder.ts';
import { type Platform, type ProcessChange, type System, startSystem } from './system/system.ts';

export interface SandboxOptions {
  /** Divides the times that the CLB simulator takes. Default: 1. */
  readonly speed?: number;
  /** Whether new Pods get the readiness gate of this project. Default: true. */
  readonly gate?: boolean;
  /** 0 to 1, for what the CLB simulator draws. Default: Math.random. */
  readonly random?: () => number;
  readonly clbSettings?: Partial<ClbSettings>;
  /** How this project runs. Default: standalone. */
  readonly platform?: Platform;
  /** With another platform than standalone: a Redis that is there already. */
  readonly redisUrl?: string;
  readonly onFunction?: (change: FunctionChange) => void;
  /** More settings of this project's processes, over the usual ones. */
  readonly systemEnv?: Readonly<Record<string, string>>;
  readonly programsDir?: string;
  /** Each line that a process of this project writes. */
  readonly onSystemLine?: (line: string, from: string) => void;
  readonly onSystemProcess?: (change: ProcessChange) => void;
}

/** A cluster, a CLB and this project between them, on one machine. */
export interface Sandbox<C extends RunningCluster = RunningCluster> {
  readonly addresses: Addresses;
  readonly clb: ClbSimulator;
  readonly cluster: C;
  readonly system: System;
  /** File of a kubeconfig for its administrator, readable by its owner only; gone when the sandbox is. */
  readonly kubeconfigFile: string;
  readonly gate: boolean;
  readonly speed: number;
  /** Ends every process and gives every port and file back. */
  close(): Promise<void>;
}

type StartCluster<C> = (options: Omit<AttachOptions, 'access' | 'withoutControllers'>) => Promise<C>;

const start = async <C extends RunningCluster>(
  options: SandboxOptions,
  startCluster: StartCluster<C>,
): Promise<Sandbox<C>> => {
  const { speed = 1, gate = true } = options;
  const programs = options.programsDir === undefined ? {} : { programsDir: options.programsDir };
  const ends: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const folder = createPrivateFolder();
    ends.push(folder.remove);
    const addresses = await claimAddresses();
    ends.push(addresses.release);
    const clb = await startClbSimulator({
      listen: { host: '127.0.0.1', port: 0 },
      addresses,
      speed,
      ...(options.clbSettings === undefined ? {} : { settings: options.clbSettings }),
      ...(options.random === undefined ? {} : { random: options.random }),
    });
    ends.push(clb.close);
    const cluster = await startCluster({ addresses, kubeProxy: true, ...programs });
    ends.push(cluster.close);
    for (const { instanceId, ip } of cluster.nodes) clb.instances.set(instanceId, ip);
    const kubeconfigFile = join(folder.path, 'kubeconfig');
    writeFileSync(kubeconfigFile, cluster.kubeconfig(), { mode: 0o600 });

    const system = await startSystem({
      platform: options.platform ?? 'standalone',
      ...(options.redisUrl === undefined ? {} : { redisUrl: options.redisUrl }),
      ...(options.onFunction === undefined ? {} : { onFunction: options.onFunction }),
      addresses,
      clb,
      cluster,
      gate,
      ...programs,
      ...(options.systemEnv === undefined ? {} : { env: options.systemEnv }),
      ...(options.onSystemLine === undefined ? {} : { onLine: options.onSystemLine }),
      ...(options.onSystemProcess === undefined ? {} : { onProcess: options.onSystemProcess }),
    });
    ends.push(system.close);
    return { addresses, clb, cluster, system, kubeconfigFile, gate, speed, close };
  } catch (error) {
    await close();
    throw error;
  }
};

/**
 * Starts a whole sandbox; resolves when this project is ready in it. Everything in it dies with this process,
 * however it ends.
 *
 * @throws Error when a part does not start; what had started is ended again
 */
export const startSandbox = (options: SandboxOptions = {}): Promise<Sandbox<Cluster>> =>
  start(options, (given) => startCluster({ ...given, api: { rbac: true } }));

/** The same on a real control plane, which has no faults to inject and no store to look into. */
export const startSandboxOnControlPlane = (
  assets: Assets,
  options: SandboxOptions = {},
): Promise<Sandbox<ControlPlaneCluster>> =>
  start(options, (given) => startControlPlaneCluster({ ...given, assets }));

import type { ClusterKind } from '../sandbox/cluster/cluster.ts';
import { type Assets, provideAssets } from '../sandbox/control-plane/assets.ts';
import { hasRedisServer } from '../sandbox/redis-server.ts';
import {
  type Sandbox,
  type SandboxOptions,
  startSandbox,
  startSandboxOnControlPlane,
} from '../sandbox/sandbox.ts';
import type { Platform } from '../sandbox/system/system.ts';

/** What was asked for needs a Redis. */
export class NoRedis extends Error {}

interface Chosen {
  readonly platform: Platform;
  readonly redisUrl?: string;
  /** For the person who looks on. */
  readonly said: string;
}

/** The queue is on Redis where there is one: REDIS_URL, else a `redis-server` on the PATH. */
export const choosePlatform = (asked: Platform | undefined): Chosen => {
  const url = process.env['REDIS_URL'] ?? '';
  const hasRedis = url !== '' || hasRedisServer();
  if (asked === 'standalone' || (asked === undefined && !hasRedis)) {
    const why = asked === undefined ? 'no redis-server on the PATH and no REDIS_URL' : 'as asked for';
    return { platform: 'standalone', said: `standalone, the queue in memory (${why})` };
  }
  if (!hasRedis) throw new NoRedis(`--platform ${asked} needs a redis-server on the PATH, or REDIS_URL.`);
  const platform = asked ?? 'scf';
  const functions = platform === 'worker' ? 'workers in the cluster' : `functions on ${platform}`;
  return {
    platform,
    ...(url === '' ? {} : { redisUrl: url }),
    said: `the queue on Redis (${url === '' ? 'a redis-server of its own' : 'REDIS_URL'}), two forwarders, ${functions}`,
  };
};

/** Whose control plane it is, for the person who looks on. */
const controlPlaneSaid = ({ hasControllers }: Assets): string =>
  hasControllers
    ? 'a real control plane with its own controllers and scheduler; the kubelets are ours'
    : 'a real API server without controllers; those, the scheduler and the kubelets are our stand-ins';

/**
 * How to start a sandbox on the cluster that was asked for; a real control plane is built first where there is none.
 *
 * @param tell gets what is said to the person who looks on
 * @throws NoControlPlane; the signal's reason when the build is given up
 */
export const chooseCluster = async (
  asked: ClusterKind | undefined,
  tell: (text: string) => void,
  signal: AbortSignal,
): Promise<(options: SandboxOptions) => Promise<Sandbox>> => {
  if (asked !== 'control-plane') return startSandbox;
  const assets = await provideAssets(tell, signal).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error;
  });
  tell(controlPlaneSaid(assets));
  return (options) => startSandboxOnControlPlane(assets, options);
};

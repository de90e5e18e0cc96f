// The main job: the guide's Deployment and Service become a load balancer that points straight at Pods, and a rolling
// update under load. One file, used by the screen, the tests and the bench.
import { type Deployment, deployments, type Service, services } from '../cluster/objects.ts';
import type { Sandbox } from '../sandbox.ts';
import type { TargetState } from './bound-targets.ts';
import { followClb } from './follow-clb.ts';
import { followCluster } from './follow-cluster.ts';
import type { HistoryEvent, PodChange } from './history.ts';
import { applyObject, guideManifest } from './manifests.ts';
import type { Run } from './run.ts';
import type { PodState, RunState } from './run-state.ts';
import { type Summary, summarize } from './summary.ts';
import { newConnectionsClient, sessionClient, startTraffic } from './traffic.ts';

export const guide = {
  namespace: 'default',
  deployment: 'nginx-deployment-eni',
  service: 'nginx-service-eni',
} as const;

export interface RollOptions {
  /** Kills the process that leads (SIGKILL) as the rollout begins, or when its first Pod comes to this. */
  readonly killForwarderAt?: 'rolling' | Extract<PodChange, 'containers-ready' | 'deleting'>;
  readonly programsDir?: string;
}

const deployTimeoutMs = 60_000;
const serveTimeoutMs = 90_000;
const trafficTimeoutMs = 20_000;
const rolloutTimeoutMs = 180_000;
const drainTimeoutMs = 90_000;
/** Traffic before the rollout, and after the last old Pod is gone. */
const settleMs = 2_000;
const lingerMs = 2_000;

/** How the load balancer reaches Pods: itself, or by way of every node, which is the guide's default. */
export type Way = 'direct' | 'node-port';

const takesRequests = (target: TargetState | undefined): boolean =>
  target?.health === 'Alive' && target.weight > 0;

const isServing = ({ pod, target }: PodState, way: Way): boolean =>
  pod.ready && !pod.terminating && (way === 'node-port' || takesRequests(target));

const allServe = ({ pods, targets, rollout, address }: RunState, way: Way): boolean =>
  address !== undefined &&
  rollout?.complete === true &&
  pods.length > 0 &&
  pods.every((pod) => isServing(pod, way)) &&
  targets.length > 0 &&
  targets.every(takesRequests);

/** The guide's Service, with or without what makes it direct. */
const serviceManifest = (way: Way): Service => {
  const service = guideManifest('service.yaml', services);
  if (way === 'direct') return service;
  const { annotations: _direct, ...metadata } = service.metadata;
  return { ...service, metadata };
};

export interface DeployOptions {
  /** Default: direct. */
  readonly way?: Way;
  /** What a scenario wants other than the guide. */
  readonly change?: (deployment: Deployment) => Deployment;
}

/**
 * Applies the guide's Deployment, then its Service, and waits until the load balancer finds all that is behind it Alive.
 *
 * @returns ends what writes the history
 * @throws NotInTime
 */
export const deployGuide = async (
  sandbox: Sandbox,
  run: Run,
  { way = 'direct', change = (deployment) => deployment }: DeployOptions = {},
): Promise<() => void> => {
  const { history } = run;
  const { client } = sandbox.cluster;
  const stopClb = followClb(sandbox.clb, history);
  const follower = await followCluster(client, guide, history);
  const deployment = change(guideManifest('deployment.yaml', deployments));
  const { replicas } = deployment.spec;
  history.add({ type: 'stage', stage: 'started', text: `apply Deployment ${guide.deployment}` });
  await applyObject(client, deployments, guide.namespace, deployment);
  await run.until(
    'the Pods of the Deployment run',
    deployTimeoutMs,
    ({ rollout, pods }) => rollout?.complete === true && pods.length === replicas,
  );
  history.add({ type: 'stage', stage: 'deployed', text: `apply Service ${guide.service}` });
  await applyObject(client, services, guide.namespace, serviceManifest(way));
  await run.until('the load balancer finds every target Alive', serveTimeoutMs, (state) =>
    allServe(state, way),
  );
  history.add({ type: 'stage', stage: 'serving', text: 'every Pod serves through the load balancer' });
  return () => {
    stopClb();
    follower.close();
  };
};

const killLeader = async (sandbox: Sandbox): Promise<void> => (await sandbox.system.leader()).kill('SIGKILL');

const killAt = (sandbox: Sandbox, run: Run, at: PodChange, old: ReadonlySet<string>): (() => void) => {
  const stop = run.history.on((event: HistoryEvent) => {
    if (event.type !== 'pod' || event.change !== at || old.has(event.pod.uid) !== (at === 'deleting')) return;
    stop();
    void killLeader(sandbox);
  });
  return stop;
};

/**
 * Rolls the Deployment to another version while clients ask, and counts.
 *
 * @param version the new image tag
 * @throws NotInTime
 */
export const rollUnderLoad = async (
  sandbox: Sandbox,
  run: Run,
  version: string,
  options: RollOptions = {},
): Promise<Summary> => {
  const { history, state } = run;
  const { addresses } = sandbox;
  const { client } = sandbox.cluster;
  const { address } = state;
  if (address === undefined) throw new Error('The Service has no address to send requests to.');
  const old = new Map(state.pods.map(({ pod }) => [pod.uid, pod.ip]));
  const callsBefore = run.state.rolls === 0 ? {} : state.clbCalls;

  history.add({ type: 'stage', stage: 'traffic', text: 'clients start' });
  const traffic = startTraffic(addresses, address, history, options);
  let stopKill = (): void => undefined;
  try {
    await run.until('every client gets answers', trafficTimeoutMs, ({ clients }) => {
      return clients.length > 0 && clients.every(({ ok, final }) => ok > 0 && !final);
    });
    await run.pause(settleMs);
    const { killForwarderAt } = options;
    if (killForwarderAt === 'rolling') await killLeader(sandbox);
    else if (killForwarderAt !== undefined) {
      stopKill = killAt(sandbox, run, killForwarderAt, new Set(old.keys()));
    }
    const requestsBeforeRollout = traffic.total();
    const steady = state.clients.find(({ name }) => name === newConnectionsClient);
    const rolledFromMs = Date.now();
    history.add({ type: 'stage', stage: 'rolling', text: `roll the Deployment to nginx:${version}` });
    await client.patch(deployments, guide.namespace, guide.deployment, 'strategic', {
      spec: { template: { spec: { containers: [{ name: 'nginx', image: `nginx:${version}` }] } } },
    });
    const rolledMs = await run.until(
      `the rollout to ${version} is complete`,
      rolloutTimeoutMs,
      ({ rollout }) => rollout?.version === version && rollout.complete,
    );
    history.add({ type: 'stage', stage: 'rolled', text: 'the rollout is complete' });
    const drainedMs = await run.until(
      'the old Pods and their targets are gone',
      drainTimeoutMs,
      (now) =>
        now.pods.every(({ pod }) => !old.has(pod.uid)) && ![...old.values()].some((ip) => now.isBound(ip)),
    );
    history.add({ type: 'stage', stage: 'drained', text: 'the last old Pod is gone' });
    const requestsAtDrained = traffic.total();
    await run.pause(lingerMs);
    const clients = await traffic.stop();
    history.add({ type: 'stage', stage: 'stopped', text: 'clients stopped' });
    return summarize({
      version,
      gate: sandbox.gate,
      platform: sandbox.system.platform,
      cluster: sandbox.cluster.kind,
      invocations: Object.fromEntries(
        run.state.functions.map(({ name, invocations }) => [name, invocations]),
      ),
      speed: sandbox.speed,
      canShowClientAddress: addresses.mode === 'range',
      sessionClient,
      rolledFromMs,
      rolledMs,
      drainedMs,
      requestsBeforeRollout,
      requestsAtDrained,
      steadyPods: steady?.pods ?? {},
      timelines: state.timelines.filter(({ goneMs }) => goneMs === undefined || goneMs >= rolledFromMs),
      clbCalls: callsSince(callsBefore, state.clbCalls),
      clients,
    });
  } finally {
    stopKill();
    traffic.close();
  }
};

const callsSince = (
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
): Record<string, number> =>
  Object.fromEntries(
    Object.entries(now)
      .map(([action, count]): [string, number] => [action, count - (before[action] ?? 0)])
      .filter(([, count]) => count > 0),
  );

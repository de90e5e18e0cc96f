import { isReadOf } from './bound-places.ts';
import type { DesiredState, KeptState, ListenerWant, LoadBalancerKey, PodState } from './desired-state.ts';
import type { ObjectRef } from './facts.ts';
import { gateOpenReason } from './names.ts';
import type { Health, Recorded, TargetKey } from './observed.ts';
import { covers, placeText, samePlace } from './place.ts';
import { podPhase } from './pod-phase.ts';
import { isNewer } from './resource-version.ts';
import { servingWeight } from './weights.ts';

/** One load balancer as the readiness function reads it from the store. */
export interface WaitingView {
  readonly loadBalancerKey: LoadBalancerKey;
  readonly states: readonly KeptState[];
  readonly recorded: Recorded;
}

/** What a health read said of a target. Reads that began before a record do not count for it (law L7). */
export interface HealthRead extends TargetKey {
  readonly loadBalancerId: string;
  readonly health: Health;
  /** Unix ms when the read began. */
  readonly begunAt: number;
}

export interface GateDecision {
  readonly pod: ObjectRef;
  readonly open: boolean;
  readonly reason: string;
  readonly message: string;
  /** On closed gates: a message that comes late must lose. */
  readonly resourceVersion?: string;
  /** Unix ms since when the condition has this status; absent: it changes with this verdict. */
  readonly statusSince?: number;
}

export interface GateDecisions {
  readonly decisions: readonly GateDecision[];
  /** Pods whose gate stays closed. */
  readonly waiting: number;
  /** All that is waited for is targets that are Dead: they change at the health check's own pace. */
  readonly onlyDead: boolean;
}

export const gateClosedReason = 'LoadBalancerNetworkGroupNotReady';

export const isWaiting = (pod: PodState): boolean =>
  pod.gate !== undefined && pod.gate.status !== 'True' && pod.terminatingAt === undefined && !pod.ended;

interface Waited {
  readonly waitsFor: string;
  readonly unhealthy?: Health;
}

const newest = (a: PodState, b: PodState): PodState =>
  isNewer(b.resourceVersion, a.resourceVersion) ? b : a;

const isRefused = (view: WaitingView, state: DesiredState, want: ListenerWant, podUid: string): boolean => {
  const byCluster = state.problems.some(
    ({ severity, about }) =>
      severity === 'error' &&
      ((about?.podUid === podUid && about.listener === undefined) ||
        (about?.listener !== undefined &&
          covers(about.listener, want) &&
          (about.podUid === undefined || about.podUid === podUid))),
  );
  const byLoadBalancer = view.recorded.refusals.some(
    ({ objectUid, listener, podUid: refusedPod }) =>
      objectUid === state.object.uid &&
      (refusedPod === undefined || refusedPod === podUid) &&
      (listener === undefined || covers(listener, want)),
  );
  return byCluster || byLoadBalancer;
};

/** Rules of one object lead to different Services: a Pod waits only where it belongs. */
const belongs = ({ backends }: ListenerWant, podUid: string): boolean =>
  backends.podUids === undefined || backends.podUids.includes(podUid);

/** What one place still lacks before it may say yes to a Pod; undefined: nothing. */
const lacks = (
  view: WaitingView,
  state: DesiredState,
  want: ListenerWant,
  pod: PodState,
  reads: readonly HealthRead[],
  defaultWeight: number,
): Waited | undefined => {
  const { loadBalancer, bindings } = view.recorded;
  const where = placeText(want);
  if (loadBalancer === undefined) return { waitsFor: `load balancer of ${state.object.name} is being made` };
  const on = `${loadBalancer.loadBalancerId} ${where}`;
  const endpoint = want.backends.endpoints.find(({ backendUid }) => backendUid === pod.ref.uid);
  if (endpoint === undefined) return { waitsFor: `${on}: its endpoint` };
  const target = `${endpoint.ip}:${endpoint.port}`;
  const record = bindings.find(
    (binding) =>
      binding.backendUid === pod.ref.uid &&
      samePlace(binding.place, want) &&
      binding.ip === endpoint.ip &&
      binding.port === endpoint.port,
  );
  if (record === undefined) return { waitsFor: `${on}: ${target} being bound` };
  const phase = podPhase(pod, {
    now: 0,
    drainSlackSeconds: 0,
    publishNotReady: want.backends.publishNotReadyAddresses,
  });
  const wantedWeight = phase === 'serving' ? servingWeight(state, pod, want, defaultWeight) : 0;
  if (record.weight === 0 && wantedWeight > 0) return { waitsFor: `${on}: the weight of ${target}` };
  const read = reads.find(
    (candidate) =>
      candidate.loadBalancerId === loadBalancer.loadBalancerId &&
      candidate.begunAt > record.recordedAt &&
      isReadOf(record, candidate),
  );
  const health = read?.health ?? 'Unknown';
  return health === 'Alive' || health === 'Close'
    ? undefined
    : { waitsFor: `${on}: ${target} is ${health}`, unhealthy: health };
};

/**
 * Decides the gates of every waiting Pod (law L7): open only when its own target is bound and seen healthy in every
 * load balancer, listener and rule that holds it. Pods whose containers are not ready yet get no verdict; a
 * closed one only when its message would change.
 */
export const decideGates = (
  views: readonly WaitingView[],
  reads: readonly HealthRead[],
  defaultWeight: number,
): GateDecisions => {
  let waiting = 0;
  let onlyDead = true;
  const pods = new Map<string, PodState>();
  const served = new Map<string, { readonly view: WaitingView; readonly state: DesiredState }>();
  for (const view of views) {
    for (const { state } of view.states) {
      if (state.intent !== 'serve') continue;
      served.set(state.object.uid, { view, state });
      for (const pod of state.pods) {
        const known = pods.get(pod.ref.uid);
        pods.set(pod.ref.uid, known === undefined ? pod : newest(known, pod));
      }
    }
  }
  const decisions = [...pods.values()].flatMap((pod): GateDecision[] => {
    if (!isWaiting(pod) || pod.heldBy.length === 0) return [];
    if (!pod.containersReady) {
      waiting += 1;
      return [];
    }
    const waited = pod.heldBy.flatMap((holder): Waited[] => {
      const known = served.get(holder);
      // An object that holds the gate and that the store lacks keeps it closed.
      if (known === undefined) return [{ waitsFor: `object ${holder} to be known` }];
      const { view, state } = known;
      return state.listeners.flatMap(
        (want) =>
          (!belongs(want, pod.ref.uid) || isRefused(view, state, want, pod.ref.uid)
            ? undefined
            : lacks(view, state, want, pod, reads, defaultWeight)) ?? [],
      );
    });
    if (waited.length === 0) {
      const message = `Bound and healthy in every load balancer of ${pod.heldBy.length} object(s).`;
      return [{ pod: pod.ref, open: true, reason: gateOpenReason, message }];
    }
    waiting += 1;
    onlyDead = onlyDead && waited.every(({ unhealthy }) => unhealthy === 'Dead');
    const message = `Waiting for ${waited.map(({ waitsFor }) => waitsFor).join('; ')}`;
    if (pod.gate?.status === 'False' && pod.gate.message === message) {
      return [];
    }
    return [
      { pod: pod.ref, open: false, reason: gateClosedReason, message, resourceVersion: pod.resourceVersion },
    ];
  });
  return { decisions, waiting, onlyDead: waiting > 0 && onlyDead };
};

/** The targets whose health decides a gate, by load balancer: what one health read must cover. */
export const healthWanted = (
  views: readonly WaitingView[],
): readonly { readonly loadBalancerId: string; readonly listenerIds: readonly string[] }[] =>
  views.flatMap(({ recorded, states }) => {
    const { loadBalancer } = recorded;
    if (loadBalancer === undefined) return [];
    const waiting = new Set(
      states.flatMap(({ state }) =>
        state.pods.filter((pod) => isWaiting(pod) && pod.containersReady).map((pod) => pod.ref.uid),
      ),
    );
    const listenerIds = new Set(
      recorded.bindings
        .filter(({ backendUid }) => waiting.has(backendUid))
        .map(({ listenerId }) => listenerId),
    );
    return listenerIds.size === 0
      ? []
      : [{ loadBalancerId: loadBalancer.loadBalancerId, listenerIds: [...listenerIds].sort() }];
  });

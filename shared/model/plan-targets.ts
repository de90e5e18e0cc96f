import { bindingAt, type Registered } from './bindings.ts';
import type { Backends, DesiredState, Endpoint, LeavingEndpoint, PodState } from './desired-state.ts';
import type { Binding, Health, ObservedListener, ObservedTarget } from './observed.ts';
import type { Policy, TargetWrite } from './plan-types.ts';
import { type PodPhase, podPhase, terminationDeadline } from './pod-phase.ts';
import { type Problem, problem } from './problems.ts';
import { servingWeight } from './weights.ts';

export interface TargetHealthRead {
  readonly listenerId: string;
  readonly ip: string;
  readonly port: number;
  readonly health: Health;
}

export interface TargetPlanInput {
  readonly state: DesiredState;
  readonly backends: Backends;
  readonly listener: ObservedListener;
  /** Records of this listener only. */
  readonly bindings: readonly Binding[];
  /** Registered in this pass by the answers, not read back yet: bound for its Pod, but it proves nothing. */
  readonly registered: readonly Registered[];
  /** Addresses that an earlier layer-4 listener of the load balancer serves; this one adds its own. */
  readonly claims: Set<string>;
  readonly health: readonly TargetHealthRead[] | undefined;
  readonly policy: Policy;
  /** Unix ms. */
  readonly now: number;
}

export interface TargetPlan {
  /** To weight 0 at once, ahead of everything. */
  readonly drain: readonly TargetWrite[];
  /** Bound for another Pod: deregistered right before `register` binds the address anew. */
  readonly replace: readonly TargetWrite[];
  readonly register: readonly TargetWrite[];
  readonly reweigh: readonly TargetWrite[];
  readonly deregister: readonly TargetWrite[];
  readonly unexplained: readonly { readonly ip: string; readonly port: number }[];
  readonly problems: readonly Problem[];
  /** Living Pods left: whether the new ones are Alive decides, and was not read. */
  readonly needsHealth: boolean;
  readonly nextAt?: number;
}

interface Wanted {
  readonly endpoint: Endpoint;
  readonly pod: PodState;
  readonly phase: PodPhase;
}

const isAt = (
  a: { readonly ip: string; readonly port: number },
  b: { readonly ip: string; readonly port: number },
): boolean => a.ip === b.ip && a.port === b.port;

/** Of two Pods that claim one address, the one that is not on its way out has it. */
const phaseRank: Record<PodPhase, number> = {
  serving: 0,
  'waiting-for-others': 1,
  'not-ready': 2,
  terminating: 3,
  ended: 4,
};

const lastingCauses = new Set<LeavingEndpoint['cause']>(['unselected', 'port-changed']);

/** What to do with the targets of one listener. */
export const planTargets = (input: TargetPlanInput): TargetPlan => {
  const { state, backends, listener, bindings, policy, now } = input;
  const drain: TargetWrite[] = [];
  const replace: TargetWrite[] = [];
  const register: TargetWrite[] = [];
  const reweigh: TargetWrite[] = [];
  const deregister: TargetWrite[] = [];
  const problems: Problem[] = [];
  const deadlines: number[] = [];
  let needsHealth = false;

  const pods = new Map(state.pods.map((pod): [string, PodState] => [pod.ref.uid, pod]));
  const wanted: Wanted[] = [];
  for (const endpoint of backends.endpoints) {
    const pod = pods.get(endpoint.backendUid);
    if (pod === undefined) continue;
    const phase = podPhase(pod, {
      now,
      drainSlackSeconds: policy.drainSlackSeconds,
      publishNotReady: backends.publishNotReadyAddresses,
    });
    const other = wanted.findIndex((candidate) => isAt(candidate.endpoint, endpoint));
    const rival = wanted[other];
    if (rival === undefined) wanted.push({ endpoint, pod, phase });
    else if (phaseRank[phase] < phaseRank[rival.phase]) wanted[other] = { endpoint, pod, phase };
  }
  const targetAt = (address: { ip: string; port: number }): ObservedTarget | undefined =>
    listener.targets.find((target) => isAt(target, address));
  const write = (
    address: { ip: string; port: number },
    weight: number,
    backendUid?: string,
  ): TargetWrite => ({
    listenerId: listener.listenerId,
    place: { protocol: listener.protocol, port: listener.port },
    ip: address.ip,
    port: address.port,
    weight,
    ...(backendUid === undefined ? {} : { backendUid }),
  });

  // Somebody else serves: proven bound for its own Pod, at a weight above 0, Ready and here to stay.
  const serves = ({ endpoint, pod, phase }: Wanted): boolean => {
    const target = targetAt(endpoint);
    const record = bindingAt(bindings, listener.listenerId, endpoint);
    const ready = pod.ready || backends.publishNotReadyAddresses;
    return (
      phase === 'serving' && ready && (target?.weight ?? 0) > 0 && record?.backendUid === endpoint.backendUid
    );
  };
  const isRegistered = (endpoint: Endpoint): boolean =>
    input.registered.some(
      (entry) =>
        entry.listenerId === listener.listenerId &&
        isAt(entry, endpoint) &&
        entry.backendUid === endpoint.backendUid,
    );
  const servers = wanted.filter(serves);
  const othersServe = (address: { ip: string; port: number }): boolean =>
    servers.some(({ endpoint }) => !isAt(endpoint, address));
  const noneServing = !wanted.some(({ phase }) => phase === 'serving');

  for (const { endpoint, pod, phase } of wanted) {
    const target = targetAt(endpoint);
    const record = bindingAt(bindings, listener.listenerId, endpoint);
    if (phase === 'ended') {
      if (target !== undefined) deregister.push(write(endpoint, target.weight, endpoint.backendUid));
      continue;
    }
    if (phase === 'terminating') {
      const deadline = terminationDeadline(pod, policy.drainSlackSeconds);
      if (target !== undefined && deadline !== undefined) deadlines.push(deadline);
      if (target !== undefined && target.weight > 0 && othersServe(endpoint)) {
        drain.push(write(endpoint, 0, endpoint.backendUid));
      }
      continue;
    }
    if (phase === 'not-ready') {
      // Panic: with nobody serving, those not ready keep what they have.
      if (target !== undefined && target.weight > 0) {
        if (!noneServing) reweigh.push(write(endpoint, 0, endpoint.backendUid));
        else {
          problems.push(
            problem(
              'D1008',
              `Port ${listener.port}: no Pod is ready; those that are not keep their weight.`,
              {
                severity: 'warning',
              },
            ),
          );
        }
      }
      continue;
    }
    const claim = `${listener.protocol} ${endpoint.ip}:${endpoint.port}`;
    if (input.claims.has(claim)) {
      problems.push(
        problem(
          'E4036',
          `Port ${listener.port}: ${endpoint.ip}:${endpoint.port} is the target of another ${listener.protocol} listener of load balancer already.`,
          {
            about: {
              podUid: endpoint.backendUid,
              listener: { protocol: listener.protocol, port: listener.port },
            },
          },
        ),
      );
      continue;
    }
    input.claims.add(claim);
    const weight = phase === 'serving' ? servingWeight(state, pod, listener, policy.defaultWeight) : 0;
    if (target === undefined) register.push(write(endpoint, weight, endpoint.backendUid));
    else if (record?.backendUid === endpoint.backendUid || isRegistered(endpoint)) {
      if (target.weight !== weight) reweigh.push(write(endpoint, weight, endpoint.backendUid));
    } else {
      replace.push(write(endpoint, target.weight));
      register.push(write(endpoint, weight, endpoint.backendUid));
    }
  }

  const isWanted = (address: { ip: string; port: number }): boolean =>
    wanted.some(({ endpoint }) => isAt(endpoint, address));
  const alive = (address: { ip: string; port: number }): boolean =>
    input.health?.some(
      (read) =>
        read.listenerId === listener.listenerId &&
        isAt(read, address) &&
        (read.health === 'Alive' || read.health === 'Close'),
    ) ?? false;

  for (const left of backends.leaving) {
    const target = targetAt(left);
    if (target === undefined || isWanted(left)) continue;
    if (!lastingCauses.has(left.cause)) {
      deregister.push(write(left, target.weight, left.backendUid));
      continue;
    }
    // Blue/green: the Pod lives. The new ones bound and Alive first, then this one to 0, then away.
    if (target.weight > 0) {
      if (servers.length === 0) continue;
      if (input.health === undefined) needsHealth = true;
      else if (servers.some(({ endpoint }) => alive(endpoint))) drain.push(write(left, 0, left.backendUid));
      else deadlines.push(now + 1000);
      continue;
    }
    const zeroSince = bindingAt(bindings, listener.listenerId, left)?.weightAt ?? left.since;
    const deadline = zeroSince + policy.drainSeconds * 1000;
    if (now >= deadline) deregister.push(write(left, 0, left.backendUid));
    else deadlines.push(deadline);
  }

  const unexplained = listener.targets
    .filter((target) => !isWanted(target) && !backends.leaving.some((left) => isAt(left, target)))
    .map(({ ip, port }) => ({ ip, port }));

  return {
    drain,
    replace,
    register,
    reweigh,
    deregister,
    unexplained,
    problems: problems.filter(
      (entry, at) => problems.findIndex(({ message }) => message === entry.message) === at,
    ),
    needsHealth,
    ...(deadlines.length === 0 ? {} : { nextAt: Math.min(...deadlines) }),
  };
};

import type { Registered } from './bindings.ts';
import { type Address, bindingAt, isAt, isReadOf, sameSpot } from './bound-places.ts';
import type { Claim, HeldPlace } from './claims.ts';
import type { Endpoint, LeavingEndpoint, NodeState, PodState } from './desired-state.ts';
import type { Binding, Health, ObservedTarget, TargetKey } from './observed.ts';
import { placeText } from './place.ts';
import type { Policy, TargetWrite } from './plan-types.ts';
import { type PodPhase, podPhase, terminationDeadline } from './pod-phase.ts';
import { type Problem, problem } from './problems.ts';
import { servingWeight } from './weights.ts';

export interface TargetHealthRead extends TargetKey {
  readonly health: Health;
}

export interface TargetPlanInput {
  readonly claim: Claim;
  readonly place: HeldPlace;
  /** Records of this place only. */
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

/** A Pod or a node behind a place. */
interface Wanted {
  readonly endpoint: Endpoint;
  readonly phase: PodPhase;
  /** Takes traffic beyond doubt. */
  readonly ready: boolean;
  /** While it serves. */
  readonly weight: number;
  /** Unix ms when it is given up, if it is terminating. */
  readonly deadline?: number;
}

/** Of two Pods that claim one address, the one that is not on its way out has it. */
const phaseRank: Record<PodPhase, number> = {
  serving: 0,
  'waiting-for-others': 1,
  'not-ready': 2,
  terminating: 3,
  ended: 4,
};

/** The Pod or the node lives and goes on answering. */
const lastingCauses = new Set<LeavingEndpoint['cause']>(['unselected', 'port-changed', 'mode-changed']);

/** What to do with the targets of one place. */
export const planTargets = (input: TargetPlanInput): TargetPlan => {
  const { place, bindings, policy, now } = input;
  const { state, want } = input.claim;
  const { backends } = want;
  const drain: TargetWrite[] = [];
  const replace: TargetWrite[] = [];
  const register: TargetWrite[] = [];
  const reweigh: TargetWrite[] = [];
  const deregister: TargetWrite[] = [];
  const problems: Problem[] = [];
  const deadlines: number[] = [];
  let needsHealth = false;
  const where = placeText(place.place);

  const pods = new Map(state.pods.map((pod): [string, PodState] => [pod.ref.uid, pod]));
  const nodes = new Map(state.nodes?.map((node): [string, NodeState] => [node.uid, node]));
  const wantedOf = (endpoint: Endpoint): Wanted | undefined => {
    const node = nodes.get(endpoint.backendUid);
    if (node !== undefined) {
      return { endpoint, phase: 'serving', ready: true, weight: node.weight ?? policy.defaultWeight };
    }
    const pod = pods.get(endpoint.backendUid);
    if (pod === undefined) return undefined;
    const phase = podPhase(pod, {
      now,
      drainSlackSeconds: policy.drainSlackSeconds,
      publishNotReady: backends.publishNotReadyAddresses,
    });
    const deadline = terminationDeadline(pod, policy.drainSlackSeconds);
    return {
      endpoint,
      phase,
      ready: pod.ready || backends.publishNotReadyAddresses,
      weight: phase === 'serving' ? servingWeight(state, pod, want, policy.defaultWeight) : 0,
      ...(deadline === undefined ? {} : { deadline }),
    };
  };
  const wanted: Wanted[] = [];
  for (const endpoint of backends.endpoints) {
    const one = wantedOf(endpoint);
    if (one === undefined) continue;
    const other = wanted.findIndex((candidate) => isAt(candidate.endpoint, endpoint));
    const rival = wanted[other];
    if (rival === undefined) wanted.push(one);
    else if (phaseRank[one.phase] < phaseRank[rival.phase]) wanted[other] = one;
  }
  const targetAt = (address: Address): ObservedTarget | undefined =>
    place.targets.find((target) => isAt(target, address));
  const recordAt = (address: Address): Binding | undefined => bindingAt(bindings, place, address);
  const write = (
    address: Address & { readonly instanceId?: string },
    weight: number,
    backendUid?: string,
  ): TargetWrite => {
    // What is bound is spoken of as it was bound, whatever the endpoint says by now.
    const { instanceId } = targetAt(address) ?? address;
    return {
      listenerId: place.listenerId,
      ...(place.locationId === undefined ? {} : { locationId: place.locationId }),
      place: place.place,
      ip: address.ip,
      port: address.port,
      weight,
      ...(instanceId === undefined ? {} : { instanceId }),
      ...(backendUid === undefined ? {} : { backendUid }),
    };
  };

  // Somebody else serves: proven bound for its own Pod, at a weight above 0, Ready and here to stay.
  const serves = ({ endpoint, phase, ready }: Wanted): boolean => {
    const target = targetAt(endpoint);
    const record = recordAt(endpoint);
    return (
      phase === 'serving' && ready && (target?.weight ?? 0) > 0 && record?.backendUid === endpoint.backendUid
    );
  };
  const isRegistered = (endpoint: Endpoint): boolean =>
    input.registered.some(
      (entry) => sameSpot(entry, place) && isAt(entry, endpoint) && entry.backendUid === endpoint.backendUid,
    );
  const servers = wanted.filter(serves);
  const othersServe = (address: Address): boolean => servers.some(({ endpoint }) => !isAt(endpoint, address));
  const noneServing = !wanted.some(({ phase }) => phase === 'serving');

  for (const { endpoint, phase, weight, deadline } of wanted) {
    const target = targetAt(endpoint);
    const record = recordAt(endpoint);
    if (phase === 'ended') {
      if (target !== undefined) deregister.push(write(endpoint, target.weight, endpoint.backendUid));
      continue;
    }
    if (phase === 'terminating') {
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
            problem('D1008', `${where}: no Pod is ready; those that are not keep their weight.`, {
              severity: 'warning',
            }),
          );
        }
      }
      continue;
    }
    // The CLB knows an address once in its layer-4 listeners of one protocol; rules share addresses freely.
    const claim = `${place.place.protocol} ${endpoint.ip}:${endpoint.port}`;
    if (input.claims.has(claim)) {
      problems.push(
        problem(
          'E4036',
          `${where}: ${endpoint.ip}:${endpoint.port} is the target of another ${place.place.protocol} listener of load balancer already.`,
          { about: { podUid: endpoint.backendUid, listener: place.place } },
        ),
      );
      continue;
    }
    if (place.locationId === undefined) input.claims.add(claim);
    if (target === undefined) register.push(write(endpoint, weight, endpoint.backendUid));
    else if (record?.backendUid === endpoint.backendUid || isRegistered(endpoint)) {
      if (target.weight !== weight) reweigh.push(write(endpoint, weight, endpoint.backendUid));
    } else {
      replace.push(write(endpoint, target.weight));
      register.push(write(endpoint, weight, endpoint.backendUid));
    }
  }

  const isWanted = (address: Address): boolean => wanted.some(({ endpoint }) => isAt(endpoint, address));
  const alive = (address: Address): boolean =>
    input.health?.some(
      (read) =>
        isReadOf({ ...place, ip: address.ip, port: address.port }, read) &&
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
    const zeroSince = recordAt(left)?.weightAt ?? left.since;
    const deadline = zeroSince + policy.drainSeconds * 1000;
    if (now >= deadline) deregister.push(write(left, 0, left.backendUid));
    else deadlines.push(deadline);
  }

  const unexplained = place.targets
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

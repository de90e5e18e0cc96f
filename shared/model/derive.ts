import { type DeriveOptions, ingressVerdict, serviceVerdict, type Verdict } from './claim.ts';
import type { DesiredState, PodState } from './desired-state.ts';
import type { OwnerFact } from './facts.ts';
import { type Places, type PlacesInput, placesOfIngress, placesOfService } from './places.ts';
import { notOlder, podState } from './pod-state.ts';
import type { View } from './view.ts';

/** The last state put for an object, and whether the store knows it applied. */
export interface Previous {
  readonly state: DesiredState;
  readonly applied: boolean;
}

/** The load balancer that an object has; one that has none yet gets what it asks for. */
const loadBalancerOf = (owner: OwnerFact): Pick<DesiredState, 'loadBalancerKey' | 'loadBalancer'> => {
  const { ref, source, finalizer, existingLoadBalancerId, internalSubnetId, life } = owner;
  const has = typeof source === 'object' ? source.loadBalancerId : undefined;
  const existing = finalizer ? has : existingLoadBalancerId;
  if (existing !== undefined) {
    return { loadBalancerKey: existing, loadBalancer: { source: 'existing', loadBalancerId: existing } };
  }
  return {
    loadBalancerKey: ref.uid,
    loadBalancer: {
      source: 'created',
      network:
        internalSubnetId === undefined
          ? { type: 'public' }
          : { type: 'internal', subnetId: internalSubnetId },
      ...(life === undefined ? {} : { life }),
    },
  };
};

/** The identity and the life of an object, whatever becomes of it. */
const frame = (owner: OwnerFact, verdict: Verdict): Omit<DesiredState, 'listeners' | 'pods'> => ({
  object: owner.ref,
  resourceVersion: owner.resourceVersion,
  createdAt: owner.createdAt,
  ...loadBalancerOf(owner),
  intent: verdict.intent,
  finalizer: owner.finalizer,
  deleting: owner.deleting,
  shown: {
    ...(owner.writtenLoadBalancerId === undefined ? {} : { loadBalancerId: owner.writtenLoadBalancerId }),
    addresses: owner.statusAddresses,
  },
  ...(owner.ordinalWeights === undefined ? {} : { ordinalWeights: owner.ordinalWeights }),
  problems: verdict.problems,
});

/** An object that is gone though we made something for it: somebody took our finalizer off. */
const vanished = (previous: Previous): DesiredState | undefined =>
  previous.state.intent === 'release' && previous.applied
    ? undefined
    : { ...previous.state, intent: 'release', finalizer: false, deleting: true, listeners: [], pods: [] };

interface Found {
  readonly owner: OwnerFact;
  readonly verdict: Verdict | undefined;
  readonly places: (input: PlacesInput) => Places;
}

const find = (view: View, uid: string, options: DeriveOptions, touched: boolean): Found | undefined => {
  const service = view.service(uid);
  if (service !== undefined) {
    return {
      owner: service,
      verdict: serviceVerdict(service, options, touched),
      places: (input) => placesOfService(input, service),
    };
  }
  const ingress = view.ingress(uid);
  return (
    ingress && {
      owner: ingress,
      verdict: ingressVerdict(view, ingress, options, touched),
      places: (input) => placesOfIngress(input, ingress),
    }
  );
};

/**
 * What one Service or Ingress wants now, from the facts alone. What stopped being behind it since `previous` is listed
 * as leaving with its cause, until applied. Undefined: nothing to put (not claimed, nothing of ours on it, never put).
 *
 * @param now Unix ms
 */
export const desiredState = (
  view: View,
  uid: string,
  previous: Previous | undefined,
  options: DeriveOptions,
  now: number,
): DesiredState | undefined => {
  const touched = previous !== undefined && !(previous.state.intent === 'release' && previous.applied);
  const found = find(view, uid, options, touched);
  if (found === undefined) return previous === undefined ? undefined : vanished(previous);
  const { owner, verdict } = found;
  if (verdict === undefined) return undefined;
  const framed = frame(owner, verdict);
  const moved = touched && previous.state.loadBalancerKey !== framed.loadBalancerKey;
  if (moved && verdict.intent === 'serve') {
    // It had another load balancer: what it had there goes first.
    return { ...previous.state, intent: 'release', finalizer: owner.finalizer, listeners: [], pods: [] };
  }
  if (verdict.intent !== 'serve') {
    const { loadBalancerKey, loadBalancer } = moved ? previous.state : framed;
    return { ...framed, loadBalancerKey, loadBalancer, listeners: [], pods: [] };
  }
  const { listeners, pods, nodes, problems } = found.places({
    view,
    mode: verdict.mode,
    options,
    before: previous?.state.listeners ?? [],
    applied: previous?.applied ?? false,
    now,
  });
  const before = new Map(previous?.state.pods.map((pod): [string, PodState] => [pod.ref.uid, pod]));
  return {
    ...framed,
    listeners,
    pods: pods
      .map((pod) => notOlder(podState(view, pod, options, owner.ref.kind), before.get(pod.ref.uid)))
      .sort((a, b) => (a.ref.uid < b.ref.uid ? -1 : 1)),
    ...(nodes.length === 0 ? {} : { nodes }),
    problems: [...verdict.problems, ...problems],
  };
};

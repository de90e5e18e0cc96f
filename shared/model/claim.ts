import type { DesiredState } from './desired-state.ts';
import type { IngressFact, OwnerFact, PodFact, ServiceFact } from './facts.ts';
import { type Place, samePlace } from './place.ts';
import { type Problem, problem } from './problems.ts';
import type { View } from './view.ts';

export interface DeriveOptions {
  /** `annotation`: every LoadBalancer Service without a class, every Ingress of class `qcloud`. `class`: of ours. */
  readonly claim: 'annotation' | 'class';
  readonly gateType: string;
  /** Direct mode needs an ENI address of each Pod (VPC-CNI shared with GlobalRouter). */
  readonly requireEni: boolean;
}

export const loadBalancerClass = 'clb-direct.io/clb';
export const ingressController = 'clb-direct.io/ingress';
const tkeIngressClass = 'qcloud';

const isServiceClaimed = (service: ServiceFact, claim: DeriveOptions['claim']): boolean =>
  service.type === 'LoadBalancer' &&
  (claim === 'annotation'
    ? service.loadBalancerClass === undefined
    : service.loadBalancerClass === loadBalancerClass);

/** Never one without a class: somebody else may be the default. */
const isIngressClaimed = (view: View, { className }: IngressFact, claim: DeriveOptions['claim']): boolean =>
  className !== undefined &&
  (claim === 'annotation'
    ? className === tkeIngressClass
    : view.controllerOf(className) === ingressController);

export const hasSelector = (service: ServiceFact): boolean =>
  service.selector !== undefined && Object.keys(service.selector).length > 0;

export const serviceSelects = (service: ServiceFact, pod: PodFact): boolean =>
  hasSelector(service) &&
  pod.ref.namespace === service.ref.namespace &&
  Object.entries(service.selector ?? {}).every(([key, value]) => pod.labels[key] === value);

/** What is to become of an object, and what its user is told. */
export interface Verdict {
  readonly intent: DesiredState['intent'];
  /** What stands behind its listeners. */
  readonly mode: 'direct' | 'node-port';
  readonly problems: readonly Problem[];
}

/**
 * What an object that has a load balancer asks for and does not get: to another one it goes only by way of having none.
 */
const refusedMove = (owner: OwnerFact): Problem | undefined => {
  const { source, existingLoadBalancerId: wanted, finalizer } = owner;
  const has = finalizer && typeof source === 'object' ? source.loadBalancerId : undefined;
  if (!finalizer || has === wanted) return undefined;
  const text =
    wanted === undefined
      ? `It stays on load balancer ${has}.`
      : `It stays on ${has === undefined ? 'the load balancer made for it' : `load balancer ${has}`}; ${wanted} is asked for.`;
  return problem('D1010', text, { severity: 'warning' });
};

const verdictOf = (
  owner: OwnerFact,
  claimed: boolean,
  known: boolean,
  unservable: (mode: Verdict['mode']) => Problem | undefined,
): Verdict | undefined => {
  const ours = known || owner.finalizer;
  const mode = owner.mode === 'node-port' ? 'node-port' : 'direct';
  if (owner.deleting || !claimed) return ours ? { intent: 'release', mode, problems: [] } : undefined;
  if (owner.mode === 'skip') return ours ? { intent: 'skip', mode, problems: [] } : undefined;
  const move = refusedMove(owner);
  const problems = move === undefined ? owner.problems : [...owner.problems, move];
  const bad = unservable(mode);
  if (bad !== undefined) return { intent: 'report', mode, problems: [...problems, bad] };
  // An object that is served already goes on when its configuration turns bad (law L12).
  if (owner.mode === undefined && !owner.finalizer) return { intent: 'report', mode, problems };
  return { intent: 'serve', mode, problems };
};

/** What is to become of a Service, before its backends are looked at. Undefined: none of our business. */
export const serviceVerdict = (
  service: ServiceFact,
  options: DeriveOptions,
  known: boolean,
): Verdict | undefined =>
  verdictOf(service, isServiceClaimed(service, options.claim), known, (mode) =>
    mode === 'direct' && !hasSelector(service)
      ? problem('E4082', `Service ${service.ref.name} has no selector.`)
      : undefined,
  );

export const ingressVerdict = (
  view: View,
  ingress: IngressFact,
  options: DeriveOptions,
  known: boolean,
): Verdict | undefined =>
  verdictOf(ingress, isIngressClaimed(view, ingress, options.claim), known, () => undefined);

const isDirect = (verdict: Verdict | undefined): boolean =>
  verdict?.intent === 'serve' && verdict.mode === 'direct';

/** UIDs of the claimed direct Services and Ingresses that hold the Pod's gate. */
export const holdersOf = (view: View, pod: PodFact, options: DeriveOptions): readonly string[] => {
  const holders = new Set<string>();
  for (const service of view.servicesSelecting(pod)) {
    if (isDirect(serviceVerdict(service, options, false))) holders.add(service.ref.uid);
    for (const ingress of view.ingressesNaming(service.ref.namespace, service.ref.name)) {
      if (isDirect(ingressVerdict(view, ingress, options, false))) holders.add(ingress.ref.uid);
    }
  }
  return [...holders].sort();
};

/** Whether a Pod belongs behind a place of an object: by labels, never by slices. */
export const belongsBehind =
  (view: View, objectUid: string) =>
  (pod: PodFact, place: Place): boolean => {
    const ingress = view.ingress(objectUid);
    const rule = ingress?.rules.find((one) => samePlace({ ...place, rule: one.rule }, place));
    const service =
      ingress === undefined
        ? view.service(objectUid)
        : view.serviceNamed(ingress.ref.namespace, rule?.service ?? '');
    return service !== undefined && serviceSelects(service, pod);
  };

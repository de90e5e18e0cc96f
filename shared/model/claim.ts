import type { DesiredState } from './desired-state.ts';
import type { PodFact, ServiceFact } from './facts.ts';
import { type Problem, problem } from './problems.ts';
import type { View } from './view.ts';

export interface DeriveOptions {
  /** `annotation`: every LoadBalancer Service without a class. `class`: Services with our class. */
  readonly claim: 'annotation' | 'class';
  readonly gateType: string;
  /** Direct mode needs an ENI address of each Pod (VPC-CNI shared with GlobalRouter). */
  readonly requireEni: boolean;
}

export const loadBalancerClass = 'clb-direct.io/clb';

const isClaimed = (service: ServiceFact, claim: DeriveOptions['claim']): boolean =>
  service.type === 'LoadBalancer' &&
  (claim === 'annotation'
    ? service.loadBalancerClass === undefined
    : service.loadBalancerClass === loadBalancerClass);

const hasSelector = (service: ServiceFact): boolean =>
  service.selector !== undefined && Object.keys(service.selector).length > 0;

export const serviceSelects = (service: ServiceFact, pod: PodFact): boolean =>
  hasSelector(service) &&
  pod.ref.namespace === service.ref.namespace &&
  Object.entries(service.selector ?? {}).every(([key, value]) => pod.labels[key] === value);

/** What is to become of a Service, and what its user is told. */
export interface Verdict {
  readonly intent: DesiredState['intent'];
  readonly problems: readonly Problem[];
}

/** What is to become of a Service, before its Pods are looked at. Undefined: none of our business. */
export const verdictOf = (
  service: ServiceFact,
  options: DeriveOptions,
  known: boolean,
): Verdict | undefined => {
  const ours = known || service.finalizer;
  if (service.deleting || !isClaimed(service, options.claim)) {
    return ours ? { intent: 'release', problems: [] } : undefined;
  }
  if (service.mode === 'skip') return ours ? { intent: 'skip', problems: [] } : undefined;
  const report = (more: Problem): Verdict => ({ intent: 'report', problems: [...service.problems, more] });
  if (service.existingLoadBalancerId !== undefined) {
    return report(problem('D1007', `Existing load balancer ${service.existingLoadBalancerId} is asked for.`));
  }
  const direct = service.mode === 'direct';
  if (direct && !hasSelector(service)) {
    return report(problem('E4082', `Service ${service.ref.name} has no selector.`));
  }
  // An object that is served already goes on when its configuration turns bad (law L12).
  if (direct || service.finalizer) {
    const warning = problem('D1003', 'Direct access is no longer asked for; it goes on.', {
      severity: 'warning',
    });
    return { intent: 'serve', problems: direct ? service.problems : [...service.problems, warning] };
  }
  if (service.mode === undefined) return { intent: 'report', problems: service.problems };
  return report(problem('D1003', 'Direct access is not asked for.', { severity: 'warning' }));
};

const isServed = (service: ServiceFact, options: DeriveOptions): boolean =>
  verdictOf(service, options, false)?.intent === 'serve';

/** UIDs of the claimed direct Services that hold the Pod's gate. */
export const holdersOf = (view: View, pod: PodFact, options: DeriveOptions): readonly string[] =>
  view
    .servicesSelecting(pod)
    .filter((service) => isServed(service, options))
    .map((service) => service.ref.uid)
    .sort();

import type { Lane, LoadBalancerKey } from '../model/desired-state.ts';
import type { loadBalancerDueType } from './desired-state-event.ts';

/** The CloudEvent (1.0) of a ring: this load balancer is due, in this lane. The store has the rest. */
export interface LoadBalancerDueEvent {
  readonly specversion: '1.0';
  readonly type: typeof loadBalancerDueType;
  /** The cluster. */
  readonly source: string;
  /** One for each ring; a ring that the doorbell repeats has the same. */
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly partitionkey: LoadBalancerKey;
  readonly traceparent?: string;
  readonly data: { readonly loadBalancerKey: LoadBalancerKey; readonly lane: Lane };
}

import type { DesiredState, LoadBalancerKey, Sequence } from '../model/desired-state.ts';

export const desiredStateType = 'io.clb-direct.desired-state.v1';
export const loadBalancerDueType = 'io.clb-direct.load-balancer.due.v1';

/** The CloudEvent (1.0) that the forwarder puts: one object's desired state. */
export interface DesiredStateEvent {
  readonly specversion: '1.0';
  readonly type: typeof desiredStateType;
  /** The cluster. */
  readonly source: string;
  /** The object's API path, e.g. `/api/v1/namespaces/default/services/web`. */
  readonly subject: string;
  /** `<object UID>.<sequence>`: a repeated event has the same id. */
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly partitionkey: LoadBalancerKey;
  readonly sequence: Sequence;
  readonly traceparent?: string;
  readonly data: DesiredState;
}

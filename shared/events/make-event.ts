import type { DesiredState, Lane, LoadBalancerKey, Sequence } from '../model/desired-state.ts';
import type { ObjectRef } from '../model/facts.ts';
import { kinds } from '../model/kinds.ts';
import { type DesiredStateEvent, desiredStateType, loadBalancerDueType } from './desired-state-event.ts';
import type { LoadBalancerDueEvent } from './load-balancer-due-event.ts';
import { isTraceparent } from './schema.ts';

/** Where the API server has the object, e.g. `/api/v1/namespaces/default/services/web`. */
export const apiPathOf = ({ kind, namespace, name }: ObjectRef): string => {
  const { root, plural } = kinds[kind];
  return `${root}/namespaces/${namespace}/${plural}/${name}`;
};

export const desiredStateEventId = (objectUid: string, sequence: Sequence): string =>
  `${objectUid}.${sequence}`;

/** A traceparent that is none is left out, as W3C Trace Context asks of whoever passes one on. */
const trace = (traceparent: string | undefined): { readonly traceparent?: string } =>
  traceparent !== undefined && isTraceparent(traceparent) ? { traceparent } : {};

/**
 * The event that puts one object's desired state. A repeated one has the same id.
 *
 * @throws RangeError when `timeMs` (Unix ms) is no time.
 */
export const makeDesiredStateEvent = (parts: {
  /** The cluster. */
  readonly source: string;
  readonly sequence: Sequence;
  readonly timeMs: number;
  readonly state: DesiredState;
  readonly traceparent?: string;
}): DesiredStateEvent => ({
  specversion: '1.0',
  type: desiredStateType,
  source: parts.source,
  subject: apiPathOf(parts.state.object),
  id: desiredStateEventId(parts.state.object.uid, parts.sequence),
  time: new Date(parts.timeMs).toISOString(),
  datacontenttype: 'application/json',
  partitionkey: parts.state.loadBalancerKey,
  sequence: parts.sequence,
  ...trace(parts.traceparent),
  data: parts.state,
});

/**
 * The event of a ring, for doorbells that carry whole messages.
 *
 * @throws RangeError when `timeMs` (Unix ms) is no time.
 */
export const makeLoadBalancerDueEvent = (parts: {
  readonly source: string;
  readonly id: string;
  readonly timeMs: number;
  readonly loadBalancerKey: LoadBalancerKey;
  readonly lane: Lane;
  readonly traceparent?: string;
}): LoadBalancerDueEvent => ({
  specversion: '1.0',
  type: loadBalancerDueType,
  source: parts.source,
  id: parts.id,
  time: new Date(parts.timeMs).toISOString(),
  datacontenttype: 'application/json',
  partitionkey: parts.loadBalancerKey,
  ...trace(parts.traceparent),
  data: { loadBalancerKey: parts.loadBalancerKey, lane: parts.lane },
});

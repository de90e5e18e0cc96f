import * as z from 'zod/mini';
import { lanes } from '../model/desired-state.ts';
import { type DesiredStateEvent, desiredStateType, loadBalancerDueType } from './desired-state-event.ts';
import { desiredStateSchema } from './desired-state-schema.ts';
import type { LoadBalancerDueEvent } from './load-balancer-due-event.ts';
import { apiPathOf, desiredStateEventId } from './make-event.ts';
import { reasonOf, schemaOf, text, traceparent } from './schema.ts';
import { isSequence } from './sequence.ts';

/** `objectUid` and `loadBalancerKey`: as far as they can be read, so that a dead letter finds its object. */
export interface Unreadable {
  readonly ok: false;
  /** Names the fields that are wrong, and how. */
  readonly reason: string;
  readonly objectUid?: string;
  readonly loadBalancerKey?: string;
}

export type ParsedDesiredState = { readonly ok: true; readonly event: DesiredStateEvent } | Unreadable;
export type ParsedLoadBalancerDue = { readonly ok: true; readonly event: LoadBalancerDueEvent } | Unreadable;

const envelope = {
  specversion: z.literal('1.0'),
  source: text,
  id: text,
  time: z.iso.datetime({ offset: true, error: 'RFC 3339 time expected' }),
  datacontenttype: z.literal('application/json'),
  partitionkey: text,
  traceparent: z.exactOptional(traceparent),
};

const sequence = z
  .string()
  .check(z.refine(isSequence, { error: '<epoch>.<counter>, ten digits each, expected' }));

const desiredStateV1 = schemaOf<DesiredStateEvent>()(
  z.object({
    ...envelope,
    type: z.literal(desiredStateType),
    subject: text,
    sequence,
    data: desiredStateSchema,
  }),
);

const loadBalancerDueV1 = schemaOf<LoadBalancerDueEvent>()(
  z.object({
    ...envelope,
    type: z.literal(loadBalancerDueType),
    data: z.object({ loadBalancerKey: text, lane: z.enum(lanes) }),
  }),
);

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

const textOf = (...candidates: readonly unknown[]): string | undefined =>
  candidates.find((candidate): candidate is string => typeof candidate === 'string' && candidate !== '');

const unreadable = (value: unknown, reason: string): Unreadable => {
  const data = member(value, 'data');
  const objectUid = textOf(member(member(data, 'object'), 'uid'));
  const loadBalancerKey = textOf(member(value, 'partitionkey'), member(data, 'loadBalancerKey'));
  return {
    ok: false,
    reason,
    ...(objectUid === undefined ? {} : { objectUid }),
    ...(loadBalancerKey === undefined ? {} : { loadBalancerKey }),
  };
};

/** What the envelope says about the state must be what the state says itself. */
const contradiction = (event: DesiredStateEvent): string | undefined => {
  const { object, loadBalancerKey } = event.data;
  const expected = {
    subject: apiPathOf(object),
    id: desiredStateEventId(object.uid, event.sequence),
    partitionkey: loadBalancerKey,
  };
  if (event.subject !== expected.subject) return `subject: ${expected.subject} (data.object) expected`;
  if (event.id !== expected.id) return `id: ${expected.id} (data.object.uid and sequence) expected`;
  if (event.partitionkey !== expected.partitionkey) {
    return `partitionkey: ${expected.partitionkey} (data.loadBalancerKey) expected`;
  }
  return undefined;
};

const parseDesiredStateV1 = (value: unknown): ParsedDesiredState => {
  const result = z.safeParse(desiredStateV1, value);
  if (!result.success) return unreadable(value, reasonOf(result.error));
  const wrong = contradiction(result.data);
  return wrong === undefined ? { ok: true, event: result.data } : unreadable(value, wrong);
};

/** One reader for each version that may still be on its way; a new version adds a line. */
const desiredStateReaders: ReadonlyMap<unknown, (value: unknown) => ParsedDesiredState> = new Map([
  [desiredStateType, parseDesiredStateV1],
]);

const unknownType = (value: unknown, known: string): Unreadable => {
  const type = member(value, 'type');
  return unreadable(value, `type: ${known} expected${typeof type === 'string' ? `, not ${type}` : ''}`);
};

/**
 * Reads an event at the door, all of it. Never throws; unknown fields are dropped, so that a newer sender may add
 * some. `value` is parsed JSON.
 */
export const parseDesiredStateEvent = (value: unknown): ParsedDesiredState =>
  desiredStateReaders.get(member(value, 'type'))?.(value) ??
  unknownType(value, [...desiredStateReaders.keys()].join(' or '));

/** Reads the event of a ring at the door. Never throws; unknown fields are dropped. `value` is parsed JSON. */
export const parseLoadBalancerDueEvent = (value: unknown): ParsedLoadBalancerDue => {
  if (member(value, 'type') !== loadBalancerDueType) return unknownType(value, loadBalancerDueType);
  const result = z.safeParse(loadBalancerDueV1, value);
  if (!result.success) return unreadable(value, reasonOf(result.error));
  const { partitionkey, data } = result.data;
  return partitionkey === data.loadBalancerKey
    ? { ok: true, event: result.data }
    : unreadable(value, `partitionkey: ${data.loadBalancerKey} (data.loadBalancerKey) expected`);
};

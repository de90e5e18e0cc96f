import { createHash } from 'node:crypto';
import { apiVersionOf } from './object-path.ts';
import type { EventToWrite } from './object-writer.ts';

const maxMessageLength = 1024;
const maxReasonLength = 128;
const maxNameLength = 253;

const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max - 1)}…` : text);

/**
 * The same name for equal events of the same object, so that writing one twice answers 409. It begins with the
 * object's name, as the events of other components do; a name part must end with a letter or digit.
 */
export const eventName = ({ object, dedupKey }: Pick<EventToWrite, 'object' | 'dedupKey'>): string => {
  const hash = createHash('sha256').update(`${object.uid}\n${dedupKey}`).digest('hex').slice(0, 20);
  const start = object.name.slice(0, maxNameLength - hash.length - 1).replace(/[^a-z0-9]+$/, '');
  return `${start}.${hash}`;
};

/**
 * A core/v1 Event.
 *
 * @param component who reports
 * @param time RFC 3339
 */
export const eventBody = (event: EventToWrite, component: string, time: string): unknown => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: eventName(event), namespace: event.object.namespace },
  involvedObject: {
    apiVersion: apiVersionOf(event.object.kind),
    kind: event.object.kind,
    namespace: event.object.namespace,
    name: event.object.name,
    uid: event.object.uid,
  },
  type: event.type,
  reason: cut(event.reason, maxReasonLength),
  message: cut(event.message, maxMessageLength),
  source: { component },
  firstTimestamp: time,
  lastTimestamp: time,
  count: 1,
});

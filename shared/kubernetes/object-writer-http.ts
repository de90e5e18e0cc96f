import type { ObjectRef } from '../model/facts.ts';
import { finalizer, lifeAnnotation, loadBalancerIdAnnotationOf, sourceAnnotation } from '../model/names.ts';
import type { Connection } from './connection.ts';
import { eventBody } from './event-body.ts';
import { parseWhole, record, text } from './facts/read.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { eventsPath, objectPath } from './object-path.ts';
import type { GateVerdict, ObjectWriter, WriteOutcome } from './object-writer.ts';
import { requestJson } from './request.ts';

export interface ObjectWriterOptions {
  /** Who reports, in Events. */
  readonly component: string;
  /** Unix ms. */
  readonly now: () => number;
  /** `class`: beside TKE's own controllers, none of whose annotations is written. Default `annotation`. */
  readonly claim?: 'annotation' | 'class';
  /** For each patch. */
  readonly timeoutMs?: number;
  /** For an Event; nothing waits longer than this for one. */
  readonly eventTimeoutMs?: number;
}

/** What the writer did since it was made, for logs and metrics. */
export interface ObjectWriterCounters {
  patches: number;
  eventsWritten: number;
  /** Equal ones were there already. */
  eventsKnown: number;
  eventsDropped: number;
}

export interface HttpObjectWriter extends ObjectWriter {
  readonly counters: Readonly<ObjectWriterCounters>;
}

const maxEventsUnderWay = 32;
const claimAttempts = 5;

type Patched =
  | { readonly outcome: 'written'; readonly object: unknown }
  | { readonly outcome: 'gone' | 'conflict' };

const isInvalid = (error: unknown, field: string): boolean =>
  error instanceof KubernetesError &&
  error.status === 422 &&
  (error.fields.some(
    (name) => name === field || name.startsWith(`${field}.`) || name.startsWith(`${field}[`),
  ) ||
    (error.fields.length === 0 && error.message.includes(field)));

/**
 * The outcome that an error stands for; undefined: it is a failure.
 *
 * A patch that carries another UID answers 422 on `metadata.uid`: the object of that UID is gone (docs/facts.md).
 */
const outcomeOf = (error: unknown): 'gone' | 'conflict' | undefined => {
  if (!(error instanceof KubernetesError)) return undefined;
  if (error.status === 404 || isInvalid(error, 'metadata.uid')) return 'gone';
  return error.status === 409 ? 'conflict' : undefined;
};

const lifeOf = (object: unknown): number | undefined => {
  const annotations = record(record(record(object)['metadata'])['annotations']);
  return parseWhole(text(annotations[lifeAnnotation]) ?? '', 1, Number.MAX_SAFE_INTEGER);
};

/**
 * The writer over plain HTTP. Every patch goes to the `status` subresource, which may also change annotations and
 * finalizers: the right to patch `pods/status`,
 * `services/status` and `ingresses/status`, and to create Events, is all it needs.
 *
 * Methods but `event` throw `KubernetesError` for what is neither written, gone nor a conflict.
 */
export const createObjectWriter = (
  connection: Connection,
  options: ObjectWriterOptions,
): HttpObjectWriter => {
  const counters: ObjectWriterCounters = { patches: 0, eventsWritten: 0, eventsKnown: 0, eventsDropped: 0 };
  let eventsUnderWay = 0;

  /** Strategic merge: adds to finalizers where a JSON merge would wipe those of others. */
  const patch = async (
    ref: ObjectRef,
    metadata: Readonly<Record<string, unknown>>,
    status?: Readonly<Record<string, unknown>>,
  ): Promise<Patched> => {
    counters.patches += 1;
    try {
      const object = await requestJson(connection, {
        method: 'PATCH',
        path: `${objectPath(ref)}/status`,
        contentType: 'application/strategic-merge-patch+json',
        body: { metadata: { uid: ref.uid, ...metadata }, ...(status === undefined ? {} : { status }) },
        ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
      });
      return { outcome: 'written', object };
    } catch (error) {
      const outcome = outcomeOf(error);
      if (outcome === undefined) throw error;
      return { outcome };
    }
  };

  const gate = async (verdict: GateVerdict): Promise<WriteOutcome> => {
    const { resourceVersion } = verdict;
    const condition = {
      type: verdict.gateType,
      status: verdict.open ? 'True' : 'False',
      reason: verdict.reason,
      message: verdict.message,
      lastTransitionTime: verdict.lastTransitionTime,
    };
    const metadata = resourceVersion === undefined ? {} : { resourceVersion };
    return (await patch(verdict.pod, metadata, { conditions: [condition] })).outcome;
  };

  const idAnnotation = ({ kind }: ObjectRef): string =>
    loadBalancerIdAnnotationOf(kind === 'Ingress' ? kind : 'Service', options.claim ?? 'annotation');

  const claim: ObjectWriter['claim'] = async (ref, life, source) => {
    for (let attempt = 1; attempt <= claimAttempts; attempt += 1) {
      let claimed: Patched;
      try {
        claimed = await patch(ref, {
          finalizers: [finalizer],
          annotations: { [sourceAnnotation]: source },
        });
      } catch (error) {
        // It is being deleted and takes no finalizer any more: nothing may be made for it.
        if (isInvalid(error, 'metadata.finalizers')) return { outcome: 'gone' };
        throw error;
      }
      if (claimed.outcome !== 'written') return claimed;
      const present = lifeOf(claimed.object);
      if (life === 0) return { outcome: 'written', ...(present === undefined ? {} : { life: present }) };
      if (present !== undefined && present >= life) return { outcome: 'written', life: present };
      // Only over what was just read: of two who claim at once, one writes and the other reads what it wrote.
      const resourceVersion = text(record(record(claimed.object)['metadata'])['resourceVersion']);
      const raised = await patch(ref, { resourceVersion, annotations: { [lifeAnnotation]: String(life) } });
      if (raised.outcome === 'written') return { outcome: 'written', life };
      if (raised.outcome === 'gone') return raised;
    }
    return { outcome: 'conflict' };
  };

  const status: ObjectWriter['status'] = async (ref, addresses) => {
    const ingress = addresses.map(({ kind, value }) => (kind === 'ip' ? { ip: value } : { hostname: value }));
    try {
      const loadBalancer = { ingress: ingress.length === 0 ? null : ingress };
      return (await patch(ref, {}, { loadBalancer })).outcome;
    } catch (error) {
      // A Service that is no LoadBalancer any more takes no addresses.
      if (isInvalid(error, 'status.loadBalancer')) return 'conflict';
      throw error;
    }
  };

  /** The life number stays: the same UID may come back and must not be given a dead load balancer's token. */
  const release: ObjectWriter['release'] = async (ref, clear) => {
    const letGo = { '$deleteFromPrimitiveList/finalizers': [finalizer] };
    if (!clear) return (await patch(ref, letGo)).outcome;
    const cleared = { ...letGo, annotations: { [idAnnotation(ref)]: null, [sourceAnnotation]: null } };
    try {
      return (await patch(ref, cleared, { loadBalancer: { ingress: null } })).outcome;
    } catch (error) {
      // The status cannot be cleared (type changed, and the API server did it already): it must not hold the rest.
      if (!isInvalid(error, 'status')) throw error;
      return (await patch(ref, cleared)).outcome;
    }
  };

  const event: ObjectWriter['event'] = async (toWrite) => {
    if (eventsUnderWay >= maxEventsUnderWay) {
      counters.eventsDropped += 1;
      return;
    }
    eventsUnderWay += 1;
    try {
      await requestJson(connection, {
        method: 'POST',
        path: eventsPath(toWrite.object.namespace),
        body: eventBody(toWrite, options.component, new Date(options.now()).toISOString()),
        timeoutMs: options.eventTimeoutMs ?? 2_000,
      });
      counters.eventsWritten += 1;
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 409) counters.eventsKnown += 1;
      else counters.eventsDropped += 1;
    } finally {
      eventsUnderWay -= 1;
    }
  };

  return {
    counters,
    gate,
    claim,
    loadBalancerId: async (ref, loadBalancerId) =>
      (await patch(ref, { annotations: { [idAnnotation(ref)]: loadBalancerId } })).outcome,
    status,
    release,
    event,
  };
};

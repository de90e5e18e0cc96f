import type { ObjectRef } from '../model/facts.ts';

/** How a write ended that found its object changed. Every other failure throws `KubernetesError`. */
export type WriteOutcome = 'written' | 'gone' | 'conflict';

export interface GateVerdict {
  readonly pod: ObjectRef;
  readonly gateType: string;
  readonly open: boolean;
  readonly reason: string;
  readonly message: string;
  /** A closed gate's message carries it, so that a late writer loses (law L7). Absent: write whatever came since. */
  readonly resourceVersion?: string;
  /** RFC 3339; moves only with the status. */
  readonly lastTransitionTime: string;
}

export interface EventToWrite {
  readonly object: ObjectRef;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Equal events have equal names and are written once. */
  readonly dedupKey: string;
}

export interface ClaimedObject {
  readonly outcome: WriteOutcome;
  /** The life number that the object carries now. */
  readonly life?: number;
}

/**
 * Every write to Kubernetes of the functions: a few PATCHes and a POST over `node:https`, no client library. Each
 * patch carries the object's UID; another UID answers 422, which is `gone`.
 */
export interface ObjectWriter {
  gate(verdict: GateVerdict): Promise<WriteOutcome>;
  /**
   * Finalizer, source and life number, before anything is made for the object.
   *
   * @param life at least this one; 0: what is there stays
   * @param source `created`, or the id of the existing load balancer
   */
  claim(object: ObjectRef, life: number, source: string): Promise<ClaimedObject>;
  /** The id, before the first listener. */
  loadBalancerId(object: ObjectRef, loadBalancerId: string): Promise<WriteOutcome>;
  status(
    object: ObjectRef,
    addresses: readonly { readonly kind: 'ip' | 'hostname'; readonly value: string }[],
  ): Promise<WriteOutcome>;
  /** Takes our finalizer off, and with `clear` what we wrote on the object. */
  release(object: ObjectRef, clear: boolean): Promise<WriteOutcome>;
  /** Never throws and never blocks: an Event that cannot be written is dropped and counted. */
  event(event: EventToWrite): Promise<void>;
}

import type { KeptState, Sequence } from './desired-state.ts';
import type { Recorded } from './observed.ts';
import type { Place } from './place.ts';

export type HoldCheck =
  | { readonly answer: 'mine' }
  /** Newer states arrived: they replace the ones in hand. */
  | { readonly answer: 'newer'; readonly states: readonly KeptState[]; readonly complete: boolean }
  /** Expired or taken by another: write nothing more. */
  | { readonly answer: 'lost' };

/** Targets of a place that nobody explained; the forwarder re-reads and puts again. */
export interface EvidenceWanted extends Place {
  readonly targets: readonly { readonly ip: string; readonly port: number }[];
}

export interface Done {
  /** What was applied, by object UID. */
  readonly applied: Readonly<Record<string, Sequence>>;
  /** Objects that are cleaned and released: their states are dropped. */
  readonly released: readonly string[];
  /** Due again by itself after so many ms (a drain deadline, a check for late calls); absent: not before a put or the sweep. */
  readonly dueAfterMs?: number;
  /**
   * The next one to take it must read from the CLB, not from the record. With `dueAfterMs`: who takes it then; that
   * stays so whatever is taken and done before (the check for late calls), while any other `dueAfterMs` is
   * replaced by the next `done`.
   */
  readonly observeNext?: boolean;
}

/** How a hold ends that is to be taken again. */
export interface RetryHow {
  /** Never sooner, not even for a put: the CLB is busy with the load balancer. */
  readonly strict?: boolean;
  /** The record may be wrong: the next one reads from the CLB. */
  readonly observeNext?: boolean;
}

/** The right to write to one load balancer for about 20 s, renewed before each call (law L4). */
export interface Hold {
  readonly loadBalancerKey: string;
  /**
   * How the one before ended. `expired` or `first` (of this store generation): a late call may still land; who
   * ends such a hold by `retry` passes it on.
   */
  readonly inherited: 'released' | 'expired' | 'first';
  readonly states: readonly KeptState[];
  /** The leader of this epoch has put every object: absence may count. False too while a state is a dead letter. */
  readonly complete: boolean;
  readonly recorded: Recorded;
  /** The record must not be trusted: read from the CLB. Also when it has no `loadBalancer`. */
  readonly mustObserve: boolean;
  /** Renews the hold and tells what changed. What it hands over is no longer due by itself, as after `take`. */
  check(): Promise<HoldCheck>;
  /** Keeps what was read back. False: the hold is lost, nothing was kept. */
  record(recorded: Recorded): Promise<boolean>;
  /** Ends the hold; everything is applied. */
  done(done: Done): Promise<void>;
  /** Ends the hold; due again after `afterMs`. */
  retry(afterMs: number, reason: string, how?: RetryHow): Promise<void>;
  /** Asks the forwarder to re-read an object and put it again. */
  needsEvidence(objectUid: string, wanted: readonly EvidenceWanted[]): Promise<void>;
}

import type { DesiredStateEvent } from '../../events/desired-state-event.ts';
import type { KeptState, Lane, LoadBalancerKey, Sequence } from '../../model/desired-state.ts';
import type { EvidenceWanted, Hold } from '../../model/hold.ts';
import type { Recorded } from '../../model/observed.ts';

/**
 * `counter`: of what counts this put; a store may have several, each with its own `puts`.
 * `generation`: another one means that the store lost what it had; take over again and put everything.
 * `puts`: how many puts this generation has answered, this one too; a gap means the same.
 */
export type PutAnswer =
  /** `applied`: the newest sequence of this object that is known to be applied. */
  | {
      readonly outcome: 'kept';
      readonly applied?: Sequence;
      readonly counter: string;
      readonly generation: string;
      readonly puts: number;
    }
  /** Something newer of this object is kept already, or a newer epoch took over. */
  | {
      readonly outcome: 'refused';
      readonly newest: Sequence;
      readonly counter: string;
      readonly generation: string;
      readonly puts: number;
    };

export interface DueLoadBalancer {
  readonly loadBalancerKey: LoadBalancerKey;
  readonly lane: Lane;
  /** Unix ms since when it is due. */
  readonly since: number;
}

export interface Due {
  readonly due: readonly DueLoadBalancer[];
  /** The next one comes due by itself in so many ms; absent: none does. */
  readonly nextInMs?: number;
}

/** A load balancer that has Pods with a closed gate of ours, as the readiness function reads it. */
export interface WaitingLoadBalancer {
  readonly loadBalancerKey: LoadBalancerKey;
  readonly states: readonly KeptState[];
  readonly recorded: Recorded;
}

export interface DeadLetter {
  readonly loadBalancerKey: LoadBalancerKey;
  readonly objectUid: string;
  readonly sequence: Sequence;
  readonly reason: string;
  /** Unix ms. */
  readonly at: number;
}

export interface EvidenceRequest {
  readonly loadBalancerKey: LoadBalancerKey;
  readonly objectUid: string;
  readonly wanted: readonly EvidenceWanted[];
}

export type BudgetAnswer =
  | { readonly granted: true }
  /** Not now; ask again after so many ms, and not while holding a load balancer. */
  | { readonly granted: false; readonly afterMs: number };

/** The calls of all functions together, per action and second (law L11). */
export interface Budget {
  ask(action: string, lane: Lane): Promise<BudgetAnswer>;
}

/**
 * The newest desired state of every object, kept also after it was applied, by load balancer; beside it what is
 * due, who holds what, which bindings were verified, and the call budget. Every engine passes one conformance
 * suite (`store-conformance.ts`).
 */
export interface Store {
  readonly budget: Budget;
  /** A leader takes over. Its epoch is the larger of the stored one plus one and the time in seconds. */
  takeOver(): Promise<{ readonly epoch: number; readonly generation: string }>;
  /**
   * Newest wins, by sequence, per object (and load balancer); marks the load balancer due in the lane, also during
   * a hold or a back-off (but not before the end of a strict one). One atomic step.
   */
  put(event: DesiredStateEvent, lane: Lane): Promise<PutAnswer>;
  /**
   * The leader of this epoch has put every object there is: absence may count. An older epoch changes nothing, nor
   * does one that did not take over in this generation: what it put before the store lost its data is not here.
   */
  complete(epoch: number): Promise<void>;
  /** Marks a load balancer due without a put (sweep, a lost hold). Nothing kept for it: nothing happens. */
  markDue(loadBalancerKey: LoadBalancerKey, lane: Lane, observe?: boolean): Promise<void>;
  /**
   * Takes the hold for about 20 s, or says that another has it (or a strict back-off lasts), or that nothing is
   * kept for it.
   */
  take(loadBalancerKey: LoadBalancerKey, owner: string): Promise<Hold | 'held' | 'nothing'>;
  /** What is due now and not held, urgent lanes first, at most `limit`; and when to ask again at the latest. */
  due(limit: number): Promise<Due>;
  /** Every load balancer kept, for the sweep. */
  loadBalancers(): Promise<readonly LoadBalancerKey[]>;
  /** Those with a Pod that is to serve, is not going, and has our gate not open. */
  waiting(): Promise<readonly WaitingLoadBalancer[]>;
  /** Ends, as expired, what an ended invocation left behind. */
  expire(owner: string): Promise<void>;
  /** Evidence that planners ask for; asking is taken away by the next put of the object. */
  evidenceWanted(): Promise<readonly EvidenceRequest[]>;
  /** States that whoever read them last could not read; the others go on without them (law L12). */
  deadLetters(): Promise<readonly DeadLetter[]>;
  generation(): Promise<string>;
  /**
   * Keeps a small text beside the states, under a name of ours (the cluster's sealed API token, for one). Lost with
   * the store's data: whoever writes it writes it again after each take-over.
   */
  writeNote(name: string, text: string): Promise<void>;
  readNote(name: string): Promise<string | undefined>;
  /** True for one caller within `ms`, whoever asks: what is done once a second for all is done by that one. */
  takeTurn(name: string, ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** How long a hold lives without being renewed. */
export const holdMs = 20_000;

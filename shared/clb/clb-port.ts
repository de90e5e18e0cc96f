import type { Lane } from '../model/desired-state.ts';
import type { Hold, HoldCheck } from '../model/hold.ts';
import type { Health, ObservedLoadBalancer, TargetKey } from '../model/observed.ts';
import type { Step } from '../model/plan-types.ts';

/** How a call ended, other than well. One table sorts every CLB answer into one of these (`errors.ts`). */
export type ClbFailure =
  /** No budget, or the CLB says so: try again after so long, without the hold. */
  | { readonly kind: 'throttled'; readonly afterMs: number; readonly message: string }
  /**
   * `ResourceInOperating` and its kin: 0.5 s later somebody takes it again; never wait for it while holding. `taken`: the
   * write was accepted, and nobody knows yet what becomes of it.
   */
  | { readonly kind: 'busy'; readonly message: string; readonly taken?: true }
  /** The load balancer takes no change as it stands (isolated): nothing to gain by trying again soon. */
  | { readonly kind: 'isolated'; readonly code: string; readonly message: string }
  /** Some listeners failed, the rest is applied. */
  | { readonly kind: 'partial'; readonly listenerIds: readonly string[]; readonly message: string }
  | {
      readonly kind: 'not-found';
      readonly what: 'load-balancer' | 'listener' | 'target';
      readonly message: string;
    }
  /** A quota: nothing to gain by trying again soon. */
  | { readonly kind: 'quota'; readonly code: string; readonly message: string }
  /** Refused for good: configuration, permission, arrears. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /**
   * The answer did not come, cannot be read, or has a `code` that does not tell: the effect is unknown; read before
   * writing again.
   */
  | { readonly kind: 'unknown-outcome'; readonly code?: string; readonly message: string }
  /** The hold was lost before or during the call. */
  | { readonly kind: 'lost' };

export class ClbError extends Error {
  readonly failure: ClbFailure;
  readonly action: string;
  readonly requestId: string | undefined;

  constructor(action: string, failure: ClbFailure, requestId?: string) {
    super(`${action}: ${failure.kind}${'message' in failure ? ` (${failure.message})` : ''}`);
    this.name = 'ClbError';
    this.action = action;
    this.failure = failure;
    this.requestId = requestId;
  }
}

/** A load balancer found or made. `ready`: it can take listeners. */
export interface FoundLoadBalancer {
  readonly loadBalancerId: string;
  readonly ready: boolean;
}

export interface CreateLoadBalancer {
  readonly name: string;
  readonly network: { readonly type: 'public' } | { readonly type: 'internal'; readonly subnetId: string };
  /** Of the object's UID and life number: asking twice makes one. */
  readonly clientToken: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A load balancer that somebody else made. */
export interface ExistingLoadBalancer extends FoundLoadBalancer {
  readonly addresses: ObservedLoadBalancer['addresses'];
  readonly tags: Readonly<Record<string, string>>;
  /** It is not in the network that we are told to use. */
  readonly otherVpc: boolean;
}

export interface TargetHealth extends TargetKey {
  readonly loadBalancerId: string;
  readonly health: Health;
}

/** The reading and writing of load balancers, in the fewest calls that the API's maxima allow. */
export interface Clb {
  /** By our tags, after a crash or a lost store. At most one living load balancer carries them. */
  find(tags: Readonly<Record<string, string>>): Promise<FoundLoadBalancer | undefined>;
  /** Looks at one that an object names, before its first use. Undefined: there is none. */
  inspect(loadBalancerId: string): Promise<ExistingLoadBalancer | undefined>;
  create(wanted: CreateLoadBalancer, hold: Hold): Promise<{ readonly loadBalancerId: string | undefined }>;
  /**
   * Deletes; done when it is gone (`gone: false`: on its way, look again later). `asked`: it was asked for already,
   * only look.
   */
  remove(
    loadBalancerId: string,
    hold: Hold,
    asked: boolean,
  ): Promise<{ readonly gone: boolean; readonly protected: boolean }>;
  /**
   * Addresses, listeners and targets. `known` (what the store has) spares the reads that it answers: with it only
   * targets are read, unless a listener of it is missing from the answer.
   */
  observe(loadBalancerId: string, known?: ObservedLoadBalancer, lane?: Lane): Promise<ObservedLoadBalancer>;
  /**
   * Carries out one step, checking the hold before and after each call, waiting for asynchronous tasks. Gives what
   * `observed` has become by the answers; the truth is the read-back. Stops at the first call that the hold's
   * `newer` answer precedes and returns `newer`. Throws ApplyError with what was applied and what was not.
   */
  apply(step: Step, observed: ObservedLoadBalancer, hold: Hold): Promise<Applied>;
  /** One read for up to 30 load balancers. */
  health(
    wanted: readonly { readonly loadBalancerId: string; readonly listenerIds: readonly string[] }[],
  ): Promise<readonly TargetHealth[]>;
}

/** Newer states, as the hold told them; it tells them once. */
export type Newer = Extract<HoldCheck, { answer: 'newer' }>;

export interface Applied {
  readonly observed: ObservedLoadBalancer;
  /** Newer states arrived between two calls; what is left of the step is planned anew. */
  readonly newer?: Newer;
}

/** A step that ended early, or was applied in part. */
export class ApplyError extends ClbError {
  /** What the load balancer has become by the calls that succeeded. */
  readonly observed: ObservedLoadBalancer;
  /** What of the step was not applied: the call that failed, and those after it. */
  readonly rest: Step;
  readonly newer: Newer | undefined;

  constructor(cause: ClbError, observed: ObservedLoadBalancer, rest: Step, newer: Newer | undefined) {
    super(cause.action, cause.failure, cause.requestId);
    this.name = 'ApplyError';
    this.observed = observed;
    this.rest = rest;
    this.newer = newer;
  }
}

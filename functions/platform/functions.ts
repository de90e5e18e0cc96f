import type { LoadBalancerKey } from '../../shared/model/desired-state.ts';
import type { ObjectRef } from '../../shared/model/facts.ts';

export interface ReconcileRequest {
  /** The owner of the holds that it takes; the dispatcher expires what it leaves behind. */
  readonly invocationId: string;
  readonly loadBalancerKeys: readonly LoadBalancerKey[];
}

export type ReconcileOutcome = 'done' | 'retry' | 'held' | 'nothing' | 'lost' | 'failed';

export interface ReconcileAnswer {
  readonly results: readonly {
    readonly loadBalancerKey: LoadBalancerKey;
    readonly outcome: ReconcileOutcome;
    readonly detail?: string;
  }[];
}

export interface ReadinessRequest {
  readonly invocationId: string;
  /** Gated Pods that no claimed object holds, after a quorum read said so: opened with that reason. */
  readonly unheld: readonly ObjectRef[];
}

export interface ReadinessAnswer {
  /** Pods that still wait. */
  readonly waiting: number;
  readonly opened: number;
  /** Ask again after so long: 1 s, more for Pods that stay unhealthy. */
  readonly againAfterMs: number;
}

/** The two functions as their callers see them, on whatever platform they run. */
export interface Functions {
  reconcile(request: ReconcileRequest): Promise<ReconcileAnswer>;
  readiness(request: ReadinessRequest): Promise<ReadinessAnswer>;
}

/** The platform did not begin an invocation: too many at a time, or a second. Nothing was done; it is asked again later. */
export class InvocationRefused extends Error {
  constructor(said: string) {
    super(`The platform takes no more invocations now: ${said.slice(0, 300)}`);
    this.name = 'InvocationRefused';
  }
}

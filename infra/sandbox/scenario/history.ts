import type { LoadBalancerSnapshot } from '../clb/snapshot.ts';
import type { FunctionChange } from '../functions/pool.ts';
import type { ClientReport, Failure } from '../load/report.ts';

export type StageName =
  | 'starting'
  | 'started'
  | 'deployed'
  | 'serving'
  | 'traffic'
  | 'rolling'
  | 'rolled'
  | 'drained'
  | 'stopped'
  | 'sessions';

/** What a Pod goes through, as a watch of the API server shows it. */
export type PodChange =
  | 'created'
  | 'addressed'
  | 'containers-ready'
  | 'gate-open'
  | 'ready'
  | 'deleting'
  | 'gone';

/** A Pod at one moment. */
export interface PodSeen {
  readonly name: string;
  readonly uid: string;
  readonly ip: string | undefined;
  /** The tag of its first container's image. */
  readonly version: string;
  readonly phase: string;
  readonly containersReady: boolean;
  readonly ready: boolean;
  /** `none`: no readiness gate of ours in its spec. */
  readonly gate: 'none' | 'open' | 'closed';
  /** What the closed gate says it waits for. */
  readonly gateMessage: string;
  readonly terminating: boolean;
}

export interface RolloutSeen {
  readonly version: string;
  readonly wanted: number;
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** Pods of all versions that are not being deleted. */
  readonly total: number;
  readonly complete: boolean;
}

/** One thing that happened in a run. */
export type Happening =
  | { readonly type: 'stage'; readonly stage: StageName; readonly text: string }
  | { readonly type: 'pod'; readonly change: PodChange; readonly pod: PodSeen }
  /** Anything else that a Pod shows anew, such as another message on its gate. */
  | { readonly type: 'pod-status'; readonly pod: PodSeen }
  | { readonly type: 'rollout'; readonly rollout: RolloutSeen }
  | { readonly type: 'service'; readonly name: string; readonly address: string | undefined }
  | {
      readonly type: 'kubernetes-event';
      readonly about: string;
      readonly warning: boolean;
      readonly reason: string;
      readonly message: string;
    }
  | {
      readonly type: 'load-balancer';
      readonly loadBalancerId: string;
      readonly change: 'creating' | 'running' | 'modified' | 'deleted';
    }
  | {
      readonly type: 'listener';
      readonly loadBalancerId: string;
      readonly listenerId: string;
      readonly change: 'created' | 'modified' | 'deleted';
    }
  | {
      readonly type: 'rule';
      readonly loadBalancerId: string;
      readonly listenerId: string;
      readonly locationId: string;
      readonly domain: string;
      readonly url: string;
      readonly change: 'created' | 'modified' | 'deleted';
    }
  | {
      readonly type: 'target';
      readonly loadBalancerId: string;
      readonly listenerId: string;
      /** Behind a rule: which one. */
      readonly locationId?: string;
      readonly ip: string;
      readonly port: number;
      readonly change: 'registered' | 'deregistered' | 'weight';
      readonly weight: number;
    }
  | {
      readonly type: 'health';
      readonly loadBalancerId: string;
      readonly listenerId: string;
      readonly locationId?: string;
      readonly ip: string;
      readonly port: number;
      readonly from: string;
      readonly to: string;
    }
  | {
      readonly type: 'call';
      readonly action: string;
      readonly code: string;
      readonly ms: number;
      readonly parameters: Readonly<Record<string, unknown>>;
    }
  /** A load balancer as it is after a write took effect. */
  | { readonly type: 'clb-state'; readonly loadBalancer: LoadBalancerSnapshot }
  /** An instance of a function began or ended, or an invocation of it did. */
  | ({ readonly type: 'function' } & FunctionChange)
  | { readonly type: 'refused'; readonly client: string; readonly reason: string }
  | { readonly type: 'client'; readonly report: ClientReport }
  | { readonly type: 'failure'; readonly client: string; readonly failure: Failure }
  | {
      /** A process of this project. */
      readonly type: 'process';
      readonly name: string;
      readonly change: 'started' | 'ended';
      readonly pid: number;
      readonly detail: string;
    }
  /** A line that a process of this project wrote. */
  | { readonly type: 'log'; readonly from: string; readonly line: string }
  | { readonly type: 'warning'; readonly text: string };

/** With the time at which it was seen, ms since 1970. */
export type HistoryEvent = Happening & { readonly timeMs: number };

/** All that happened in a run, in order; kept, and told to who listens. */
export class History {
  readonly startedMs: number;
  readonly #events: HistoryEvent[] = [];
  readonly #listeners = new Set<(event: HistoryEvent) => void>();

  constructor(startedMs: number = Date.now()) {
    this.startedMs = startedMs;
  }

  get events(): readonly HistoryEvent[] {
    return this.#events;
  }

  add(happening: Happening, timeMs: number = Date.now()): void {
    const event: HistoryEvent = { ...happening, timeMs };
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** @returns takes the listener away again */
  on(listener: (event: HistoryEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

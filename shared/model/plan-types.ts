import type { Lane, ListenerProtocol, ListenerSettings } from './desired-state.ts';
import type { ObjectRef } from './facts.ts';
import type { EvidenceWanted } from './hold.ts';
import type { Recorded, TargetKey } from './observed.ts';
import type { Place, RuleKey } from './place.ts';
import type { Problem } from './problems.ts';

export interface ListenerToCreate {
  readonly protocol: ListenerProtocol;
  readonly port: number;
  readonly name: string;
  readonly settings: ListenerSettings;
}

export interface RuleToCreate extends RuleKey {
  readonly settings: ListenerSettings;
  /** Whose it will be. */
  readonly ownerUid: string;
}

export interface TargetWrite extends TargetKey {
  readonly place: Place;
  readonly weight: number;
  /** Bound by the id of its CVM. */
  readonly instanceId?: string;
  /** For logs and call scripts. */
  readonly backendUid?: string;
}

/** One write, or a row of equal ones that the API's maxima split. In the order that law L6 asks for. */
export type Step =
  | { readonly do: 'set-weights'; readonly lane: Lane; readonly targets: readonly TargetWrite[] }
  | { readonly do: 'create-listeners'; readonly lane: Lane; readonly listeners: readonly ListenerToCreate[] }
  | {
      readonly do: 'modify-listener';
      readonly lane: Lane;
      readonly listenerId: string;
      readonly name: string;
      readonly settings: ListenerSettings;
    }
  | {
      readonly do: 'create-rules';
      readonly lane: Lane;
      readonly listenerId: string;
      readonly place: Place;
      readonly rules: readonly RuleToCreate[];
    }
  | {
      readonly do: 'modify-rule';
      readonly lane: Lane;
      readonly listenerId: string;
      readonly locationId: string;
      readonly place: Place;
      readonly settings: ListenerSettings;
      readonly ownerUid: string;
    }
  | { readonly do: 'register'; readonly lane: Lane; readonly targets: readonly TargetWrite[] }
  | { readonly do: 'deregister'; readonly lane: Lane; readonly targets: readonly TargetWrite[] }
  | {
      readonly do: 'delete-rules';
      readonly lane: Lane;
      readonly listenerId: string;
      readonly locationIds: readonly string[];
    }
  | { readonly do: 'delete-listeners'; readonly lane: Lane; readonly listenerIds: readonly string[] };

export interface Plan {
  readonly steps: readonly Step[];
  /** On their own objects (law L12). */
  readonly problems: readonly { readonly object: ObjectRef; readonly problem: Problem }[];
  /** Uncaused losses: left alone, asked about (law L5). */
  readonly unexplained: readonly { readonly objectUid: string; readonly wanted: readonly EvidenceWanted[] }[];
  /** Whose rule each rule of the load balancer is. */
  readonly ruleOwners: NonNullable<Recorded['ruleOwners']>;
  /** Some drain depends on whether the new targets are Alive: read their health and plan again. */
  readonly needsHealth: boolean;
  /** Unix ms when the plan changes by time alone (a drain deadline). */
  readonly nextAt?: number;
}

/** How a cluster wants things done; read once, in `main`. */
export interface Policy {
  /** Names the cluster in listener names and tags. */
  readonly clusterId: string;
  readonly defaultWeight: number;
  /** An endpoint that left while its Pod lives is deregistered so long after its weight became 0. */
  readonly drainSeconds: number;
  /** A terminating Pod that never ends is deregistered so long after its deletionTimestamp. */
  readonly drainSlackSeconds: number;
}

import type { ListenerSettings } from './desired-state.ts';
import type { Place, RuleKey } from './place.ts';
import type { ProblemCode } from './problems.ts';

/** The Pod-side identity of a target. A value, never a joined string. */
export interface TargetKey {
  readonly listenerId: string;
  /** The rule, in a listener of layer 7. */
  readonly locationId?: string;
  readonly ip: string;
  readonly port: number;
}

export type Health = 'Alive' | 'Dead' | 'Unknown' | 'Close';

export interface ObservedTarget {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  /** Bound by the id of its CVM. */
  readonly instanceId?: string;
}

/** A rule (location) of a layer-7 listener, with the targets behind it. */
export interface ObservedRule extends RuleKey {
  readonly locationId: string;
  readonly settings: ListenerSettings;
  readonly targets: readonly ObservedTarget[];
}

/** A listener of ours (known by its name) or in our way (`ours: false`: never touched, law L8). */
export interface ObservedListener {
  readonly listenerId: string;
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly ours: boolean;
  /** The object that made it, read from the name; undefined for foreign ones. */
  readonly ownerUid?: string;
  readonly settings: ListenerSettings;
  /** Layer 4; none in layer 7. */
  readonly targets: readonly ObservedTarget[];
  /** Layer 7; absent in layer 4. */
  readonly rules?: readonly ObservedRule[];
}

export interface ObservedLoadBalancer {
  readonly loadBalancerId: string;
  /** IPs, or host names of domain-named load balancers. */
  readonly addresses: readonly { readonly kind: 'ip' | 'hostname'; readonly value: string }[];
  readonly listeners: readonly ObservedListener[];
}

/** A verified fact: this target is bound for this Pod (or node); read back from the CLB after it was written. */
export interface Binding extends TargetKey {
  /** Where the target stands. */
  readonly place: Place;
  readonly backendUid: string;
  readonly weight: number;
  /** Unix ms: only a health read begun after this counts for the gate (law L7). */
  readonly recordedAt: number;
  /** Unix ms since when `weight` is as it is. */
  readonly weightAt: number;
}

/** What the CLB refused for good, or a conflict: holds no gate (law L7). Without a listener: the whole object. */
export interface Refusal {
  readonly objectUid: string;
  readonly code: ProblemCode;
  readonly listener?: Place;
  readonly podUid?: string;
}

/** What the store keeps of a load balancer beside the desired states. */
export interface Recorded {
  /** As read, with what the answers to later writes say; who ends a hold with such has the next one read again. */
  readonly loadBalancer?: ObservedLoadBalancer;
  /** Unix ms when everything was read, names and settings of the listeners too. */
  readonly wholeReadAt?: number;
  readonly bindings: readonly Binding[];
  /** Whose rule it is: rules carry no name. The holder keeps it while others want it too. */
  readonly ruleOwners?: readonly {
    readonly listenerId: string;
    readonly locationId: string;
    readonly ownerUid: string;
  }[];
  readonly refusals: readonly Refusal[];
  /** Made, but not yet seen running. */
  readonly creating?: {
    readonly loadBalancerId: string;
    readonly at: number;
    /** The id stands on the object. */
    readonly idWritten: boolean;
  };
  /** So many passes in a row were answered with something that says nothing; absent: none. */
  readonly unclear?: number;
  /** Asked to be deleted, but not yet seen gone. */
  readonly removing?: { readonly loadBalancerId: string; readonly at: number };
  /** Events already written (their dedup keys), so that none is sent again. */
  readonly reported: readonly string[];
}

export const nothingRecorded: Recorded = { bindings: [], refusals: [], reported: [] };

import type { DesiredState, Lane } from './desired-state.ts';
import type { PodFact } from './facts.ts';
import type { EvidenceWanted } from './hold.ts';
import type { View } from './view.ts';

export interface DeriveOptions {
  /** `annotation`: every LoadBalancer Service without a class. `class`: Services with our class. */
  readonly claim: 'annotation' | 'class';
  readonly gateType: string;
  /** Direct mode needs an ENI address of each Pod (VPC-CNI shared with GlobalRouter). */
  readonly requireEni: boolean;
  /** Namespaces whose EndpointSlices may name addresses that are not their Pods' (opt-out of law L9). */
  readonly foreignEndpointNamespaces: readonly string[];
}

/** The last state put for an object, and whether the store knows it applied. */
export interface Previous {
  readonly state: DesiredState;
  readonly applied: boolean;
}

/**
 * What one Service wants now, from the facts alone. Pods that stopped being behind it since `previous` are listed
 * as leaving with their cause, until applied. Undefined: nothing to put (not claimed, nothing of ours on it,
 * never put).
 *
 * @param now Unix ms
 */
export declare function desiredState(
  view: View,
  serviceUid: string,
  previous: Previous | undefined,
  options: DeriveOptions,
  now: number,
): DesiredState | undefined;

/** Equal in all that matters to the CLB, the gates and the object: not worth sending again. */
export declare function sameContent(a: DesiredState, b: DesiredState): boolean;

/** A Pod that starts terminating → drain; whose containers just became ready → ready; else rest. */
export declare function laneOf(previous: DesiredState | undefined, next: DesiredState): Lane;

/**
 * Adds the evidence of a consistent list: targets whose address no Pod of the list has are `absent`.
 *
 * @param pods every Pod of the cluster's namespaces that may have the address, read consistently
 */
export declare function withEvidence(
  state: DesiredState,
  wanted: readonly EvidenceWanted[],
  pods: readonly PodFact[],
  now: number,
): DesiredState;

/** UIDs of the claimed direct Services that hold the Pod's gate. */
export declare function holdersOf(view: View, pod: PodFact, options: DeriveOptions): readonly string[];

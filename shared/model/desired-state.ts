import type { GateFact, ObjectRef, OrdinalWeights, Protocol } from './facts.ts';
import type { Place } from './place.ts';
import type { Problem } from './problems.ts';

/** `<epoch>.<counter>`, both zero-padded, so that strings sort as the states were sent. */
export type Sequence = string;

/** Identifies a load balancer for good: an existing one's id, or the UID of the object that we create it for. */
export type LoadBalancerKey = string;

/** Drains go first, then Pods that became ready, then everything else, last the sweep. */
export type Lane = 'drain' | 'ready' | 'rest' | 'sweep';

export const lanes: readonly Lane[] = ['drain', 'ready', 'rest', 'sweep'];

/** A Pod as a desired state carries it. */
export interface PodState {
  readonly ref: ObjectRef;
  readonly resourceVersion: string;
  readonly ips: readonly string[];
  readonly containersReady: boolean;
  readonly containersReadyChangedAt?: number;
  readonly ready: boolean;
  readonly readyChangedAt?: number;
  /** Our gate, if the Pod has it. */
  readonly gate?: GateFact;
  /** Every gate of others is True. */
  readonly foreignGatesOpen: boolean;
  /** Unix ms, END of the grace period. */
  readonly terminatingAt?: number;
  readonly ended: boolean;
  readonly customWeight?: number;
  /** UIDs of every object that holds the Pod's gate, this one among them. */
  readonly heldBy: readonly string[];
}

/** A node as a desired state carries it, in NodePort mode: one that is to take traffic. */
export interface NodeState {
  readonly uid: string;
  readonly name: string;
  readonly ips: readonly string[];
  /** By the number of Pods that it runs, where asked for; else the default. */
  readonly weight?: number;
}

/** An address that serves as a target, for a Pod that exists or, in NodePort mode, for a node. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** UID of the Pod or the node. */
  readonly backendUid: string;
  /** The node's CVM: it is bound by its id, as on TKE. */
  readonly instanceId?: string;
}

/**
 * Why a target may be taken away (law L5: no evidence, no removal).
 *
 * - `pod-deleted`, `pod-ended`: seen. `absent`: a consistent list knows no Pod with the address.
 * - `address-changed`: the Pod lives at another address. `other-pod`: the address is another Pod's by now.
 * - `unselected`, `port-changed`: the Pod (or the node) lives; it is drained first. `mode-changed`: so it is when a
 *   Service goes from its Pods to nodes, or back.
 * - `node-deleted`: seen.
 */
export type LeavingCause =
  | 'pod-deleted'
  | 'pod-ended'
  | 'absent'
  | 'address-changed'
  | 'other-pod'
  | 'unselected'
  | 'port-changed'
  | 'mode-changed'
  | 'node-deleted';

export interface LeavingEndpoint {
  readonly ip: string;
  readonly port: number;
  /** Unknown when the evidence is a list in which nobody has the address. */
  readonly backendUid?: string;
  readonly cause: LeavingCause;
  /** Unix ms when the cause was seen. */
  readonly since: number;
}

export interface HealthCheck {
  readonly enabled: boolean;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyCount: number;
  readonly unhealthyCount: number;
}

export interface ListenerSettings {
  readonly healthCheck: HealthCheck;
  /** 0: no session persistence. */
  readonly sessionExpireSeconds: number;
  readonly scheduler: 'WRR' | 'LEAST_CONN';
}

/** What stands behind one place. */
export interface Backends {
  readonly endpoints: readonly Endpoint[];
  readonly leaving: readonly LeavingEndpoint[];
  /** UIDs of the Pods that belong here, with an endpoint or without one yet; absent: every Pod of the state. */
  readonly podUids?: readonly string[];
  readonly publishNotReadyAddresses: boolean;
}

export type ListenerProtocol = Protocol | 'HTTP';

/** What an object wants at one place. Rules of several objects may share one listener. */
export interface ListenerWant extends Place {
  readonly protocol: ListenerProtocol;
  readonly settings: ListenerSettings;
  readonly backends: Backends;
}

export type LoadBalancerWant =
  | {
      readonly source: 'created';
      readonly network:
        | { readonly type: 'public' }
        | { readonly type: 'internal'; readonly subnetId: string };
      /** Life number found on the object. */
      readonly life?: number;
    }
  | { readonly source: 'existing'; readonly loadBalancerId: string };

/**
 * What one Service or Ingress wants, complete, as the forwarder saw it. State, not a command: applying it twice or late
 * is harmless; a newer one replaces it.
 */
export interface DesiredState {
  readonly object: ObjectRef;
  readonly resourceVersion: string;
  /** Unix ms; decides conflicts (the present holder first, then the oldest, then the UID). */
  readonly createdAt: number;
  readonly loadBalancerKey: LoadBalancerKey;
  /**
   * `serve`: as below. `release`: wants nothing any more, clean up what is ours and let go of the finalizer.
   * `skip`: touch nothing at the CLB, let go of the finalizer. `report`: it cannot be served as it stands; what is
   * there stays as it is, the problems are reported.
   */
  readonly intent: 'serve' | 'release' | 'skip' | 'report';
  readonly finalizer: boolean;
  /** The object is held by `deletionTimestamp`; no finalizer may be added any more. */
  readonly deleting: boolean;
  readonly loadBalancer: LoadBalancerWant;
  /** What the object shows today, so that equal status is not written again. */
  readonly shown: { readonly loadBalancerId?: string; readonly addresses: readonly string[] };
  readonly listeners: readonly ListenerWant[];
  /** Every Pod behind the listeners, and every Pod whose gate this object holds. */
  readonly pods: readonly PodState[];
  /** NodePort mode: every node behind the listeners. */
  readonly nodes?: readonly NodeState[];
  readonly ordinalWeights?: OrdinalWeights;
  readonly problems: readonly Problem[];
}

/** A desired state as the store keeps it. */
export interface KeptState {
  readonly sequence: Sequence;
  readonly state: DesiredState;
}

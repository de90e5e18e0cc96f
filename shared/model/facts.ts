import type { Problem } from './problems.ts';

/** The kinds that can own listeners. */
export type OwnerKind = 'Service' | 'Ingress';

/** One object of the cluster, beyond doubt: the UID tells apart two of the same name. */
export interface ObjectRef {
  readonly kind: OwnerKind | 'Pod' | 'EndpointSlice';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** A readiness gate that the Pod's spec lists, with what its condition says (`absent`: nobody wrote it yet). */
export interface GateFact {
  readonly type: string;
  readonly status: ConditionStatus | 'absent';
  /** Unix ms of the last transition. */
  readonly changedAt?: number;
  readonly message?: string;
}

/** What the data path needs to know of a Pod; parsed once, at the door. */
export interface PodFact {
  readonly ref: ObjectRef;
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `status.podIPs`, first the primary one. */
  readonly ips: readonly string[];
  readonly nodeName?: string;
  readonly hostNetwork: boolean;
  /** A container asks for an ENI address, or the Pod's annotation asks for the ENI network. */
  readonly eni: boolean;
  /** Condition `ContainersReady`. */
  readonly containersReady: boolean;
  /** Unix ms since when `containersReady` holds as it does. */
  readonly containersReadyChangedAt?: number;
  /** Condition `Ready`. */
  readonly ready: boolean;
  /** Unix ms of the last transition of `Ready`. */
  readonly readyChangedAt?: number;
  readonly gates: readonly GateFact[];
  /** Unix ms: `deletionTimestamp`, which is the END of the grace period. */
  readonly terminatingAt?: number;
  /** Terminal phase; or, once terminating, every container that ever started has terminated. */
  readonly ended: boolean;
  /** Annotation `service.cloud.tencent.com/custom-weight`, 0..100. */
  readonly customWeight?: number;
  readonly problems: readonly Problem[];
}

export type Protocol = 'TCP' | 'UDP';

export interface ServicePortFact {
  readonly name: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly targetPort: number | string;
}

/** How a Service wants to be served; `undefined` mode: an annotation cannot be read (see its problems). */
export type ServiceMode = 'direct' | 'node-port' | 'skip';

export interface ServiceFact {
  readonly ref: ObjectRef;
  readonly resourceVersion: string;
  /** Unix ms. */
  readonly createdAt: number;
  readonly type: string;
  readonly loadBalancerClass?: string;
  /** Undefined or empty: no selector. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: readonly ServicePortFact[];
  readonly publishNotReadyAddresses: boolean;
  readonly deleting: boolean;
  /** Our finalizer is on the object. */
  readonly finalizer: boolean;
  /** Life number written with the finalizer; the ClientToken of the load balancer is made of it. */
  readonly life?: number;
  /** The read-only annotation with the load balancer's id, as found. */
  readonly writtenLoadBalancerId?: string;
  /** `status.loadBalancer.ingress`: IPs or host names, as found. */
  readonly statusAddresses: readonly string[];
  readonly mode?: ServiceMode;
  /** Internal load balancer in this subnet; absent: public. */
  readonly internalSubnetId?: string;
  /** `tke-existed-lbid`. */
  readonly existingLoadBalancerId?: string;
  /** Weights by StatefulSet ordinal, from `lb-rs-weight`. */
  readonly ordinalWeights?: OrdinalWeights;
  /** `pre-stop-sleep-seconds`: what admission injects into the Pods that the Service selects; 0: nothing. */
  readonly preStopSleepSeconds?: number;
  readonly problems: readonly Problem[];
}

/** Annotation `lb-rs-weight`: weights of StatefulSet Pods by ordinal, for one protocol and port each. */
export interface OrdinalWeights {
  readonly defaultWeight: number;
  readonly groups: readonly {
    readonly protocol: Protocol;
    readonly port: number;
    readonly statefulSets: readonly {
      readonly name: string;
      readonly weights: readonly { readonly weight: number; readonly ordinals: readonly number[] }[];
    }[];
  }[];
}

export interface SliceEndpointFact {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** The Pod that the endpoint claims to be; the claim is checked (law L9). */
  readonly target?: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
  };
}

export interface EndpointSliceFact {
  readonly ref: ObjectRef;
  readonly serviceName: string;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port?: number }[];
  readonly endpoints: readonly SliceEndpointFact[];
}
